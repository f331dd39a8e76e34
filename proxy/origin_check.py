"""The check of a trial: the request to `check_url` with the fields in, as the proxy would send it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from profiles.auth_errors import INSPECTED_BYTES
from profiles.authorization import field_values
from profiles.connector_transport import ConnectorTransport
from profiles.errors import ConnectorUnavailable, PathNotInjectable, Refusal, TenantUnknown
from profiles.fields import PreparedFields
from profiles.held_tokens import HeldToken
from profiles.model import Place
from profiles.origin_judgements import OriginAnswer
from profiles.placeholders import MissingValue
from profiles.profile import TOKEN_PLACEHOLDERS, Profile
from profiles.requests import RequestHead
from profiles.tenants import TENANT
from proxy.composition import Composition
from proxy.explanation import parse_request
from proxy.known_secrets import KnownSecrets
from proxy.origin_trust import OriginTrust


class TrialImpossible(Exception):  # noqa: N818  -- wrong use, told apart from a trial that fails
    """The profile cannot be tried like this; the text says what is missing.

    *capture* is the one that has to be given, or to be another: each way of asking has its own way to do so.
    """

    def __init__(self, message: str, *, capture: str | None = None) -> None:
        super().__init__(message)
        self.capture = capture


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """The bare request to the check URL, and all captures of the match that owns it."""

    head: RequestHead
    captures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReadyCheck:
    """The request with the fields in; `bare` is the same without, `fields` what was written."""

    bare: RequestHead
    head: RequestHead = field(repr=False)
    fields: PreparedFields


def check_tenant(profile: Profile, captures: Mapping[str, str]) -> None:
    """Raises TrialImpossible where the profile names its tenants and none of them is meant."""
    try:
        profile.entered_for(captures)
    except TenantUnknown:
        assert profile.tenants is not None
        names = ", ".join(profile.tenants.names)
        given = f"there is no tenant {captures[TENANT]}" if TENANT in captures else "it needs a tenant"
        raise TrialImpossible(f"{given}, one of {names}", capture=TENANT) from None


def plan_check(
    composition: Composition,
    profile: Profile,
    captures: Mapping[str, str],
    values: Mapping[str, Any],
    known: KnownSecrets,
) -> PlannedCheck | None:
    """The check, None for a profile without one. The profile has to own it (invariant I1).

    Raises TrialImpossible, whose text has *known* secrets masked: any value may stand in a URL.
    """
    if profile.check_url is None:
        return None
    head = _bare(profile, values)
    try:
        selection = composition.index.select(head)
    except Refusal as refusal:
        raise TrialImpossible(f"check_url: {refusal.detail}") from None
    if selection is None or selection.profile is not profile:
        owner = "no profile owns it" if selection is None else f"{selection.name} owns it"
        raise TrialImpossible(
            f"check_url goes to {known.masked(f'{head.origin}{head.path}')}, and {owner}: "
            f"the credentials of {profile.name} go to what its match entries name and nowhere else"
        )
    try:
        composition.authorizer.select(head, sni=None, host_fields=())
        profile.fields.masked().apply(head)
    except PathNotInjectable as refusal:
        raise TrialImpossible(
            f"check_url: {refusal.detail}, which a path field of the profile fills"
        ) from None
    except Refusal as refusal:
        raise TrialImpossible(f"check_url: {refusal.detail}") from None
    return PlannedCheck(head, {**captures, **dict(selection.captures)})


def ready_check(profile: Profile, planned: PlannedCheck, token: HeldToken, user: str = "") -> ReadyCheck:
    """The check with header, query and path fields in. Raises a Refusal, as the proxy does."""
    bare = planned.head
    values = field_values(profile, planned.captures, token, user)
    values |= {
        "request.host": bare.origin.host,
        "request.method": bare.method,
        "request.path": bare.path,
    }
    prepared = profile.fields.prepare(values)
    headers, target = prepared.apply(bare)
    return ReadyCheck(bare, replace(bare, headers=headers, target=target), prepared)


def payload_keys(profile: Profile) -> list[str]:
    """The fields that a check leaves out, because it is a GET and has no body."""
    return [item.key for item in profile.settings.fields if item.place is Place.PAYLOAD]


async def send_check(
    origin_trust: OriginTrust,
    profile: Profile,
    head: RequestHead,
    transport: httpx.AsyncBaseTransport | None = None,
) -> OriginAnswer | str:
    """Sends the check as it is; a sentence of our own where no answer came.

    The profile's time-out bounds connecting, each read, and twice that the whole.
    """
    seconds = profile.settings.timeout
    try:
        async with asyncio.timeout(seconds * 2), _client(origin_trust, profile, transport) as client:
            request = client.build_request(
                head.method,
                str(head.origin),
                headers=list(head.headers),
                # httpx would write some characters of the target anew.
                extensions={"target": head.target.encode("ascii")},
            )
            response = await client.send(request, stream=True)
            try:
                headers = tuple(response.headers.raw)
                return OriginAnswer(response.status_code, headers, await _beginning(response))
            finally:
                await response.aclose()
    except ConnectorUnavailable as unavailable:
        return f"{unavailable.title}: {unavailable.detail}"
    except (httpx.TimeoutException, TimeoutError):
        return f"{head.origin} did not answer in time"
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
        # A foreign text may hold an address with secrets; this one word of it is ours to tell.
        if "certificate" in str(error).lower():
            return f"the certificate of {head.origin} is not accepted: trusted_ca names further authorities"
        return f"{head.origin} cannot be reached"


def _client(
    origin_trust: OriginTrust, profile: Profile, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    """The client for one check, and the one place that knows the way to the origin."""
    verify = origin_trust.context_for(profile)
    if transport is None and profile.connector is not None:
        transport = ConnectorTransport(profile.connector, verify, origin_trust.context_for(None))
    return httpx.AsyncClient(
        verify=verify,
        transport=transport,
        # No proxy of the environment: it might be us.
        trust_env=False,
        follow_redirects=False,
        timeout=profile.settings.timeout,
        headers={"User-Agent": "grantproxy", "Accept-Encoding": "identity"},
    )


async def _beginning(response: httpx.Response) -> bytes:
    """As much of the body as an auth error is looked for in; an event stream has no end to wait for."""
    if response.headers.get("content-type", "").strip().lower().startswith("text/event-stream"):
        return b""
    body = bytearray()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    # The stream itself, because httpx would undo a content coding without a limit.
    async for chunk in response.stream:
        body += chunk
        if len(body) >= INSPECTED_BYTES:
            break
    return bytes(body[:INSPECTED_BYTES])


def _bare(profile: Profile, values: Mapping[str, Any]) -> RequestHead:
    assert profile.check_url is not None
    try:
        url = profile.check_url.render(values)
    except MissingValue as missing:
        name = missing.args[0]
        if name in TOKEN_PLACEHOLDERS or name.startswith("token."):
            raise TrialImpossible(f"check_url needs {name}, and the token response has none") from None
        raise TrialImpossible(f"check_url needs {name}", capture=name) from None
    except ValueError as error:
        raise TrialImpossible(f"check_url: a value {error}") from None
    try:
        return parse_request(url, "GET")
    except ValueError as error:
        raise TrialImpossible(f"check_url {error}") from None
