"""Reads a token endpoint's answer (RFC 6749 section 5), in the shapes that real servers give it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from profiles.content_types import decode
from profiles.errors import TokenResponseInvalid
from profiles.held_tokens import TokenResponse
from profiles.lifetimes import LONGEST_LIFETIME, duration_of, instant_of, lifetime_of_jwt, time_left
from profiles.model import ContentType
from profiles.response_places import ResponsePlan, compile_response_plan
from profiles.token_answer import TokenAnswer
from profiles.token_rejections import error_of, rejection_of

__all__ = [
    "LONGEST_LIFETIME",
    "ResponsePlan",
    "TokenAnswer",
    "compile_response_plan",
    "duration_of",
    "instant_of",
    "parse_token_response",
    "rejection_of",
]

_TOKEN = re.compile(r"[\x21-\x7e]+")
_WITH_SCHEME = re.compile(r"Bearer +([\x21-\x7e]+)", re.IGNORECASE)

_TOLD_MEDIA_TYPES = frozenset(
    {"application/json", "application/problem+json", "application/x-www-form-urlencoded", "application/xml"}
    | {"application/octet-stream", "multipart/form-data", "text/csv", "text/html", "text/plain", "text/xml"}
)
"""Those that a refusal names; what else stands in a Content-Type is the server's text, not ours to tell."""


def parse_token_response(
    plan: ResponsePlan, answer: TokenAnswer, content_type: ContentType, now: float
) -> TokenResponse:
    """Reads a token endpoint's answer. Pure: no clock, no network; *now* is in seconds since the epoch.

    Raises TokenRequestRejected where the server said no and TokenResponseInvalid where there is no token.
    """
    status = answer.status_code
    data = _decoded(answer, content_type)
    if 400 <= status < 500:
        raise rejection_of(status, data, answer.retry_after(now))
    if not 200 <= status < 300:
        raise TokenResponseInvalid(_what_came(answer))
    token = _text(plan.find("access_token", answer, data))
    if token is None:
        if error_of(data) is not None:
            raise rejection_of(status, data, answer.retry_after(now))
        raise TokenResponseInvalid(_what_came(answer))
    token_type = _text(plan.find("token_type", answer, data))
    with_scheme = _WITH_SCHEME.fullmatch(token)
    if with_scheme:
        # A token in an Authorization field of the answer comes as it would be sent.
        token, token_type = with_scheme[1], token_type or "Bearer"
    if not _TOKEN.fullmatch(token):
        raise TokenResponseInvalid("the access token holds characters that no token may hold")
    return TokenResponse(
        access_token=token,
        token_type=token_type,
        lifetime=_lifetime(plan, answer, data, token, now),
        refresh_token=_text(plan.find("refresh_token", answer, data)),
        refresh_lifetime=duration_of(plan.find("refresh_expires_in", answer, data), plan.unit),
        scope=_scope(plan.find("scope", answer, data)),
        members=data if isinstance(data, Mapping) else {},
    )


def _decoded(answer: TokenAnswer, content_type: ContentType) -> Any:
    """The body as plain data; None where it is empty or written in no way that the proxy reads."""
    if not answer.body.strip():
        return None
    try:
        return decode(answer.body, answer.media_type, content_type)
    except ValueError:
        return None


def _text(value: Any) -> str | None:
    """A member as text; some servers give a session's number as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else None
    return (value.strip() or None) if isinstance(value, str) else None


def _scope(value: Any) -> str | None:
    """As the server wrote it, because only servers know what separates their scopes; a list is joined."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value) or None
    return value if isinstance(value, str) else None


def _lifetime(plan: ResponsePlan, answer: TokenAnswer, data: Any, token: str, now: float) -> float | None:
    """Seconds from now, by expires_at, expires_in or the token's own exp; None where none of them tells."""
    clocks = (now,) if answer.sent_at is None else (now, answer.sent_at)
    at = instant_of(plan.find("expires_at", answer, data))
    left = None if at is None else time_left(at, *clocks)
    if left is not None:
        return left
    duration = duration_of(plan.find("expires_in", answer, data), plan.unit)
    return duration if duration is not None else lifetime_of_jwt(token, *clocks)


def _what_came(answer: TokenAnswer) -> str:
    if 300 <= answer.status_code < 400:
        return f"the token endpoint answered {answer.status_code}: a redirect, which is never followed"
    if not answer.body.strip():
        return f"the token endpoint answered {answer.status_code} with an empty body"
    kind = (answer.media_type or "no media type").partition(";")[0].strip().lower()
    kind = kind if kind in _TOLD_MEDIA_TYPES or answer.media_type is None else "another media type"
    size = len(answer.body)
    return f"the token endpoint answered {answer.status_code} with {size} bytes of {kind} and no token"
