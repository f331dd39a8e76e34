"""The workshop: what the lock files, the make targets and the image promise to those who use them."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCK_FILES = sorted((ROOT / "requirements").glob("*.txt"))


def pins_of(lock_file):
    """The requirements of a lock file, each with its hashes on one line."""
    text = re.sub(r"^\s*#.*\n", "", lock_file.read_text(), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def names_in(lock_file):
    return {pin.partition("==")[0] for pin in pins_of(lock_file)}


def instructions():
    """The Dockerfile's instructions, each on one line, split into stages."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line]
    starts = [index for index, line in enumerate(lines) if line.startswith("FROM")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def arguments_of(stage, instruction):
    """What follows the last *instruction* of a stage."""
    return [line for line in stage if line.startswith(f"{instruction} ")][-1].removeprefix(f"{instruction} ")


def test_there_are_two_lock_files():
    """One for the image, one for working here."""
    assert [path.name for path in LOCK_FILES] == ["dev.txt", "runtime.txt"]


@pytest.mark.parametrize("lock_file", LOCK_FILES, ids=lambda path: path.stem)
def test_a_lock_file_names_no_download_address(lock_file):
    """Where packages come from is the machine's business, so no URL and no index option stands there."""
    text = lock_file.read_text()

    assert "://" not in text
    assert not re.search(
        r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", text, re.MULTILINE
    )


@pytest.mark.parametrize("lock_file", LOCK_FILES, ids=lambda path: path.stem)
def test_every_requirement_is_pinned_with_hashes(lock_file):
    """A package that is not the one resolved is not installed."""
    pins = pins_of(lock_file)

    pattern = r"[a-z0-9-]+==[\w.]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*"
    assert len(pins) > 40
    assert [pin[:60] for pin in pins if not re.fullmatch(pattern, pin)] == []


def test_the_lock_files_agree():
    """What runs in the image is what the suite has run: dev.txt holds every pin of runtime.txt."""
    runtime, dev = (set(pins_of(ROOT / "requirements" / f"{name}.txt")) for name in ("runtime", "dev"))

    # The same release may carry more hashes or a marker more in one of them.
    assert {pin.split()[0] for pin in runtime} <= {pin.split()[0] for pin in dev}


def test_the_lock_files_hold_what_the_project_file_asks_for():
    """A dependency added to pyproject.toml without `make lock` is noticed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {
        "runtime": project["project"]["dependencies"],
        "dev": project["project"]["dependencies"] + project["dependency-groups"]["dev"],
    }

    missing = {
        name: {re.match(r"[\w-]+", each)[0].lower() for each in wanted}
        - names_in(ROOT / "requirements" / f"{name}.txt")
        for name, wanted in asked.items()
    }

    assert missing == {"runtime": set(), "dev": set()}


def test_make_help_lists_at_most_ten_targets_each_with_a_sentence():
    """The targets that README and CI name are among them."""
    listed = subprocess.run(
        ["make", "--no-print-directory", "-C", ROOT, "help"], capture_output=True, text=True, check=True
    ).stdout

    targets = [line.split(maxsplit=2) for line in listed.splitlines()]
    assert len(targets) <= 10
    assert {name for _, name, _ in targets} >= {"help", "setup", "demo", "test", "check", "bench", "lock"}


def test_a_python_that_is_too_old_is_passed_over(tmp_path):
    """The first Python on the PATH may be an old one: the next name is tried."""
    for name, is_new_enough in {"python3.13": False, "python3.12": True}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {0 if is_new_enough else 1}\n")
        (tmp_path / name).chmod(0o755)

    found = subprocess.run(
        ["/bin/sh", ROOT / "tools" / "find-python"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert (found.returncode, found.stdout.strip()) == (0, str(tmp_path / "python3.12"))


def test_a_machine_without_python_is_told_so(tmp_path):
    """Nothing is printed that could be taken for a Python."""
    found = subprocess.run(
        ["/bin/sh", ROOT / "tools" / "find-python"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert (found.returncode, found.stdout) == (1, "")
    assert "3.12" in found.stderr


def test_the_image_runs_as_nobody_in_particular():
    """The last stage ends as a fixed user that is not root, by number, as orchestrators ask."""
    _, final = instructions()

    user = arguments_of(final, "USER")
    assert int(user) > 0
    assert f"--uid {user}" in " ".join(final)


def test_the_image_installs_only_what_is_pinned():
    """Every pip in it either checks hashes or installs the wheel without dependencies."""
    installs = [
        command
        for stage in instructions()
        for line in stage
        for command in line.split("&&")
        if "pip install" in command
    ]

    assert len(installs) == 3
    assert [each for each in installs if not re.search("--require-hashes|--no-deps", each)] == []


def test_the_image_holds_no_tools_of_the_workshop():
    """Stage two takes the wheel from stage one, and runtime.txt."""
    build, final = instructions()

    assert build[0] == "FROM python:3.13-slim AS build"
    assert final[0] == "FROM python:3.13-slim"
    assert "dev.txt" not in " ".join(final)
    assert [line for line in final if line.startswith("COPY")] == [
        "COPY requirements/runtime.txt /tmp/runtime.txt",
        "COPY --from=build /dist/*.whl /tmp/",
    ]


def test_the_image_asks_the_proxy_it_serves_for_its_health():
    """Served and asked are the same listener, and its port is the exposed one."""
    _, final = instructions()

    served = json.loads(arguments_of(final, "CMD"))
    asked = json.loads(arguments_of(final, "HEALTHCHECK").partition("CMD ")[2])
    assert json.loads(arguments_of(final, "ENTRYPOINT")) == ["grantproxy"]
    assert served[-2:] == asked[-2:] == ["--listen", f"0.0.0.0:{arguments_of(final, 'EXPOSE')}"]
    assert asked[:3] == ["grantproxy", "tokens", "--json"]
