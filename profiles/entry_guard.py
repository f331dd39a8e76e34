"""Keeps an end user, or whoever holds their link, from guessing until the account is locked."""

from __future__ import annotations

import hmac
import json
import secrets
from collections import deque

from cachetools import LRUCache

from profiles.errors import TooManyEntries
from profiles.held_tokens import Entry, TokenKey

MAXIMUM_REFUSED = 5
"""Entries of one key in SECONDS. Servers lock an account after five to ten."""

SECONDS = 600.0

REMEMBERED_KEYS = 10_000


class EntryGuard:
    """Counts the entries that authorization servers refused, and knows each by its digest alone."""

    def __init__(self) -> None:
        self._digest_key = secrets.token_bytes(32)
        self._refused: LRUCache[TokenKey, deque[tuple[float, bytes]]] = LRUCache(REMEMBERED_KEYS)

    def begin(self, key: TokenKey, entry: Entry, now: float) -> None:
        """An entry is about to be submitted, and counts as refused until it is not.

        Raises TooManyEntries after too many, and for the very entry that was submitted already.
        """
        refused = self._refused.get(key)
        if refused is None:
            refused = self._refused[key] = deque(maxlen=MAXIMUM_REFUSED)
        while refused and now - refused[0][0] >= SECONDS:
            refused.popleft()
        if len(refused) >= MAXIMUM_REFUSED:
            wait = int(refused[0][0] + SECONDS - now) + 1
            raise TooManyEntries(
                f"{MAXIMUM_REFUSED} entries were refused; one more might lock the account",
                profile=key.profile,
                retry_after=wait,
            )
        digest = self._digest(entry)
        for at, known in refused:
            if hmac.compare_digest(known, digest):
                raise TooManyEntries(
                    "the very same was submitted before, and is not tried again",
                    profile=key.profile,
                    retry_after=int(at + SECONDS - now) + 1,
                )
        refused.append((now, digest))

    def withdraw(self, key: TokenKey, entry: Entry) -> None:
        """The authorization server has said nothing about it."""
        digest = self._digest(entry)
        left = [item for item in self._refused.get(key, ()) if not hmac.compare_digest(item[1], digest)]
        self._refused[key] = deque(left, maxlen=MAXIMUM_REFUSED)

    def accepted(self, key: TokenKey) -> None:
        """It was taken: what was refused before does not count any more."""
        self._refused.pop(key, None)

    def _digest(self, entry: Entry) -> bytes:
        text = json.dumps(dict(entry.values), sort_keys=True, default=str)
        return hmac.digest(self._digest_key, text.encode(), "sha256")
