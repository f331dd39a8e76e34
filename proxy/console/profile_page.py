"""The page of one profile: its state, tokens, recent requests, and what it matches and is set to."""

from __future__ import annotations

import asyncio
import math

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from profiles.profile import Profile
from profiles.tenants import TENANT
from proxy.composition import Composition
from proxy.console.console import Console
from proxy.console.rendering import Failure
from proxy.console.shown_settings import HowWritten, shown_settings
from proxy.console.states import status_of_token

PAGE = 100
"""Tokens on one page."""


def profile_routes(console: Console) -> APIRouter:
    """`/profiles/{name}`, with `?tokens=` for another page of its tokens."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/profiles/{name}", dependencies=[Depends(console.access.page)])
    async def page(request: Request, name: str) -> Response:
        survey = console.survey()
        composition = survey.composition
        profile = profile_of(composition, name)
        tokens = survey.tokens_of(name)
        last = max(1, math.ceil(len(tokens) / PAGE))
        number = min(_number(request), last)
        # Files are read for it, which may be on a disk that sleeps.
        groups = await asyncio.to_thread(
            shown_settings, name, profile.settings, HowWritten(composition.configuration)
        )
        return console.pages.answer(
            request,
            "profile.html",
            name=name,
            profile=profile,
            rules=[rule.describe() for rule in profile.rules],
            state=survey.state_of(name),
            tokens=[
                (item, status_of_token(item, survey.now))
                for item in tokens[(number - 1) * PAGE : number * PAGE]
            ],
            tokens_in_all=len(tokens),
            number=number,
            last=last,
            link=lambda page: f"/profiles/{name}?tokens={page}#tokens-title",
            can_be_had=not tokens and can_be_had(profile),
            hour=console.history.of(name),
            recent=composition.recent.of(name),
            groups=groups,
            now=survey.now,
        )

    return routes


def profile_of(composition: Composition, name: str) -> Profile:
    """The profile of that name, or a page that says that there is none."""
    profile = composition.profiles.get(name)
    if profile is None:
        raise Failure(404, "profile_unknown", "There is no profile of that name.")
    return profile


def can_be_had(profile: Profile) -> bool:
    """Whether a token can be asked for before any request has come: no entry and no capture is needed."""
    captured = {name for rule in profile.rules for name in rule.captures} & profile.grant.names
    if profile.tenants is not None:
        captured.add(TENANT)
    if profile.tenant_of({}) is not None:
        captured.discard(TENANT)
    return profile.settings.mode != "per_user" and not captured


def _number(request: Request) -> int:
    text = request.query_params.get("tokens", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1
