"""Connections to origins: shared, bounded, queued for, and closed when nobody needs them."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from profiles.errors import OriginBusy, OriginUnreachable
from profiles.requests import Origin
from proxy.express.dialling import Dialled
from proxy.express.origin_connection import OriginConnection
from proxy.express.pool import OriginPool
from proxy.express.ways import Way
from proxy.limit_settings import LimitSettings
from tests.proxy.express.lane_in_memory import settle
from tests.proxy.express.memory_streams import MemoryStream

pytestmark = pytest.mark.usefixtures("task_factory")

A, B = Origin("http", "a.test", 80), Origin("http", "b.test", 80)
TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def way() -> Way:
    return Way(None, False, TRUST, TRUST)  # noqa: FBT003


DIRECT = way()


class World:
    """A pool and what it has dialled; `refuses` makes the next dials fail."""

    def __init__(self, **limits: Any) -> None:
        self.streams: list[MemoryStream] = []
        self.limits: list[str] = []
        self.refuses = False
        self.may_dial = asyncio.Event()
        self.may_dial.set()
        self.pool = OriginPool(LimitSettings(**limits), self.limits.append, dial=self._dial)
        self.pool.now = 1000.0

    async def _dial(self, origin: Origin, way: Way, seconds: float) -> Dialled:
        await self.may_dial.wait()
        if self.refuses:
            raise OriginUnreachable("no")
        self.streams.append(MemoryStream())
        return Dialled(self.streams[-1], b"", has_ended=False)

    async def used(self, origin: Origin = A, by: Way = DIRECT) -> OriginConnection:
        """A connection in use."""
        return self.pool.take(origin, by, is_safe_to_repeat=True) or await self.pool.open(origin, by)

    def waiting(self, origin: Origin = A) -> asyncio.Task[OriginConnection]:
        """A request that wants a connection."""
        return asyncio.create_task(self.used(origin))

    def pass_time(self, seconds: float) -> None:
        self.pool.now += seconds
        self.pool.look_after(self.pool.now)


@pytest.fixture
async def world() -> World:
    return World()


async def test_a_connection_is_used_again(world: World) -> None:
    """The one used last, for it is the least likely to have been closed."""
    first, second = await world.used(), await world.used()
    world.pool.answered(first, reusable=True)
    world.pool.answered(second, reusable=True)

    assert await world.used() is second
    assert second.is_reused
    assert await world.used() is first
    assert len(world.streams) == 2


@pytest.mark.parametrize(
    ("origin", "by"),
    [
        pytest.param(B, DIRECT, id="another-origin"),
        pytest.param(Origin("http", "a.test", 81), DIRECT, id="another-port"),
        pytest.param(Origin("https", "a.test", 80), DIRECT, id="another-scheme"),
        pytest.param(A, way(), id="another-way"),
    ],
)
async def test_a_connection_is_for_one_origin_by_one_way(world: World, origin: Origin, by: Way) -> None:
    """I1: whose certificate was believed, and what was presented, is the way's."""
    world.pool.answered(await world.used(), reusable=True)

    assert world.pool.take(origin, by, is_safe_to_repeat=True) is None


async def test_an_idle_connection_that_has_ended_is_not_taken(world: World) -> None:
    """Whether that was heard already or not."""
    for how in ("lost", "closing"):
        world.pool.answered(await world.used(), reusable=True)
        if how == "lost":
            world.streams[-1].break_off()
        else:
            world.streams[-1].close()

        assert world.pool.take(A, DIRECT, is_safe_to_repeat=True) is None
        await settle()
        assert world.pool.open_connections == 0
    assert world.pool._places == {}


async def test_who_may_not_be_repeated_gets_a_young_one_alone(world: World) -> None:
    """An old one may be closed by its origin at this moment."""
    world.pool.answered(await world.used(), reusable=True)

    world.pass_time(3)
    assert world.pool.take(A, DIRECT, is_safe_to_repeat=False) is None
    connection = world.pool.take(A, DIRECT, is_safe_to_repeat=True)
    assert connection is not None

    world.pool.answered(connection, reusable=True)
    world.pass_time(1)
    assert world.pool.take(A, DIRECT, is_safe_to_repeat=False) is connection


async def test_an_idle_connection_is_kept_for_a_while(world: World) -> None:
    """Then it is closed, and nothing is left of its origin."""
    limit = world.pool.limits.origin_idle_timeout
    world.pool.answered(await world.used(), reusable=True)

    world.pass_time(limit)
    assert world.pool.open_connections == 1
    world.pass_time(1)
    await settle()

    assert world.streams[0].is_lost
    assert not world.streams[0].was_aborted
    assert world.pool.open_connections == 0
    assert world.pool._places == {}


async def test_only_so_many_idle_connections_are_kept() -> None:
    """Of one origin; the others are closed when they have answered."""
    world = World(origin_idle_connections=2)
    connections = [await world.used() for _ in range(3)]

    for connection in connections:
        world.pool.answered(connection, reusable=True)

    assert [stream.is_closing() for stream in world.streams] == [False, False, True]
    assert world.pool.open_connections == 2


@pytest.mark.parametrize("reusable", [True, False])
async def test_a_connection_that_may_not_go_on_is_closed(world: World, reusable: bool) -> None:
    """As its answer said, or because it has ended."""
    connection = await world.used()
    if reusable:
        world.streams[0].close()

    world.pool.answered(connection, reusable=reusable)

    assert world.streams[0].is_closing()
    assert world.pool.open_connections == 0
    assert world.pool._places == {}


