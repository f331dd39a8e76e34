"""Where a profile is written, what is written there, and how its text changes; nothing is written here."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proxy.configuration_search import file_of_profile
from proxy.editing.form_table import SETTINGS
from proxy.editing.moving import PROFILES, taken_out
from proxy.editing.yaml_edits import CannotRewrite, rewritten
from proxy.yaml_documents import YamlSyntaxError, parse_document

ORDER = tuple(dict.fromkeys(step for key in SETTINGS for step in key.split(".")))
"""Of the keys in a profile's file."""

_BOM = "\ufeff"
_KEY = secrets.token_bytes(32)


class CannotEdit(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """The profile cannot be edited here; the text says why, and holds nothing of what is written."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's text as it is edited, and what it needs to be written back in the same way."""

    path: Path
    content: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """With plain line breaks. Raises CannotEdit."""
        try:
            return self.content.decode("utf-8").removeprefix(_BOM).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            raise CannotEdit(f"{self.path} is not UTF-8 text") from None

    def encoded(self, text: str) -> bytes:
        """*text* as a new content of the file."""
        start = _BOM if self.content.startswith(_BOM.encode()) else ""
        is_dos = b"\r\n" in self.content
        return (start + (text.replace("\n", "\r\n") if is_dos else text)).encode()


@dataclass(frozen=True, slots=True)
class WrittenProfile:
    """A profile as it stands on disk: in a file of `profiles.d`, in the configuration's file, or nowhere yet.

    `own` is the file that has it or will have it, and `text` what is in it or will be before any change.
    `shared` is the configuration's file where the profile stands there, and `rest` its text without it.
    """

    name: str
    own: TextFile
    text: str = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    shared: TextFile | None = None
    rest: str = field(default="", repr=False)
    is_new: bool = False
    keeps_comments: bool = True
    """Whether the new file has the comments of the old one."""

    @property
    def digest(self) -> str:
        """Tells this version from any other, until the process ends. Without the key nobody can try out what
        a PIN in the file may be."""
        place = "new" if self.is_new else str(self.place)
        written = f"{place}\0{self.text}".encode(errors="surrogatepass")
        return hmac.new(_KEY, written, hashlib.sha256).hexdigest()

    @property
    def place(self) -> Path:
        """The file in which it stands now."""
        return self.own.path if self.shared is None else self.shared.path

    def texts_with(self, settings: Mapping[str, Any]) -> dict[Path, str]:
        """The files that change, with their new texts. Raises CannotEdit."""
        try:
            texts = {self.own.path: rewritten(self.text, settings, ORDER)}
            if self.shared is not None:
                texts[self.shared.path] = self.rest
        except CannotRewrite as error:
            raise CannotEdit(f"{self.place} cannot be changed here: {error}") from None
        return texts


def read_profile(configuration_file: Path, name: str) -> WrittenProfile | None:
    """The profile as it is written now; None where there is none of that name. Raises CannotEdit."""
    own = _read(file_of_profile(configuration_file, name))
    if own is not None:
        return WrittenProfile(name, own, own.text, _mapping_in(own.text, own.path))
    shared = _read(configuration_file)
    if shared is None:
        raise CannotEdit(f"{configuration_file} is no plain file")
    tree = _mapping_in(shared.text, shared.path)
    profiles = tree.get(PROFILES)
    if not isinstance(profiles, dict) or name not in profiles:
        return None
    settings = profiles[name]
    if settings is not None and not isinstance(settings, dict):
        raise CannotEdit(f"{shared.path} has something else than settings under {PROFILES}.{name}")
    try:
        rest, text, keeps_comments = taken_out(shared.text, tree, name)
    except CannotRewrite as error:
        raise CannotEdit(f"{shared.path} cannot be changed here: {error}") from None
    own = _nothing_at(configuration_file, name)
    return WrittenProfile(name, own, text, settings or {}, shared, rest, keeps_comments=keeps_comments)


def new_profile(configuration_file: Path, name: str) -> WrittenProfile:
    """A profile that is not written yet."""
    return WrittenProfile(name, _nothing_at(configuration_file, name), "", {}, is_new=True)


def _nothing_at(configuration_file: Path, name: str) -> TextFile:
    return TextFile(file_of_profile(configuration_file, name), b"")


def _read(path: Path) -> TextFile | None:
    try:
        return TextFile(path, path.read_bytes()) if path.is_file() else None
    except OSError:
        raise CannotEdit(f"{path} is not readable for this user") from None


def _mapping_in(text: str, path: Path) -> Mapping[str, Any]:
    try:
        document = parse_document(text)
    except YamlSyntaxError as error:
        raise CannotEdit(f"{path}:{error.fault.line} {error.fault.message}: put that right first") from None
    if document.faults:
        fault = document.faults[0]
        raise CannotEdit(f"{path}:{fault.line} {fault.message}: put that right first")
    if document.value is not None and not isinstance(document.value, dict):
        raise CannotEdit(f"{path} must be a mapping: put that right first")
    return document.value or {}
