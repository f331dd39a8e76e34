"""Which fields of a client's trailer section go on to the origin (RFC 9110 section 6.5)."""

from __future__ import annotations

from collections.abc import Collection

from profiles.requests import HeaderFields

NEVER_TRAILERS = frozenset(
    {
        b"authorization", b"connection", b"content-encoding", b"content-length", b"content-range",
        b"content-type", b"cookie", b"expect", b"host", b"keep-alive", b"max-forwards",
        b"proxy-authorization", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
"""They frame, route or authenticate, and an origin that merged them would be led astray (section 6.5.1)."""


def permitted_trailers(trailers: HeaderFields, injected: Collection[bytes] = ()) -> HeaderFields:
    """The trailer section without what may not stand there, *injected* names (in lower case) among it."""
    return tuple(
        (name, value)
        for name, value in trailers
        if name.lower() not in NEVER_TRAILERS
        and name.lower() not in injected
        and not any(octet in value for octet in b"\r\n\0")
    )
