"""Tries one profile for an operator: the password grant, then the check URL with the fields injected."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import httpx

from profiles.auth_errors import INSPECTED_BYTES, AuthErrorMatch
from profiles.authorization import field_values
from profiles.connector_transport import ConnectorTransport
from profiles.errors import ConnectorUnavailable, Refusal, TenantUnknown
from profiles.grants import TokenRequest
from profiles.held_tokens import HeldToken, TokenResponse
from profiles.placeholders import MissingValue
from profiles.profile import TOKEN_PLACEHOLDERS, Profile
from profiles.proposals import propose
from profiles.requests import HeaderFields, RequestHead
from profiles.tenants import TENANT
from profiles.token_client import Fetches, TokenClient
from profiles.token_response import TokenAnswer
from proxy.composition import Composition
from proxy.explanation import parse_request
from proxy.known_secrets import KnownSecrets, secrets_of, tokens_in
from proxy.shown_answers import ShownAnswer, possible_tokens, shown


class TrialImpossible(Exception):  # noqa: N818  -- wrong use, told apart from a trial that fails
    """The profile cannot be tried like this; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went. `step` is `grant` or `check`; `answer` is the one that decided, where there was one."""

    profile: str
    ok: bool
    step: str
    reason: str
    answer: ShownAnswer | None = None
    proposals: tuple[str, ...] = ()
    token_type: str | None = None
    lifetime: float | None = None
    has_refresh_token: bool = False


@dataclass(slots=True)
class _RecordingEndpoint:
    """Keeps the last answer: what `TokenClient` makes of it does not show how it looked."""

    endpoint: Fetches
    last: TokenAnswer | None = field(default=None, repr=False)

    async def fetch(self, request: TokenRequest, *, timeout: float) -> TokenAnswer:  # noqa: ASYNC109
        self.last = None
        self.last = await self.endpoint.fetch(request, timeout=timeout)
        return self.last


async def try_profile(
    composition: Composition,
    profile: Profile,
    captures: Mapping[str, str],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Trial:
    """Performs the grant afresh and calls the check URL. Raises TrialImpossible.

    *captures* stand in for what a match entry would have captured. Nothing is stored.
    """
    _check_tenant(profile, captures)
    check, captures = None, dict(captures)
    if not profile.checks_with_token:
        # Before the grant where it can be: a check that is impossible is no reason to submit a password.
        check, captures = _plan(composition, profile, captures, profile.values(captures))
    known = secrets_of(profile.settings)
    endpoint = _RecordingEndpoint(composition.endpoint_of(profile))
    values = profile.values(captures)
    try:
        response = await TokenClient(endpoint).password(profile.grant, values)
    except Refusal as refusal:
        return _refused_grant(profile, refusal, endpoint.last, known)
    known = known.with_values(tokens_in(response.members) | _tokens_of(response))
    trial = Trial(
        profile.name,
        ok=True,
        step="grant",
        reason="the token endpoint gave a token",
        token_type=response.token_type,
        lifetime=response.lifetime,
        has_refresh_token=response.refresh_token is not None,
        proposals=_proposals(profile, endpoint.last, known),
    )
    token = _held(response)
    if profile.checks_with_token:
        check, captures = _plan(composition, profile, captures, field_values(profile, captures, token))
    if check is None:
        return replace(trial, reason=f"{trial.reason}; the profile has no check_url to try it at")
    try:
        headers, target = _injected(profile, check, captures, token)
    except Refusal as refusal:
        return replace(trial, ok=False, step="check", reason=f"{refusal.title}: {refusal.detail}")
    head = replace(check, headers=headers, target=target)
    if transport is None and profile.connector is not None:
        transport = ConnectorTransport(profile.connector, composition.verify)
    sent = await _sent(composition.verify, transport, head, profile.settings.timeout)
    if isinstance(sent, str):
        return replace(trial, ok=False, step="check", reason=sent)
    ok, reason, proposals = _judged(profile, sent)
    return replace(
        trial,
        ok=ok,
        step="check",
        reason=reason,
        answer=shown(sent.status, sent.headers, sent.body, known),
        proposals=(*trial.proposals, *proposals),
    )


def _plan(
    composition: Composition, profile: Profile, captures: dict[str, str], values: Mapping[str, Any]
) -> tuple[RequestHead | None, dict[str, str]]:
    """The request to the check URL, which the profile has to own (invariant I1), and all captures."""
    if profile.check_url is None:
        return None, captures
    try:
        url = profile.check_url.render(values)
    except MissingValue as missing:
        name = missing.args[0]
        if name in TOKEN_PLACEHOLDERS or name.startswith("token."):
            raise TrialImpossible(f"check_url needs {name}, and the token response has none") from None
        raise TrialImpossible(f"check_url needs {name}: give it with --capture {name}=VALUE") from None
    try:
        head = parse_request(url, "GET")
    except ValueError as error:
        raise TrialImpossible(f"check_url {error}") from None
    try:
        selection = composition.index.select(head)
    except Refusal as refusal:
        raise TrialImpossible(f"check_url: {refusal.detail}") from None
    if selection is None or selection.profile is not profile:
        owner = "no profile owns it" if selection is None else f"{selection.name} owns it"
        raise TrialImpossible(
            f"check_url goes to {head.origin}{head.path}, and {owner}: "
            f"the credentials of {profile.name} go to what its match entries name and nowhere else"
        )
    try:
        composition.authorizer.select(head, sni=None, host_fields=())
    except Refusal as refusal:
        raise TrialImpossible(f"check_url: {refusal.detail}") from None
    return head, {**captures, **dict(selection.captures)}


def _check_tenant(profile: Profile, captures: Mapping[str, str]) -> None:
    """Raises TrialImpossible where the profile names its tenants and none of them is meant."""
    try:
        profile.entered_for(captures)
    except TenantUnknown:
        assert profile.tenants is not None
        names = ", ".join(profile.tenants.names)
        given = f"there is no tenant {captures[TENANT]}" if TENANT in captures else "it needs a tenant"
        raise TrialImpossible(f"{given}: give --capture {TENANT}=NAME, one of {names}") from None


def _held(response: TokenResponse) -> HeldToken:
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
    )


def _injected(
    profile: Profile, head: RequestHead, captures: Mapping[str, str], token: HeldToken
) -> tuple[HeaderFields, str]:
    """Header section and target with header and query fields in: a check has no body and no path to fill."""
    values = field_values(profile, captures, token)
    values |= {
        "request.host": head.origin.host,
        "request.method": head.method,
        "request.path": head.path,
    }
    return replace(profile.fields.prepare(values), path=()).apply(head)


class _Answer(NamedTuple):
    """The origin's answer; the body is its beginning, content coding undone."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


