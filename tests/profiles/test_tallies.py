"""What is observed, counted."""

from __future__ import annotations

import math

from profiles.tallies import Histogram, Tallies


def test_a_histogram_counts_up_to_each_bound():
    """An observation on a bound belongs to it, one above all bounds to infinity."""
    histogram = Histogram((1.0, 2.0))

    for value in (0.5, 1.0, 1.5, 2.0, 3.0):
        histogram.observe(value)

    assert list(histogram.cumulative()) == [(1.0, 2), (2.0, 4), (math.inf, 5)]
    assert (histogram.count, histogram.sum) == (5, 8.0)


def test_requests_are_counted_by_profile_and_outcome():
    """And replays beside them, as they are requests too."""
    tallies = Tallies()

    tallies.request_ended("orders", "forwarded", replayed=True)
    tallies.request_ended("orders", "forwarded", replayed=False)
    tallies.request_ended("", "origin_not_allowed", replayed=False)

    assert tallies.requests == {("orders", "forwarded"): 2, ("", "origin_not_allowed"): 1}
    assert tallies.replays == {"orders": 1}


def test_limits_are_counted_by_name():
    """Whatever limits a lane has."""
    tallies = Tallies()

    tallies.limit_reached("connections")
    tallies.limit_reached("connections")
    tallies.limit_reached("idle_timeout")

    assert tallies.limits_reached == {"connections": 2, "idle_timeout": 1}


def test_token_requests_are_counted_and_timed():
    """Each profile has a histogram of its own: authorization servers differ."""
    tallies = Tallies()

    tallies.token_requested("orders", "password", "granted", 0.03)
    tallies.token_requested("other", "refresh", "token_request_rejected", 0.3)

    assert tallies.token_requests == {
        ("orders", "password", "granted"): 1,
        ("other", "refresh", "token_request_rejected"): 1,
    }
    assert tallies.token_request_seconds["orders"].sum == 0.03
