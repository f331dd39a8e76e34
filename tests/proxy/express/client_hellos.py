"""ClientHellos as OpenSSL makes them."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Sequence


def hello_of(server_name: str | None = "a.example", protocols: Sequence[str] = ("http/1.1",)) -> bytes:
    """The first bytes of a TLS connection; without SNI where there is no *server_name*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    sent = ssl.MemoryBIO()
    connection = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=server_name)
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return sent.read()
