"""One connection of a client: what it is written to, how long anything may take on it, and how it ends.

What comes on it is for its phase: what opens it, requests, what opens a tunnel, or nobody any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Final, Protocol, cast

from profiles.errors import RequestMalformed
from profiles.requests import Origin
from proxy.express.relay import Relay
from proxy.express.stall_watch import StallWatch
from proxy.express.tls_stream import ByteStream
from proxy.express.writing import refusal_and_close

if TYPE_CHECKING:
    from proxy.express.lane import ExpressLane

WRITE_BUFFER_BYTES: Final = 256 * 1024
"""What a slow client may have waiting here before its origin is read no further."""
SECONDS_TO_LINGER: Final = 2.0
LONGEST_LINGER: Final = 30.0
"""After an answer to a request that is not through, what still comes is read and thrown away: a reset would
take the answer from the client before it has read it (RFC 9112 section 9.6). So long without a byte, and so
long in all."""
NEVER: Final = float("inf")


class Phase(Protocol):
    """Who reads a client's connection for now."""

    @property
    def is_busy(self) -> bool:
        """Whether the client waits for an answer."""

    def receive(self, data: bytes) -> None:
        """What has come, in the order in which it came."""

    def left(self) -> None:
        """The client is gone."""

    def takes_no_more(self) -> None:
        """The client reads too slowly: whoever writes to it is to pause."""

    def takes_more(self) -> None:
        """It has caught up."""

    def check(self, now: float) -> None:
        """About once a second: ends what has taken too long."""

    def time_is_up(self) -> None:
        """What `ClientConnection.wait` has set has passed."""