async def _sent(
    verify: ssl.SSLContext, transport: httpx.AsyncBaseTransport | None, head: RequestHead, seconds: float
) -> _Answer | str:
    """Sends the check as it is; a sentence of our own where no answer came."""
    try:
        async with httpx.AsyncClient(
            verify=verify, transport=transport, trust_env=False, follow_redirects=False, timeout=seconds
        ) as client:
            request = client.build_request(
                head.method,
                str(head.origin),
                headers=list(head.headers),
                # httpx would write some characters of the target anew.
                extensions={"target": head.target.encode("ascii")},
            )
            response = await client.send(request, stream=True)
            try:
                body = await _beginning(response)
            finally:
                await response.aclose()
    except ConnectorUnavailable as unavailable:
        return f"{unavailable.title}: {unavailable.detail}"
    except httpx.TimeoutException:
        return f"{head.origin} did not answer in time"
    except (httpx.HTTPError, httpx.InvalidURL):
        return f"{head.origin} cannot be reached, or its certificate is not trusted"
    return _Answer(response.status_code, tuple(response.headers.multi_items()), body)


async def _beginning(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= INSPECTED_BYTES:
            break
    return bytes(body)


def _judged(profile: Profile, answer: _Answer) -> tuple[bool, str, tuple[str, ...]]:
    """Whether the answer means success, a sentence about it, and what to set if it was misread."""
    status = answer.status
    came = f"the origin answered {status}"
    if _is_auth_error(profile, answer):
        return False, f"{came}, which is the profile's auth error: it rejects a fresh token", ()
    if status in (401, 403):
        return False, f"{came}, which auth_error does not name", (_with_auth_error(profile, status),)
    if 200 <= status < 300:
        return True, came, ()
    if 300 <= status < 400:
        return False, f"{came}: a redirect, which the check does not follow", ()
    return False, f"{came}: that is no auth error, so look at check_url and the fields", ()


def _with_auth_error(profile: Profile, status: int) -> str:
    """The proposal to add *status*; a rule with a body pattern has to stay as it is."""
    rules = profile.settings.auth_error
    if any(rule.body is not None for rule in rules):
        return f"add {status} to the list of auth_error"
    return f"set auth_error: {sorted({*(rule.status for rule in rules), status})}"


def _is_auth_error(profile: Profile, answer: _Answer) -> bool:
    # httpx has undone the content coding already, so the field that names it is left out.
    headers = tuple(
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers
        if name.lower() != "content-encoding"
    )
    match = profile.auth_errors.match_head(answer.status, headers)
    if match is AuthErrorMatch.BODY_DECIDES:
        return profile.auth_errors.match_body(answer.status, headers, answer.body)
    return match is AuthErrorMatch.YES


def _refused_grant(
    profile: Profile, refusal: Refusal, answer: TokenAnswer | None, known: KnownSecrets
) -> Trial:
    masked = None
    if answer is not None:
        # An answer that was not understood may hold a token under another name.
        known = known.with_values(possible_tokens(answer, profile.grant.content_type))
        masked = shown(answer.status_code, answer.headers, answer.body, known)
    return Trial(
        profile.name,
        ok=False,
        step="grant",
        reason=f"{refusal.title}: {refusal.detail}" if refusal.detail else refusal.title,
        answer=masked,
        proposals=_proposals(profile, answer, known),
    )


def _tokens_of(response: TokenResponse) -> set[str]:
    return {response.access_token, *filter(None, [response.refresh_token])}


def _proposals(profile: Profile, answer: TokenAnswer | None, known: KnownSecrets) -> tuple[str, ...]:
    if answer is None:
        return ()
    # A redirect's address is the server's text, so it is masked like everything that is shown.
    return tuple(known.masked(str(proposal)) for proposal in propose(answer, profile.settings.grant))
