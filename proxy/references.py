"""Resolves `${env:NAME}`, `${file:/path}`, `${keyring:service/name}` and `${encrypted:...}` inside a text of
the configuration.

What a reference stands for is a secret: no error and no repr shows it. The reference itself is none.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import keyring
import keyring.errors

from proxy.environment_overrides import SECRET_KEY
from proxy.near_misses import did_you_mean
from proxy.sealed_secrets import SealedSecrets, Unsealable
from proxy.secret_key import SecretKeyUnavailable

LookUpPassword = Callable[[str, str], str | None]
"""Takes service and name, as `keyring.get_password` does; None where there is no such entry."""

ENCRYPTED = "encrypted"
SCHEMES = ("env", "file", "keyring", ENCRYPTED)
MAX_FILE_SIZE = 64 * 1024
"""Bytes. A credential is small; a larger file is the wrong one."""

# `${{name}}` is a dollar sign before a placeholder, and `{name}` alone is no reference at all.
REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{) | \$\{(?P<scheme>[A-Za-z]\w*):(?P<name>[^{}]+)\} | (?P<broken>\$\{(?!\{))",
    re.VERBOSE,
)
_ESCAPE_HINT = "write $${ where ${ is meant as text"


def without_references(text: str) -> str:
    """What *text* says by itself: the rest of it is kept elsewhere, or encrypted. `$${` says something."""
    return REFERENCE.sub(lambda match: "" if match["scheme"] in SCHEMES else match[0], text)


def has_reference(text: str) -> bool:
    """Whether a part of *text* stands for something else."""
    return any(match["scheme"] for match in REFERENCE.finditer(text))


def is_encrypted(text: str) -> bool:
    """Whether a part of *text* is an encrypted secret."""
    return any(match["scheme"] == ENCRYPTED for match in REFERENCE.finditer(text))


class UnresolvedReference(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """A reference that stands for nothing; the message names it and says why, never what was found."""


class References:
    """Resolves references against an environment, the file system and a keyring.

    Relative file names are looked up in *folder*. `files` are the files that have been read. `sealed` opens
    what is encrypted; None while it is not known where its key is.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        folder: Path,
        look_up_password: LookUpPassword = keyring.get_password,
        sealed: SealedSecrets | None = None,
    ) -> None:
        self._environ = environ
        self._folder = folder
        self._look_up_password = look_up_password
        self.sealed = sealed
        self.files: set[Path] = set()
        self.found: set[str] = set()
        """What references stand for. Never shown."""
        self.not_to_read: tuple[Path, ...] = (Path("/proc"),)
        """Files, and folders with what is in them, that hold what no setting is: the proxy's own secrets."""

    def resolve(self, text: str) -> str:
        """*text* with every reference replaced, once: what comes in is not looked at again.

        Raises UnresolvedReference with the reasons for all that cannot be.
        """
        reasons: list[str] = []

        def replacement(match: re.Match[str]) -> str:
            try:
                return self._replacement(match)
            except UnresolvedReference as error:
                reasons.append(str(error))
                return ""

        resolved = REFERENCE.sub(replacement, text)
        if reasons:
            raise UnresolvedReference("; ".join(reasons))
        return resolved

    def _replacement(self, match: re.Match[str]) -> str:
        if match["escaped"]:
            return "${"
        if match["broken"]:
            # What follows may be a password with ${ in it, so it is not shown.
            raise UnresolvedReference(f"${{ starts no reference like ${{env:NAME}}; {_ESCAPE_HINT}")
        scheme, name = match["scheme"], match["name"]
        look_up = {
            "env": self._variable,
            "file": self._file,
            "keyring": self._keyring_entry,
            ENCRYPTED: self._unsealed,
        }.get(scheme)
        if look_up is None:
            hint = did_you_mean(scheme, SCHEMES) or f", known are {', '.join(SCHEMES)}"
            raise UnresolvedReference(f"unknown kind of reference{hint}; {_ESCAPE_HINT}")
        try:
            found = look_up(name)
            self.found.add(found)
            return found
        except UnresolvedReference as error:
            # What is encrypted is long, and tells a reader nothing.
            shown = "..." if scheme == ENCRYPTED else name
            raise UnresolvedReference(f"${{{scheme}:{shown}}}: {error}") from None

    def _variable(self, name: str) -> str:
        if name == SECRET_KEY:
            raise UnresolvedReference("is no variable to take a setting from")
        try:
            return self._environ[name]
        except KeyError:
            raise UnresolvedReference("the variable is not set") from None

    def _file(self, name: str) -> str:
        try:
            path = self._folder / Path(name).expanduser()
            if any(path.resolve().is_relative_to(item) for item in self.not_to_read):
                raise UnresolvedReference("is no file to take a setting from")
            content = _read_plain_file(path)
        except FileNotFoundError:
            raise UnresolvedReference("there is no such file") from None
        except IsADirectoryError:
            raise UnresolvedReference("is a folder, not a file") from None
        except PermissionError:
            raise UnresolvedReference("the file is not readable for this user") from None
        # RuntimeError is expanduser's for a user without a home, ValueError open's for a NUL in the name.
        except (OSError, RuntimeError, ValueError):
            raise UnresolvedReference("the file cannot be read") from None
        if len(content) > MAX_FILE_SIZE:
            raise UnresolvedReference(f"the file is larger than {MAX_FILE_SIZE // 1024} KiB")
        self.files.add(path)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise UnresolvedReference("the file is not UTF-8 text") from None
        # An editor ends the file with a line break that is not part of the secret.
        return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text

    def _keyring_entry(self, name: str) -> str:
        # The service is often a URL, so the last slash is the one that divides.
        service, _, entry = name.rpartition("/")
        if not service or not entry:
            raise UnresolvedReference("is written ${keyring:service/name}")
        try:
            password = self._look_up_password(service, entry)
        except keyring.errors.NoKeyringError:
            raise UnresolvedReference("there is no keyring on this machine") from None
        except keyring.errors.KeyringLocked:
            raise UnresolvedReference("the keyring is locked") from None
        # A keyring is somebody else's plug-in and raises what it likes, with whatever text.
        except Exception:
            raise UnresolvedReference("the keyring cannot be read") from None
        if password is None:
            raise UnresolvedReference("the keyring has no such entry")
        return password

    def _unsealed(self, name: str) -> str:
        if self.sealed is None:
            raise UnresolvedReference("cannot be opened: state_dir, where its key is, is not known")
        try:
            return self.sealed.unseal(name)
        except (Unsealable, SecretKeyUnavailable) as error:
            raise UnresolvedReference(str(error)) from None


def _read_plain_file(path: Path) -> bytes:
    """Up to a byte more than MAX_FILE_SIZE. Raises OSError; a pipe or a terminal is not waited for."""
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no plain file")
        return file.read(MAX_FILE_SIZE + 1)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
