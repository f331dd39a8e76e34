"""Server-sent events: what has changed on the overview, for as long as somebody looks at it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from time import perf_counter

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import StreamingResponse

from proxy.console.console import Console
from proxy.console.overview import chosen_names
from proxy.console.rendering import Failure
from proxy.console.sessions import Session
from proxy.console.states import Survey

MOST_STREAMS = 32

SECONDS_BETWEEN_EVENTS = 1.0

SECONDS_BETWEEN_HEARTBEATS = 15.0
"""Whatever is between us and a browser takes a stream without a byte for dead."""

_SHARE = 50
"""A survey of many thousand tokens takes its time on the loop that serves requests: at most a 50th of it."""


def event_routes(
    console: Console,
    *,
    seconds: float = SECONDS_BETWEEN_EVENTS,
    heartbeat: float = SECONDS_BETWEEN_HEARTBEATS,
) -> APIRouter:
    """`/events`, with the address of the overview that it is for behind the question mark.

    *seconds* are between two looks, and *heartbeat* is how many of them may pass in silence.
    """
    routes = APIRouter(include_in_schema=False)
    streams = _Streams(console, seconds, heartbeat)

    @routes.get("/events")
    async def events(request: Request) -> StreamingResponse:
        session = console.access.session_of(request)
        if session is None:
            # A redirect would have the browser read the sign-in page as events.
            raise Failure(401, headers={"WWW-Authenticate": "Bearer"})
        if streams.open >= MOST_STREAMS:
            raise Failure(503, "busy", "Too many overviews are open.", headers={"Retry-After": "10"})
        return StreamingResponse(streams.of(request, session), media_type="text/event-stream")

    return routes


class _Streams:
    """What is sent to each browser; `open` is how many there are."""

    def __init__(self, console: Console, seconds: float, heartbeat: float) -> None:
        self._console = console
        self._surveys = _SharedSurveys(console, seconds)
        self._seconds = seconds
        self._heartbeat = heartbeat
        self.open = 0

    async def of(self, request: Request, session: Session) -> AsyncIterator[str]:
        self.open += 1
        try:
            async for event in self._changes(request, session):
                yield event
        finally:
            self.open -= 1

    async def _changes(self, request: Request, session: Session) -> AsyncIterator[str]:
        yield "retry: 5000\n\n"
        # One of its own: in one that is a second old, a profile that has just come would be missing for good.
        names = chosen_names(request, self._console.survey())
        told, silent = "", 0.0
        # Asked anew each time: a session ends by its age too, and by another secret in the configuration.
        while self._console.access.session_of(request) is session and not await request.is_disconnected():
            state = json.dumps(_state(self._console, self._surveys.latest(), names), separators=(",", ":"))
            if state != told:
                yield f"data: {state}\n\n"
                told, silent = state, 0.0
            elif silent >= self._heartbeat:
                yield ": still there\n\n"
                silent = 0.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(session.ended.wait(), self._seconds)
            silent += self._seconds
        # Else the browser would come again.
        yield "event: end\ndata: \n\n"


class _SharedSurveys:
    """One survey for all who look on, and none where nobody does."""

    def __init__(self, console: Console, seconds: float) -> None:
        self._console = console
        self._seconds = seconds
        self._latest: Survey | None = None
        self._next_at = 0.0

    def latest(self) -> Survey:
        started = perf_counter()
        if self._latest is None or started >= self._next_at:
            survey = self._latest = self._console.survey()
            # Made when they are first asked for, which is part of what it takes.
            _ = survey.counts, survey.warnings
            took = perf_counter() - started
            # A little less than the pace of the streams, each of which would wait for another turn.
            self._next_at = started + max(self._seconds * 0.9, took * _SHARE)
        return self._latest


def _state(console: Console, survey: Survey, names: list[str]) -> dict[str, object]:
    profiles = survey.composition.profiles
    hour = console.history.all()
    return {
        "is_ready": console.proxy.is_ready,
        "profiles": {name: survey.state_of(name).as_json() for name in names if name in profiles},
        "counts": {status.value: count for status, count in survey.counts.items()},
        "warnings": [warning.as_json() for warning in survey.warnings],
        "requests": hour.requests,
        "renewals": hour.renewals,
    }
