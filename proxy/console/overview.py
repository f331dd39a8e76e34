"""The overview: every profile with its state at a glance, the last hour, and what somebody should look at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from proxy.console.console import Console
from proxy.console.states import Status, Survey

PAGE = 100
"""Profiles on one page."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which profiles a page shows, as its address says: whatever else is written there is left alone."""

    query: str
    status: str
    number: int

    @classmethod
    def of(cls, request: Request) -> Choice:
        parameters = request.query_params
        status, number = parameters.get("state", ""), parameters.get("page", "")
        return cls(
            parameters.get("q", "").strip()[:200],
            status if status in {item.value for item in Status} else "",
            int(number) if number.isascii() and number.isdigit() and 0 < len(number) < 7 else 1,
        )

    def link(self, **changes: str | int) -> str:
        """The query of an address for the same choice but for *changes*."""
        chosen = {"q": self.query, "state": self.status, **changes}
        return "?" + urlencode({name: value for name, value in chosen.items() if value != ""})

    def page_link(self, number: int) -> str:
        """Another page of the same choice."""
        return self.link(page=number)


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of a choice: its names, and how many there are on all pages."""

    names: list[str]
    number: int
    last: int
    total: int

    @classmethod
    def of(cls, names: list[str], number: int) -> Shown:
        last = max(1, math.ceil(len(names) / PAGE))
        number = min(max(1, number), last)
        return cls(names[(number - 1) * PAGE : number * PAGE], number, last, len(names))


def overview_routes(console: Console) -> APIRouter:
    """`/`, by `?q=` for a text, `?state=` for a status and `?page=`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/", dependencies=[Depends(console.access.page)])
    async def overview(request: Request) -> Response:
        choice = Choice.of(request)
        survey = console.survey()
        shown = Shown.of(survey.names(choice.query, choice.status), choice.number)
        return console.pages.answer(
            request,
            "overview.html",
            choice=choice,
            shown=shown,
            states=[survey.state_of(name) for name in shown.names],
            counts=survey.counts,
            statuses=list(Status),
            profiles=len(survey.composition.profiles),
            hour=console.history.all(),
            warnings=survey.warnings,
            is_ready=console.proxy.is_ready,
            address=console.proxy.address,
            unmatched=survey.composition.configuration.settings.unmatched,
        )

    return routes


def chosen_names(request: Request, survey: Survey) -> list[str]:
    """The profiles of the page that *request*'s address asks for."""
    choice = Choice.of(request)
    return Shown.of(survey.names(choice.query, choice.status), choice.number).names
