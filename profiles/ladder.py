"""One run for a token: what the store holds, else refresh grant, else password grant, else a refusal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from profiles.errors import (
    AuthorizationRequired,
    CredentialsLocked,
    Refusal,
    TokenEndpointUnreachable,
    TokenRequestRejected,
    TokenResponseInvalid,
)
from profiles.expiry import expiry_of
from profiles.held_tokens import Entry, HeldToken, TokenKey, TokenResponse
from profiles.lockout import Lockout, is_refusal_of_grant
from profiles.standing import Standing
from profiles.stores import TokenStore
from profiles.stores.outages import ReachableStore
from profiles.subjects import Grants, Obtained, Subject, TokenEvent

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Run:
    subject: Subject
    standing: Standing
    generation: int

    @property
    def was_cleared(self) -> bool:
        """Whether an operator had the key forgotten meanwhile: the outcome is for those who wait, alone."""
        return self.standing.generation != self.generation

    @property
    def has_credentials(self) -> bool:
        """Whether there is a password that may be submitted without asking anybody."""
        if self.subject.is_per_user:
            latest = self.standing.latest
            return latest is not None and latest.regenerates
        return self.subject.has_credentials

    @property
    def may_use_password(self) -> bool:
        """The first token is always had by it; after a refresh token has died, only if the profile says.

        An end user's was used for the first by themselves.
        """
        if not self.has_credentials:
            return False
        if self.subject.regenerate:
            return True
        return not self.subject.is_per_user and not self.standing.had_refresh_token

    @property
    def grants(self) -> Grants:
        """The grants, with what is kept of an end user's entry."""
        grants_with, latest = self.subject.grants_with, self.standing.latest
        if grants_with is None:
            return self.subject.grants
        return grants_with(latest.entered if latest is not None else {})


