"""What a client's connection, or a tunnel within it, begins with, and who goes on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiles.requests import Origin
from proxy.express.client_connection import Discarding
from proxy.express.opening_bytes import Opening, hello_in, opening_of
from proxy.express.relay import Relay
from proxy.express.request_reader import RequestReader
from proxy.express.tls_stream import TlsStream

if TYPE_CHECKING:
    from proxy.express.client_connection import ClientConnection


class _Opening:
    """A phase that ends with the first bytes that tell what is spoken."""

    is_busy = False

    def __init__(self, client: ClientConnection) -> None:
        self._client = client
        self._received = b""

    def receive(self, data: bytes) -> None:
        """Waits, or goes on in another phase."""
        data = self._received + data
        self._received = b""
        if not self.decide(data):
            self._received = data
            if not self._client.waits_for("header_timeout"):
                self._client.wait("header_timeout", self._client.lane.limits.header_timeout)

    def decide(self, data: bytes) -> bool:
        """Whether *data* was enough to go on."""
        raise NotImplementedError  # each of the classes below does

    def left(self) -> None:
        """Nothing is under way."""

    def takes_no_more(self) -> None:
        """Nothing is written here."""

    def takes_more(self) -> None:
        """Nothing is written here."""

    def check(self, now: float) -> None:
        """There is a time for this phase as a whole."""

    def time_is_up(self) -> None:
        self._client.close()

    def go_on_with_requests(self, data: bytes) -> None:
        """HTTP/1.1 it is."""
        reader = self._client.phase = RequestReader(self._client)
        reader.receive(data)

    def hand_over(self, data: bytes, connect_head: bytes = b"") -> None:
        """Leaves the connection, with all that was said on it, to the lane that speaks everything."""
        client = self._client
        client.phase = Discarding(client)
        client.wait_for_ever()
        client.lane.hand_over(client, connect_head, data)

    def intercept(self, data: bytes, sni: str | None, host: str) -> None:
        """Goes on inside the TLS that *data* opens."""
        client = self._client
        client.sni = sni
        context = client.lane.leaves.context_for(sni, host)
        client.phase = RequestReader(client)
        client.wait("header_timeout", client.lane.limits.header_timeout)
        stream = TlsStream(client.stream, client, context, self._established)
        client.stream = stream
        stream.start(data)

    def _established(self, error: Exception | None) -> None:
        client = self._client
        if error is None:
            client.wait("idle_timeout", client.lane.limits.idle_timeout)
        else:
            client.lane.handshake_failed(client, error)


class ConnectionOpening(_Opening):
    """The first bytes of a connection."""

    def decide(self, data: bytes) -> bool:
        opening = opening_of(data)
        if opening is Opening.UNDECIDED:
            return False
        if opening in (Opening.TLS, Opening.HTTP2):
            self.hand_over(data)
        else:
            # A proxy is spoken to in HTTP: whatever this is, it is told so.
            self.go_on_with_requests(data)
        return True


class TunnelOpening(_Opening):
    """The first bytes in a tunnel to a host that a profile may own; *end* is its https origin."""

    def __init__(self, client: ClientConnection, connect_head: bytes, end: Origin) -> None:
        super().__init__(client)
        self._connect_head, self._end = connect_head, end
        client.tunnel = end
        client.wait("header_timeout", client.lane.limits.header_timeout)

    def decide(self, data: bytes) -> bool:
        opening = opening_of(data)
        if opening is Opening.UNDECIDED:
            return False
        if opening is Opening.TLS:
            return self._decide_on_hello(data)
        if opening is Opening.HTTP1:
            self._client.tunnel = self._end._replace(scheme="http")
            self.go_on_with_requests(data)
        else:
            self.hand_over(data, self._connect_head)
        return True

    def _decide_on_hello(self, data: bytes) -> bool:
        try:
            hello = hello_in(data)
        except ValueError:
            self.hand_over(data, self._connect_head)
            return True
        if hello is None:
            return False
        if hello.speaks_http1:
            self.intercept(data, hello.sni, self._end.host)
        else:
            self.hand_over(data, self._connect_head)
        return True


class ForeignTunnelOpening(_Opening):
    """The first bytes in a tunnel to a host of nobody's, whose other end is carried already."""

    def __init__(self, client: ClientConnection, relay: Relay, end: Origin) -> None:
        super().__init__(client)
        self._relay, self._end = relay, end
        client.wait("tunnel_idle_timeout", client.lane.limits.tunnel_idle_timeout)

    def decide(self, data: bytes) -> bool:
        if opening_of(data) is Opening.TLS:
            try:
                hello = hello_in(data)
            except ValueError:
                hello = None
            else:
                if hello is None:
                    return False
            if hello is not None and hello.sni and self._client.lane.may_own(hello.sni, self._end.port):
                # It asks for a host of ours by another's name: looked into, to be refused.
                self._client.relay = None
                self._relay.drop_second()
                self._client.tunnel = self._end
                self.intercept(data, hello.sni, self._end.host)
                return True
        self._client.go_on_as_relay(self._relay, data)
        return True

    def left(self) -> None:
        self._relay.abort()

    def takes_no_more(self) -> None:
        self._relay.hold_second()

    def takes_more(self) -> None:
        self._relay.release_second()

    def time_is_up(self) -> None:
        self._client.abort()
