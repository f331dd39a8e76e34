"""A form from its opening to the save: what the page is told, whatever was pressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from profiles.errors import Problem
from proxy.composition import Composition
from proxy.configuration_files import Configuration
from proxy.editing.drafts import (
    Draft,
    NameRefused,
    begin_profile,
    check_that_it_can_be_edited,
    draft_profile,
    open_profile,
    save,
)
from proxy.editing.file_writing import CannotWrite, ChangedMeanwhile
from proxy.editing.forms import form_of, settings_of, unknown_keys
from proxy.editing.overrides import overriding_variables
from proxy.editing.reading import Reading, tidied
from proxy.editing.row_lists import with_another_row, without_row
from proxy.editing.written_profiles import CannotEdit, WrittenProfile, new_profile
from proxy.sealed_secrets import SealedSecrets
from proxy.secret_key import SecretKeyUnavailable

NAME = "name"
"""The control for a new profile's name."""

SAVE, SAVE_OVER, ADD, REMOVE = "save", "save-over", "add", "remove"
"""What may have been pressed; `add:match` and `remove:match.0` have the list or the row behind a colon, and
anything else is a preview."""

_UNNAMED = "new-profile"


@dataclass(frozen=True, slots=True)
class Editing:
    """What the page shows. `problems` are pairs of a control's name, or nothing, and a message.

    `digest` is that of the version that was opened; `is_stale`: somebody has changed it since. `is_saved`:
    the files are written. `added` is the first control of a row that was added.
    """

    name: str
    is_new: bool
    form: Mapping[str, str] = field(repr=False)
    digest: str
    place: Path | None = None
    moves_to: Path | None = None
    keeps_comments: bool = True
    problems: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """Names of controls, or keys that have none, and the variables that win over what is entered there."""
    unknown: tuple[str, ...] = ()
    draft: Draft | None = field(default=None, repr=False)
    is_stale: bool = False
    is_saved: bool = False
    added: str = ""

    @property
    def standing(self) -> tuple[Problem, ...]:
        """What was wrong elsewhere before, and keeps a saved profile from being in force."""
        return self.draft.standing if self.draft is not None else ()


