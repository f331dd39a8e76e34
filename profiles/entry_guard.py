"""Keeps an end user, or whoever holds their link, from guessing until an account is locked, or found out."""

from __future__ import annotations

import hmac
import json
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from cachetools import LRUCache

from profiles.errors import TooManyEntries
from profiles.held_tokens import Entry, TokenKey

MOST_REFUSED = 5
"""Entries in SECONDS, those under way included. Servers lock an account after five to ten."""

MOST_SUBMITTED = 10
"""The same, with those of which the server did not say what was wrong: a page or a silence may be a no."""

SECONDS = 600.0

REMEMBERED = 10_000
"""End users, and accounts."""


class _Outcome(Enum):
    UNDER_WAY = "under way"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(slots=True, eq=False)
class Attempt:
    """One entry that is submitted; its repr tells nothing of it."""

    at: float
    places: tuple[tuple[str, ...], ...]
    """The end user it is for, and the account that it names."""
    digest: bytes
    outcome: _Outcome = _Outcome.UNDER_WAY

    def __repr__(self) -> str:
        return f"Attempt({self.outcome.value})"


class EntryGuard:
    """Counts entries by the end user they are for and by the account they name, whoever enters it.

    What was entered is known by keyed digests alone.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._attempts: LRUCache[tuple[str, ...], list[Attempt]] = LRUCache(REMEMBERED)

    def begin(self, key: TokenKey, entry: Entry, now: float) -> Attempt:
        """An entry is about to be submitted, and counts as refused until more is known.

        Raises TooManyEntries after too many, and for the very entry that was refused already.
        """
        user = ("user", key.profile, json.dumps(key.captures), key.user)
        # Whatever the captures: each value of one would be as many guesses more.
        account = ("account", key.profile, self._digest(_account(entry)).hex())
        attempt = Attempt(now, (user, account), self._digest(json.dumps(dict(entry.values), default=str)))
        for place in attempt.places:
            self._check(list(self._recent(place, now)), attempt, key.profile)
        for place in attempt.places:
            self._attempts[place] = [*self._recent(place, now), attempt]
        return attempt

    def refused(self, attempt: Attempt) -> None:
        """The authorization server said no."""
        attempt.outcome = _Outcome.REFUSED

    def unclear(self, attempt: Attempt) -> None:
        """It may have been submitted, and nobody knows what the server made of it."""
        attempt.outcome = _Outcome.UNCLEAR

    def withdraw(self, attempt: Attempt) -> None:
        """It was not submitted."""
        for place in attempt.places:
            self._keep(place, [item for item in self._attempts.get(place, ()) if item is not attempt])

    def accepted(self, attempt: Attempt) -> None:
        """It was taken: what was refused of that account before does not count any more."""
        _, account = attempt.places
        for place in attempt.places:
            left = [item for item in self._attempts.get(place, ()) if account not in item.places]
            self._keep(place, left)

    def _recent(self, place: tuple[str, ...], now: float) -> Iterator[Attempt]:
        return (item for item in self._attempts.get(place, ()) if now - item.at < SECONDS)

    def _keep(self, place: tuple[str, ...], attempts: list[Attempt]) -> None:
        if attempts:
            self._attempts[place] = attempts
        else:
            self._attempts.pop(place, None)

    def _check(self, before: list[Attempt], attempt: Attempt, profile: str) -> None:
        told = [item for item in before if item.outcome is not _Outcome.UNCLEAR]
        same = [item for item in told if hmac.compare_digest(item.digest, attempt.digest)]
        if same:
            detail, since = "the very same was entered before, and was not accepted", same[-1].at
        elif len(told) >= MOST_REFUSED:
            detail, since = f"{len(told)} entries were not accepted", told[-MOST_REFUSED].at
        elif len(before) >= MOST_SUBMITTED:
            detail, since = f"{len(before)} entries came to nothing", before[-MOST_SUBMITTED].at
        else:
            return
        wait = int(since + SECONDS - attempt.at) + 1
        raise TooManyEntries(f"{detail}; one more might lock the account", profile=profile, retry_after=wait)

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), "sha256")


def _account(entry: Entry) -> str:
    """Whose password it is; servers tell neither case nor spaces nor compatible characters apart."""
    return unicodedata.normalize("NFKC", entry.account).casefold().strip()
