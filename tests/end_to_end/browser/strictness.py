"""What no page of the console may do in any test: complain, break its policy, fail to load, ask elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

REFUSED_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


@dataclass
class Strictness:
    """Listens to all pages of a context; `check` raises AssertionError for whatever went wrong."""

    hosts: set[str]
    """`host:port` of what may be asked."""
    statuses: set[int] = field(default_factory=set)
    """Of answers that a test has asked for: a browser complains about every 4xx and 5xx."""
    found: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        for event, listener in self._listeners().items():
            context.on(event, listener)

    def leave(self, context: BrowserContext) -> None:
        """Listens no more: the context goes on, for another test."""
        for event, listener in self._listeners().items():
            context.remove_listener(event, listener)

    def _listeners(self) -> dict[Any, Callable[[Any], None]]:
        return {
            "console": self._on_message,
            "weberror": self._on_error,
            "request": self._on_request,
            "requestfailed": self._on_failure,
        }

    def expect_status(self, *statuses: int) -> None:
        self.statuses |= set(statuses)

    def check(self) -> None:
        assert self.found == [], "\n".join(self.found)

    def _on_error(self, error: WebError) -> None:
        self.found.append(f"exception: {error.error}")

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        refused = REFUSED_STATUS.match(message.text)
        if refused is None or int(refused[1]) not in self.statuses:
            self.found.append(f"{message.type}: {message.text} ({location(message)})")

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.netloc not in self.hosts:
            self.found.append(f"asked elsewhere: {request.method} {request.url}")

    def _on_failure(self, request: Request) -> None:
        # Whatever a page still waits for when it is left.
        if request.failure != "net::ERR_ABORTED":
            self.found.append(f"failed: {request.method} {request.url}: {request.failure}")


def location(message: ConsoleMessage) -> str:
    where: Any = message.location
    return f"{where.get('url')}:{where.get('lineNumber')}"
