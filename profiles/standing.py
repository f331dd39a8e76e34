"""What one process remembers of one key: its token, what was rejected, what has to wait."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from profiles.backoff import Backoff
from profiles.cooldown import Cooldown
from profiles.held_tokens import HeldToken, TokenKey
from profiles.pause import Pause

REMEMBERED_REJECTIONS = 32
"""Of one key. An authorization server that repeats itself repeats one of its last tokens."""


def _background() -> Backoff:
    return Backoff(1.0, 60.0)


@dataclass(slots=True)
class Standing:
    """`current` is what requests may carry. `latest` is the last token that was had, which stays for its
    refresh token when `current` is gone; where both are there, they may be one."""

    current: HeldToken | None = None
    latest: HeldToken | None = None
    unsaved: bool = False
    """The store was away when `latest` was had: what is in memory is newer than what it holds."""
    generation: int = 0
    """Counts how often what is held was done away with, be it cleared or by what an end user has entered: a
    run that started before must not bring back what it knew."""
    clears: int = 0
    """How often an operator had it forgotten."""
    cooldown: Cooldown | None = None
    gave_up_at: float | None = None
    """When a rejected token was last renewed without a replay that could have shown whether that helps."""
    pause: Pause = field(default_factory=Pause)
    entry_pause: Pause = field(default_factory=Pause)
    """For what an end user enters. It does not hold up the renewal of what they have: a typo is no outage."""
    background: Backoff = field(default_factory=_background)
    rejections: deque[bytes] = field(default_factory=lambda: deque(maxlen=REMEMBERED_REJECTIONS), repr=False)

    def reject(self, rejected: HeldToken) -> None:
        """Forgets *rejected*, unless a newer token has already taken its place.

        Compared is the string that the origin saw: a token that was cleared and came back from the store
        is another object and the same token.
        """
        digest = _digest(rejected.access_token)
        if digest not in self.rejections:
            self.rejections.append(digest)
        if self.is_current(rejected):
            self.current = None

    def is_current(self, token: HeldToken) -> bool:
        """Whether requests carry *token* now, under whatever object."""
        return self.current is not None and self.current.access_token == token.access_token

    def was_rejected(self, token: HeldToken) -> bool:
        """Whether an origin has said no to this access token, under whatever object."""
        return bool(self.rejections) and _digest(token.access_token) in self.rejections

    def adopt(self, token: HeldToken) -> None:
        """*token* is the latest, and the one to use unless it was rejected before."""
        self.latest = token
        if self.current is None or self.current.access_token != token.access_token:
            self.current = None if self.was_rejected(token) else token
        elif (token.expires_at, token.obtained_at) != (self.current.expires_at, self.current.obtained_at):
            self.current = token

    def believe(self, token: HeldToken) -> None:
        """Uses *token* although it was rejected: the authorization server has given it out once more."""
        digest = _digest(token.access_token)
        if digest in self.rejections:
            self.rejections.remove(digest)
        self.current = token

    def live_refresh_token(self, now: float) -> str | None:
        """The refresh token to send: one that has died or expired is not."""
        latest = self.latest
        if latest is None or (latest.refresh_expires_at is not None and now >= latest.refresh_expires_at):
            return None
        return latest.refresh_token

    @property
    def had_refresh_token(self) -> bool:
        """Whether a refresh token was ever held; a dead one stays in its place to tell."""
        return self.latest is not None and self.latest.refresh_token is not None

    def bury_refresh_token(self) -> HeldToken | None:
        """Marks the refresh token as dead: it is kept, never sent, and outlives the process as that."""
        if self.latest is not None:
            self.latest = replace(self.latest, refresh_expires_at=0.0)
        return self.latest

    def cools(self, now: float) -> bool:
        return self.cooldown is not None and self.cooldown.holds(now)

    def cooled(self, first: float) -> Cooldown:
        """The cooldown of the key, which begins with *first* seconds."""
        if self.cooldown is None:
            self.cooldown = Cooldown(first)
        return self.cooldown

    def renewal_failed(self, now: float, retry_after: float, random: Callable[[], float]) -> None:
        """Keeps background renewals away for a while: a valid token goes on meanwhile."""
        self.background.fail(now)
        # A quarter either way, so that keys that failed together do not come back together.
        jittered = self.background.seconds * (0.75 + 0.5 * random())
        self.background.until = now + max(jittered, retry_after)

    def renewal_succeeded(self) -> None:
        self.background = _background()
        self.pause.end()

    def holds_entry(self, values: Mapping[str, Any]) -> bool:
        """Whether this is what an end user has entered, and what is submitted again by itself."""
        return self.latest is not None and self.latest.regenerates and self.latest.entered == values

    def forget(self) -> None:
        """Back to nothing, in place: a run under way holds on to this object. What was rejected stays so."""
        self.clears += 1
        self.make_room()

    def make_room(self) -> None:
        """The same for what an end user has entered: it takes the place of all that was held."""
        self.current = self.latest = self.cooldown = self.gave_up_at = None
        self.unsaved = False
        self.generation += 1
        self.renewal_succeeded()


class AtWork(dict[TokenKey, Standing]):
    """The standings that a run works on: the cache may drop them meanwhile, and a clear has to reach them."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: Counter[TokenKey] = Counter()

    @contextmanager
    def on(self, key: TokenKey, standing: Standing) -> Iterator[Standing]:
        """One run on *key*, perhaps beside another."""
        self[key] = standing
        self._runs[key] += 1
        try:
            yield standing
        finally:
            self._runs[key] -= 1
            if not self._runs[key]:
                del self._runs[key], self[key]


def _digest(access_token: str) -> bytes:
    return hashlib.sha256(access_token.encode()).digest()
