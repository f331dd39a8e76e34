"""The API's operations that make and change profiles, with the checks that the form has."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from profiles.errors import ConfigurationError
from profiles.errors import Problem as Finding
from proxy.composition import Composition
from proxy.console.api.problems import WITH_BODY, Misfit, failures
from proxy.console.api.texts import Asked, ProfileName, SentSettings, Version
from proxy.console.console import Console
from proxy.console.rendering import Failure
from proxy.display import MASK
from proxy.editing.drafts import Draft, NameRefused, save
from proxy.editing.file_writing import CannotWrite, ChangedMeanwhile
from proxy.editing.programs import ShownProfile, drafted_settings, shown_profile
from proxy.editing.written_profiles import CannotEdit

logger = logging.getLogger(__name__)

_SECRETS = f'A secret that is set is `{{"set": true}}`, and in the query of a URL `{MASK}`.'


class WrittenSettings(BaseModel):
    """A profile as it is written in its file."""

    name: str
    file: str
    version: Annotated[str, Field(description="Names what is written; to be sent along with a change.")]
    settings: Annotated[
        dict[str, Any], Field(description=f"As in the profile reference. References are shown. {_SECRETS}")
    ]
    variables: Annotated[
        dict[str, str],
        Field(description="By the keys of settings, the environment variables that win over them."),
    ]


class Previewed(Asked):
    """Settings that are looked at, and not saved."""

    settings: SentSettings
    is_new: Annotated[bool, Field(description="Whether there is no such profile yet.")] = False


class Replacing(Asked):
    """All settings of a profile, in the place of what is written."""

    settings: SentSettings
    version: Annotated[
        Version | None, Field(description="What is replaced; null for a profile that there is not yet.")
    ] = None


class Preview(BaseModel):
    """What would be written, and what is wrong with it."""

    is_right: Annotated[bool, Field(description="Whether it can be saved.")]
    yaml: Annotated[str, Field(description="The file, without comments, and with secrets hidden.")]
    problems: list[Misfit]
    elsewhere: Annotated[list[str], Field(description="What it makes wrong for other profiles.")]
    standing: Annotated[
        list[str],
        Field(description="What was wrong before: while it lasts, nothing that is saved comes into force."),
    ]


class Saved(BaseModel):
    """A profile is written."""

    name: str
    file: str
    version: str
    is_in_force: bool
    problems: Annotated[list[str], Field(description="What keeps it from being in force.")]


def editing_operations(console: Console, **options: Any) -> APIRouter:
    """`/api/profiles/{name}/settings`, `/api/profiles/{name}/preview` and `PUT /api/profiles/{name}`."""
    routes = APIRouter(tags=["editing"], **options)
    # Two saves at once would each be checked without the other.
    turn = console.editing_turn

    @routes.get(
        "/api/profiles/{name}/settings",
        operation_id="getSettings",
        summary="A profile as it is written",
        responses=failures(403, 404, 409, 422, on_403=_OFF, on_409=_CANNOT),
    )
    async def settings(name: ProfileName) -> WrittenSettings:
        """What is sent back, changed, to save it."""
        found = await _shown(_editable(console), name)
        return WrittenSettings(
            name=found.name,
            file=str(found.file),
            version=found.digest,
            settings=dict(found.settings),
            variables=dict(found.variables),
        )

    @routes.post(
        "/api/profiles/{name}/preview",
        operation_id="previewProfile",
        summary="See what a profile would be",
        responses=failures(*WITH_BODY, 404, 409, on_403=_OFF_TOO, on_409=_CANNOT),
    )
    async def preview(name: ProfileName, previewed: Previewed) -> Preview:
        """Checked together with all other profiles. Nothing is saved."""
        composition = _editable(console)
        async with turn:
            draft = await _drafted(composition, name, previewed.settings, is_new=previewed.is_new)
        return Preview(
            is_right=draft.is_right,
            yaml=await asyncio.to_thread(lambda: draft.preview),
            problems=_misfits(draft),
            elsewhere=[str(item) for item in draft.elsewhere],
            standing=[str(item) for item in draft.standing],
        )

    @routes.put(
        "/api/profiles/{name}",
        operation_id="saveProfile",
        summary="Make or change a profile",
        responses=failures(*WITH_BODY, 404, 409, on_403=_OFF_TOO, on_409=_CONFLICT, on_422=_WRONG),
    )
    async def replace(name: ProfileName, replacing: Replacing, request: Request) -> Saved:
        """Written to a file of its own, with the comments that were there, and put in force. Secrets that are
        written out are encrypted, and `{"set": true}` keeps what is there, as `••••` does in a URL."""
        composition = _editable(console)
        async with turn:
            is_new = replacing.version is None
            draft = await _drafted(composition, name, replacing.settings, is_new=is_new)
            if not is_new and draft.written.digest != replacing.version:
                raise _changed_meanwhile()
            if not draft.is_right:
                raise _not_right(draft)
            try:
                await asyncio.to_thread(save, draft)
            except ChangedMeanwhile:
                raise _changed_meanwhile() from None
            except CannotWrite as error:
                raise Failure(409, "cannot_edit", f"{error}.") from None
        logger.warning(
            "console: save of %s by %s", name, request.client.host if request.client else "unknown"
        )
        problems = _in_force(console)
        found = await _shown(composition, name)
        return Saved(
            name=name,
            file=str(found.file),
            version=found.digest,
            is_in_force=not problems,
            problems=problems,
        )

    return routes


_OFF = "Editing is turned off: `editing_off`."
_OFF_TOO = "Refused: `csrf_token_wrong`, `cross_site`, or `editing_off`."
_CANNOT = "There is such a profile already, or the file cannot be changed: `profile_exists`, `cannot_edit`."
_CONFLICT = "`changed_meanwhile`: get the settings again. Or `profile_exists`, `cannot_edit`."
_WRONG = "The settings are not right: `settings_invalid`, whose `problems` say where; or `invalid`."


def _editable(console: Console) -> Composition:
    composition = console.proxy.snapshot()
    if not composition.configuration.settings.console_editing:
        raise Failure(
            403, "editing_off", "Editing is turned off: console_editing is false in the configuration."
        )
    return composition


async def _shown(composition: Composition, name: str) -> ShownProfile:
    try:
        found = await asyncio.to_thread(shown_profile, composition.configuration, name)
    except CannotEdit as error:
        raise Failure(409, "cannot_edit", f"{error}.") from None
    if found is None:
        raise _unknown()
    return found


async def _drafted(composition: Composition, name: str, settings: dict[str, Any], *, is_new: bool) -> Draft:
    try:
        draft = await asyncio.to_thread(
            drafted_settings, composition.configuration, name, settings, is_new=is_new, before=composition
        )
    except NameRefused as error:
        raise Failure(409, "profile_exists", f"{error}.") from None
    except CannotEdit as error:
        raise Failure(409, "cannot_edit", f"{error}.") from None
    if draft is None:
        raise _unknown()
    return draft


def _in_force(console: Console) -> list[str]:
    """Puts what was saved in force; says what keeps it from that."""
    try:
        console.proxy.reload()
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


def _misfits(draft: Draft) -> list[Misfit]:
    return [Misfit.model_validate({"in": _place(item), "message": _told(item)}) for item in draft.problems]


def _not_right(draft: Draft) -> Failure:
    problems = [item.model_dump(by_alias=True) for item in _misfits(draft)]
    problems += [{"in": "body.settings", "message": str(item)} for item in draft.elsewhere]
    detail = "; ".join(f"{item['in']}: {item['message']}" for item in problems)
    return Failure(422, "settings_invalid", detail, members={"problems": problems})


def _place(problem: Finding) -> str:
    return f"body.settings.{problem.key}" if problem.key else "body.settings"


def _told(problem: Finding) -> str:
    """The message, with where its value came from if that is not what was sent."""
    return problem.message if problem.variable is None else f"{problem.message} ({problem.variable})"


def _changed_meanwhile() -> Failure:
    detail = "Somebody has changed the profile since. Get its settings again, and change those."
    return Failure(409, "changed_meanwhile", detail)


def _unknown() -> Failure:
    return Failure(404, "profile_unknown", "There is no profile of that name.")
