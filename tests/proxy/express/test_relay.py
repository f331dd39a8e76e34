"""Bytes between two streams: all of them, in order, no faster than they are taken, and how it ends."""

from __future__ import annotations

import pytest

from proxy.express.relay import Relay
from tests.proxy.express.memory_streams import MemoryStream


class World:
    """A relay between two streams; `ended` counts how often it said that it was over."""

    def __init__(self, first: bytes = b"", second: bytes = b"") -> None:
        self.first, self.second = MemoryStream(), MemoryStream()
        self.ended = 0
        self.relay = Relay(self.first, self.second, self._note)
        self.relay.start_second(second)
        self.relay.start_first(first)

    def _note(self, relay: Relay) -> None:
        assert relay is self.relay
        self.ended += 1

    def settle(self) -> None:
        for _ in range(3):
            self.first.settle()
            self.second.settle()


@pytest.fixture
def world() -> World:
    return World()


def ends(world: World, side: str) -> tuple[MemoryStream, MemoryStream]:
    """The side that is told of, and the other."""
    return (world.first, world.second) if side == "first" else (world.second, world.first)


both_ways = pytest.mark.parametrize("side", ["first", "second"])


@both_ways
def test_what_comes_at_one_end_goes_out_at_the_other(world: World, side: str) -> None:
    """Piece by piece, unseen."""
    near, far = ends(world, side)

    near.arrive(b"\x16\x03", b"", b"\0" * 10)

    assert far.take() == b"\x16\x03" + b"\0" * 10
    assert near.take() == b""


def test_what_was_read_before_goes_first() -> None:
    """In both directions."""
    world = World(first=b"hello", second=b"greeting")

    world.first.arrive(b" world")

    assert world.second.take() == b"hello world"
    assert world.first.take() == b"greeting"


@both_ways
def test_nothing_is_read_that_cannot_go_out(world: World, side: str) -> None:
    """Backpressure, for as long as the other end takes nothing."""
    near, far = ends(world, side)
    far.stop_taking()

    near.arrive(b"x" * 100_000, b"y" * 100_000)

    assert not near.is_reading
    assert far.get_write_buffer_size() == 100_000

    assert far.take() == b"x" * 100_000
    near.settle()
    assert near.is_reading
    assert far.take() == b"y" * 100_000


@both_ways
def test_one_half_may_end_before_the_other(world: World, side: str) -> None:
    """As `ssh` and plain sockets in tunnels do; the rest still comes."""
    near, far = ends(world, side)

    near.arrive_end()

    assert far.has_sent_end
    assert not far.is_closing()
    assert not near.is_closing()

    far.arrive(b"the rest")
    assert near.take() == b"the rest"

    far.arrive_end()
    world.settle()
    assert (near.is_lost, far.is_lost) == (True, True)
    assert (near.was_aborted, far.was_aborted) == (False, False)
    assert world.ended == 1


@both_ways
def test_a_reset_is_passed_on(world: World, side: str) -> None:
    """The other end is not made to believe that all was well."""
    near, far = ends(world, side)

    near.break_off()
    world.settle()

    assert far.was_aborted
    assert world.ended == 1


@both_ways
def test_a_close_of_ours_closes_the_other_end(world: World, side: str) -> None:
    """Without haste: what was written still goes."""
    near, far = ends(world, side)
    near.arrive(b"last words")

    near.close()
    world.settle()

    assert far.take() == b"last words"
    assert far.is_lost
    assert not far.was_aborted
    assert world.ended == 1


def test_a_relay_is_over_when_both_ends_are(world: World) -> None:
    """And says so once."""
    world.second.stop_taking()
    world.first.arrive(b"not taken yet")
    world.first.close()
    world.settle()

    assert world.ended == 0

    world.second.take()
    world.settle()
    assert world.ended == 1


def test_a_relay_can_be_broken_off(world: World) -> None:
    """Both ends at once."""
    world.relay.abort()
    world.settle()

    assert (world.first.was_aborted, world.second.was_aborted) == (True, True)
    assert world.ended == 1


def test_a_stream_that_cannot_end_by_half_is_closed(world: World) -> None:
    """Where its transport says so."""

    def refuse() -> None:
        raise OSError

    world.second.write_eof = refuse  # type: ignore[method-assign]

    world.first.arrive_end()

    assert world.second.is_closing()


def test_the_second_end_may_be_dropped_before_the_first_is_carried() -> None:
    """It hears of nothing any more, and the relay is none."""
    first, second = MemoryStream(), MemoryStream()
    ended: list[Relay] = []
    relay = Relay(first, second, ended.append)
    relay.start_second(b"")

    relay.drop_second()
    second.settle()

    assert second.was_aborted
    assert not first.is_closing()
    assert ended == []


@pytest.mark.parametrize(
    ("looks", "is_idle"),
    [
        pytest.param([(0, b""), (50, b"")], False, id="not-yet"),
        pytest.param([(0, b""), (101, b"")], True, id="idle"),
        pytest.param([(0, b""), (60, b"x"), (101, b"")], False, id="something-came"),
        pytest.param([(0, b"x"), (60, b"x"), (161, b"")], True, id="idle-since"),
    ],
)
def test_a_relay_on_which_nothing_moves_is_idle(
    world: World, looks: list[tuple[int, bytes]], is_idle: bool
) -> None:
    """Whichever way; it is looked at now and then, for 100 seconds here."""
    told = False
    for index, (now, data) in enumerate(looks):
        (world.first if index % 2 else world.second).arrive(data)
        told = world.relay.is_idle(1000 + now, 100)

    assert told is is_idle
