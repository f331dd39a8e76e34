"""The tokens that one process holds: at hand for every request, renewed once for all who need it."""

from __future__ import annotations

import logging
import random as random_module
import time
from collections.abc import Callable
from dataclasses import dataclass

from profiles.entry_guard import Attempt, EntryGuard
from profiles.errors import (
    CleartextRefused,
    ConnectorUnavailable,
    Refusal,
    TokenRequestRejected,
    TokenResponseInvalid,
    TooManyEntries,
)
from profiles.held_tokens import Entry, HeldToken, KeyChoice, TokenKey
from profiles.ladder import Ladder
from profiles.lockout import Lockout, is_refusal_of_grant
from profiles.single_flight import SingleFlight
from profiles.standing import AtWork, Standing
from profiles.stores import TokenStore
from profiles.stores.outages import ReachableStore
from profiles.subjects import Grants, Obtained, Subject, TokenEvent
from profiles.token_at_hand import Standings, TokenAtHand

__all__ = ["Grants", "Obtained", "Subject", "TokenEvent", "TokenState", "Tokens"]

logger = logging.getLogger(__name__)

Captures = tuple[tuple[str, str], ...]

SECOND_LOOKS = 3
"""How often a request waits for a token that is good by the time it gets it."""


@dataclass(frozen=True, slots=True)
class TokenState:
    """What an operator may know of a held token; instants in seconds since the epoch."""

    profile: str
    captures: tuple[tuple[str, str], ...]
    user: str
    obtained_at: float | None
    expires_at: float | None
    has_refresh_token: bool
    locked_since: float | None
    cooling_until: float | None
    renewing: bool


