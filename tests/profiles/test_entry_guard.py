"""How often an end user may guess."""

from __future__ import annotations

import secrets

import pytest

from profiles.entry_guard import MAXIMUM_REFUSED, SECONDS, EntryGuard
from profiles.errors import TooManyEntries
from profiles.held_tokens import Entry, TokenKey

ALICE = TokenKey("orders", (), "alice", "f")
BOB = TokenKey("orders", (), "bob", "f")


def entry(number):
    return Entry({"username": "alice", "password": f"guess-{number}"}, {})


def test_a_few_entries_are_tried_and_then_none_for_a_while():
    """The wait is told, and ends; another end user is not held up."""
    guard = EntryGuard()
    for number in range(MAXIMUM_REFUSED):
        guard.begin(ALICE, entry(number), 100.0 + number)

    with pytest.raises(TooManyEntries) as refused:
        guard.begin(ALICE, entry(99), 200.0)
    assert refused.value.retry_after == SECONDS - 100 + 1
    guard.begin(BOB, entry(99), 200.0)
    guard.begin(ALICE, entry(99), 100.0 + SECONDS)


def test_the_very_same_is_not_submitted_again():
    """Nobody's password becomes right by being sent twice; a server counts it all the same."""
    guard = EntryGuard()
    guard.begin(ALICE, entry(1), 0.0)

    with pytest.raises(TooManyEntries, match="very same"):
        guard.begin(ALICE, entry(1), 1.0)
    guard.begin(ALICE, entry(1), SECONDS)


def test_an_entry_that_was_not_judged_does_not_count():
    """The authorization server was away."""
    guard = EntryGuard()
    for _ in range(MAXIMUM_REFUSED * 2):
        guard.begin(ALICE, entry(1), 0.0)
        guard.withdraw(ALICE, entry(1))

    guard.begin(ALICE, entry(1), 0.0)


def test_an_accepted_entry_ends_the_count():
    """What was wrong before is history."""
    guard = EntryGuard()
    for number in range(MAXIMUM_REFUSED):
        guard.begin(ALICE, entry(number), 0.0)
    guard.accepted(ALICE)

    guard.begin(ALICE, entry(1), 0.0)


def test_what_was_entered_is_not_remembered():
    """Only a keyed digest of it."""
    password = secrets.token_hex()
    guard = EntryGuard()
    guard.begin(ALICE, Entry({"password": password}, {}), 0.0)

    held = [item for items in guard._refused.values() for item in items]

    assert password not in repr(held)
    assert password not in repr(Entry({"password": password}, {"password": password}))
