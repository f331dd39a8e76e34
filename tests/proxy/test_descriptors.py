"""How many files the process may have open."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from proxy.descriptors import OTHERS

SCRIPT = """
import json, resource
from proxy.descriptors import raise_limit
from proxy.limit_settings import LimitSettings
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
raised = raise_limit(LimitSettings(connections={connections}))
print(json.dumps([raised, *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "expected"),
    [
        pytest.param(256, 4096, 1000, 2000 + OTHERS, id="raised"),
        pytest.param(256, 1024, 1000, 1024, id="as-far-as-it-goes"),
        pytest.param(1024, 4096, 100, 1024, id="enough-already"),
    ],
)
def test_the_limit_follows_the_connections(soft: int, hard: int, connections: int, expected: int) -> None:
    """Two descriptors a connection and some more, never less than there were, never over the hard limit."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.fail("this machine permits fewer open files than the test needs")

    script = SCRIPT.format(soft=soft, hard=hard, connections=connections)
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert json.loads(said.stdout) == [expected, expected, hard]
