"""Failed sign-ins by address, and when an address has had enough."""

from __future__ import annotations

import pytest

from proxy.console.attempts import MOST_FAILURES, REMEMBERED_ADDRESSES, SECONDS, Attempts
from tests.proxy.console.conftest import Clock


def failed(attempts: Attempts, address: str, times: int) -> None:
    for _ in range(times):
        attempts.note(address)


def test_ten_failures_in_a_minute_are_enough() -> None:
    """The eleventh is not looked at."""
    attempts = Attempts(Clock(1000.0))
    failed(attempts, "192.0.2.1", MOST_FAILURES - 1)
    before = attempts.seconds_to_wait("192.0.2.1")
    attempts.note("192.0.2.1")

    assert (before, attempts.seconds_to_wait("192.0.2.1")) == (0, 60)
    assert attempts.seconds_to_wait("192.0.2.2") == 0


def test_the_minute_moves_on() -> None:
    """As each failure is a minute old, there may be another."""
    clock = Clock(1000.0)
    attempts = Attempts(clock)
    for second in range(MOST_FAILURES):
        clock.now = 1000.0 + second
        attempts.note("192.0.2.1")
    clock.now = 1000.0 + SECONDS
    first = attempts.seconds_to_wait("192.0.2.1")
    attempts.note("192.0.2.1")

    assert (first, attempts.seconds_to_wait("192.0.2.1")) == (0, 1)


def test_an_attempt_that_was_right_takes_back_no_others() -> None:
    """Else somebody who knows one secret could try another one for ever."""
    attempts = Attempts(Clock(1000.0))
    failed(attempts, "192.0.2.1", MOST_FAILURES - 1)
    for _ in range(3):
        attempts.note("192.0.2.1")
        attempts.withdraw("192.0.2.1")
    attempts.note("192.0.2.1")

    assert attempts.seconds_to_wait("192.0.2.1") == 60


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
    ],
)
def test_addresses_of_one_network_count_together(first: str, second: str, is_one: bool) -> None:
    """Whoever has an IPv6 address has its whole /64."""
    attempts = Attempts(Clock(1000.0))
    failed(attempts, first, MOST_FAILURES)

    assert (attempts.seconds_to_wait(second) > 0) is is_one


def test_addresses_are_bounded() -> None:
    """Whoever has many of them costs no memory."""
    attempts = Attempts(Clock(1000.0))
    for number in range(REMEMBERED_ADDRESSES + 10):
        attempts.note(f"10.0.{number // 256}.{number % 256}")

    assert len(attempts._failures) == REMEMBERED_ADDRESSES
