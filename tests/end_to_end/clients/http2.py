"""An HTTP/2 client that a test leads frame by frame: it reads an answer while its request goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events

from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Proxy


@dataclass
class Stream:
    """What has come for one request so far."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    has_ended: bool = False
    is_reset: bool = False

    @property
    def status(self) -> int:
        """0 until the header section has come."""
        return int(self.headers.get(":status", "0"))


class Http2Client(RawClient):
    """One HTTP/2 connection through a proxy to the origin of *url*; *fields* are those of its CONNECT."""

    def __init__(self, proxy: Proxy, url: str, *fields: str, address: str = "127.0.0.1") -> None:
        parts, way = urlsplit(url), urlsplit(proxy.url)
        assert way.hostname is not None
        assert way.port is not None
        super().__init__(way.hostname, way.port, address=address)
        self.authority = parts.netloc
        self.streams: dict[int, Stream] = {}
        tunnel = self.tunnel(self.authority, *fields)
        assert tunnel.status == 200, tunnel
        secured = self.start_tls(parts.hostname, proxy.ca_bundle, ("h2",))
        assert secured.selected_alpn_protocol() == "h2"
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.connection = h2.connection.H2Connection(config)
        self.connection.initiate_connection()
        self._flush()

    def open(self, method: str, path: str, *fields: tuple[str, str], ends: bool = False) -> int:
        """Sends a header section and returns the stream's number."""
        number = self.connection.get_next_available_stream_id()
        self.streams[number] = Stream()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", self.authority), (":path", path)]
        self.connection.send_headers(number, [*pseudo, *fields], end_stream=ends)
        self._flush()
        return number

    def send_data(self, number: int, content: bytes = b"", *, ends: bool = False) -> None:
        """Sends part of a body, no larger than a frame."""
        self.connection.send_data(number, content, end_stream=ends)
        self._flush()

    def send_trailers(self, number: int, *fields: tuple[str, str]) -> None:
        """Ends a request with a trailer section."""
        self.connection.send_headers(number, list(fields), end_stream=True)
        self._flush()

    def reset(self, number: int) -> None:
        """Abandons a request (RFC 9113 section 8.7, CANCEL)."""
        self.connection.reset_stream(number, 8)
        self._flush()

    def read_until(self, number: int, condition: Callable[[Stream], bool]) -> Stream:
        """Reads until the condition holds for a stream. Raises where the connection ends before."""
        stream = self.streams[number]
        while not condition(stream):
            received = self.socket.recv(65536)
            if not received:
                raise ConnectionError(f"closed before: {stream}")
            for event in self.connection.receive_data(received):
                self._note(event)
            self._flush()
        return stream

    def read_to_end(self, number: int) -> Stream:
        return self.read_until(number, lambda stream: stream.has_ended or stream.is_reset)

    def _note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        stream = self.streams.get(getattr(event, "stream_id", None) or 0)
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            stream.has_ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.is_reset = True

    def _flush(self) -> None:
        self.send(self.connection.data_to_send())
