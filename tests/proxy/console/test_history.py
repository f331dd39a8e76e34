"""The last hour by minute, from what the tallies have counted."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from profiles.tallies import Tallies
from proxy.console.history import MOST_PROFILES, History
from tests.proxy.console.conftest import Clock

START = 60.0 * 1_000_000


class Ground:
    """A history that begins with a minute, and the tallies that it looks at."""

    def __init__(self) -> None:
        self.clock = Clock(START)
        self.tallies = Tallies()
        self.history = History(lambda: self.tallies, clock=self.clock)

    def requests(self, count: int, profile: str = "orders", outcome: str = "forwarded") -> None:
        for _ in range(count):
            self.tallies.request_ended(profile, outcome, replayed=False)
        self.history.sample()

    def token_request(self, outcome: str, profile: str = "orders", grant: str = "password") -> None:
        self.tallies.token_requested(profile, grant, outcome, 0.1)


def test_each_minute_has_what_was_counted_in_it() -> None:
    """The current one is the last; nothing is counted twice."""
    ground = Ground()
    ground.requests(3)
    ground.requests(2, outcome="hosts_disagree")
    ground.clock.now += 60
    ground.requests(4)
    ground.clock.now += 120

    assert ground.history.all().requests[-5:] == (0, 5, 4, 0, 0)
    assert ground.history.of("orders").requests[-5:] == (0, 5, 4, 0, 0)
    assert len(ground.history.all().requests) == 60
    assert ground.history.all().ends_at == START + 180


def test_an_hour_later_it_is_forgotten() -> None:
    """The minute before that still knows."""
    ground = Ground()
    ground.requests(3)
    ground.clock.now += 59 * 60
    before = sum(ground.history.all().requests)
    ground.clock.now += 60

    assert (before, sum(ground.history.all().requests)) == (3, 0)


@pytest.mark.parametrize("minutes", [1, 59, 60, 61, 1000])
def test_what_comes_after_a_silence_is_alone(minutes: int) -> None:
    """However long the silence was."""
    ground = Ground()
    ground.requests(3)
    ground.clock.now += minutes * 60
    ground.requests(7)

    expected = 10 if minutes < 60 else 7
    assert sum(ground.history.all().requests) == expected
    assert ground.history.all().requests[-1] == 7


def test_a_clock_that_is_set_back_loses_nothing() -> None:
    """What comes meanwhile counts to the latest minute."""
    ground = Ground()
    ground.requests(3)
    ground.clock.now -= 600
    ground.requests(4)

    assert sum(ground.history.all().requests) == 7


def test_profiles_are_counted_apart() -> None:
    """A request that none owns counts in all."""
    ground = Ground()
    ground.requests(3, "orders")
    ground.requests(2, "billing")
    ground.requests(1, "")
    ground.token_request("granted", "billing", "refresh")
    ground.history.sample()

    assert sum(ground.history.all().requests) == 6
    assert sum(ground.history.of("orders").requests) == 3
    assert sum(ground.history.of("billing").requests) == 2
    assert (sum(ground.history.all().renewals), sum(ground.history.of("orders").renewals)) == (1, 0)
    assert (ground.history.knows("billing"), ground.history.knows("nobody")) == (True, False)
    assert sum(ground.history.of("nobody").requests) == 0


@pytest.mark.parametrize(
    ("outcomes", "is_failing"),
    [
        (["token_request_rejected"], True),
        (["token_endpoint_unreachable", "token_endpoint_unreachable"], True),
        (["granted"], False),
        (["granted", "token_request_rejected"], True),
        (["token_request_rejected", "granted"], False),
        (["token_request_rejected", "cancelled"], True),
        (["cancelled"], False),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, list) else str(value),
)
def test_a_profile_fails_until_a_token_is_granted(outcomes: list[str], is_failing: bool) -> None:
    """A request that was given up says nothing."""
    ground = Ground()
    for outcome in outcomes:
        ground.token_request(outcome)
        ground.history.sample()

    assert ("orders" in ground.history.failing) is is_failing


def test_profiles_are_bounded() -> None:
    """Those that were active last stay."""
    ground = Ground()
    for number in range(MOST_PROFILES + 1):
        ground.tallies.request_ended(f"p{number}", "forwarded", replayed=False)
    ground.history.sample()

    assert sum(ground.history.all().requests) == MOST_PROFILES + 1
    assert not ground.history.knows("p0")
    assert ground.history.knows(f"p{MOST_PROFILES}")


async def test_it_samples_from_its_start_on() -> None:
    """And not before somebody asks; it ends when it is cancelled."""
    ground = Ground()
    ground.tallies.request_ended("orders", "forwarded", replayed=False)
    running = asyncio.create_task(ground.history.run())
    while not ground.history.knows("orders"):
        await asyncio.sleep(0)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    assert running.cancelled()
    assert sum(ground.history.all().requests) == 1
