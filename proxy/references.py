"""Secrets that are kept elsewhere: `${env:NAME}`, `${file:path}`, `${keyring:service/name}` in a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import keyring
from keyring.errors import KeyringError

_REFERENCE = re.compile(r"\$(\$\{)|\$\{([^}]*)\}")

LookUpPassword = Callable[[str, str], str | None]


class UnresolvedReference(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """A reference that leads nowhere; its text names the reference, which is no secret."""


class References:
    """Resolves references. *folder* is what relative file paths start from."""

    def __init__(
        self,
        environ: Mapping[str, str],
        folder: Path,
        look_up_password: LookUpPassword = keyring.get_password,
    ) -> None:
        self._environ = environ
        self._folder = folder
        self.files: set[Path] = set()
        """The files that were read."""
        self._look_up_password = look_up_password

    def resolve(self, text: str) -> str:
        """*text* with its references replaced; `$${` stands for `${`. Raises UnresolvedReference."""
        if "${" not in text:
            return text
        return _REFERENCE.sub(self._value, text)

    def _value(self, found: re.Match[str]) -> str:
        if found[1]:
            return found[1]
        kind, colon, name = found[2].partition(":")
        if not colon or not name:
            raise UnresolvedReference(
                "a reference is written ${env:NAME}, ${file:path} or ${keyring:service/name}"
            )
        match kind:
            case "env":
                return self._from_environment(name)
            case "file":
                return self._from_file(name)
            case "keyring":
                return self._from_keyring(name)
        raise UnresolvedReference(f"${{{kind}:...}} is no kind of reference: env, file or keyring")

    def _from_environment(self, name: str) -> str:
        if name not in self._environ:
            raise UnresolvedReference(f"${{env:{name}}}: the variable is not set")
        return self._environ[name]

    def _from_file(self, name: str) -> str:
        try:
            file = self._folder / Path(name).expanduser()
            text = file.read_text(encoding="utf-8")
            self.files.add(file)
        except FileNotFoundError:
            raise UnresolvedReference(f"${{file:{name}}}: there is no such file") from None
        except (OSError, UnicodeDecodeError):
            raise UnresolvedReference(f"${{file:{name}}}: the file cannot be read") from None
        # An editor ends the file with a line break that is not part of the secret.
        return text.removesuffix("\n").removesuffix("\r")

    def _from_keyring(self, name: str) -> str:
        service, _, user = name.rpartition("/")
        if not service or not user:
            raise UnresolvedReference(f"${{keyring:{name}}}: is written ${{keyring:service/name}}")
        try:
            password = self._look_up_password(service, user)
        except KeyringError:
            raise UnresolvedReference(f"${{keyring:{name}}}: the keyring cannot be used here") from None
        if password is None:
            raise UnresolvedReference(f"${{keyring:{name}}}: the keyring has no such entry")
        return password
