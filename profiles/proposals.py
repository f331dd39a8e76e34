"""What to change in a profile when the token endpoint's answer has another shape than it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError

from profiles.content_types import decode
from profiles.model import ClientAuthentication, ContentType, GrantSettings
from profiles.token_response import TokenAnswer, duration_of, instant_of

DEEPEST = 4
LIKELY_TOKENS = ("access_token", "accesstoken", "token", "jwt", "authtoken", "sessionid", "session_id")
LIKELY_LIFETIMES = ("expires_in", "expiresin", "expires", "expires_at", "expiresat", "expiration", "exp")
LIKELY_HEADERS = ("x-token", "x-auth-token", "x-access-token", "x-session-token", "authorization", "token")
LIKELY_COOKIE = re.compile(r"[\w.-]*(?:sess|token|auth|jwt)[\w.-]*|[\w.-]*sid", re.IGNORECASE)
TEN_YEARS = 10 * 365 * 86400.0
EPOCH = 1e9
"""A "lifetime" beyond is an instant: as seconds it would be thirty years, as an instant it is after 2001."""


_BARE_WORD = re.compile(rb"[\x21-\x7e]{6,}")


class Proposal(NamedTuple):
    """A setting, the value that would fit the answer, and why. Never holds a token."""

    setting: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"set {self.setting}: {self.value} ({self.reason})"


def propose(answer: TokenAnswer, settings: GrantSettings) -> list[Proposal]:
    """Reads *answer* for what would have made the profile fit it; the most certain proposal first."""
    if 300 <= answer.status_code < 400:
        return list(_for_redirect(answer))
    if answer.status_code in (404, 405):
        what = "grant.method" if answer.status_code == 405 else "grant.token_endpoint"
        value = _allowed_method(answer) if answer.status_code == 405 else "the path of the token endpoint"
        return [Proposal(what, value, f"the answer is {answer.status_code}")]
    try:
        data = decode(answer.body, answer.media_type, settings.content_type)
    except ValueError:
        data = None
    if _is_html(answer):
        reason = "the answer is an HTML page: this is where people log in, not a token endpoint"
        return [Proposal("grant.token_endpoint", "the address of the token endpoint", reason)]
    if answer.status_code >= 400 or (isinstance(data, Mapping) and data.get("error")):
        return list(_for_error(answer, data if isinstance(data, Mapping) else {}, settings))
    if _token_is_found(data, answer, settings):
        return list(_for_lifetime(data, settings))
    return [*_for_token(data), *_for_no_body_token(answer, data, settings), *_for_lifetime(data, settings)]


def _is_html(answer: TokenAnswer) -> bool:
    beginning = answer.body[:2048].lstrip().lower()
    return beginning.startswith((b"<!doctype html", b"<html"))


def _for_redirect(answer: TokenAnswer) -> Iterator[Proposal]:
    for location in answer.field_values("location"):
        parts = urlsplit(location)
        # Without its query: what a server puts there may be a secret.
        place = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path
        yield Proposal("grant.token_endpoint", place, "the answer is a redirect, which is never followed")


def _allowed_method(answer: TokenAnswer) -> str:
    allowed = ",".join(answer.field_values("allow")).upper().replace(" ", "").split(",")
    return next((name for name in ("POST", "GET", "PUT", "PATCH", "DELETE") if name in allowed), "GET")


def _for_no_body_token(answer: TokenAnswer, data: Any, settings: GrantSettings) -> Iterator[Proposal]:
    """A token in a header field, in a cookie, or one that is the whole body."""
    if _path_of(data, LIKELY_TOKENS, str) is not None:
        return
    for name, value in answer.headers:
        if name.lower() in LIKELY_HEADERS and value:
            yield Proposal("grant.response.access_token", f"header:{name}", "the body holds no token")
    for name in _cookie_names(answer):
        if LIKELY_COOKIE.fullmatch(name):
            reason = "the body holds no token, and a cookie is called like one"
            yield Proposal("grant.response.access_token", f"cookie:{name}", reason)
    if settings.content_type is not ContentType.TEXT and _BARE_WORD.fullmatch(answer.body.strip()):
        yield Proposal("grant.content_type", "text", "the answer is one bare word, which may be the token")


def _cookie_names(answer: TokenAnswer) -> Iterator[str]:
    for field in answer.field_values("set-cookie"):
        yield field.partition("=")[0].strip()


def _for_error(answer: TokenAnswer, data: Mapping[str, Any], settings: GrantSettings) -> Iterator[Proposal]:
    error = data.get("error")
    if error in ("invalid_client", "unauthorized_client") or (answer.status_code == 401 and error is None):
        yield Proposal(
            "grant.client_authentication",
            _other_way(settings).value,
            "the server does not accept the client as it is authenticated now",
        )
    elif error == "invalid_scope":
        value = "[]" if settings.scope else "[a scope that the server knows]"
        yield Proposal("grant.scope", value, "the server does not grant this scope")
    elif error == "unsupported_grant_type":
        reason = "the server does not read grant_type where it is now, or does not offer the password grant"
        yield Proposal("grant.content_type", _other_encoding(settings), reason)
    elif answer.status_code == 415:
        yield Proposal("grant.content_type", _other_encoding(settings), "the server does not read this one")


def _other_encoding(settings: GrantSettings) -> str:
    return "json" if settings.content_type is ContentType.URLENCODED else "urlencoded"


def _other_way(settings: GrantSettings) -> ClientAuthentication:
    match settings.way_of_client_authentication:
        case ClientAuthentication.BASIC:
            return ClientAuthentication.POST
        case ClientAuthentication.POST:
            return ClientAuthentication.BASIC
        case ClientAuthentication.BASIC_RAW:
            return ClientAuthentication.BASIC
        case ClientAuthentication.NONE:
            return ClientAuthentication.POST


def _token_is_found(data: Any, answer: TokenAnswer, settings: GrantSettings) -> bool:
    place = settings.response.access_token
    if place.startswith("header:"):
        return bool(answer.field_values(place.removeprefix("header:").strip()))
    if place.startswith("cookie:"):
        return place.removeprefix("cookie:").strip() in _cookie_names(answer)
    found = _value_at(data, place)
    return isinstance(found, str) and bool(found)


def _for_token(data: Any) -> Iterator[Proposal]:
    path = _path_of(data, LIKELY_TOKENS, str)
    if path:
        yield Proposal("grant.response.access_token", path, "that is where the answer has a token")


def _for_lifetime(data: Any, settings: GrantSettings) -> Iterator[Proposal]:
    response = settings.response
    if response.expires_at is not None and _value_at(data, response.expires_at) is not None:
        return
    value = _value_at(data, response.expires_in)
    if value is None:
        path = _path_of(data, LIKELY_LIFETIMES, (int, float, str))
        if path is None:
            return
        value = _value_at(data, path)
        if _is_instant(value):
            yield Proposal("grant.response.expires_at", path, "that is where the answer says until when")
            return
        yield Proposal("grant.response.expires_in", path, "that is where the answer has a lifetime")
    elif _is_instant(value):
        reason = "the value is an instant and no lifetime"
        yield Proposal("grant.response.expires_at", response.expires_in, reason)
        return
    seconds = duration_of(value)
    if seconds is not None and settings.expires_in_unit == "seconds" and seconds >= 30 * 86400:
        in_thousandths = duration_of(value, 0.001)
        if in_thousandths is not None and in_thousandths < TEN_YEARS / 10:
            reason = f"as seconds the token would live {seconds / 86400:.0f} days or more"
            yield Proposal("grant.expires_in_unit", "milliseconds", reason)


def _is_instant(value: Any) -> bool:
    """Whether it is a point in time: a date, or as many seconds or milliseconds as have gone since 1970."""
    try:
        return float(value) > EPOCH
    except (TypeError, ValueError):
        return isinstance(value, str) and instant_of(value) is not None


def _path_of(data: Any, names: tuple[str, ...], kind: Any, depth: int = DEEPEST) -> str | None:
    """The JMESPath of the likeliest member, the nearest to the root first."""
    if not isinstance(data, Mapping) or depth == 0:
        return None
    for name in names:
        for key, value in data.items():
            if str(key).lower() == name and isinstance(value, kind) and value:
                return _quoted(str(key))
    for key, value in data.items():
        below = _path_of(value, names, kind, depth - 1)
        if below:
            return f"{_quoted(str(key))}.{below}"
    return None


def _value_at(data: Any, path: str) -> Any:
    try:
        return jmespath.search(path, data)
    except JMESPathError:
        return None


def _quoted(key: str) -> str:
    """A key as JMESPath writes it."""
    plain = key.replace("_", "a")
    return key if plain.isascii() and plain.isalnum() and not key[0].isdigit() else f'"{key}"'
