"""Tries one profile for an operator: the password grant, then the check URL with the fields injected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from profiles.authorization import field_values
from profiles.errors import Refusal, TokenRequestRejected
from profiles.grant_reasons import reason_of
from profiles.grants import TokenRequest
from profiles.held_tokens import HeldToken, TokenResponse
from profiles.lockout import is_refusal_of_grant
from profiles.origin_judgements import judge
from profiles.profile import Profile
from profiles.proposals import Proposal, propose
from profiles.token_answer import TokenAnswer
from profiles.token_client import Fetches, TokenClient
from proxy.composition import Composition
from proxy.known_secrets import KnownSecrets, secrets_of, tokens_in
from proxy.origin_check import (
    PlannedCheck,
    TrialImpossible,
    check_tenant,
    payload_keys,
    plan_check,
    ready_check,
    send_check,
)
from proxy.shown_answers import ShownAnswer, possible_tokens, shown
from proxy.shown_requests import check_line, injected_values, token_request_line

__all__ = ["Trial", "TrialImpossible", "try_profile"]


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went. `step` is `grant` or `check`; `request` and `answer` are those that decided, masked."""

    profile: str
    ok: bool
    step: str
    reason: str
    request: str | None = None
    """Method and URL; None where none was sent."""
    answer: ShownAnswer | None = None
    proposals: tuple[Proposal, ...] = ()
    notes: tuple[str, ...] = ()
    """What the trial could not try, or the server did not give."""
    token_type: str | None = None
    lifetime: float | None = None
    has_refresh_token: bool = False
    password_refused: bool = False
    """Whether the server said no to what was submitted: to say it again may lock the account."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What is tried for whom, and the way to the origin."""

    composition: Composition
    profile: Profile
    user: str
    entered: Mapping[str, Any] = field(repr=False)
    transport: httpx.AsyncBaseTransport | None

    def values(self, captures: Mapping[str, str]) -> dict[str, Any]:
        """What placeholders stand for before there is a token."""
        return {**self.profile.values(captures, self.user), **self.entered}

    def field_values(self, captures: Mapping[str, str], token: HeldToken) -> dict[str, Any]:
        """And with one."""
        return field_values(self.profile, captures, token, self.user)


@dataclass(slots=True)
class _RecordingEndpoint:
    """Keeps the last request and its answer: what `TokenClient` makes of them shows neither."""

    endpoint: Fetches
    request: TokenRequest | None = field(default=None, repr=False)
    answer: TokenAnswer | None = field(default=None, repr=False)

    async def fetch(self, request: TokenRequest, *, timeout: float) -> TokenAnswer:  # noqa: ASYNC109
        self.request, self.answer = request, None
        self.answer = await self.endpoint.fetch(request, timeout=timeout)
        return self.answer


async def try_profile(
    composition: Composition,
    profile: Profile,
    captures: Mapping[str, str],
    *,
    user: str = "",
    entered: Mapping[str, Any] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Trial:
    """Performs the grant afresh and calls the check URL. Raises TrialImpossible.

    *captures* stand in for what a match entry would have captured; *entered* (`Entry.values`) is what the end
    user *user* of a per-user profile would enter. Nothing is stored.
    """
    check_tenant(profile, captures)
    attempt = _Attempt(composition, profile, user, entered or {}, transport)
    referenced = composition.configuration.references.secrets_at("profiles", profile.name)
    known = secrets_of(profile.settings).together_with(referenced)
    known = known.with_values(_texts_in(attempt.entered))
    planned: PlannedCheck | None = None
    if not profile.checks_with_token:
        # Before the grant where it can be: a check that is impossible is no reason to submit a password.
        planned = plan_check(composition, profile, captures, attempt.values(captures), known)
        captures = captures if planned is None else planned.captures
    endpoint = _RecordingEndpoint(composition.endpoint_of(profile))
    try:
        response = await TokenClient(endpoint).password(profile.grant, attempt.values(captures))
    except Refusal as refusal:
        return _refused_grant(profile, refusal, endpoint, known)
    known = known.with_values(tokens_in(response.members) | _tokens_of(response))
    trial = _granted(profile, response, endpoint, known)
    token = _held(response, attempt.entered)
    if profile.checks_with_token:
        planned = plan_check(composition, profile, captures, attempt.field_values(captures, token), known)
    if planned is None:
        return replace(trial, reason=f"{trial.reason}; the profile has no check_url to try it at")
    return await _checked(attempt, planned, token, trial, known)


def _granted(
    profile: Profile, response: TokenResponse, endpoint: _RecordingEndpoint, known: KnownSecrets
) -> Trial:
    """The trial as far as it has gone well."""
    notes = []
    missing = _scope_not_granted(profile, response)
    if missing:
        notes.append(f"the server says which scope it granted, and does not name {' '.join(missing)}")
    return Trial(
        profile.name,
        ok=True,
        step="grant",
        reason="the token endpoint gave a token",
        request=_shown_request(endpoint, known),
        token_type=response.token_type,
        lifetime=response.lifetime,
        has_refresh_token=response.refresh_token is not None,
        proposals=_proposals(profile, endpoint.answer, known),
        notes=tuple(notes),
    )


async def _checked(
    attempt: _Attempt, planned: PlannedCheck, token: HeldToken, trial: Trial, known: KnownSecrets
) -> Trial:
    """The trial with its second step: the origin decides."""
    profile = attempt.profile
    trial = replace(trial, step="check", request=None)
    if keys := payload_keys(profile):
        note = f"the check is a GET without a body, so it does not carry {', '.join(keys)} (payload)"
        trial = replace(trial, notes=(*trial.notes, note))
    try:
        ready = ready_check(profile, planned, token, attempt.user)
    except Refusal as refusal:
        return replace(trial, ok=False, reason=f"{refusal.title}: {refusal.detail}")
    trial = replace(trial, request=check_line(ready.bare, ready.fields, known))
    known = known.with_values(injected_values(ready.fields))
    answer = await send_check(attempt.composition.origin_trust, profile, ready.head, attempt.transport)
    if isinstance(answer, str):
        return replace(trial, ok=False, reason=known.masked(answer))
    judgement = judge(profile, planned.head, answer)
    headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers)
    return replace(
        trial,
        ok=judgement.ok,
        reason=known.masked(judgement.reason),
        answer=shown(answer.status, headers, answer.text, known),
        proposals=(*trial.proposals, *(item.masked(_showing(known)) for item in judgement.proposals)),
    )


