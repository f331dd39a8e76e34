"""What is remembered of requests that have ended."""

from __future__ import annotations

from profiles.access_records import AccessRecord
from profiles.recent_requests import MAXIMUM_PROFILES, REMEMBERED, RecentRequests


def record(profile, path="/"):
    return AccessRecord(
        "bot",
        profile,
        "https://api.example.com",
        "GET",
        path,
        200,
        None,
        "cached",
        replayed=False,
        duration=0.1,
    )


def test_the_last_of_each_profile_come_first():
    """A busy profile takes no room from the others."""
    recent = RecentRequests()
    recent.add(record("stock"), 1.0)
    for number in range(REMEMBERED + 10):
        recent.add(record("orders", f"/{number}"), float(number))

    orders = recent.of("orders")

    assert len(orders) == REMEMBERED
    assert (orders[0].record.path, orders[0].at) == (f"/{REMEMBERED + 9}", float(REMEMBERED + 9))
    assert [item.at for item in recent.of("stock")] == [1.0]


def test_what_no_profile_owns_is_not_remembered():
    """Where somebody goes besides is their own business."""
    recent = RecentRequests()
    recent.add(record(None), 1.0)

    assert recent.of("") == ()
    assert len(recent._by_profile) == 0


def test_memory_is_bounded_whatever_there_is():
    """The profile whose first request came longest ago is forgotten first."""
    recent = RecentRequests()
    for number in range(MAXIMUM_PROFILES + 1):
        recent.add(record(f"p{number}"), 1.0)

    assert recent.of("p0") == ()
    assert len(recent.of("p1")) == 1
