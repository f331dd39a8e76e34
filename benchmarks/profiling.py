"""Samples where a proxy spends its time while it is kept busy, with py-spy."""

from __future__ import annotations

import collections
import re
import subprocess
from pathlib import Path

from contenders import Surroundings
from environments import environment
from processes import END_TIMEOUT, UnmeasurableError
from scenarios import Side

RATE = 200
"""Samples a second."""
SHOWN = 30
LINE = re.compile(r":\d+\)$")


def sample(side: Side, around: Surroundings, seconds: int, file: Path) -> None:
    """Writes collapsed stacks, one a line with its number of samples, as flame graph programs read them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with side.contender.start(around) as proxy:
        side.carried(around, proxy, 1)
        options = ["--pid", str(proxy.pid), "--duration", str(seconds), "--rate", str(RATE)]
        command = [str(environment("py-spy") / "py-spy"), "record", *options, "--native", "--format", "raw"]
        recorder = subprocess.Popen([*command, "--output", str(file)], stdout=subprocess.DEVNULL)
        try:
            side.carried(around, proxy, seconds + 1)
            if recorder.wait(END_TIMEOUT):
                raise UnmeasurableError("py-spy could not look into the proxy")
        finally:
            if recorder.poll() is None:
                recorder.kill()
                recorder.wait()


def heaviest(stacks: str) -> str:
    """The functions with the most samples of their own, and how many include what they call, in per cent."""
    own: collections.Counter[str] = collections.Counter()
    all_in_all: collections.Counter[str] = collections.Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [LINE.sub(")", frame) for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            all_in_all[frame] += int(count)
    samples = max(1, own.total())
    rows = [
        f"{100 * count / samples:6.1f} {100 * all_in_all[frame] / samples:6.1f}  {frame}"
        for frame, count in own.most_common(SHOWN)
    ]
    return "\n".join(["   own    all  function", *rows])
