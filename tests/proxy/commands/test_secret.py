"""`grantproxy secret`: hidden input or a pipe in, an argon2 hash or an encrypted reference out."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from profiles.secret_hashes import verify_secret
from proxy.sealed_secrets import SealedSecrets
from proxy.secret_key import SecretKeySource

SECRET = "s3cr3t-sentinel"


def grantproxy(
    *arguments: str, given: bytes, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "proxy", "secret", *arguments],
        input=given,
        capture_output=True,
        timeout=60,
        env={**os.environ, **(environ or {})},
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


# Encrypting


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"], ids=["none", "unix", "dos"])
def test_what_is_piped_in_is_encrypted_with_the_key_of_the_state_folder(tmp_path: Path, ending: str) -> None:
    """One line on stdout, a reference that the configuration takes; the key is made on the way."""
    environ = {"GRANTPROXY_STATE_DIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}

    done = grantproxy("encrypt", given=f"{SECRET} with space{ending}".encode(), environ=environ)

    (line,) = done.stdout.decode().splitlines()
    sealed = SealedSecrets(SecretKeySource(None, tmp_path))
    assert (done.returncode, done.stderr) == (0, b"")
    assert sealed.unseal(line.removeprefix("${encrypted:").removesuffix("}")) == f"{SECRET} with space"
    assert SECRET.encode() not in done.stdout


def test_the_configuration_says_where_the_key_is(tmp_path: Path) -> None:
    """`--config` leads to state_dir, though the secret that is to be encrypted is missing there yet."""
    (tmp_path / "g.yaml").write_text("state_dir: here\nprofiles: {a: {description: '${env:NOT_SET}'}}\n")

    done = grantproxy("encrypt", "--config", str(tmp_path / "g.yaml"), given=SECRET.encode())

    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "here" / "secret-key").exists()


def test_a_typed_secret_is_not_shown_and_asked_for_twice(tmp_path: Path) -> None:
    """On a terminal, as with a password."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "proxy", "secret", "encrypt"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        env={**os.environ, "GRANTPROXY_STATE_DIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
    ) as command:
        shown = b""
        for prompt in (b"Secret: ", b"Once more: "):
            while not shown.endswith(prompt) and (read := os.read(command.stderr.fileno(), 1000)):
                shown += read
            os.write(ours, f"{SECRET}\n".encode())
        stdout, stderr = command.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)

    assert (command.returncode, stdout.startswith(b"${encrypted:")) == (0, True)
    assert SECRET.encode() not in stdout + shown + stderr


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        pytest.param([], b"\n", id="an-empty-line"),
        pytest.param([], b"\xff\xfe", id="no-utf-8"),
        pytest.param([], b"${encrypted:AAAA}", id="encrypted-already"),
        pytest.param([SECRET], b"", id="the-secret-as-argument"),
        pytest.param(["--config", "/nonexistent.yaml"], SECRET.encode(), id="no-configuration"),
    ],
)
def test_what_cannot_be_encrypted_is_wrong_use(tmp_path: Path, arguments: list[str], given: bytes) -> None:
    """Status 2, and no reference."""
    environ = {"GRANTPROXY_STATE_DIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}

    done = grantproxy("encrypt", *arguments, given=given, environ=environ)

    assert done.returncode == 2
    assert done.stdout == b""


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """The command says so, and what to do."""
    (tmp_path / "secret-key").write_text("known")
    (tmp_path / "secret-key").chmod(0o644)
    environ = {"GRANTPROXY_STATE_DIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}

    done = grantproxy("encrypt", given=SECRET.encode(), environ=environ)

    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is not this user's alone: chmod 600" in done.stderr
