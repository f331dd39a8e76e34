"""What the first bytes on a connection, or inside a tunnel, turn out to be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from mitmproxy.proxy.layers.tls import parse_client_hello

HTTP2_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MOST_EMPTY: Final = 16
"""Bytes of empty lines that may come first."""
LONGEST_HELLO: Final = 64 * 1024
"""Bytes of a ClientHello that are waited for; a post-quantum key share makes one of two or three thousand."""


class Opening(Enum):
    """What a client has begun to speak."""

    UNDECIDED = auto()
    """Too few bytes to tell."""
    HTTP1 = auto()
    HTTP2 = auto()
    TLS = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Hello:
    """What a ClientHello tells. `speaks_http1` is true also where it names no protocol at all."""

    sni: str | None
    speaks_http1: bool


def opening_of(received: bytes) -> Opening:
    """Tells by a few bytes; lower-case letters begin a method too (RFC 9110 section 9.1)."""
    if not received:
        return Opening.UNDECIDED
    if received[0] == 0x16:
        return Opening.TLS if len(received) < 3 or received[1] == 0x03 else Opening.OTHER
    if HTTP2_PREFACE.startswith(received[: len(HTTP2_PREFACE)]):
        return Opening.HTTP2 if len(received) >= 16 else Opening.UNDECIDED
    begins = received.lstrip(b"\r\n")[:1]
    if not begins:
        return Opening.UNDECIDED if len(received) <= MOST_EMPTY else Opening.OTHER
    return Opening.HTTP1 if begins.isalpha() or begins in b"!#$%&'*+-.^_`|~0123456789" else Opening.OTHER


def hello_in(received: bytes) -> Hello | None:
    """The ClientHello at the beginning of a connection, or None while it is not whole.

    Raises ValueError where there is none to come.
    """
    if len(received) > LONGEST_HELLO:
        raise ValueError("no ClientHello ends here")
    hello = parse_client_hello(received)
    if hello is None:
        return None
    protocols = hello.alpn_protocols
    return Hello(hello.sni, not protocols or b"http/1.1" in protocols or b"http/1.0" in protocols)
