"""Reads a token endpoint's answer (RFC 6749 section 5), in the shapes that real servers give it."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from profiles.content_types import decode
from profiles.errors import TokenRequestRejected, TokenResponseInvalid
from profiles.held_tokens import TokenResponse
from profiles.model import ContentType, ResponseSettings

LONGEST_LIFETIME = 10 * 365 * 86400.0
"""Seconds; what is longer is held for no longer, so that "for ever" is never believed."""

_ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}")
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the token endpoint sent. The repr shows the status alone."""

    status_code: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def field_values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def media_type(self) -> str | None:
        return next(iter(self.field_values("content-type")), None)


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """Where each member stands: a compiled JMESPath, or the name of a header field or cookie."""

    places: Mapping[str, Any]
    unit: float


def compile_response_plan(settings: ResponseSettings, unit: str) -> ResponsePlan:
    """Compiles the mapping. Raises ValueError naming the key whose expression is none."""
    places: dict[str, Any] = {}
    for key, place in settings:
        if place is None:
            continue
        if place.startswith(("header:", "cookie:")):
            kind, _, name = place.partition(":")
            places[key] = (kind, name.strip())
            continue
        try:
            places[key] = jmespath.compile(place)
        except JMESPathError:
            raise ValueError(f"response.{key} is not a JMESPath expression") from None
    return ResponsePlan(places, 0.001 if unit == "milliseconds" else 1.0)


def parse_token_response(
    plan: ResponsePlan, answer: TokenAnswer, content_type: ContentType, now: float
) -> TokenResponse:
    """Reads a token endpoint's answer. Pure: no clock, no network; *now* is in seconds since the epoch.

    Raises TokenRequestRejected where the server said no and TokenResponseInvalid where there is no token.
    """
    status = answer.status_code
    data: Any = None
    if answer.body.strip():
        try:
            data = decode(answer.body, answer.media_type, content_type)
        except ValueError:
            data = None
    if 400 <= status < 500:
        raise rejection_of(status, data)
    if not 200 <= status < 300:
        raise TokenResponseInvalid(_what_came(answer))
    token = _found(plan, "access_token", answer, data)
    if not isinstance(token, str) or not token:
        if _error_of(data) is not None:
            raise rejection_of(status, data)
        raise TokenResponseInvalid(_what_came(answer))
    if not _TOKEN.fullmatch(token):
        raise TokenResponseInvalid("the access token holds characters that no token may hold")
    refresh_token = _found(plan, "refresh_token", answer, data)
    token_type = _found(plan, "token_type", answer, data)
    scope = _found(plan, "scope", answer, data)
    return TokenResponse(
        access_token=token,
        token_type=token_type if isinstance(token_type, str) else None,
        lifetime=_lifetime(plan, answer, data, token, now),
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
        refresh_lifetime=duration_of(_found(plan, "refresh_expires_in", answer, data), plan.unit),
        scope=scope if isinstance(scope, str) else None,
        members=data if isinstance(data, Mapping) else {},
    )


def rejection_of(status: int, data: Any, retry_after: int | None = None) -> TokenRequestRejected:
    """The server's no, with its RFC 6749 section 5.2 code where it gave a proper one."""
    error = _error_of(data)
    detail = f"the token endpoint answered {status}" + (f" ({error})" if error else "")
    return TokenRequestRejected(detail, error=error, upstream_status=status, retry_after=retry_after)


def _error_of(data: Any) -> str | None:
    """The error code in an answer, also of the shape {"errors": [{"errorType": ...}]}."""
    if not isinstance(data, Mapping):
        return None
    error = data.get("error")
    if isinstance(error, Mapping):
        error = error.get("code") or error.get("type") or "error"
    errors = data.get("errors")
    if error is None and isinstance(errors, list) and errors:
        first = errors[0]
        error = (
            (first.get("errorType") or first.get("code") or "error")
            if isinstance(first, Mapping)
            else "error"
        )
    if error is None or error is False:
        return None
    return error if isinstance(error, str) and _ERROR_CODE.fullmatch(error) else "error"


def _what_came(answer: TokenAnswer) -> str:
    if 300 <= answer.status_code < 400:
        return f"the token endpoint answered {answer.status_code}: a redirect, which is never followed"
    if not answer.body.strip():
        return f"the token endpoint answered {answer.status_code} with an empty body"
    kind = (answer.media_type or "no media type").partition(";")[0].strip().lower()
    kind = kind if re.fullmatch(r"[a-z0-9.+/ -]{1,60}", kind) else "an odd media type"
    size = len(answer.body)
    return f"the token endpoint answered {answer.status_code} with {size} bytes of {kind} and no token"


def _found(plan: ResponsePlan, key: str, answer: TokenAnswer, data: Any) -> Any:
    place = plan.places.get(key)
    if place is None:
        return None
    if isinstance(place, tuple):
        kind, name = place
        if kind == "header":
            return next(iter(answer.field_values(name)), None)
        return _cookie(answer, name)
    try:
        return place.search(data)
    except JMESPathError:
        # A function of the expression met a type it does not take: there is nothing at that place.
        return None


def _cookie(answer: TokenAnswer, name: str) -> str | None:
    for value in answer.field_values("set-cookie"):
        try:
            cookies = SimpleCookie(value)
        except CookieError:
            continue
        if name in cookies:
            return cookies[name].value
    return None


def _lifetime(plan: ResponsePlan, answer: TokenAnswer, data: Any, token: str, now: float) -> float | None:
    """Seconds from now, by expires_at, expires_in or the token's own exp; None where none of them tells."""
    at = instant_of(_found(plan, "expires_at", answer, data))
    if at is not None:
        return min(max(at - now, 0.0), LONGEST_LIFETIME)
    duration = duration_of(_found(plan, "expires_in", answer, data), plan.unit)
    if duration is not None:
        return duration
    return _lifetime_of_jwt(token, now)


def duration_of(value: Any, unit: float = 1.0) -> float | None:
    """Seconds. Zero means "does not expire" with some servers and nothing with others, and a negative
    number means nothing: both are taken as not told, because for ever is a long time to be wrong."""
    number = _number(value)
    if number is None or number <= 0:
        return None
    return min(number * unit, LONGEST_LIFETIME)


def instant_of(value: Any) -> float | None:
    """Seconds since the epoch, from epoch seconds, epoch milliseconds or ISO 8601."""
    number = _number(value)
    if number is not None:
        return number / 1000 if number > 1e11 else number if number > 0 else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _lifetime_of_jwt(token: str, now: float) -> float | None:
    """What a JWT says of itself (RFC 7519 section 4.1.4), unverified: it is the origin's to verify.

    Where it has `iat` too, their distance is taken: it holds whatever the two clocks say.
    """
    parts = token.split(".")
    if len(parts) != 3 or len(parts[1]) > 16_384:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(claims, Mapping):
        return None
    expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
    if expires is None:
        return None
    lifetime = expires - (issued if issued is not None else now)
    return min(lifetime, LONGEST_LIFETIME) if lifetime > 0 else None