class Ladder:
    """Climbs for one key at a time; that nobody else does is for the caller and the store's lease."""

    def __init__(
        self,
        store: ReachableStore,
        lockout: Lockout,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._store = store
        self._lockout = lockout
        self._clock = clock
        self._random = random

    async def climb(
        self, subject: Subject, standing: Standing, *, beside: bool, replaced: HeldToken | None = None
    ) -> Obtained:
        """A valid token, left in *standing* and in the store. Raises a Refusal.

        *beside* renews while the token is still valid, and *replaced* is one that is renewed in any case.
        """
        async with self._store.lease(subject.key):
            run = _Run(subject, standing, standing.generation)
            return await self._climb(run, beside=beside, replaced=replaced)

    async def authorize(self, subject: Subject, standing: Standing, entry: Entry) -> HeldToken:
        """The token that an end user's entry gives, in the place of all that was held. Raises a Refusal."""
        assert subject.grants_with is not None
        async with self._store.lease(subject.key):
            run, clears = _Run(subject, standing, standing.generation), standing.clears
            try:
                response = await subject.grants_with(entry.values).password()
            except TokenRequestRejected as rejection:
                # Without a status it never left: what cannot stand in a request is the end user's to mend.
                if rejection.upstream_status is not None and not is_refusal_of_grant(rejection):
                    standing.entry_pause.note(rejection, subject.renewal_cooldown, self._clock())
                raise
            except (TokenResponseInvalid, TokenEndpointUnreachable) as failure:
                standing.entry_pause.note(failure, subject.renewal_cooldown, self._clock())
                raise
            if standing.clears != clears:
                raise _forgotten_meanwhile(subject.key.profile)
            # A run under way knows the entry before: what it gets must not come after this.
            standing.make_room()
            run = replace(run, generation=standing.generation)
            held = replace(
                self._held(subject, response, None), entered=entry.kept, regenerates=entry.regenerates
            )
            await self._save(run, held)
            if standing.clears != clears:
                raise _forgotten_meanwhile(subject.key.profile)
            standing.entry_pause.end()
            standing.adopt(held)
            if standing.was_rejected(held):
                self._reinstate(run, held, TokenEvent.ENTERED)
            return held

    async def _climb(self, run: _Run, *, beside: bool, replaced: HeldToken | None) -> Obtained:
        standing = run.standing
        event = TokenEvent.STORED if await self._look_into_store(run) else TokenEvent.CACHED
        # The second look: another process, or a run that ended just now, may have been here first.
        now, token = self._clock(), standing.current
        if (
            token is not None
            and token is not replaced
            and now < (token.soft_at if beside else token.expires_at)
        ):
            return Obtained(token, event)
        if run.subject.is_per_user and standing.latest is None:
            raise AuthorizationRequired(
                "the end user has not authorized yet", profile=run.subject.key.profile
            )
        standing.pause.check(now)
        refreshed = await self._refresh(run, now)
        if refreshed is not None and not standing.was_rejected(refreshed):
            return Obtained(refreshed, TokenEvent.REFRESHED)
        try:
            held = await self._password(run)
        except Refusal:
            if refreshed is None:
                raise
            return self._reinstate(run, refreshed, TokenEvent.REFRESHED)
        if standing.was_rejected(held):
            return self._reinstate(run, held, TokenEvent.PASSWORD)
        return Obtained(held, TokenEvent.PASSWORD)

    async def _look_into_store(self, run: _Run) -> bool:
        """Takes what the store holds, if that is something else; says whether it was."""
        standing, latest = run.standing, run.standing.latest
        answer = await self._store.ask(lambda store: store.load(run.subject.key))
        if answer is None or run.was_cleared:
            return False
        stored = answer.value
        if latest is not None and standing.unsaved:
            if stored is None or stored.obtained_at <= latest.obtained_at:
                await self._save(run, latest)  # the store was away when it was had
                return False
            standing.unsaved = False
        if stored is None:
            # Somebody who shares the store had it forgotten: so is its refresh token.
            standing.latest = None
            return False
        if latest is not None and _same(latest, stored):
            return False
        # Which is newer is not asked: machines that share a store need not share a clock.
        standing.adopt(stored)
        return True

    async def _refresh(self, run: _Run, now: float) -> HeldToken | None:
        """The refresh grant; None where there is nothing alive to refresh with, or it turns out dead."""
        refresh_token = run.standing.live_refresh_token(now)
        if refresh_token is None:
            return None
        try:
            response = await run.grants.refresh(refresh_token)
        except TokenRequestRejected as rejection:
            if not is_refusal_of_grant(rejection):
                self._note_pause(run, rejection)
                raise
            if run.was_cleared:
                # It is no more: there may be another, of which this says nothing.
                return run.standing.current
            logger.info("profile %s: the refresh token has died", run.subject.key.profile)
            buried = run.standing.bury_refresh_token()
            if buried is not None:
                await self._save(run, buried)
            return None
        except TokenResponseInvalid as invalid:
            # Some servers answer a dead refresh token with a page: the password finds out. Nothing says
            # that it has died, though, so it is not buried.
            if run.may_use_password:
                return None
            self._note_pause(run, invalid)
            raise
        except TokenEndpointUnreachable as unreachable:
            # No password now: a server that is down would not take it either, and would count it if it did.
            self._note_pause(run, unreachable)
            raise
        return await self._adopt(run, response, run.standing.latest)

    async def _password(self, run: _Run) -> HeldToken:
        profile = run.subject.key.profile
        if run.subject.is_per_user:
            await self._check_consent(run)
        elif not run.has_credentials:
            raise TokenRequestRejected("no credentials are known for a new token", profile=profile)
        elif not run.may_use_password:
            raise TokenRequestRejected(
                "the refresh token has died and regenerate is off, so the password is not used again; set "
                f"regenerate, or run `grantproxy tokens clear {profile}` to have it used once",
                profile=profile,
            )
        await self._lockout.check(run.subject.key)
        # It stands on nothing that was forgotten up to now, so only what is cleared from here on drops it.
        run = replace(run, generation=run.standing.generation)
        try:
            response = await run.grants.password()
        except TokenRequestRejected as rejection:
            if is_refusal_of_grant(rejection):
                if run.subject.is_per_user and run.was_cleared:
                    # The end user may have entered another meanwhile, of which this says nothing.
                    if run.standing.current is not None:
                        return run.standing.current
                    raise _no_longer_accepted(profile) from None
                await self._lockout.lock(run.subject.key, self._clock())
                logger.warning("profile %s: the credentials were refused and are locked", profile)
                if run.subject.is_per_user:
                    raise _no_longer_accepted(profile) from None
            else:
                self._note_pause(run, rejection)
            raise
        except (TokenResponseInvalid, TokenEndpointUnreachable) as failure:
            self._note_pause(run, failure)
            raise
        return await self._adopt(run, response, None)

    async def _check_consent(self, run: _Run) -> None:
        """Raises AuthorizationRequired where nobody but the end user can have a new token."""
        profile = run.subject.key.profile
        if not run.may_use_password:
            raise AuthorizationRequired("what the end user authorized has ended", profile=profile)
        try:
            await self._lockout.check(run.subject.key)
        except CredentialsLocked:
            raise _no_longer_accepted(profile) from None

    def _reinstate(self, run: _Run, token: HeldToken, event: TokenEvent) -> Obtained:
        """The authorization server insists on the token that the origin rejected: the origin is believed
        for a cooldown, and asking again, by password even, is not what each of its rejections causes."""
        now, standing = self._clock(), run.standing
        standing.cooled(run.subject.renewal_cooldown).replay_rejected(now)
        if not run.was_cleared:
            standing.believe(token)
        return Obtained(token, event)

    def _note_pause(self, run: _Run, failure: Refusal) -> None:
        run.standing.pause.note(failure, run.subject.renewal_cooldown, self._clock())

    async def _adopt(self, run: _Run, response: TokenResponse, before: HeldToken | None) -> HeldToken:
        """Stores the token before it is used: its refresh token may be the only one that is still alive."""
        held = self._held(run.subject, response, before)
        latest = run.standing.latest
        if run.subject.is_per_user and latest is not None:
            held = replace(held, entered=latest.entered, regenerates=latest.regenerates)
        if not run.was_cleared:
            await self._save(run, held)
        if not run.was_cleared:
            run.standing.adopt(held)
        return held

    async def _save(self, run: _Run, token: HeldToken) -> None:
        key = run.subject.key
        saved = await self._store.ask(lambda store: store.save(key, token))
        if run.was_cleared:
            await self._store.ask(lambda store: _remove(store, key, token))
        else:
            run.standing.unsaved = saved is None

    def _held(self, subject: Subject, response: TokenResponse, before: HeldToken | None) -> HeldToken:
        now = self._clock()
        lifetime = response.lifetime
        if lifetime is None or lifetime <= 0:
            # An unknown lifetime is no endless one, and a token that was just given is no expired one.
            lifetime = subject.default_lifetime
        soft_at, expires_at = expiry_of(now, lifetime, subject.margin, self._random())
        refresh_token, refresh_expires_at = response.refresh_token, None
        if response.refresh_lifetime is not None and response.refresh_lifetime > 0:
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


async def _remove(store: TokenStore, key: TokenKey, token: HeldToken) -> None:
    """Takes *token* out of the store, and no other that has taken its place."""
    stored = await store.load(key)
    if stored is not None and _same(stored, token):
        await store.remove(key)


def _forgotten_meanwhile(profile: str) -> AuthorizationRequired:
    return AuthorizationRequired("an operator has had it forgotten just now", profile=profile)


def _no_longer_accepted(profile: str) -> AuthorizationRequired:
    return AuthorizationRequired("what the end user entered is no longer accepted", profile=profile)


def _same(one: HeldToken, other: HeldToken) -> bool:
    """Whether both are the same answer of the authorization server: stores give new objects."""
    return (one.access_token, one.refresh_token, one.refresh_expires_at, one.obtained_at) == (
        other.access_token,
        other.refresh_token,
        other.refresh_expires_at,
        other.obtained_at,
    )
