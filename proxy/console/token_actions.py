"""What an operator does with a profile's tokens by the buttons of its page: renew, forget, unlock."""

from __future__ import annotations

import logging
from typing import Literal, NamedTuple

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse

from profiles.errors import Refusal
from profiles.tokens import TokenState
from proxy.composition import Composition
from proxy.console.access import text_of
from proxy.console.console import Console
from proxy.console.profile_page import profile_of
from proxy.console.rendering import instant

logger = logging.getLogger(__name__)

EVERY = "every"
"""The value of `which` for all tokens of the profile."""

Action = Literal["renew", "forget", "unlock"]
Kind = Literal["success", "failure"]


class _Row(NamedTuple):
    """Which token a form names."""

    captures: tuple[tuple[str, str], ...]
    user: str

    @classmethod
    def of(cls, form: FormData) -> _Row:
        pairs = [item.partition("=") for item in form.getlist("capture") if isinstance(item, str)]
        return cls(tuple(sorted((name, value) for name, _, value in pairs)), text_of(form, "user"))


def token_routes(console: Console) -> APIRouter:
    """`POST /profiles/{name}/tokens/{renew|forget|unlock}`: back to the page, which says what came of it."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/profiles/{name}/tokens/{action}")
    async def act(request: Request, name: str, action: Action) -> RedirectResponse:
        form = await console.access.form(request)
        composition = console.proxy.snapshot()
        profile_of(composition, name)
        row = None if text_of(form, "which") == EVERY else _Row.of(form)
        kind, text = await _done(composition, name, action, row)
        who = request.client.host if request.client is not None else "unknown"
        # Who did it and what came of it; whose token it is may be a person's name.
        logger.warning("console: %s of %s by %s: %s", action, name, who, kind)
        request.state.session.say(kind, text)
        return RedirectResponse(f"/profiles/{name}", 303)

    return routes


async def _done(composition: Composition, name: str, action: Action, row: _Row | None) -> tuple[Kind, str]:
    tokens = composition.tokens
    captures, user = (None, None) if row is None else row
    if action == "forget":
        count = await tokens.clear(name, captures=captures, user=user)
        return "success", _counted(count, "was forgotten", "were forgotten", "There was no token to forget.")
    if action == "unlock":
        await tokens.unlock(name, captures=captures, user=user)
        return "success", "Unlocked: the next request submits the credentials once more."
    return await _renewed(composition, name, row or _Row((), ""))


async def _renewed(composition: Composition, name: str, row: _Row) -> tuple[Kind, str]:
    if not _is_held(composition.tokens.overview(), name, row):
        # What a match captures is checked there; what a form says is not.
        return "failure", "That token is not held any more: nothing was renewed."
    try:
        subject = composition.subject_of(composition.profiles[name], row.captures, row.user)
        obtained = await composition.tokens.renew(subject)
    except Refusal as refusal:
        return "failure", f"No new token was had. {in_plain_words(refusal)}"
    return "success", f"A new token was had. It is valid until {instant(obtained.token.expires_at)}."


def in_plain_words(refusal: Refusal) -> str:
    """A refusal as sentences; neither part ever holds a secret."""
    detail = refusal.detail.rstrip(".")
    return f"{refusal.title}: {detail}." if detail else f"{refusal.title}."


def _is_held(states: list[TokenState], name: str, row: _Row) -> bool:
    """Whether there is such a row; the one without captures and user may be had before its first request."""
    rows = {(item.captures, item.user) for item in states if item.profile == name}
    return row == _Row((), "") or tuple(row) in rows


def _counted(count: int, one: str, many: str, none: str) -> str:
    return f"{count:,} tokens {many}." if count > 1 else f"One token {one}." if count else none
