"""What to change in a profile when the token endpoint's answer has another shape than it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from profiles.challenges import parse_challenges
from profiles.content_types import decode
from profiles.escaping import escape_form
from profiles.html_pages import is_html
from profiles.likely_lifetimes import is_in_milliseconds, is_in_seconds, is_instant
from profiles.likely_places import (
    cookies_like_a_token,
    headers_like_a_token,
    path_of_lifetime,
    path_of_token,
)
from profiles.model import ClientAuthentication, ContentType, GrantSettings
from profiles.response_places import ResponsePlan, compile_response_plan
from profiles.token_answer import TokenAnswer
from profiles.token_rejections import error_of

_PARAMETERS = re.compile(
    r"\b(client_id|client_secret|grant_type|scope|audience|resource|realm|connection)\b", re.IGNORECASE
)
_LACKING = re.compile(r"missing|require|lack|must (?:be|contain|have)|not (?:given|found)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A setting, the value that would fit the answer, and why. Never holds a token."""

    setting: str
    value: str
    reason: str

    def __str__(self) -> str:
        # As it can be pasted: a plain scalar of YAML may not begin with @ (YAML 1.2 section 7.3.3).
        value = f'"{self.value}"' if self.value.startswith("@") else self.value
        return f"set {self.setting}: {value} ({self.reason})"

    def masked(self, mask: Callable[[str], str]) -> Proposal:
        """The same with *mask* over all that came from a server."""
        return Proposal(self.setting, mask(self.value), mask(self.reason))


def propose(answer: TokenAnswer, settings: GrantSettings) -> list[Proposal]:
    """Reads *answer* for what would have made the profile fit it; the most certain proposal first."""
    status = answer.status_code
    if 300 <= status < 400:
        return list(_for_redirect(answer))
    if is_html(answer.body.decode("latin-1")):
        reason = "the answer is an HTML page: this is where people log in, not a token endpoint"
        return [Proposal("grant.token_endpoint", "the address of the token endpoint", reason)]
    try:
        data = decode(answer.body, answer.media_type, settings.content_type)
    except ValueError:
        data = None
    error = error_of(data)
    if status == 404 and error is None:
        reason = "the answer is 404: there is no such address"
        return [Proposal("grant.token_endpoint", "the path of the token endpoint", reason)]
    if status == 405:
        return [Proposal("grant.method", _allowed_method(answer), "the answer is 405: method not allowed")]
    if status >= 400:
        return list(_for_error(answer, error, data, settings))
    plan = compile_response_plan(settings.response, settings.expires_in_unit)
    found = plan.find("access_token", answer, data)
    if _is_token(found):
        return list(_for_lifetime(data, answer, settings, plan))
    if error is not None:
        return list(_for_error(answer, error, data, settings))
    return [*_for_token(answer, data), *_for_lifetime(data, answer, settings, plan)]


def _is_token(value: Any) -> bool:
    """Whether `token_response` takes it: text, or a number that is a session's."""
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int) and not isinstance(value, bool)


def _for_redirect(answer: TokenAnswer) -> Iterator[Proposal]:
    for location in answer.field_values("location")[:1]:
        parts = urlsplit(location)
        # Without query and parameters: what a server puts there may be a secret.
        path = parts.path.partition(";")[0]
        place = f"{parts.scheme or 'https'}://{parts.netloc.rpartition('@')[2]}{path}"
        reason = "the answer is a redirect, which is never followed"
        yield Proposal("grant.token_endpoint", place if parts.netloc else path, reason)


def _allowed_method(answer: TokenAnswer) -> str:
    allowed = ",".join(answer.field_values("allow")).upper().replace(" ", "").split(",")
    return next((name for name in ("POST", "GET", "PUT", "PATCH", "DELETE") if name in allowed), "GET")


def _for_token(answer: TokenAnswer, data: Any) -> Iterator[Proposal]:
    """Where the token is instead: in the body, a header field or a cookie, or it is the whole body."""
    path = path_of_token(data)
    if path is not None:
        yield Proposal("grant.response.access_token", path, "that is where the answer has a token")
        return
    for name in headers_like_a_token(answer):
        yield Proposal("grant.response.access_token", f"header:{name}", "the body holds no token")
    for name in cookies_like_a_token(answer):
        reason = "the body holds no token, and a cookie is called like one"
        yield Proposal("grant.response.access_token", f"cookie:{name}", reason)