def _held(response: TokenResponse, entered: Mapping[str, Any]) -> HeldToken:
    """The token as the fields take it; it is tried at once, so its instants do not matter."""
    return HeldToken(
        access_token=response.access_token,
        token_type=response.token_type,
        refresh_token=response.refresh_token,
        refresh_expires_at=None,
        members=response.members,
        obtained_at=0,
        soft_at=0,
        expires_at=0,
        entered=entered,
    )


def _refused_grant(
    profile: Profile, refusal: Refusal, endpoint: _RecordingEndpoint, known: KnownSecrets
) -> Trial:
    masked, answer = None, endpoint.answer
    if answer is not None:
        # An answer that was not understood may hold a token under another name.
        known = known.with_values(possible_tokens(answer, profile.grant.content_type))
        text = answer.body.decode("utf-8", "replace")
        masked = shown(answer.status_code, answer.headers, text, known)
    return Trial(
        profile.name,
        ok=False,
        step="grant",
        reason=reason_of(refusal, answer, profile.settings.grant),
        request=_shown_request(endpoint, known),
        answer=masked,
        proposals=_proposals(profile, answer, known),
        password_refused=isinstance(refusal, TokenRequestRejected) and is_refusal_of_grant(refusal),
    )


def _shown_request(endpoint: _RecordingEndpoint, known: KnownSecrets) -> str | None:
    return None if endpoint.request is None else token_request_line(endpoint.request, known)


def _texts_in(entered: Mapping[str, Any]) -> set[str]:
    """What was entered, as it may turn up in an answer; a yes or no is no secret."""
    return {str(value) for value in entered.values() if not isinstance(value, bool)}


def _tokens_of(response: TokenResponse) -> set[str]:
    return {response.access_token, *filter(None, [response.refresh_token])}


def _scope_not_granted(profile: Profile, response: TokenResponse) -> list[str]:
    """What was asked for and is not in the answer, which names the scope where it is another one (RFC 6749
    section 5.1); servers separate it by spaces, commas or plus signs (quirk 8)."""
    if not response.scope:
        return []
    granted = re.split(r"[\s,+]+", response.scope.lower())
    # Some give a scope its full address: https://graph.microsoft.com/User.Read for user.read.
    granted += [scope.rpartition("/")[2] for scope in granted]
    return [scope for scope in profile.settings.grant.scope if scope.lower() not in granted]


def _proposals(profile: Profile, answer: TokenAnswer | None, known: KnownSecrets) -> tuple[Proposal, ...]:
    if answer is None:
        return ()
    # A redirect's address is the server's text, so it is masked like everything that is shown.
    return tuple(item.masked(_showing(known)) for item in propose(answer, profile.settings.grant))


def _showing(known: KnownSecrets) -> Callable[[str], str]:
    """Masks, and takes out what no page could be sent with: JSON can hold half a surrogate pair."""
    return lambda text: known.masked(text).encode(errors="replace").decode()
