"""`grantproxy secret hash`: hidden input or a pipe in, an argon2 hash out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from profiles.secret_hashes import verify_secret

SECRET = "s3cr3t-sentinel"


def grantproxy(*arguments: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "proxy", "secret", *arguments], input=given, capture_output=True, timeout=60
    )


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"], ids=["none", "unix", "dos"])
def test_what_is_piped_in_is_hashed_without_its_line_break(ending: str) -> None:
    """One line on stdout, ready for the configuration; the secret is nowhere."""
    done = grantproxy("hash", given=f"{SECRET} with space{ending}".encode())

    (line,) = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert verify_secret(line, f"{SECRET} with space".encode())
    assert SECRET.encode() not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        pytest.param(["hash"], b"", id="nothing"),
        pytest.param(["hash"], b"\n", id="an-empty-line"),
        pytest.param(["hash"], b"\xff\xfe", id="no-utf-8"),
        pytest.param(["hash"], b"$argon2id$v=19$m=65536,t=3,p=4$YWJj$YWJj", id="a-hash-already"),
        pytest.param(["hash", SECRET], b"", id="the-secret-as-argument"),
        pytest.param([], b"", id="no-command"),
    ],
)
def test_anything_else_is_wrong_use(arguments: list[str], given: bytes) -> None:
    """Status 2, and no hash that somebody could take for the right one."""
    done = grantproxy(*arguments, given=given)

    assert done.returncode == 2
    assert b"$argon2" not in done.stdout
