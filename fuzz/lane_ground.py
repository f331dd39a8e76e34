"""The lane that is fuzzed: in memory, with one profile for api.test, and no way to a network."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any

from mitmproxy.certs import CertStore

from tests.profiles.token_ground import Server
from tests.proxy.express.lane_in_memory import LaneInMemory, composed, settle
from tests.proxy.express.memory_streams import MemoryStream

AUTHORITY = b"api.test"
REJECTING = 599
"""The status that means a token is not accepted. What comes behind such an answer may be the next one's."""
PROFILE = {"auth_error": [REJECTING]}


class InvariantError(AssertionError):
    """An invariant that does not hold."""


@cache
def _parts() -> tuple[Any, CertStore]:
    with tempfile.TemporaryDirectory() as folder:
        store = CertStore.from_store(folder, "mitmproxy", 2048)
        server = Server()
        # One token for as long as it is fuzzed: nothing may differ but by where it was torn.
        server.lifetime = 1e9
        # Whatever is nobody's is refused, so that no tunnel is dialled.
        return composed(Path(folder), server, PROFILE, unmatched="refuse"), store


def new_lane() -> LaneInMemory:
    """To be called on the loop."""
    return LaneInMemory(*_parts())


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # As `serve` has it.
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


async def leave(lane: LaneInMemory, client: MemoryStream) -> None:
    """Has the client leave, and everything with it."""
    client.break_off()
    await settle()
    lane.lane.pool.close()
    await settle()
    holds(not lane.lane._clients, "a client is left over")
    holds(not lane.lane._relays, "a relay is left over")
    holds(not lane.lane.pool._places, "a place for an origin is left over")


def run(steps: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs *steps* to their end. Raises InvariantError also where something failed behind them."""
    loop = _loop()
    faults: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    loop.run_until_complete(steps())
    if faults:
        error = faults[0].get("exception")
        raise InvariantError(faults[0]["message"]) from error


def holds(condition: object, what: str) -> None:
    """Raises InvariantError unless *condition*."""
    if not condition:
        raise InvariantError(what)
