"""Says to an end user, who knows neither OAuth nor us, what came of what they entered."""

from __future__ import annotations

from profiles.errors import (
    AuthorizationRequired,
    CleartextRefused,
    ConnectorUnavailable,
    CredentialsLocked,
    Refusal,
    TokenEndpointUnreachable,
    TokenRequestRejected,
    TooManyEntries,
)
from profiles.lockout import is_refusal_of_grant

_TELL_OPERATOR = "Tell whoever runs this proxy"


def plain_words(refusal: Refusal) -> str:
    """What was wrong and what they can do, without anything that a server has said."""
    match refusal:
        case TokenRequestRejected() if is_refusal_of_grant(refusal):
            return "The server did not accept what you entered. Look it over, and try again."
        case TokenRequestRejected(upstream_status=None):
            return "What you entered cannot be sent to the server as it is. Nothing was sent."
        case CleartextRefused():
            return f"The way to the server is not encrypted, so nothing was sent. {_TELL_OPERATOR}."
        case TokenRequestRejected() if refusal.upstream_status in (408, 429):
            return f"The server asks for patience.{_when(refusal.retry_after)}"
        case TokenRequestRejected():
            return f"The server does not know this proxy, whoever you are. {_TELL_OPERATOR}: {refusal.slug}."
        case TokenEndpointUnreachable() if refusal.timed_out:
            return f"The server did not answer in time. Your password was not refused.{_when(None)}"
        case TokenEndpointUnreachable() | ConnectorUnavailable():
            return f"The server cannot be reached. Your password was not refused.{_when(refusal.retry_after)}"
        case AuthorizationRequired():
            return f"This was accepted, and is not kept: {refusal.detail}. Try again."
        case TooManyEntries() | CredentialsLocked():
            return f"This is not tried: {refusal.detail}.{_when(refusal.retry_after)}"
        case _:
            return f"The server's answer makes no sense to this proxy. {_TELL_OPERATOR}: {refusal.slug}."


def _when(seconds: int | None) -> str:
    if seconds is None:
        return " Try again in a moment."
    if seconds < 100:
        return f" Try again in {seconds} seconds."
    return f" Try again in {round(seconds / 60)} minutes."
