"""The tokens that are held: valid access token, else refresh grant, else password grant, else a refusal.

Whoever needs a token joins the one run that gets it. The password has a guard: refused once, it is not
submitted again until it changes or an operator resets it.
"""

from __future__ import annotations

import hashlib
import logging
import math
import random as random_module
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, Protocol

from cachetools import LRUCache

from profiles.backoff import Backoff
from profiles.errors import (
    CredentialsLocked,
    Refusal,
    TokenEndpointUnreachable,
    TokenRequestRejected,
    TokenResponseInvalid,
)
from profiles.expiry import expiry_of
from profiles.held_tokens import HeldToken, TokenKey, TokenResponse
from profiles.single_flight import SingleFlight
from profiles.stores import TokenStore

logger = logging.getLogger(__name__)

LONGEST_COOLDOWN = 300.0
LOCKED_RETRY_AFTER = 300
REMEMBERED_REJECTIONS = 10_000


class Grants(Protocol):
    """The two grants of one key, bound to profile, values and network. Each raises a Refusal."""

    async def password(self) -> TokenResponse: ...
    async def refresh(self, refresh_token: str) -> TokenResponse: ...


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """Whose token, and how it is had. Times in seconds."""

    key: TokenKey
    grants: Grants = field(repr=False)
    regenerate: bool
    has_credentials: bool
    default_lifetime: float
    margin: float
    renewal_cooldown: float


class TokenEvent(StrEnum):
    """How a request came by its token, as the access log says it."""

    CACHED = "cached"
    STORED = "stored"
    REFRESHED = "refreshed"
    PASSWORD = "password"  # noqa: S105  -- the name of a grant


class Obtained(NamedTuple):
    """A valid token, and where it came from."""

    token: HeldToken
    event: TokenEvent


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


@dataclass(slots=True)
class _Standing:
    """What is remembered of a key beside its token."""

    token: HeldToken | None = None
    """The current one, or, when `rejected` is set, the one that is kept for its refresh token alone."""
    rejected: bool = False
    had_refresh_token: bool = False
    """Whether a refresh token was ever held: without `regenerate`, the password is not used after that."""
    cooldown: Backoff | None = None
    pause: Backoff | None = None
    """After an answer that was no token, or a wish to be left alone: no token request before it ends."""
    pause_refusal: Refusal | None = None
    background: Backoff = field(default_factory=lambda: Backoff(1.0, 60.0))
    locked_since: float | None = None


