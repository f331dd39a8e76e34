"""The console's ASGI application, put together; and what of it runs from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from proxy.console.access import Access
from proxy.console.api.routes import api_routes
from proxy.console.authorize_page import authorize_routes
from proxy.console.console import Console
from proxy.console.editing import editing_routes
from proxy.console.events import event_routes
from proxy.console.health import health_routes
from proxy.console.history import History
from proxy.console.overview import overview_routes
from proxy.console.profile_page import profile_routes
from proxy.console.protection import Protection
from proxy.console.rendering import FOLDER, Failure, Pages
from proxy.console.sign_in import sign_in_routes
from proxy.console.token_actions import token_routes
from proxy.console.trial_page import trial_routes
from proxy.console.trials import Trials
from proxy.console.watched import WatchedProxy


class BuiltConsole:
    """A console that can be served: `application`, and `sign_in_token` where no secret is configured."""

    def __init__(self, console: Console, application: ASGIApp) -> None:
        self.console = console
        self.application = application
        self._sampling: asyncio.Task[None] | None = None

    @property
    def sign_in_token(self) -> str | None:
        """What to sign in with, for the line that tells of the start; None where `console_secret` is set."""
        return self.console.access.token

    def start(self) -> None:
        """Begins to watch. There has to be a running event loop."""
        self._sampling = asyncio.create_task(self.console.history.run(), name="console history")

    async def close(self) -> None:
        """Ends all sessions, and with them what streams to them; before the server is closed."""
        self.console.access.sessions.end_all()
        if self._sampling is not None:
            self._sampling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sampling


def build_application(proxy: WatchedProxy) -> ASGIApp:
    """The application alone, for whoever needs no sign-in token."""
    return build_console(proxy).application


def build_console(proxy: WatchedProxy, *, clock: Callable[[], float] = time.time) -> BuiltConsole:
    """The console of one proxy; *clock* is in seconds since the epoch."""
    pages = Pages(proxy)
    access = Access(proxy, clock=clock)
    console = Console(proxy, access, pages, History(lambda: proxy.snapshot().tallies, clock=clock), clock)
    trials = Trials()
    # FastAPI's own documentation pages load scripts from elsewhere: off.
    application = FastAPI(
        title="grantproxy", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    for routes in (
        health_routes(proxy),
        sign_in_routes(console),
        overview_routes(console),
        event_routes(console),
        profile_routes(console),
        token_routes(console),
        trial_routes(console, trials),
        editing_routes(console),
        api_routes(console, trials),
        authorize_routes(console),
    ):
        application.include_router(routes)
    application.mount("/static", _Static(directory=FOLDER / "static"))
    _answer_failures(application, console)
    return BuiltConsole(console, Protection(application, lambda: _names(proxy)))


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        # Kept, but asked for each time: another release brings other files under the same names.
        response.headers["Cache-Control"] = "no-cache"
        return response


def _answer_failures(application: FastAPI, console: Console) -> None:
    async def failed(request: Request, failure: Exception) -> Response:
        if not isinstance(failure, HTTPException):
            # Whatever text it has may hold anything; `Protection` logs its kind.
            failure = Failure(500)
        # The page has its navigation for those who are signed in.
        console.access.session_of(request)
        return console.pages.failure(request, failure)

    async def not_valid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # FastAPI's own answer repeats the input.
        problems = [
            {"in": ".".join(map(str, item["loc"])), "message": str(item["msg"])} for item in error.errors()
        ]
        detail = "; ".join(f"{item['in']}: {item['message']}" for item in problems)
        return await failed(request, Failure(422, "invalid", detail, members={"problems": problems}))

    application.add_exception_handler(HTTPException, failed)
    application.add_exception_handler(RequestValidationError, not_valid)
    application.add_exception_handler(Exception, failed)


def _names(proxy: WatchedProxy) -> Iterator[str]:
    settings = proxy.snapshot().configuration.settings
    if settings.console is not None:
        yield settings.console.host
    if settings.console_url is not None:
        yield urlsplit(settings.console_url).hostname or ""
    yield from settings.console_hosts