class ClientConnection(asyncio.Protocol):
    """`name` is the authenticated client, `tunnel` the end of the CONNECT that requests come from within."""

    __slots__ = (
        "_deadline",
        "_limit",
        "_stall",
        "address",
        "holds",
        "lane",
        "name",
        "phase",
        "relay",
        "sni",
        "stream",
        "tunnel",
    )

    def __init__(self, lane: ExpressLane) -> None:
        self.lane = lane
        self.stream: ByteStream
        self.address = ""
        self.name: str | None = None
        self.sni: str | None = None
        self.tunnel: Origin | None = None
        self.holds = 0
        self.relay: Relay | None = None
        self.phase: Phase = lane.first_phase(self)
        self._deadline, self._limit = NEVER, ""
        self._stall: StallWatch | None = None

    # As a protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self.stream = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.wait("idle_timeout", self.lane.limits.idle_timeout)
        refusal = self.lane.admit(self)
        if refusal is not None:
            self.write(refusal_and_close(refusal))
            self.linger()

    def data_received(self, data: bytes) -> None:
        self.phase.receive(data)

    def eof_received(self) -> None:
        # A peer that has sent its FIN is taken to want no answer either, as mitmproxy does; who really closes
        # half of a connection cannot be told from who has gone.
        self._left()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._left()
        self.lane.connection_closed(self)

    def pause_writing(self) -> None:
        self._stall = StallWatch(self.lane.now)
        self.phase.takes_no_more()

    def resume_writing(self) -> None:
        self._stall = None
        self.phase.takes_more()

    @property
    def is_stalled(self) -> bool:
        """Whether the client reads more slowly than it is written to."""
        return self._stall is not None

    # For whoever answers

    def write(self, data: bytes) -> None:
        """Sends to the client."""
        if not self.stream.is_closing():
            self.stream.write(data)

    def hold(self, reason: int) -> None:
        """Reads no more; *reason* is one of `client_holds`."""
        if not self.holds and not self.stream.is_closing():
            self.stream.pause_reading()
        self.holds |= reason

    def release(self, reasons: int) -> None:
        """Reads on, unless for other reasons."""
        if not self.holds & reasons:
            return
        self.holds &= ~reasons
        if not self.holds and not self.stream.is_closing():
            self.stream.resume_reading()

    def refuse_unread(self, refusal: RequestMalformed) -> None:
        """Answers what was not understood, and ends the connection."""
        self.write(refusal_and_close(refusal))
        self.lane.refused_unread(self, refusal)
        self.linger()

    # Its end

    @property
    def is_busy(self) -> bool:
        """Whether a request has no answer yet."""
        return self.phase.is_busy

    def end_if_idle(self) -> None:
        """Ends a connection on which nobody waits for anything; a relay goes on."""
        if not self.phase.is_busy and self.relay is None and not isinstance(self.phase, Discarding):
            self.close()

    def close(self) -> None:
        """Ends the connection when all is sent."""
        self.phase = Discarding(self)
        self.wait("", SECONDS_TO_LINGER)
        self.stream.close()

    def linger(self) -> None:
        """Reads on for a moment, to no purpose but that the client can read its answer."""
        self.phase = Discarding(self)
        self.wait("", SECONDS_TO_LINGER)
        self.release(self.holds)
        if not self.stream.is_closing():
            self.stream.write_eof()

    def break_off(self) -> None:
        """Ends an answer that lasts until the connection ends and is not whole: by a reset, to show it."""
        self.phase = Discarding(self)
        reset_on_close(self.stream)
        self.stream.abort()

    def abort(self) -> None:
        """Breaks off whatever is under way."""
        self._left()
        self.stream.abort()

    def _left(self) -> None:
        phase, self.phase = self.phase, Discarding(self)
        phase.left()
        # It may have gone with half of an answer unsent.
        self.wait("", SECONDS_TO_LINGER)

    # Relays

    def begin_relay(self, origin: ByteStream) -> Relay:
        """A relay that is not read yet at either end."""
        relay = self.relay = Relay(self.stream, origin, self._relay_ended)
        return relay

    def go_on_as_relay(self, relay: Relay, received: bytes) -> None:
        """What comes from here on is carried unseen."""
        self.phase = Discarding(self)
        self.wait_for_ever()
        self.lane.relay_began(relay)
        if self.is_stalled:
            # The stream is full, and will say only when it is not any more.
            relay.hold_second()
        self._stall = None
        relay.start_first(received)

    def _relay_ended(self, relay: Relay) -> None:
        self.lane.relay_ended(relay)
        self.lane.connection_closed(self)

    # Time

    def wait(self, limit: str, seconds: float) -> None:
        """Sets how long the phase may go on as it is; *limit* is the name under which that is known."""
        self._deadline, self._limit = self.lane.now + seconds, limit

    def wait_for_ever(self) -> None:
        """Others see to it that there is an end."""
        self._deadline, self._limit = NEVER, ""

    def waits_for(self, limit: str) -> bool:
        """Whether that is what `wait` has set."""
        return self._limit == limit

    def check(self, now: float) -> None:
        """Ends what has taken too long. To be called about once a second."""
        if now > self._deadline:
            limit, self._deadline = self._limit, NEVER
            if limit:
                self.lane.limit_reached(limit, self)
            self.phase.time_is_up()
        elif self._stall is not None and self._stall.has_lasted(
            now, self.lane.limits.write_timeout, self.stream
        ):
            self.lane.limit_reached("write_timeout", self)
            self.abort()
        else:
            self.phase.check(now)


class Discarding:
    """Nobody reads the connection any more. It ends when the client has its answer and says no more, or goes
    on for too long.
    """

    is_busy = False

    def __init__(self, client: ClientConnection) -> None:
        self._client = client
        self._seconds = 0.0
        self._has_come = False
        self._stall = StallWatch(client.lane.now)

    def receive(self, data: bytes) -> None:  # noqa: ARG002
        self._has_come = True

    def left(self) -> None:
        pass

    def takes_no_more(self) -> None:
        pass

    def takes_more(self) -> None:
        pass

    def check(self, now: float) -> None:
        pass

    def time_is_up(self) -> None:
        client = self._client
        self._seconds += SECONDS_TO_LINGER
        if client.stream.get_write_buffer_size():
            longest = client.lane.limits.write_timeout
            goes_on = not self._stall.has_lasted(client.lane.now, longest, client.stream)
        else:
            goes_on = self._has_come and self._seconds < LONGEST_LINGER
        self._has_come = False
        if goes_on:
            client.wait("", SECONDS_TO_LINGER)
        else:
            client.stream.abort()


def reset_on_close(stream: ByteStream) -> None:
    """Has the connection end by a RST (socket(7): SO_LINGER with no time)."""
    connection = stream.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
