"""The one function that turns a refusal into an answer (RFC 9457, RFC 9209)."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from profiles.errors import AuthorizationRequired, ProxyAuthenticationRequired, Refusal
from profiles.requests import HeaderFields

CHALLENGE = b'Basic realm="grantproxy", charset="UTF-8"'


class Answer(NamedTuple):
    """A whole response of ours."""

    status: int
    headers: HeaderFields
    content: bytes


def answer_of(refusal: Refusal) -> Answer:
    """A problem document that says why, with `slug` and `profile` as members for programs."""
    status = refusal.status_code
    problem: dict[str, Any] = {
        "type": f"urn:grantproxy:problem:{refusal.slug}",
        "title": refusal.title,
        "status": status,
        "slug": refusal.slug,
    }
    if refusal.detail:
        problem["detail"] = refusal.detail
    if refusal.profile is not None:
        problem["profile"] = refusal.profile
    problem.update(refusal.members)
    content = json.dumps(problem, ensure_ascii=True).encode() + b"\n"
    headers = [
        (b"Content-Type", b"application/problem+json"),
        (b"Content-Length", b"%d" % len(content)),
        (b"Cache-Control", b"no-store"),
        (b"Proxy-Status", _proxy_status(refusal)),
    ]
    if refusal.retry_after is not None:
        headers.append((b"Retry-After", b"%d" % max(1, refusal.retry_after)))
    if isinstance(refusal, ProxyAuthenticationRequired):
        headers.append((b"Proxy-Authenticate", CHALLENGE))
    if isinstance(refusal, AuthorizationRequired) and refusal.location is not None:
        headers.append((b"Location", refusal.location.encode("ascii")))
    return Answer(status, tuple(headers), content)


def _proxy_status(refusal: Refusal) -> bytes:
    # `details` is a structured-field string (RFC 8941 section 3.3.3); slugs need no escaping.
    return f'grantproxy; error={refusal.error_type}; details="{refusal.slug}"'.encode("ascii")