class Tokens:
    """`clock` is in seconds since the epoch, `random` gives 0 to 1, `maximum` is of keys in memory."""

    def __init__(
        self,
        store: TokenStore,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
        maximum: int = 100_000,
    ) -> None:
        self._store = ReachableStore(store)
        self._clock = clock
        self._random = random
        self._standings = Standings(maximum)
        self._at_work = AtWork()
        self._flights: SingleFlight[TokenKey, Obtained] = SingleFlight()
        self._lockout = Lockout(self._store, maximum)
        self._entries = EntryGuard()
        self._ladder = Ladder(self._store, self._lockout, clock=clock, random=random)

    def current(self, subject: Subject) -> HeldToken | None:
        """The valid token in memory, or None. Past its soft expiry one renewal runs beside."""
        standing = self._standings.get(subject.key)
        return None if standing is None else self._current_of(subject, standing)

    def at_hand(self, subject: Subject) -> TokenAtHand:
        """What gives `current` to each of many requests, at less cost."""
        return TokenAtHand(subject, self._standings, self._current_of, self._clock)

    async def obtain(self, subject: Subject) -> Obtained:
        """A valid token. Raises a Refusal, the same one in everybody who waited."""
        token = self.current(subject)
        if token is not None:
            return Obtained(token, TokenEvent.CACHED)
        for _ in range(SECOND_LOOKS):
            waited = self._flights.running(subject.key)
            obtained = await self._flights.join(subject.key, lambda: self._run(subject))
            token = obtained.token
            # The second look, after waiting: it may have been rejected before this request got its turn.
            if self._clock() < token.expires_at and not self._standing(subject.key).was_rejected(token):
                return Obtained(token, TokenEvent.WAITED) if waited else obtained
        refusal = TokenResponseInvalid(
            "each token was rejected or had expired before it could be used", profile=subject.key.profile
        )
        self._standing(subject.key).pause.note(refusal, subject.renewal_cooldown, self._clock())
        raise refusal

    def reject(self, subject: Subject, rejected: HeldToken) -> None:
        """Forgets *rejected*, unless a newer token has already taken its place; keeps its refresh token."""
        self._standing(subject.key).reject(rejected)

    def reject_and_renew(self, subject: Subject, rejected: HeldToken) -> None:
        """Rejects, and has a new token ready for the next request; nothing while the key cools down.

        No replay shows whether the new one is accepted. Rejected within a cooldown's time it counts as a
        replay that was, or else an origin that rejects all would cost a token request for each large body.
        """
        standing, now = self._standing(subject.key), self._clock()
        if standing.cools(now):
            return
        if standing.is_current(rejected):
            if standing.gave_up_at is not None and now - standing.gave_up_at < subject.renewal_cooldown:
                standing.cooled(subject.renewal_cooldown).replay_rejected(now)
                return
            standing.gave_up_at = now
        standing.reject(rejected)
        if self.current(subject) is None:
            self._flights.start(subject.key, lambda: self._run(subject, unattended=True))

    async def renew_rejected(self, subject: Subject, rejected: HeldToken) -> Obtained | None:
        """A token in the place of *rejected*, or None where it is to be left at that: the key cools down,
        or the authorization server has no other token to give. Raises a Refusal."""
        if self.cooling(subject):
            return None
        self.reject(subject, rejected)
        obtained = await self.obtain(subject)
        return None if obtained.token.access_token == rejected.access_token else obtained

    def cooling(self, subject: Subject) -> bool:
        """Whether rejections of this key pass straight through for the time being."""
        standing = self._standings.get(subject.key)
        return standing is not None and standing.cools(self._clock())

    def replay_rejected(self, subject: Subject, token: HeldToken) -> None:
        """A fresh token was rejected too: the origin's rejections are believed for a while."""
        standing = self._standing(subject.key)
        # One that was replaced since says nothing about the one that is current now.
        if standing.is_current(token):
            standing.cooled(subject.renewal_cooldown).replay_rejected(self._clock())

    def replay_accepted(self, subject: Subject) -> None:
        """A renewed token was accepted: once a cooldown is over, the next starts from the shortest."""
        standing = self._standing(subject.key)
        if standing.cooldown is not None:
            standing.cooldown.replay_accepted(self._clock())

    def overview(self) -> list[TokenState]:
        """Every key with its state, never with its token; of former credentials of a key, none."""
        locked = self._lockout.known()
        latest = {key[:3]: key for key in (*locked, *self._standings)}
        return [
            self._state_of(key, self._standings.peek(key) or Standing(), locked.get(key))
            for key in latest.values()
        ]

    async def authorize(self, subject: Subject, entry: Entry) -> Obtained:
        """The token that an end user's entry gives, which takes the place of what was held for them.

        Raises a Refusal, and then what was held is held on; what is not accepted is bounded (`EntryGuard`).
        """
        key = subject.key
        with self._at_work.on(key, self._standing(key)) as standing:
            standing.entry_pause.check(self._clock())
            if key in self._lockout.known() and standing.holds_entry(entry.values):
                raise TooManyEntries("the very same was refused before", profile=key.profile)
            attempt = self._entries.begin(key, entry, self._clock())
            try:
                token = await self._ladder.authorize(subject, standing, entry)
            except BaseException as error:
                self._note_entry(attempt, error)
                raise
            self._entries.accepted(attempt)
        self._standings[key] = standing
        await self.unlock(key.profile, captures=key.captures, user=key.user)
        return Obtained(token, TokenEvent.ENTERED)

    async def renew(self, subject: Subject) -> Obtained:
        """A new token in the place of one that is still valid, for an operator who wants it now.

        Raises a Refusal, and then the valid one is used on.
        """
        replaced = self._standing(subject.key).current
        return await self._flights.join(subject.key, lambda: self._run(subject, replaced=replaced))

    async def unlock(
        self, profile: str | None = None, *, captures: Captures | None = None, user: str | None = None
    ) -> int:
        """Opens the guards of some keys and ends what they wait for; says how many were locked."""
        choice = KeyChoice(profile, captures, user)
        unlocked = await self._store.ask(lambda store: store.unlock(choice))
        for key in list(self._standings):
            standing = self._standings.peek(key)
            if standing is not None and choice.takes(key):
                standing.renewal_succeeded()
        keys = self._lockout.forget(choice)
        return max(len(keys), unlocked.value if unlocked is not None else 0)

    async def clear(
        self, profile: str | None = None, *, captures: Captures | None = None, user: str | None = None
    ) -> int:
        """Forgets tokens, guards and cooldowns, of all keys or some; says how many keys that were.

        A renewal under way serves those who wait for it, and what it gets is not kept.
        """
        # The store first: between the two, a request could bring back from it what is forgotten here.
        choice = KeyChoice(profile, captures, user)
        cleared = await self._store.ask(lambda store: store.clear(choice))
        keys = {key for key in (*self._standings, *self._at_work) if choice.takes(key)}
        for key in keys:
            if key in self._at_work:
                self._at_work[key].forget()
            else:
                # In place as well: who had it at hand holds on to it until they look again.
                self._standings.pop(key).forget()
        keys |= self._lockout.forget(choice)
        return max(len(keys), cleared.value if cleared is not None else 0)

    async def close(self) -> None:
        """Lets the renewals under way land, within reason, and lets go of the store."""
        await self._flights.close()
        await self._store.ask(lambda store: store.close())

    def _current_of(self, subject: Subject, standing: Standing) -> HeldToken | None:
        token = standing.current
        if token is None:
            return None
        now = self._clock()
        if now >= token.soft_at:
            if now >= token.expires_at:
                return None
            self._renew_beside(subject, standing, now)
        return token

    def _standing(self, key: TokenKey) -> Standing:
        standing = self._standings.get(key)
        if standing is None:
            # The cache may have dropped it while a run is at work on it.
            standing = self._standings[key] = self._at_work.get(key) or Standing()
        return standing

    def _renew_beside(self, subject: Subject, standing: Standing, now: float) -> None:
        if self._flights.running(subject.key) or standing.background.holds(now):
            return
        self._flights.start(subject.key, lambda: self._run(subject, beside=True, unattended=True))

    async def _run(
        self,
        subject: Subject,
        *,
        beside: bool = False,
        unattended: bool = False,
        replaced: HeldToken | None = None,
    ) -> Obtained:
        """One climb of the ladder, for everybody who waits."""
        key = subject.key
        with self._at_work.on(key, self._standing(key)) as standing:
            try:
                obtained = await self._ladder.climb(subject, standing, beside=beside, replaced=replaced)
            except Exception as error:
                self._note_failure(key, standing, error, unattended=unattended)
                raise
            finally:
                self._standings[key] = standing
                if subject.is_per_user and standing.latest is None:
                    # Clients name whom they like: who has authorized nothing leaves nothing.
                    del self._standings[key]
        standing.renewal_succeeded()
        return obtained

    def _note_entry(self, attempt: Attempt, error: BaseException) -> None:
        """What a failure says of the entry. A server that is asked and gives no token may mean no by it."""
        match error:
            case TokenRequestRejected() if is_refusal_of_grant(error):
                self._entries.refused(attempt)
            case TokenRequestRejected(upstream_status=None) | ConnectorUnavailable() | CleartextRefused():
                self._entries.withdraw(attempt)
            case _:
                self._entries.unclear(attempt)

    def _note_failure(self, key: TokenKey, standing: Standing, error: Exception, *, unattended: bool) -> None:
        what, retry_after = type(error).__name__, 0
        if isinstance(error, Refusal):
            what, retry_after = error.slug, error.retry_after or 0
            error.profile = error.profile or key.profile
        standing.renewal_failed(self._clock(), retry_after, self._random)
        if unattended or not isinstance(error, Refusal):
            logger.warning("profile %s: the renewal failed: %s", key.profile, what)

    def _state_of(self, key: TokenKey, standing: Standing, locked_since: float | None) -> TokenState:
        now = self._clock()
        token, cooldown = standing.current, standing.cooldown
        return TokenState(
            profile=key.profile,
            captures=key.captures,
            user=key.user,
            obtained_at=token.obtained_at if token else None,
            expires_at=token.expires_at if token else None,
            has_refresh_token=standing.live_refresh_token(now) is not None,
            locked_since=locked_since,
            cooling_until=cooldown.until if cooldown and cooldown.holds(now) else None,
            renewing=self._flights.running(key),
        )
