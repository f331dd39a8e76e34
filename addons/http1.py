"""mitmproxy's HTTP/1 connections, changed where 12.2 would leave both sides waiting: trailer sections, and
answers that are not final yet.

It stands on internals of mitmproxy 12.2; `tests/addons/test_contract.py` holds each name that is used.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import h11
from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    RequestEndOfMessage,
    RequestTrailers,
    ResponseEndOfMessage,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http1 import (
    ChunkedReader,
    Http1Client,
    Http1Connection,
    Http1Server,
)

Commands = Generator[commands.Command, Any, Any]

LAST_CHUNK = b"0\r\n\r\n"
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}[ \r\n]")
"""A status line of the class 1xx but 101, which is final (RFC 9110 section 15.2)."""


def install() -> None:
    """Has every HTTP layer of this process make its connections of the classes below."""
    http_layers.Http1Server = TrailingHttp1Server  # type: ignore[misc]
    http_layers.Http1Client = TrailingHttp1Client  # type: ignore[misc]


class _TrailingReader:
    """Reads a chunked body and puts its trailer section aside: mitmproxy raises where it meets one."""

    def __init__(self, reader: ChunkedReader) -> None:
        self._reader = reader
        self.trailers: list[tuple[bytes, bytes]] = []

    def __call__(self, buf: Any) -> h11.Event | None:
        event = self._reader(buf)
        if isinstance(event, h11.EndOfMessage) and event.headers:
            self.trailers = [(bytes(name), bytes(value)) for name, value in event.headers.raw_items()]
            return h11.EndOfMessage()
        return event

    def read_eof(self) -> Any:
        return self._reader.read_eof()


class _TrailingConnection(Http1Connection):
    """Takes a trailer section in, and puts one behind the last chunk (RFC 9112 section 7.1.2)."""

    ReceiveTrailers: type[RequestTrailers | ResponseTrailers]
    _trailers: http.Headers | None = None
    """To be sent with the end of the message."""

    def read_body(self, event: events.Event) -> Commands:
        if isinstance(self.body_reader, ChunkedReader):
            self.body_reader = _TrailingReader(self.body_reader)  # type: ignore[assignment]
        reader: Any = self.body_reader
        if not isinstance(reader, _TrailingReader):
            yield from super().read_body(event)
            return
        for command in super().read_body(event):
            if reader.trailers and isinstance(command, ReceiveHttp):
                trailers, reader.trailers = http.Headers(reader.trailers), []
                yield ReceiveHttp(self.ReceiveTrailers(command.event.stream_id, trailers))
            yield command

    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, (RequestTrailers, ResponseTrailers)):
            self._trailers = event.trailers
        elif self._trailers and isinstance(event, (RequestEndOfMessage, ResponseEndOfMessage)):
            section = b"".join(b"%s: %s\r\n" % item for item in self._trailers.fields)
            self._trailers = None
            for command in super().send(event):
                if isinstance(command, commands.SendData) and command.data == LAST_CHUNK:
                    command.data = b"0\r\n" + section + b"\r\n"
                yield command
        else:
            yield from super().send(event)


class TrailingHttp1Server(_TrailingConnection, Http1Server):
    """The side of the client."""

    ReceiveTrailers = RequestTrailers


class TrailingHttp1Client(_TrailingConnection, Http1Client):
    """The side of the origin. Interim answers end here, as they do in mitmproxy's HTTP/2."""

    ReceiveTrailers = ResponseTrailers

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if isinstance(event, events.DataReceived) and self.request:
            # Most answers come in one piece, which then need not be copied to be looked at.
            received = event.data if len(self.buf) == len(event.data) else bytes(self.buf)
            while _INTERIM.match(received) and self.buf.maybe_extract_lines() is not None:
                received = bytes(self.buf)
        yield from super().read_headers(event)