def _for_error(
    answer: TokenAnswer, error: str | None, data: Any, settings: GrantSettings
) -> Iterator[Proposal]:
    if error in ("invalid_client", "unauthorized_client") or (
        answer.status_code == 401 and error != "invalid_grant"
    ):
        yield from _for_client(answer, settings)
    elif error == "invalid_scope":
        value = "[]" if settings.scope else "[a scope that the server knows]"
        yield Proposal("grant.scope", value, "the server does not grant this scope")
    elif error == "unsupported_grant_type":
        reason = "the server does not read grant_type where it is now, or does not offer the password grant"
        if settings.method in ("GET", "DELETE"):
            yield Proposal("grant.method", "POST", reason)
        else:
            yield Proposal("grant.content_type", _other_encoding(settings), reason)
    elif answer.status_code == 415:
        yield Proposal("grant.content_type", _other_encoding(settings), "the server does not read this one")
    elif error == "invalid_request":
        yield from _for_missing_parameter(data, settings)


def _for_missing_parameter(data: Any, settings: GrantSettings) -> Iterator[Proposal]:
    """Reads the description for a parameter of those that are known; what else it says is not repeated."""
    description = data.get("error_description") if isinstance(data, Mapping) else None
    if not isinstance(description, str) or not _LACKING.search(description):
        return
    for name in dict.fromkeys(found.lower() for found in _PARAMETERS.findall(description)):
        reason = f"the server misses the parameter {name}"
        if name == "grant_type":
            yield Proposal("grant.content_type", _other_encoding(settings), reason)
        elif name in ("client_id", "client_secret"):
            yield from _for_client(TokenAnswer(400, (), b""), settings)
            return
        elif name == "scope":
            yield Proposal("grant.scope", "[a scope that the server knows]", reason)
        else:
            yield Proposal("grant.parameters", f"{{{name}: what the server wants there}}", reason)


def _other_encoding(settings: GrantSettings) -> str:
    return "json" if settings.content_type is ContentType.URLENCODED else "urlencoded"


def _for_client(answer: TokenAnswer, settings: GrantSettings) -> Iterator[Proposal]:
    """Another way of client authentication, never one that the client has nothing for."""
    if settings.client_id is None:
        reason = "the server wants to know the client"
        yield Proposal("grant.client_id", "the client that is registered for this", reason)
        return
    if settings.client_secret is None:
        reason = "the server wants the client to prove itself"
        yield Proposal("grant.client_secret", "${env:CLIENT_SECRET}", reason)
        return
    reason = "the server does not accept the client as it is authenticated now"
    for way in _other_ways(answer, settings):
        yield Proposal("grant.client_authentication", way.value, reason)


def _other_ways(answer: TokenAnswer, settings: GrantSettings) -> list[ClientAuthentication]:
    now = settings.way_of_client_authentication
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    plain = f"{settings.client_id}{secret}"
    raw = [ClientAuthentication.BASIC_RAW] if escape_form(plain) != plain else []
    if now is ClientAuthentication.BASIC:
        # A challenge for Basic says that the way is right; then it is how the pair is encoded.
        challenges = parse_challenges(answer.field_values("www-authenticate"))
        wants_basic = any(item.scheme.lower() == "basic" for item in challenges)
        return [*raw, ClientAuthentication.POST] if wants_basic else [ClientAuthentication.POST, *raw]
    if now is ClientAuthentication.BASIC_RAW:
        return [ClientAuthentication.BASIC, ClientAuthentication.POST]
    return [ClientAuthentication.BASIC, *raw]


def _for_lifetime(
    data: Any, answer: TokenAnswer, settings: GrantSettings, plan: ResponsePlan
) -> Iterator[Proposal]:
    if plan.find("expires_at", answer, data) is not None:
        return
    value = plan.find("expires_in", answer, data)
    if value is None:
        path = path_of_lifetime(data)
        if path is None:
            return
        value = compile_response_plan(
            settings.response.model_copy(update={"expires_in": path}), settings.expires_in_unit
        ).find("expires_in", answer, data)
        if is_instant(value):
            yield Proposal("grant.response.expires_at", path, "that is where the answer says until when")
            return
        yield Proposal("grant.response.expires_in", path, "that is where the answer has a lifetime")
    elif is_instant(value):
        reason = "the value is an instant and no lifetime"
        yield Proposal("grant.response.expires_at", settings.response.expires_in, reason)
        return
    if settings.expires_in_unit == "seconds" and is_in_milliseconds(value):
        reason = f"as seconds the token would live {float(value) / 86400:.0f} days"
        yield Proposal("grant.expires_in_unit", "milliseconds", reason)
    elif settings.expires_in_unit == "milliseconds" and is_in_seconds(value):
        reason = f"as milliseconds the token would live {float(value) / 1000:.0f} seconds"
        yield Proposal("grant.expires_in_unit", "seconds", reason)