class Tokens:
    """All tokens of one process. `clock` is in seconds since the epoch, `random` gives 0 to 1."""

    def __init__(
        self,
        store: TokenStore,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
        maximum: int = 100_000,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._standings: LRUCache[TokenKey, _Standing] = LRUCache(maximum)
        self._flights: SingleFlight[TokenKey, Obtained] = SingleFlight()
        self._rejections: LRUCache[bytes, None] = LRUCache(REMEMBERED_REJECTIONS)
        self._store_is_down = False

    def current(self, subject: Subject) -> HeldToken | None:
        """The valid token in memory, or None. Past its soft expiry one renewal runs beside."""
        standing = self._standings.get(subject.key)
        if standing is None or standing.rejected:
            return None
        token = standing.token
        if token is None:
            return None
        now = self._clock()
        if now >= token.soft_at:
            if now >= token.expires_at:
                return None
            self._renew_beside(subject, standing, now)
        return token

    async def obtain(self, subject: Subject) -> Obtained:
        """A valid token. Raises a Refusal, the same one in everybody who waited."""
        token = self.current(subject)
        if token is not None:
            return Obtained(token, TokenEvent.CACHED)
        return await self._flights.join(subject.key, lambda: self._climb(subject))

    def reject(self, subject: Subject, rejected: HeldToken) -> None:
        """Forgets *rejected*, unless a newer token has already taken its place; keeps its refresh token."""
        self._rejections[_digest(rejected.access_token)] = None
        standing = self._standing(subject.key)
        if standing.token is rejected:
            standing.rejected = True

    def reject_and_renew(self, subject: Subject, rejected: HeldToken) -> None:
        """Rejects, and has a new token ready for the next request."""
        self.reject(subject, rejected)
        if self.current(subject) is None and not self.cooling(subject):
            self._flights.start(subject.key, lambda: self._climb(subject))

    async def renew_rejected(self, subject: Subject, rejected: HeldToken) -> Obtained | None:
        """A token in the place of *rejected*, or None while the key cools down. Raises a Refusal."""
        if self.cooling(subject):
            return None
        self.reject(subject, rejected)
        return await self.obtain(subject)

    def cooling(self, subject: Subject) -> bool:
        """Whether rejections of this key pass straight through for the time being."""
        standing = self._standings.get(subject.key)
        return (
            standing is not None and standing.cooldown is not None and standing.cooldown.holds(self._clock())
        )

    def replay_rejected(self, subject: Subject, token: HeldToken) -> None:
        """A fresh token was rejected too: the origin's rejections are believed for a while."""
        standing = self._standing(subject.key)
        if standing.cooldown is None:
            standing.cooldown = Backoff(subject.renewal_cooldown, LONGEST_COOLDOWN)
        now = self._clock()
        # Requests that were sent side by side come back rejected side by side: that is one failure.
        if standing.token is token and not standing.cooldown.holds(now):
            standing.cooldown.fail(now)

    def replay_accepted(self, subject: Subject) -> None:
        """A renewed token was accepted: the next rejection starts from the shortest cooldown."""
        self._standing(subject.key).cooldown = None

    def overview(self) -> list[TokenState]:
        """Every key with its state, never with its token."""
        return [self._state_of(key, standing) for key, standing in self._standings.items()]

    async def clear(self, profile: str | None = None) -> int:
        """Forgets tokens, guards and cooldowns of a profile, or of all; says how many keys that were."""
        keys = [key for key in self._standings if profile in (None, key.profile)]
        for key in keys:
            del self._standings[key]
        await self._stored(lambda: self._store.clear(profile), 0)
        return len(keys)

    async def close(self) -> None:
        """Ends the renewals under way."""
        await self._flights.close()
        await self._stored(self._store.close, None)

    def _standing(self, key: TokenKey) -> _Standing:
        standing = self._standings.get(key)
        if standing is None:
            standing = self._standings[key] = _Standing()
        return standing

    def _state_of(self, key: TokenKey, standing: _Standing) -> TokenState:
        now = self._clock()
        token, cooldown = standing.token, standing.cooldown
        return TokenState(
            profile=key.profile,
            captures=key.captures,
            user=key.user,
            obtained_at=token.obtained_at if token and not standing.rejected else None,
            expires_at=token.expires_at if token and not standing.rejected else None,
            has_refresh_token=bool(token and token.refresh_token),
            locked_since=standing.locked_since,
            cooling_until=cooldown.until if cooldown and cooldown.holds(now) else None,
            renewing=self._flights.running(key),
        )

    def _renew_beside(self, subject: Subject, standing: _Standing, now: float) -> None:
        if standing.background.holds(now) or self._flights.running(subject.key):
            return
        self._flights.start(subject.key, lambda: self._climb(subject, beside=True))

    async def _climb(self, subject: Subject, *, beside: bool = False) -> Obtained:
        """One run of the ladder, for everybody who waits."""
        standing = self._standing(subject.key)
        try:
            async with self._store.lease(subject.key):
                obtained = await self._ladder(subject, standing, beside=beside)
        except Refusal as refusal:
            if refusal.profile is None:
                refusal.profile = subject.key.profile
            standing.background.fail(self._clock(), at_least=refusal.retry_after or 0)
            if beside:
                logger.warning("profile %s: renewal failed: %s", subject.key.profile, refusal.slug)
            raise
        standing.background = Backoff(1.0, 60.0)
        return obtained

    async def _ladder(self, subject: Subject, standing: _Standing, *, beside: bool) -> Obtained:
        now = self._clock()
        await self._look_into_store(subject, standing)
        token = standing.token
        # The second look: another process, or a run that ended just now, may have been here first.
        valid_until = (token.soft_at if beside else token.expires_at) if token is not None else now
        if token is not None and not standing.rejected and now < valid_until:
            return Obtained(token, TokenEvent.STORED)
        if standing.pause is not None and standing.pause.holds(now):
            raise _again(standing.pause_refusal, standing.pause.until - now)
        if token is not None and token.refresh_token is not None and _is_alive(token, now):
            refreshed = await self._refresh(subject, standing, token, token.refresh_token)
            if refreshed is not None:
                return refreshed
        return await self._password(subject, standing)

    async def _look_into_store(self, subject: Subject, standing: _Standing) -> None:
        stored = await self._stored(lambda: self._store.load(subject.key), None)
        if stored is None or stored is standing.token:
            return
        if standing.token is not None and stored.obtained_at <= standing.token.obtained_at:
            return
        standing.token, standing.rejected = stored, self._was_rejected(stored)
        standing.had_refresh_token |= stored.refresh_token is not None

    async def _refresh(
        self, subject: Subject, standing: _Standing, token: HeldToken, refresh_token: str
    ) -> Obtained | None:
        """The refresh grant; None where the refresh token turns out dead."""
        try:
            response = await subject.grants.refresh(refresh_token)
        except TokenRequestRejected as rejection:
            self._note_pause(subject, standing, rejection)
            if not _means_dead(rejection):
                raise
            standing.token = _without_refresh_token(token)
            await self._stored(lambda: self._store.save(subject.key, _without_refresh_token(token)), None)
            logger.info("profile %s: the refresh token has died", subject.key.profile)
            return None
        held = self._held(subject, response, token)
        await self._adopt(subject, standing, held)
        if self._was_rejected(held):
            # Some servers answer with the token they know; the origin has just said no to it.
            return None
        return Obtained(held, TokenEvent.REFRESHED)

    async def _password(self, subject: Subject, standing: _Standing) -> Obtained:
        profile = subject.key.profile
        if not subject.has_credentials:
            raise TokenRequestRejected("no credentials are known for a new token", profile=profile)
        if standing.had_refresh_token and not subject.regenerate:
            raise TokenRequestRejected(
                "the refresh token has died and regenerate is off: the password is not used again",
                profile=profile,
            )
        standing.locked_since = await self._stored(
            lambda: self._store.load_guard(subject.key), standing.locked_since
        )
        if standing.locked_since is not None:
            raise CredentialsLocked(
                "the authorization server refused the credentials; change them, or run "
                f"`grantproxy tokens clear {profile}`",
                profile=profile,
                retry_after=LOCKED_RETRY_AFTER,
            )
        try:
            response = await subject.grants.password()
        except TokenRequestRejected as rejection:
            self._note_pause(subject, standing, rejection)
            if _means_dead(rejection):
                now = self._clock()
                standing.locked_since = now
                await self._stored(lambda: self._store.save_guard(subject.key, now), None)
                logger.warning("profile %s: the credentials were refused and are locked", profile)
            raise
        except (TokenResponseInvalid, TokenEndpointUnreachable) as failure:
            self._note_pause(subject, standing, failure)
            raise
        held = self._held(subject, response, None)
        await self._adopt(subject, standing, held)
        standing.pause = standing.pause_refusal = None
        return Obtained(held, TokenEvent.PASSWORD)

    def _note_pause(self, subject: Subject, standing: _Standing, failure: Refusal) -> None:
        """Remembers a wish to be left alone, and an answer that took the password and gave no token."""
        if failure.retry_after is None and not isinstance(failure, TokenResponseInvalid):
            return
        if standing.pause is None:
            standing.pause = Backoff(subject.renewal_cooldown, LONGEST_COOLDOWN)
        now = self._clock()
        if isinstance(failure, TokenResponseInvalid):
            standing.pause.fail(now)
        else:
            standing.pause = Backoff(
                subject.renewal_cooldown, LONGEST_COOLDOWN, until=now + (failure.retry_after or 0)
            )
        standing.pause_refusal = failure

    def _held(self, subject: Subject, response: TokenResponse, before: HeldToken | None) -> HeldToken:
        now = self._clock()
        lifetime = response.lifetime if response.lifetime is not None else subject.default_lifetime
        soft_at, expires_at = expiry_of(now, lifetime, subject.margin, self._random())
        refresh_token, refresh_expires_at = response.refresh_token, None
        if response.refresh_lifetime is not None:
            refresh_expires_at = now + response.refresh_lifetime
        if refresh_token is None and before is not None:
            # No new one in the answer: the old one goes on (RFC 6749 section 6).
            refresh_token = before.refresh_token
            refresh_expires_at = refresh_expires_at or before.refresh_expires_at
        return HeldToken(
            access_token=response.access_token,
            token_type=response.token_type,
            refresh_token=refresh_token,
            refresh_expires_at=refresh_expires_at,
            members=response.members,
            obtained_at=now,
            soft_at=soft_at,
            expires_at=expires_at,
        )

    async def _adopt(self, subject: Subject, standing: _Standing, held: HeldToken) -> None:
        """Stores the token before it is used: the refresh token before it may be the only one alive."""
        await self._stored(lambda: self._store.save(subject.key, held), None)
        standing.token, standing.rejected = held, self._was_rejected(held)
        standing.had_refresh_token |= held.refresh_token is not None
        self._standings[subject.key] = standing

    def _was_rejected(self, token: HeldToken) -> bool:
        return _digest(token.access_token) in self._rejections

    async def _stored[T](self, use: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """What the store says, or *otherwise*: a store that is away costs no request anything."""
        try:
            value = await use()
        except Exception as error:
            if not self._store_is_down:
                logger.warning("the token store is away (%s): going on in memory", type(error).__name__)
            self._store_is_down = True
            return otherwise
        self._store_is_down = False
        return value


def _digest(access_token: str) -> bytes:
    return hashlib.sha256(access_token.encode()).digest()


def _is_alive(token: HeldToken, now: float) -> bool:
    return token.refresh_expires_at is None or now < token.refresh_expires_at


def _without_refresh_token(token: HeldToken) -> HeldToken:
    return replace(token, refresh_token=None, refresh_expires_at=None)


def _means_dead(rejection: TokenRequestRejected) -> bool:
    """Whether the no is about what was submitted: any 4xx but those about the client or the pace."""
    return rejection.error != "invalid_client" and rejection.upstream_status not in (None, 408, 429)


def _again(refusal: Refusal | None, seconds: float) -> Refusal:
    """The refusal of before, with what is left of the time to wait."""
    wait = max(1, math.ceil(seconds))
    if isinstance(refusal, TokenRequestRejected):
        return TokenRequestRejected(
            refusal.detail, error=refusal.error, upstream_status=refusal.upstream_status, retry_after=wait
        )
    if isinstance(refusal, TokenEndpointUnreachable):
        return TokenEndpointUnreachable(refusal.detail, timed_out=refusal.timed_out, retry_after=wait)
    return TokenResponseInvalid(refusal.detail if refusal else "")
