"""An origin that speaks HTTP/2 frame by frame, as a gRPC server does: it answers while the request goes on.

Every message comes back at once, the trailers when the request has ended; a token that is not accepted is
answered 401 when the head is there.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

from tests.end_to_end.servers.background_loop import background_loop, run_on

Headers = list[tuple[str, str]]


@dataclass
class Call:
    """A stream as it reached the origin."""

    headers: dict[str, str]
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    status: int = 0
    has_ended: bool = False
    is_reset: bool = False


@dataclass
class GrpcOrigin:
    """What a test sets and reads; `accepts` may be replaced at any time."""

    port: int = 0
    scheme: str = "https"
    accepts: Callable[[str | None], bool] = lambda token: token is not None
    trailers: Headers = field(default_factory=lambda: [("grpc-status", "0"), ("grpc-message", "done")])
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def url(self, path: str = "/echo.Echo/Talk") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Waits for a condition over the calls; looks again whenever bytes have come."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"not within {timeout} s: {self.calls}")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Leads one connection."""
        self.connections += 1
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        calls: dict[int, Call] = {}
        try:
            writer.write(connection.data_to_send())
            while received := await reader.read(65536):
                with self._changed:
                    for event in connection.receive_data(received):
                        self._handle(connection, calls, event)
                    self._changed.notify_all()
                writer.write(connection.data_to_send())
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass  # whoever leaves, leaves
        finally:
            writer.close()

    def _handle(
        self, connection: h2.connection.H2Connection, calls: dict[int, Call], event: h2.events.Event
    ) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._answer(connection, calls, event)
            return
        stream_id = getattr(event, "stream_id", None)
        call = calls.get(stream_id or 0)
        if isinstance(event, h2.events.DataReceived):
            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if call is None or stream_id is None:
            return
        if isinstance(event, h2.events.DataReceived):
            call.body += event.data
            if call.status == 200:
                connection.send_data(stream_id, event.data)
        elif isinstance(event, h2.events.TrailersReceived):
            call.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            call.is_reset = True
        elif isinstance(event, h2.events.StreamEnded):
            call.has_ended = True
            if call.status == 200:
                connection.send_headers(stream_id, self.trailers, end_stream=True)

    def _answer(
        self,
        connection: h2.connection.H2Connection,
        calls: dict[int, Call],
        event: h2.events.RequestReceived,
    ) -> None:
        call = calls[event.stream_id] = Call(dict(event.headers))
        self.calls.append(call)
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        is_accepted = self.accepts(token if scheme == "Bearer" else None)
        call.status = 200 if is_accepted else 401
        headers = [(":status", str(call.status)), ("content-type", "application/grpc")]
        connection.send_headers(event.stream_id, headers, end_stream=not is_accepted)


@contextmanager
def serve_grpc_origin(ssl_context: ssl.SSLContext) -> Iterator[GrpcOrigin]:
    """Serves on a free port of 127.0.0.1; the context offers h2."""
    origin = GrpcOrigin()
    with background_loop("grpc-origin") as loop:
        server = run_on(loop, asyncio.start_server(origin.serve, "127.0.0.1", 0, ssl=ssl_context))
        origin.port = server.sockets[0].getsockname()[1]
        try:
            yield origin
        finally:
            loop.call_soon_threadsafe(server.close)
