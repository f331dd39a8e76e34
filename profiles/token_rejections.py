"""The authorization server's no: its error code, wherever it stands in the answer (RFC 6749 section 5.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from profiles.errors import TokenRequestRejected

_CODE = re.compile(r"[a-z]{1,24}(?:_[a-z]{1,24}){1,5}")
"""How the registered codes are written, and servers' own after them. What looks otherwise is not told:
an answer may repeat a password anywhere, and a refusal carries none."""

_NO_CODE = "error"

REGISTERED = frozenset(
    {
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "access_denied", "server_error", "temporarily_unavailable", "slow_down",
    }
)  # fmt: skip
"""Codes that say the same whatever was sent (RFC 6749 sections 4.1.2.1 and 5.2)."""


def rejection_of(status: int, data: Any, retry_after: int | None = None) -> TokenRequestRejected:
    """The server's no, with its code where it gave a proper one; *data* is the decoded body."""
    error = error_of(data)
    detail = f"the token endpoint answered {status}" + (f" ({error})" if error else "")
    return TokenRequestRejected(detail, error=error, upstream_status=status, retry_after=retry_after)


def without_quotation(rejection: TokenRequestRejected, submitted: Iterable[str]) -> TokenRequestRejected:
    """The rejection, without its code where the server made one of what it had been sent."""
    error = rejection.error
    if error is None or error in REGISTERED or not any(value and value in error for value in submitted):
        return rejection
    return rejection_of(rejection.upstream_status or 400, {"error": _NO_CODE}, rejection.retry_after)


def error_of(data: Any) -> str | None:
    """The error code in an answer, None in one without; `error` for one that is not told.

    Also of the shapes {"error": {"code": ...}}, {"errors": [{"errorType": ...}]}, and below one root member,
    as XML has it.
    """
    if not isinstance(data, Mapping):
        return None
    error = _error_in(data)
    if error is None and len(data) == 1:
        below = next(iter(data.values()))
        error = _error_in(below) if isinstance(below, Mapping) else None
    return error


def _error_in(data: Mapping[str, Any]) -> str | None:
    error, errors = data.get("error"), data.get("errors")
    if not error and isinstance(errors, list) and errors:
        error = errors[0]
    if not error:
        return None
    candidates = [error]
    if isinstance(error, Mapping):
        candidates = [error.get(key) for key in ("errorType", "code", "type", "error")]
    codes = (code for code in candidates if isinstance(code, str) and _CODE.fullmatch(code))
    return next(codes, _NO_CODE)
