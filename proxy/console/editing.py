"""The pages on which profiles are made and changed: the source's dialog as a form, its check beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from profiles.errors import ConfigurationError
from profiles.model import PROFILE_NAME
from proxy.console.console import Console
from proxy.console.rendering import Failure
from proxy.editing.drafts import Draft
from proxy.editing.editor import NAME, Editing, ProfileEditor
from proxy.editing.form_view import control_groups
from proxy.editing.written_profiles import CannotEdit
from proxy.explanation import as_lines, explain, masked, parse_request

logger = logging.getLogger(__name__)

URL, METHOD = "explain_url", "explain_method"
"""The controls of what is explained beside the form."""

MOST_FIELDS = 5_000

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_NO_SETTINGS = frozenset({"csrf_token", "action", "digest", URL, METHOD})


def editing_routes(console: Console) -> APIRouter:
    """`/new-profile` and `/profiles/{name}/edit`, and `.../draft` for the script on both."""
    routes = APIRouter(include_in_schema=False)
    pages = _EditingPages(console)

    @routes.get("/new-profile", dependencies=[Depends(console.access.page)])
    async def begin(request: Request) -> Response:
        return await pages.begin(request)

    @routes.post("/new-profile")
    async def create(request: Request) -> Response:
        return await pages.submit(request, None)

    @routes.post("/new-profile/draft")
    async def draft_new(request: Request) -> Response:
        return await pages.draft(request, None)

    @routes.get("/profiles/{name}/edit", dependencies=[Depends(console.access.page)])
    async def edit(request: Request, name: str) -> Response:
        return await pages.open(request, name)

    @routes.post("/profiles/{name}/edit")
    async def change(request: Request, name: str) -> Response:
        return await pages.submit(request, name)

    @routes.post("/profiles/{name}/draft")
    async def draft(request: Request, name: str) -> Response:
        return await pages.draft(request, name)

    return routes


class _EditingPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def begin(self, request: Request) -> Response:
        editor = self._editor()
        try:
            return await self._page(request, editor.begin())
        except CannotEdit as error:
            raise Failure(409, "cannot_edit", f"{error}.") from None

    async def open(self, request: Request, name: str) -> Response:
        editor = self._editor()
        if not PROFILE_NAME.fullmatch(name):
            raise _unknown()
        try:
            async with self._console.editing_turn:
                editing = await asyncio.to_thread(editor.open, name)
        except CannotEdit as error:
            raise Failure(409, "cannot_edit", f"{error}.") from None
        if editing is None:
            raise _unknown()
        return await self._page(request, editing)

    async def submit(self, request: Request, name: str | None) -> Response:
        form = await self._form(request)
        async with self._console.editing_turn:
            editing = await self._submitted(name, form)
        if not editing.is_saved:
            status = 409 if editing.is_stale else 422 if editing.problems else 200
            asked = self._asked(form)
            is_preview = not _text(form, "action").startswith(("add:", "remove:"))
            return await self._page(request, editing, status=status if is_preview else 200, asked=asked)
        return self._saved(request, editing)

    async def draft(self, request: Request, name: str | None) -> Response:
        form = await self._form(request)
        async with self._console.editing_turn:
            # Who types on has given this one up while it waited for its turn.
            if await request.is_disconnected():
                return Response(status_code=204)
            editing = await self._submitted(name, form, action="preview")
        return JSONResponse(await asyncio.to_thread(_drafted, editing, self._asked(form)))

    async def _form(self, request: Request) -> FormData:
        access = self._console.access
        if access.session_of(request) is not None:
            # A profile with many rows has more fields than other forms; it is not read a second time.
            await request.form(max_files=0, max_fields=MOST_FIELDS)
        return await access.form(request)

    async def _submitted(self, name: str | None, form: FormData, action: str | None = None) -> Editing:
        editor = self._editor()
        if name is not None and not PROFILE_NAME.fullmatch(name):
            raise _unknown()
        settings = {key: _text(form, key) for key in form if key not in _NO_SETTINGS}
        pressed = _text(form, "action") if action is None else action
        return await asyncio.to_thread(editor.submitted, name, settings, _text(form, "digest"), pressed)

    def _saved(self, request: Request, editing: Editing) -> Response:
        session = request.state.session
        name = editing.name
        logger.warning(
            "console: save of %s by %s", name, request.client.host if request.client else "unknown"
        )
        try:
            self._console.proxy.reload()
        except ConfigurationError as error:
            problems = "; ".join(str(problem) for problem in error.problems)
            session.say("failure", f"{name} is saved, and not in force: {problems}")
            return RedirectResponse(f"/profiles/{name}/edit", 303)
        session.say("success", f"{name} is saved, and in force.")
        return RedirectResponse(f"/profiles/{name}", 303)

    def _editor(self) -> ProfileEditor:
        composition = self._console.proxy.snapshot()
        configuration = composition.configuration
        if not configuration.settings.console_editing:
            raise Failure(
                403,
                "editing_off",
                "Editing is turned off here: console_editing is false in the configuration.",
            )
        return ProfileEditor(configuration, composition)

    async def _page(
        self, request: Request, editing: Editing, *, status: int = 200, asked: tuple[str, str] = ("", "GET")
    ) -> Response:
        # A profile with many rows makes a long page, and the proxy's requests go on meanwhile.
        return await asyncio.to_thread(self._rendered, request, editing, status, asked)

    def _rendered(self, request: Request, editing: Editing, status: int, asked: tuple[str, str]) -> Response:
        by_control: dict[str, str] = {}
        for control, message in editing.problems:
            by_control[control] = f"{by_control[control]}; {message}" if control in by_control else message
        groups = control_groups(editing.form, by_control, editing.variables)
        return self._console.pages.answer(
            request,
            "editing/form.html",
            status=status,
            editing=editing,
            groups=groups,
            labels=(labels := _labels(editing)),
            other_variables={key: name for key, name in editing.variables.items() if key not in labels},
            name=editing.name,
            name_problem=by_control.get(NAME, ""),
            address="/new-profile" if editing.is_new else f"/profiles/{editing.name}",
            preview=_preview(editing),
            url=asked[0],
            method=asked[1],
            methods=[(method, method) for method in _METHODS],
            explanation=_explained(editing.draft, *asked),
        )

    @staticmethod
    def _asked(form: FormData) -> tuple[str, str]:
        return _text(form, URL).strip(), _text(form, METHOD).strip() or "GET"


def _drafted(editing: Editing, asked: tuple[str, str]) -> dict[str, Any]:
    """What the script shows beside the form."""
    labels = _labels(editing)
    return {
        "problems": [
            {"control": control, "label": labels.get(control, ""), "message": message}
            for control, message in editing.problems
        ],
        "preview": _preview(editing),
        "explanation": _explained(editing.draft, *asked),
        "is_stale": editing.is_stale,
    }


def _explained(draft: Draft | None, url: str, method: str) -> str:
    """What would become of a request, were the draft in force."""
    if not url:
        return ""
    if draft is None or draft.composition is None:
        return "Not known before all is right."
    try:
        head = parse_request(url, method)
    except ValueError:
        return "This is no http or https URL that a request can be made for."
    composition = draft.composition
    return "\n".join(as_lines(masked(explain(composition, head), composition.configuration.references)))


def _preview(editing: Editing) -> str:
    return editing.draft.preview if editing.draft is not None else ""


def _labels(editing: Editing) -> Mapping[str, str]:
    labels = {NAME: "Name"}
    for group in control_groups(editing.form, {}, {}):
        labels |= group.labels
    return labels


def _text(form: Any, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _unknown() -> Failure:
    return Failure(404, "profile_unknown", "There is no profile of that name.")
