"""A profile as it would be: checked with everything around it before anything is written, and then saved."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profiles.errors import ConfigurationError, Problem
from profiles.model import PROFILE_NAME
from proxy.composition import Composition, compose
from proxy.configuration_files import Configuration
from proxy.editing.file_writing import CannotWrite, create_file, remove_file, replace_file
from proxy.editing.secret_settings import masked_settings
from proxy.editing.written_profiles import CannotEdit, TextFile, WrittenProfile, new_profile, read_profile
from proxy.editing.yaml_writing import document
from proxy.unfinished_moves import note_of, noted
from proxy.yaml_documents import parse_document

MASK = "${encrypted:…}"
"""In a preview, for a secret."""

_turn = threading.Lock()
"""One saves at a time, be it for a page or a program: the next one sees that the file has changed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """New settings for a profile, and what is wrong with them.

    `problems` are those of the profile, with dotted keys below it; `elsewhere` those that it makes for
    others. `standing` were there before, and are not its fault: it can be saved, but nothing is reloaded
    while they last. `composition` is what would be in force.
    """

    written: WrittenProfile
    texts: Mapping[Path, str] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    elsewhere: tuple[Problem, ...] = ()
    standing: tuple[Problem, ...] = ()
    composition: Composition | None = field(default=None, repr=False)

    @property
    def is_right(self) -> bool:
        return not self.problems and not self.elsewhere

    @property
    def preview(self) -> str:
        """The new file for people, without comments and secrets: either may be in the clear there."""
        settings = parse_document(self.texts[self.written.own.path]).value or {}
        return document(masked_settings(settings, MASK))


def open_profile(configuration: Configuration, name: str) -> WrittenProfile | None:
    """The profile as it is written; None where there is none. Raises CannotEdit."""
    check_that_it_can_be_edited(configuration)
    # What is no name leads who knows where.
    return read_profile(configuration.file, name) if PROFILE_NAME.fullmatch(name) else None


def begin_profile(configuration: Configuration, name: str) -> WrittenProfile:
    """A profile that is not there yet. Raises CannotEdit, also for a name that is taken, or none at all."""
    check_that_it_can_be_edited(configuration)
    if not PROFILE_NAME.fullmatch(name):
        raise NameRefused("must be letters and digits, with . _ - between them" if name else "is required")
    if read_profile(configuration.file, name) is not None:
        raise NameRefused("is that of another profile")
    return new_profile(configuration.file, name)


class NameRefused(CannotEdit):
    """The name cannot be that of a new profile."""


def draft_profile(
    configuration: Configuration,
    written: WrittenProfile,
    settings: Mapping[str, Any],
    *,
    before: Composition | None = None,
) -> Draft:
    """Checks *settings*, whose secrets are references, in the place of what is written.

    *before* is the snapshot in force, whose certificates are not read again. Raises CannotEdit.
    """
    texts = written.texts_with(settings)
    problems, composition = _problems(configuration, texts, before)
    others = [problem for problem in problems if not _is_of(written, problem)]
    known = {_sign(problem) for problem in _problems(configuration, {}, before)[0]} if others else set()
    # A problem of the whole file keeps the profile from being looked at.
    standing = [problem for problem in others if _sign(problem) in known and problem.key]
    return Draft(
        written,
        texts,
        problems=tuple(_below(written.name, item) for item in problems if _is_of(written, item)),
        elsewhere=tuple(problem for problem in others if problem not in standing),
        standing=tuple(standing),
        composition=composition,
    )


def save(draft: Draft) -> None:
    """Writes the draft, unless it says what is written already.

    Where a profile moves into a file of its own and cannot be taken out of the old one, the new file is
    removed again. Raises CannotWrite, ChangedMeanwhile.
    """
    own, shared = draft.written.own, draft.written.shared
    with _turn:
        if shared is not None:
            _move(draft, shared)
        elif draft.written.is_new:
            create_file(own.path, own.encoded(draft.texts[own.path]))
        else:
            _replace(own, draft.texts[own.path])


def _move(draft: Draft, shared: TextFile) -> None:
    """Wherever the power fails in between, the profile is read whole: a note says that both are one."""
    own = draft.written.own
    note = note_of(own.path)
    if note.exists():
        remove_file(note)
    create_file(note, noted(draft.written.settings))
    try:
        create_file(own.path, own.encoded(draft.texts[own.path]))
        try:
            _replace(shared, draft.texts[shared.path])
        except BaseException:
            remove_file(own.path)
            raise
    finally:
        # One that stays says nothing once the profile stands in one place.
        with contextlib.suppress(CannotWrite):
            remove_file(note)


def _replace(file: TextFile, text: str) -> None:
    content = file.encoded(text)
    if content != file.content:
        replace_file(file.path, content, expected=file.content)


def check_that_it_can_be_edited(configuration: Configuration) -> None:
    """Raises CannotEdit where editing is turned off, or the configuration can be read only once."""
    if not configuration.settings.console_editing:
        raise CannotEdit("editing is turned off: console_editing is false")
    if not configuration.file.is_file():
        raise CannotEdit(f"{configuration.file} is no plain file, so it can be read only once")


def _problems(
    configuration: Configuration, texts: Mapping[Path, str], before: Composition | None
) -> tuple[tuple[Problem, ...], Composition | None]:
    try:
        drafted = configuration.again(drafts=texts)
        return (), compose(drafted, environ=configuration.environ, before=before)
    except ConfigurationError as error:
        return error.problems, None


def _is_of(written: WrittenProfile, problem: Problem) -> bool:
    if problem.file is not None:
        return problem.file == written.own.path
    # A name may begin with another's and a dot, so that the key alone does not always tell.
    return problem.key == f"profiles.{written.name}" or problem.key.startswith(f"profiles.{written.name}.")


def _below(name: str, problem: Problem) -> Problem:
    key = problem.key.removeprefix(f"profiles.{name}").removeprefix(".")
    return Problem(problem.message, key, problem.file, problem.line, problem.variable)


def _sign(problem: Problem) -> tuple[str, str, Path | None, str | None]:
    """What is the same of a problem though lines move."""
    return problem.message, problem.key, problem.file, problem.variable
