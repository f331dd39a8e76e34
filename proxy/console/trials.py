"""Tests of profiles, as the page and the API have them: one of a profile at a time, and never for long.

A password that an authorization server has refused is not submitted again, unless that is insisted on.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cachetools import LRUCache

from profiles.authorization import Captures
from profiles.end_users import LONGEST_NAME
from profiles.form_fields import FieldProblem
from profiles.held_tokens import Entry, TokenKey
from profiles.profile import Profile
from profiles.tenants import TENANT
from profiles.tokens import TokenState
from proxy.composition import Composition
from proxy.console.rendering import Failure
from proxy.origin_check import TrialImpossible, check_tenant
from proxy.trial import Trial, try_profile

logger = logging.getLogger(__name__)

LONGEST = 60.0
"""Seconds: nobody waits longer for a page."""

REMEMBERED = 10_000
"""Credentials that were refused."""

NOTHING = Entry({}, {})
"""What is entered into a preauthorized profile."""


class EntryUnfit(Exception):  # noqa: N818  -- a mistake in a form, told to whoever made it
    """What was entered does not fit the profile's form fields."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__()
        self.problems = problems


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """What is to be tried: `captures` stand in for what a match entry would have captured, `user` and
    `entered` are for a per-user profile. `insists` on a password that was refused."""

    captures: Mapping[str, str]
    user: str = ""
    entered: Mapping[str, str] = field(default_factory=dict, repr=False)
    insists: bool = False


class Trials:
    """Runs them; *seconds* bounds each."""

    def __init__(self, *, seconds: float = LONGEST) -> None:
        self._seconds = seconds
        self._refused = _RefusedCredentials()
        self._running: set[str] = set()

    async def run(self, composition: Composition, profile: Profile, order: TrialOrder, *, by: str) -> Trial:
        """Tries the profile; *by* is who asks for it, for the log.

        Raises TrialImpossible and EntryUnfit for what is wrong in the order, and a Failure where it is not
        tried now: `test_running`, `credentials_locked`, `test_timed_out`.
        """
        check_tenant(profile, order.captures)
        entry = _entry_of(profile, order)
        if profile.name in self._running:
            raise Failure(409, "test_running", "A test of this profile is running. Wait for it to end.")
        self._running.add(profile.name)
        try:
            async with asyncio.timeout(self._seconds):
                trial = await self._guarded(composition, profile, order, entry)
        except TimeoutError:
            detail = f"The test was broken off after {self._seconds:g} seconds: a server does not answer."
            raise Failure(504, "test_timed_out", detail) from None
        finally:
            self._running.discard(profile.name)
        what = "passed" if trial.ok else f"failed at the {trial.step}"
        logger.warning("console: test of %s by %s: %s", profile.name, by, what)
        return trial

    async def _guarded(
        self, composition: Composition, profile: Profile, order: TrialOrder, entry: Entry
    ) -> Trial:
        captures = tuple(sorted(order.captures.items()))
        key = composition.subject_of(profile, captures, order.user).key
        is_known = self._refused.has(key, entry) or is_locked(
            composition, profile, order.captures, order.user
        )
        if is_known and not order.insists:
            detail = (
                "The authorization server has refused the credentials. A further try may lock the account."
            )
            raise Failure(409, "credentials_locked", detail)
        trial = await try_profile(composition, profile, order.captures, user=order.user, entered=entry.values)
        if trial.password_refused:
            self._refused.add(key, entry)
        elif trial.ok or trial.step == "check":
            self._refused.discard(key, entry)
        return trial


class _RefusedCredentials:
    """What tests have submitted in vain, known by keyed digests alone."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._digests: LRUCache[bytes, None] = LRUCache(REMEMBERED)

    def has(self, key: TokenKey, entry: Entry) -> bool:
        return self._digest(key, entry) in self._digests

    def add(self, key: TokenKey, entry: Entry) -> None:
        self._digests[self._digest(key, entry)] = None

    def discard(self, key: TokenKey, entry: Entry) -> None:
        self._digests.pop(self._digest(key, entry), None)

    def _digest(self, key: TokenKey, entry: Entry) -> bytes:
        # The fingerprint in the key makes changed credentials other ones.
        text = json.dumps([key, dict(entry.values)], sort_keys=True, default=str)
        return hmac.digest(self._key, text.encode(), "sha256")


def is_locked(
    composition: Composition, profile: Profile, captures: Mapping[str, str], user: str = ""
) -> bool:
    """Whether the lock-out guard is closed for what *captures* may mean: what they leave open is any."""
    tenant = profile.tenant_of(captures)
    given = dict(captures) if tenant is None else {**captures, TENANT: tenant}
    return any(
        state.locked_since is not None and state.user == user and _may_be(state, given)
        for state in composition.tokens.overview()
        if state.profile == profile.name
    )


def captures_asked(profile: Profile) -> list[str]:
    """The captures that a token request, the check or the fields mention: the others only route."""
    mentioned = profile.grant.names | profile.fields.names
    if profile.check_url is not None:
        mentioned |= profile.check_url.names
    captured = {name for rule in profile.rules for name in rule.captures} & mentioned
    return sorted(captured | ({TENANT} if profile.tenants is not None else set()))


def _entry_of(profile: Profile, order: TrialOrder) -> Entry:
    if not profile.is_per_user:
        if order.user or order.entered:
            raise TrialImpossible(
                "the profile is preauthorized, with one token for all: nobody enters anything"
            )
        return NOTHING
    if not order.user or len(order.user) > LONGEST_NAME or not order.user.isprintable():
        raise TrialImpossible(
            "each end user has a token of their own: say whose it is to be, "
            f"in 1 to {LONGEST_NAME} printable characters"
        )
    entry, problems = profile.entry_of(order.captures, order.entered, consents=False)
    if problems:
        raise EntryUnfit(problems)
    return entry


def _may_be(state: TokenState, given: Mapping[str, str]) -> bool:
    pairs: Captures = state.captures
    return all(given.get(name, value) == value for name, value in pairs)
