"""The token of one subject for the way of its requests: looked up once, had again without a look-up."""

from __future__ import annotations

from collections.abc import Callable

from cachetools import Cache, LRUCache

from profiles.held_tokens import HeldToken, TokenKey
from profiles.standing import Standing
from profiles.subjects import Subject


class Standings(LRUCache[TokenKey, Standing]):
    """What is remembered of the keys most lately used; each time one comes, goes or is given another
    standing, a new `generation` begins."""

    def __init__(self, maximum: int) -> None:
        super().__init__(maximum)
        self.generation = 0

    def peek(self, key: TokenKey) -> Standing | None:
        """The standing of *key*, without counting as its use."""
        return Cache.__getitem__(self, key) if key in self else None

    def __setitem__(self, key: TokenKey, standing: Standing) -> None:
        self.generation += 1
        super().__setitem__(key, standing)

    def __delitem__(self, key: TokenKey) -> None:
        self.generation += 1
        super().__delitem__(key)


class TokenAtHand:
    """Gives what `Tokens.current` gives, without its look-up in each generation but the first time.

    Within a generation the look-up would find the same standing again, and it is there, not here, that a
    token is renewed, rejected and cleared: nothing has to be told. With each generation the key is looked
    up anew, so it counts as used whenever room has to be made for another.
    """

    __slots__ = ("_clock", "_current_of", "_generation", "_standing", "_standings", "_subject")

    def __init__(
        self,
        subject: Subject,
        standings: Standings,
        current_of: Callable[[Subject, Standing], HeldToken | None],
        clock: Callable[[], float],
    ) -> None:
        self._subject = subject
        self._standings = standings
        self._current_of = current_of
        self._clock = clock
        self._generation = -1
        self._standing: Standing | None = None

    def current(self) -> HeldToken | None:
        """The valid token in memory, or None. Past its soft expiry one renewal runs beside."""
        standings = self._standings
        if self._generation != standings.generation:
            self._standing = standings.get(self._subject.key)
            self._generation = standings.generation
        standing = self._standing
        if standing is None:
            return None
        token = standing.current
        if token is not None and self._clock() < token.soft_at:
            return token
        return self._current_of(self._subject, standing)
