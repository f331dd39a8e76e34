"""The key that secrets at rest are encrypted with: GRANTPROXY_SECRET_KEY, or a file made on first use.

The file's text and the variable's are treated alike, so that one can be moved into the other.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

KEY_FILE = "secret-key"
"""In `state_dir`."""

_SUBKEY_LENGTH = 32
_SALT = b"grantproxy"
_LONGEST = 4096
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
_INSTEAD = "set GRANTPROXY_SECRET_KEY, or put that right"


class SecretKeyUnavailable(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """There is no key, or none that is secret; the text names the file and says why."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """Key material that nothing is encrypted with itself: each purpose has a key of its own."""

    _material: bytes = field(repr=False)

    def subkey(self, purpose: str) -> bytes:
        """32 bytes for one purpose, by HKDF-SHA256 (RFC 5869); they tell nothing about another's."""
        derivation = HKDF(SHA256(), _SUBKEY_LENGTH, salt=_SALT, info=f"grantproxy {purpose}".encode())
        return derivation.derive(self._material)


@dataclass(frozen=True, slots=True)
class SecretKeySource:
    """Where the key comes from: what was *given*, else the file in *state_dir*. Nothing is read before it
    is asked for."""

    given: SecretStr | None
    state_dir: Path

    @property
    def file(self) -> Path:
        return self.state_dir.expanduser() / KEY_FILE

    def existing(self) -> SecretKey:
        """The key that there is: one that is made now opens nothing. Raises SecretKeyUnavailable."""
        if self.given is not None:
            return _key_of(self.given.get_secret_value())
        text = _read(self.file)
        if text is None:
            raise SecretKeyUnavailable(f"there is no key: neither {self.file} nor GRANTPROXY_SECRET_KEY")
        return _key_of(text)

    def key(self) -> SecretKey:
        """The key, made now where there is none. Raises SecretKeyUnavailable."""
        if self.given is None and _read(self.file) is None:
            _make(self.file)
        return self.existing()


def _key_of(text: str) -> SecretKey:
    if not text.strip():
        # Everybody knows that one.
        raise SecretKeyUnavailable("GRANTPROXY_SECRET_KEY is blank: take 32 random characters")
    return SecretKey(text.strip().encode(errors="surrogateescape"))


def _read(file: Path) -> str | None:
    """The file's text, or None where there is none. Raises SecretKeyUnavailable."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SecretKeyUnavailable(f"{file} cannot be read ({error.strerror}): {_INSTEAD}") from None
    try:
        _check_that_it_is_ours(file, os.fstat(descriptor))
        content = os.read(descriptor, _LONGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > _LONGEST:
        # Cut off, it would be another key than the same text in the variable.
        raise SecretKeyUnavailable(f"{file} is longer than {_LONGEST} bytes: {_INSTEAD}")
    text = content.decode(errors="surrogateescape").strip()
    if not text:
        raise SecretKeyUnavailable(f"{file} is empty: {_INSTEAD}")
    return text


def _check_that_it_is_ours(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecretKeyUnavailable(f"{file} is no plain file: {_INSTEAD}")
    if status.st_uid != os.geteuid():
        raise SecretKeyUnavailable(f"{file} belongs to another user: {_INSTEAD}")
    if status.st_mode & 0o077:
        raise SecretKeyUnavailable(
            f"{file} is not this user's alone: chmod 600, and take its secrets for known"
        )


def _make(file: Path) -> None:
    """Writes a new key, unless another process was faster; whoever reads finds all of it or nothing."""
    partial = file.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(
            partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            with os.fdopen(descriptor, "w") as opened:
                opened.write(secrets.token_urlsafe(_SUBKEY_LENGTH) + "\n")
                opened.flush()
                os.fsync(opened.fileno())
            _put_in_place(partial, file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise SecretKeyUnavailable(f"{file} cannot be made ({error.strerror}): {_INSTEAD}") from None


def _put_in_place(partial: Path, file: Path) -> None:
    """Unlike a rename, a link replaces nothing; but not every file system has links."""
    try:
        os.link(partial, file)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in _NO_LINKS or file.exists():
            raise
        partial.rename(file)
