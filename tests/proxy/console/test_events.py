"""The events of the overview: what changed, for as long as somebody who is signed in looks on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from proxy.console.events import MOST_STREAMS, event_routes
from tests.proxy.console.conftest import SENTINELS, matching, profile_settings

Watch = Callable[..., Any]


class Stream:
    """A browser's end of `/events`: httpx waits for the whole answer, and this one does not end."""

    def __init__(self, application: Any, cookie: str, query: str) -> None:
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._rest = ""
        self.status = 0
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/events",
            "raw_path": b"/events",
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1:8082"), (b"cookie", cookie.encode())],
            "client": ("127.0.0.1", 123),
            "server": ("127.0.0.1", 8082),
        }
        self.running = asyncio.create_task(application(scope, self._receive, self._send))

    async def next(self) -> str:
        """The next event, or line of comment."""
        while "\n\n" not in self._rest:
            self._rest += (await asyncio.wait_for(self._chunks.get(), 10)).decode()
        event, _, self._rest = self._rest.partition("\n\n")
        return event

    async def data(self) -> dict[str, Any]:
        """The next state that is told."""
        while not (event := await self.next()).startswith("data: "):
            pass
        return dict(json.loads(event.removeprefix("data: ")))

    async def close(self) -> None:
        self._gone.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(self.running, 10)

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self._chunks.put_nowait(message.get("body", b""))


@asynccontextmanager
async def following(
    watched: Any, query: str = "", *, pace: float = 0.01, heartbeat: float = 60
) -> AsyncIterator[Stream]:
    """Somebody who is signed in and looks on, with events that come as fast as they can."""
    async with watched.client() as client:
        await watched.sign_in(client)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    application = FastAPI()
    application.include_router(event_routes(watched.built.console, seconds=pace, heartbeat=heartbeat))
    stream = Stream(application, cookie, query)
    try:
        yield stream
    finally:
        await stream.close()


async def test_the_first_event_says_how_it_stands(watch: Watch) -> None:
    """Of the profiles on the page, with the hour and what to look at; nothing of it is a secret."""
    watched = watch({"allow_cleartext": True})
    await watched.use()
    async with following(watched) as stream:
        retry = await stream.next()
        state = await stream.data()

    assert retry == "retry: 5000"
    assert state["profiles"]["orders"]["label"] == "valid"
    assert state["counts"] == {"valid": 1}
    assert state["warnings"][0]["profiles"] == ["orders"]
    assert len(state["requests"]) == len(state["renewals"]) == 60
    assert [text for text in SENTINELS if text in json.dumps(state)] == []


async def test_a_change_is_told(watch: Watch) -> None:
    """And then the next one."""
    watched = watch()
    async with following(watched) as stream:
        states = [(await stream.data())["profiles"]["orders"]["status"]]
        await watched.use()
        states.append((await stream.data())["profiles"]["orders"]["status"])
        await watched.composition.tokens.clear("orders")
        states.append((await stream.data())["profiles"]["orders"]["status"])

    assert states == ["unused", "valid", "unused"]


async def test_nothing_is_told_where_nothing_changes(watch: Watch) -> None:
    """But for a sign of life now and then."""
    watched = watch()
    async with following(watched, heartbeat=0.05) as stream:
        await stream.data()
        then = [await stream.next() for _ in range(3)]

    assert then == [": still there"] * 3


async def test_a_page_is_told_of_its_own_profiles(watch: Watch) -> None:
    """Ten thousand would be too much each time; a profile that a reload takes away is not among them."""
    watched = watch(profiles={f"p{number:03}": matching(f"/p{number}/**") for number in range(150)})
    async with following(watched, "page=2") as stream:
        before = (await stream.data())["profiles"]
        watched.reload(profiles={"p100": matching("/p100/**"), "orders": profile_settings()})
        after = (await stream.data())["profiles"]

    assert list(before) == [f"p{number:03}" for number in range(99, 150)]
    assert list(after) == ["p100"]


async def test_it_ends_with_the_session(watch: Watch) -> None:
    """At once, and the browser is told not to come again."""
    watched = watch()
    async with following(watched, pace=60) as stream:
        await stream.data()
        watched.built.console.access.sessions.end_all()
        end = await stream.next()
        await asyncio.wait_for(stream.running, 10)

    assert end.startswith("event: end")


async def test_it_ends_when_the_session_has_expired(watch: Watch) -> None:
    """Nobody has to ask for anything for that."""
    watched = watch()
    async with following(watched) as stream:
        await stream.data()
        watched.clock.now += 13 * 3600
        while not (end := await stream.next()).startswith("event: "):
            pass

    assert end.startswith("event: end")


async def test_it_ends_with_the_console(watch: Watch) -> None:
    """Else the proxy would wait for every browser that looks on."""
    watched = watch()
    watched.built.start()
    async with following(watched, pace=60) as stream:
        await stream.data()
        await watched.built.close()
        await asyncio.wait_for(stream.running, 10)

    assert stream.status == 200


async def test_streams_are_bounded(watch: Watch) -> None:
    """One more is told to come later; one that is closed makes place."""
    watched = watch()
    async with watched.client() as client:
        await watched.sign_in(client)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    application = FastAPI()
    application.include_router(event_routes(watched.built.console, seconds=0.01))
    streams = [Stream(application, cookie, "") for _ in range(MOST_STREAMS)]
    for stream in streams:
        await stream.data()
    refused = Stream(application, cookie, "")
    await asyncio.wait_for(refused.running, 10)
    await streams[0].close()
    again = Stream(application, cookie, "")
    await again.data()
    for stream in (*streams[1:], again):
        await stream.close()

    assert (refused.status, again.status) == (503, 200)


async def test_events_are_for_those_who_signed_in(watch: Watch) -> None:
    """No redirect: a browser would read the sign-in page as events."""
    async with watch().client() as client:
        assert (await client.get("/events")).status_code == 401