class ProfileEditor:
    """Edits the profiles of one configuration, whose files are read each time.

    *before* is what is in force. `begin` and `open` raise CannotEdit where there is nothing to be edited.
    """

    def __init__(self, configuration: Configuration, before: Composition | None = None) -> None:
        self._configuration = configuration
        self._before = before
        self._sealed = SealedSecrets(configuration.key_source)

    def begin(self) -> Editing:
        """The form of a new profile, with a row of what no profile is without."""
        check_that_it_can_be_edited(self._configuration)
        written = new_profile(self._configuration.file, _UNNAMED)
        form = with_another_row({}, "match")
        form |= {"credentials.0.key": "username", "credentials.0.value": ""}
        form |= {"credentials.1.key": "password", "credentials.1.value": ""}
        return Editing("", is_new=True, form=form_of({}, self._seal) | form, digest=written.digest)

    def open(self, name: str) -> Editing | None:
        """The form of a profile that is there; None where there is none."""
        written = open_profile(self._configuration, name)
        if written is None:
            return None
        form = form_of(written.settings, self._seal)
        return self._looked_at(written, form, written.digest)

    def submitted(self, name: str | None, form: Mapping[str, str], digest: str, action: str) -> Editing:
        """What comes of a form; *name* is None for a new profile, which has it in the form."""
        form = tidied(form)
        pressed, _, what = action.partition(":")
        try:
            if pressed in (ADD, REMOVE):
                return self._with_other_rows(name, form, digest, pressed, what)
            return self._checked(name, form, digest, pressed)
        except CannotEdit as error:
            # What was entered is not lost, but for secrets, if those cannot be encrypted.
            reading = Reading(form, lambda _: "")
            settings_of(reading, {})
            shown = reading.shown_again
            return Editing(name or "", name is None, shown, digest, problems=(("", str(error)),))

    def _checked(self, name: str | None, form: Mapping[str, str], digest: str, pressed: str) -> Editing:
        written, refusal = self._written(name, form)
        editing = self._looked_at(written, form, digest)
        if refusal:
            editing = replace(editing, problems=((NAME, refusal), *editing.problems))
        shown = form.get(NAME, "") if refusal else written.name
        editing = replace(editing, name=shown, is_stale=written.digest != digest)
        if pressed not in (SAVE, SAVE_OVER) or editing.problems or editing.draft is None:
            return editing
        if editing.is_stale and pressed != SAVE_OVER:
            return editing
        return _saved(editing, editing.draft)

    def _written(self, name: str | None, form: Mapping[str, str]) -> tuple[WrittenProfile, str]:
        """Where the profile is to be written, and why its name cannot be what was entered."""
        if name is not None:
            written = open_profile(self._configuration, name)
            return written or new_profile(self._configuration.file, name), ""
        try:
            return begin_profile(self._configuration, form.get(NAME, "").strip()), ""
        except NameRefused as refusal:
            unnamed = _UNNAMED
            while unnamed in self._configuration.settings.profiles:
                unnamed += "-"
            return new_profile(self._configuration.file, unnamed), str(refusal)

    def _looked_at(self, written: WrittenProfile, form: Mapping[str, str], digest: str) -> Editing:
        reading = Reading(form, self._seal)
        settings = settings_of(reading, written.settings)
        draft = draft_profile(self._configuration, written, settings, before=self._before)
        found = [(reading.control_of(problem.key) or "", _told(problem)) for problem in draft.problems]
        elsewhere = [("", str(problem)) for problem in draft.elsewhere]
        # What cannot be read at a control is not checked either, and would be told as missing.
        read = {name for name, _ in reading.problems}
        found = [(name, message) for name, message in found if name not in read]
        variables = overriding_variables(
            written.name,
            settings,
            self._configuration.environ,
            self._configuration.settings.profiles,
        )
        return Editing(
            written.name,
            written.is_new,
            reading.shown_again,
            digest,
            None if written.is_new else written.place,
            written.own.path if written.shared is not None else None,
            written.keeps_comments,
            problems=(*reading.problems, *found, *elsewhere),
            variables={reading.names.get(key, key): variable for key, variable in variables.items()},
            unknown=tuple(unknown_keys(written.settings)),
            draft=draft,
        )

    def _with_other_rows(
        self, name: str | None, form: Mapping[str, str], digest: str, pressed: str, what: str
    ) -> Editing:
        written, _ = self._written(name, form)
        reading = Reading(form, self._seal)
        settings_of(reading, written.settings)
        shown = reading.shown_again
        changed = with_another_row(shown, what) if pressed == ADD else without_row(shown, what)
        added = next((control for control in changed if control not in shown), "") if pressed == ADD else ""
        return Editing(
            name or form.get(NAME, ""),
            written.is_new,
            changed,
            digest,
            None if written.is_new else written.place,
            written.own.path if written.shared is not None else None,
            written.keeps_comments,
            unknown=tuple(unknown_keys(written.settings)),
            is_stale=written.digest != digest,
            added=added,
        )

    def _seal(self, text: str) -> str:
        try:
            return self._sealed.seal(text)
        except SecretKeyUnavailable as error:
            raise CannotEdit(f"secrets cannot be encrypted: {error}") from None


def _saved(editing: Editing, draft: Draft) -> Editing:
    try:
        save(draft)
    except ChangedMeanwhile as error:
        return replace(editing, problems=(("", str(error)),), is_stale=True)
    except CannotWrite as error:
        return replace(editing, problems=(("", str(error)),))
    return replace(editing, is_saved=True, is_stale=False)


def _told(problem: Problem) -> str:
    """The message, with where its value came from if that is not the form."""
    return problem.message if problem.variable is None else f"{problem.message} ({problem.variable})"
