"""How often an end user may guess, and how often an account is guessed at."""

from __future__ import annotations

import secrets

import pytest

from profiles.entry_guard import MOST_REFUSED, MOST_SUBMITTED, SECONDS, EntryGuard
from profiles.errors import TooManyEntries
from profiles.held_tokens import Entry, TokenKey

ALICE = TokenKey("orders", (), "alice", "f")
BOB = TokenKey("orders", (), "bob", "f")


def entry(number, account="alice"):
    return Entry({"username": account, "password": f"guess-{number}"}, {}, account=account)


@pytest.fixture
def guard():
    return EntryGuard()


def refuse(guard, key, number, now=0.0, account="alice"):
    guard.refused(guard.begin(key, entry(number, account), now))


def test_a_few_entries_are_tried_and_then_none_for_a_while(guard):
    """The wait is told, and ends with the oldest of them."""
    for number in range(MOST_REFUSED):
        refuse(guard, ALICE, number, 100.0 + number)

    with pytest.raises(TooManyEntries) as refused:
        guard.begin(ALICE, entry(99), 200.0)
    assert refused.value.retry_after == SECONDS - 100 + 1
    guard.begin(ALICE, entry(99), 100.0 + SECONDS)


def test_entries_under_way_count(guard):
    """Many at once are many guesses."""
    for number in range(MOST_REFUSED):
        guard.begin(ALICE, entry(number), 0.0)

    with pytest.raises(TooManyEntries):
        guard.begin(ALICE, entry(99), 0.0)


@pytest.mark.parametrize("spelt", ["victim", "VICTIM", " victim ", "\uff56ictim"])
def test_an_account_is_guarded_whoever_enters_it(spelt, guard):
    """A client that names new end users has no new guesses at it, nor has one who spells it otherwise."""
    for number in range(MOST_REFUSED):
        refuse(guard, TokenKey("orders", (), f"made-up-{number}", "f"), number, account="victim")

    with pytest.raises(TooManyEntries):
        guard.begin(BOB, entry(99, spelt), 0.0)
    guard.begin(BOB, entry(99, "another"), 0.0)


def test_captures_are_no_further_guesses(guard):
    """Each value of one would be five more at the same account."""
    for number in range(MOST_REFUSED):
        refuse(guard, TokenKey("orders", (("tenant", f"t{number}"),), "alice", "f"), number)

    with pytest.raises(TooManyEntries):
        guard.begin(TokenKey("orders", (("tenant", "another"),), "alice", "f"), entry(99), 0.0)


def test_an_end_user_is_bounded_whatever_accounts_they_enter(guard):
    """One password tried at many accounts is guessing too."""
    for number in range(MOST_REFUSED):
        refuse(guard, ALICE, number, account=f"account-{number}")

    with pytest.raises(TooManyEntries):
        guard.begin(ALICE, entry(1, "the-next"), 0.0)


def test_an_accepted_entry_ends_the_count_of_its_account_alone(guard):
    """Who has an account of their own cannot buy guesses at another's with it."""
    for number in range(MOST_REFUSED - 1):
        refuse(guard, ALICE, number, account="victim")
    guard.accepted(guard.begin(ALICE, entry(0, "mine"), 0.0))
    refuse(guard, ALICE, 10, account="victim")

    with pytest.raises(TooManyEntries):
        guard.begin(BOB, entry(11, "victim"), 0.0)
    with pytest.raises(TooManyEntries):
        guard.begin(ALICE, entry(12, "third"), 0.0)


def test_who_mistyped_begins_anew_once_it_was_right(guard):
    """What was wrong before is history."""
    for number in range(MOST_REFUSED - 1):
        refuse(guard, ALICE, number)
    guard.accepted(guard.begin(ALICE, entry(50), 0.0))

    for number in range(MOST_REFUSED):
        refuse(guard, ALICE, 100 + number)


def test_the_very_same_is_not_submitted_again(guard):
    """Nobody's password becomes right by being sent twice; a server counts it all the same."""
    refuse(guard, ALICE, 1)

    with pytest.raises(TooManyEntries, match="very same"):
        guard.begin(ALICE, entry(1), 1.0)
    guard.begin(ALICE, entry(1), SECONDS)


def test_an_entry_that_was_not_submitted_does_not_count(guard):
    """The way to the server was closed."""
    for _ in range(MOST_SUBMITTED * 2):
        guard.withdraw(guard.begin(ALICE, entry(1), 0.0))

    assert len(guard._attempts) == 0


def test_what_a_server_says_nothing_clear_of_is_bounded_too(guard):
    """A page, a silence or an error of its own may be how it says no; but the same may be tried again."""
    for _ in range(MOST_SUBMITTED):
        guard.unclear(guard.begin(ALICE, entry(1), 0.0))

    with pytest.raises(TooManyEntries):
        guard.begin(ALICE, entry(2), 0.0)


def test_what_was_entered_is_not_remembered(guard):
    """Only a keyed digest of it."""
    password, account = secrets.token_hex(), secrets.token_hex()
    entered = Entry({"password": password}, {"password": password}, account=account)
    guard.begin(ALICE, entered, 0.0)

    shown = f"{guard._attempts!r} {entered!r}"

    assert password not in shown
    assert account not in shown
