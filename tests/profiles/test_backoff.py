"""Waiting times that double while a thing goes on failing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.backoff import Backoff


def test_it_holds_from_a_failure_to_its_time_and_not_beyond():
    """A new one holds nothing."""
    backoff = Backoff(10.0, 300.0)
    held = backoff.holds(0.0)
    backoff.fail(100.0)

    assert not held
    assert [backoff.holds(now) for now in (100.0, 109.9, 110.0)] == [True, True, False]


def test_a_wish_may_lengthen_it_and_never_shortens_it():
    """`at_least` is what a Retry-After asks for."""
    backoff = Backoff(10.0, 300.0)
    backoff.fail(0.0, at_least=42.0)
    first = backoff.until
    backoff.fail(0.0, at_least=5.0)

    assert (first, backoff.until) == (42.0, 20.0)


@given(
    first=st.integers(1, 60), longest=st.integers(60, 600), times=st.lists(st.integers(0, 1000), min_size=1)
)
@settings(max_examples=200, deadline=None)
def test_each_failure_waits_twice_as_long_up_to_the_longest(first, longest, times):
    """Whenever they come."""
    backoff, lengths = Backoff(first, longest), []
    for now in times:
        backoff.fail(now)
        lengths.append(backoff.until - now)

    assert lengths == [min(first * 2**number, longest) for number in range(len(times))]
