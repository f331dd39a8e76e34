"""The API's operations that read: what overview and profile page show."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated, Any

from fastapi import APIRouter, Query

from proxy.console.api import documents
from proxy.console.api.problems import failures
from proxy.console.api.texts import PageNumber, ProfileName, Search
from proxy.console.console import Console
from proxy.console.overview import Shown
from proxy.console.profile_page import PAGE, profile_of
from proxy.console.shown_settings import HowWritten, shown_settings
from proxy.console.states import Status, Survey

InState = Annotated[Status | None, Query(alias="state", description="Those in this state only.")]


def reading_routes(console: Console, **options: Any) -> APIRouter:
    """Overview, profiles, one profile, its recent requests; *options* are the router's."""
    routes = APIRouter(**options)

    @routes.get(
        "/api/overview",
        operation_id="getOverview",
        summary="How it stands with the proxy",
        tags=["overview"],
        responses=failures(),
    )
    async def overview() -> documents.Overview:
        """Counts of profiles by state, what somebody should look at, and the last hour by minute."""
        survey = console.survey()
        settings = survey.composition.configuration.settings
        address = console.proxy.address
        return documents.Overview(
            is_ready=console.proxy.is_ready,
            address=None if address is None else str(address),
            unmatched=settings.unmatched,
            console_editing=settings.console_editing,
            profiles=len(survey.composition.profiles),
            states=survey.counts,
            warnings=[documents.Warning.of(item) for item in survey.warnings],
            last_hour=documents.Hour.model_validate(console.history.all()),
        )

    @routes.get(
        "/api/profiles",
        operation_id="listProfiles",
        summary="The profiles with their states",
        tags=["profiles"],
        responses=failures(422),
    )
    async def profiles(q: Search = "", state: InState = None, page: PageNumber = 1) -> documents.Profiles:
        """A page of them, by name: those that have a text in name or description, or are in one state."""
        survey = console.survey()
        shown = Shown.of(survey.names(q.strip(), state or ""), page)
        return documents.Profiles(
            profiles=[documents.Profile.of(survey.state_of(name)) for name in shown.names],
            page=shown.number,
            pages=shown.last,
            total=shown.total,
        )

    @routes.get(
        "/api/profiles/{name}",
        operation_id="getProfile",
        summary="One profile: state, settings, tokens",
        tags=["profiles"],
        responses=failures(404, 422),
    )
    async def profile(name: ProfileName, page: PageNumber = 1) -> documents.ProfileDetails:
        """Secrets in the settings are hidden; `page` is that of the tokens."""
        survey = console.survey()
        composition = survey.composition
        found = profile_of(composition, name)
        # Files are read for it, which may be on a disk that sleeps.
        groups = await asyncio.to_thread(
            shown_settings, name, found.settings, HowWritten(composition.configuration)
        )
        return documents.ProfileDetails(
            **documents.Profile.of(survey.state_of(name)).model_dump(),
            mode=found.settings.mode,
            matches=[rule.describe() for rule in found.rules],
            settings=[documents.SettingGroup.model_validate(group) for group in groups],
            tokens=_tokens(survey, name, page),
        )

    @routes.get(
        "/api/profiles/{name}/requests",
        operation_id="listRequests",
        summary="A profile's recent requests",
        tags=["profiles"],
        responses=failures(404, 422),
    )
    async def requests(name: ProfileName) -> documents.RecentRequests:
        """The last 50, the newest first."""
        composition = console.proxy.snapshot()
        profile_of(composition, name)
        recent = composition.recent.of(name)
        return documents.RecentRequests(requests=[documents.AccessEntry.of(item) for item in recent])

    return routes


def _tokens(survey: Survey, name: str, page: int) -> documents.Tokens:
    tokens = survey.tokens_of(name)
    last = max(1, math.ceil(len(tokens) / PAGE))
    number = min(page, last)
    shown = tokens[(number - 1) * PAGE : number * PAGE]
    return documents.Tokens(
        tokens=[documents.Token.of(item, survey.now) for item in shown],
        page=number,
        pages=last,
        total=len(tokens),
    )
