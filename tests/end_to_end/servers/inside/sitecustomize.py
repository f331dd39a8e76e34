"""What the suite puts into the processes it starts: names that resolve, and a count of tasks on demand."""

import name_resolution  # noqa: F401
import task_census  # noqa: F401