async def test_no_more_requests_than_the_limit_are_in_flight() -> None:
    """The next ones wait, in their order, for one that has its answer; idle connections are theirs."""
    world = World(requests_per_origin=2)
    first, second = await world.used(), await world.used()
    third, fourth = world.waiting(), world.waiting()
    await settle()
    assert not third.done()
    other = await world.used(B)

    world.pool.answered(first, reusable=True)
    await settle()
    assert third.result() is first
    assert not fourth.done()
    world.pool.answered(second, reusable=False)
    await settle()

    assert fourth.result() not in (first, second)
    assert len(world.streams) == 4
    assert other.is_open
    assert world.limits == ["requests_per_origin"] * 2


async def test_who_comes_later_does_not_overtake_who_waits() -> None:
    """Also where a connection is idle at that moment."""
    world = World(requests_per_origin=1)
    first = await world.used()
    second = world.waiting()
    await settle()

    world.pool.answered(first, reusable=True)
    third = world.waiting()
    await settle()

    assert second.done()
    assert not third.done()
    world.pool.answered(second.result(), reusable=True)
    await settle()
    assert third.done()


async def test_the_limit_holds_also_for_idle_connections() -> None:
    """Those that wait for nobody make no more requests possible."""
    world = World(requests_per_origin=2)
    first = await world.used()
    second = await world.used()
    world.pool.answered(first, reusable=True)
    world.pass_time(3)
    third = await world.pool.open(A, DIRECT, is_fresh=True)

    fourth = world.waiting()
    await settle()

    assert not fourth.done()
    world.pool.answered(second, reusable=False)
    await settle()
    assert fourth.result() is first
    assert third.is_open


async def test_only_so_many_wait() -> None:
    """One more is refused at once."""
    world = World(requests_per_origin=1, queue_per_origin=2)
    await world.used()
    waiting = [world.waiting(), world.waiting()]
    await settle()

    with pytest.raises(OriginBusy):
        await world.used()

    for task in waiting:
        task.cancel()


async def test_nobody_waits_for_ever() -> None:
    """After the time for it, it is refused; the next one in the queue is not affected."""
    world = World(requests_per_origin=1, queue_timeout=0.01)
    await world.used()

    with pytest.raises(OriginBusy):
        await world.used()

    assert world.pool._places[A, DIRECT].queue == type(world.pool._places[A, DIRECT].queue)()


async def test_who_leaves_the_queue_leaves_its_turn_to_the_next() -> None:
    """Before its turn, and in the moment of it."""
    world = World(requests_per_origin=1)
    first = await world.used()
    second, third, fourth = world.waiting(), world.waiting(), world.waiting()
    await settle()

    second.cancel()
    await settle()
    world.pool.answered(first, reusable=True)
    third.cancel()
    await settle()

    assert fourth.result() is first


async def test_who_leaves_as_its_turn_comes_leaves_nothing_behind() -> None:
    """Where nobody waits for it."""
    world = World(requests_per_origin=1)
    first = await world.used()
    second = world.waiting()
    await settle()

    world.pool.answered(first, reusable=False)
    second.cancel()
    await settle()

    assert world.pool._places == {}


async def test_a_dial_that_fails_makes_room_for_the_next(world: World) -> None:
    """The limit counts what there is, not what was tried."""
    world = World(requests_per_origin=1)
    world.refuses = True
    for _ in range(3):
        with pytest.raises(OriginUnreachable):
            await world.used()
    assert world.pool._places == {}

    world.may_dial.clear()
    first, second = world.waiting(), world.waiting()
    await settle()
    world.may_dial.set()
    await settle()
    assert isinstance(first.exception(), OriginUnreachable)
    assert isinstance(second.exception(), OriginUnreachable)
    assert world.pool._places == {}


async def test_a_dial_that_is_given_up_makes_room_for_the_next() -> None:
    """Its client has left."""
    world = World(requests_per_origin=1)
    world.may_dial.clear()
    first, second = world.waiting(), world.waiting()
    await settle()

    first.cancel()
    world.may_dial.set()
    await settle()

    assert second.result().is_open


@pytest.mark.parametrize(
    "dialled", [(b"HTTP/1.1 200 OK\r\n\r\n", False), (b"", True)], ids=["speaks", "ends"]
)
async def test_an_origin_that_does_not_wait_to_be_asked_is_none(dialled: tuple[bytes, bool]) -> None:
    """What it says is no answer to anything."""
    stream = MemoryStream(OriginConnection.__new__(OriginConnection))

    async def dial(origin: Origin, way: Way, seconds: float) -> Dialled:
        return Dialled(stream, *dialled)

    pool = OriginPool(LimitSettings(), lambda _: None, dial=dial)

    with pytest.raises(OriginUnreachable):
        await pool.open(A, DIRECT)
    assert stream.was_aborted
    assert pool._places == {}


async def test_what_comes_on_an_idle_connection_as_it_is_read_again_ends_it(world: World) -> None:
    """It was held back when its answer ended, with something behind that; it counts once."""
    connection = await world.used()
    other = await world.used()
    connection.hold_back()
    world.streams[0].arrive(b"HTTP/1.1 200 OK\r\n\r\n")

    world.pool.answered(connection, reusable=True)
    await settle()

    assert world.streams[0].is_lost
    assert world.pool.open_connections == 1
    assert world.pool._places[A, DIRECT].in_flight == 1
    world.pool.answered(other, reusable=False)
    assert world.pool._places == {}


async def test_a_closed_pool_has_no_connections(world: World) -> None:
    """Neither idle ones nor others."""
    world.pool.answered(await world.used(), reusable=True)
    await world.used()
    await world.used(B)

    world.pool.close()
    await settle()

    assert all(stream.was_aborted for stream in world.streams)
    assert world.pool.open_connections == 0
    assert world.pool._places == {}
