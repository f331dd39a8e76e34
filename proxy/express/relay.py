"""Carries bytes between two streams, unseen: tunnels, and connections that speak another protocol now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from proxy.express.tls_stream import ByteStream


class RelayEnd(asyncio.Protocol):
    """One end of a relay: what comes here goes out at `other`, which is read no faster than it is taken."""

    def __init__(self, stream: ByteStream, on_end: Callable[[], None]) -> None:
        self._stream = stream
        self._on_end = on_end
        self._has_ended = False
        self.other: RelayEnd
        self.bytes_received = 0
        """What the watch on idle relays compares."""

    def data_received(self, data: bytes) -> None:
        self.bytes_received += len(data)
        self.other.send(data)

    def eof_received(self) -> bool:
        # Half of a connection may end before the other: the rest of it is still wanted.
        self._has_ended = True
        self.other.finish()
        return not self.other.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes from here."""
        return self._has_ended

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_ended = True
        if exc is not None:
            self.other.abort()
        else:
            self.other.close()
        self._on_end()

    def pause_writing(self) -> None:
        self.other.hold()

    def resume_writing(self) -> None:
        self.other.go_on()

    def send(self, data: bytes) -> None:
        """Sends to the peer of this end."""
        self._stream.write(data)

    def finish(self) -> None:
        """Sends nothing more; closes when nothing more comes either."""
        if self._has_ended:
            self._stream.close()
        elif not self._stream.is_closing():
            try:
                self._stream.write_eof()
            except (OSError, RuntimeError):
                self._stream.close()

    def hold(self) -> None:
        """Reads no more for now."""
        if not self._stream.is_closing():
            self._stream.pause_reading()

    def go_on(self) -> None:
        """Reads again."""
        if not self._stream.is_closing():
            self._stream.resume_reading()

    def close(self) -> None:
        if not self._stream.is_closing():
            self._stream.close()

    def abort(self) -> None:
        self._stream.abort()


class _Nobody(asyncio.Protocol):
    """Hears what comes of a stream that is dropped."""


class Relay:
    """Two ends, each begun by itself. *on_end* is called once, when both connections are closed."""

    def __init__(self, first: ByteStream, second: ByteStream, on_end: Callable[[Relay], None]) -> None:
        self._open = 2
        self._on_end = on_end
        self._streams = (first, second)
        self._first, self._second = RelayEnd(first, self._one_ended), RelayEnd(second, self._one_ended)
        self._first.other, self._second.other = self._second, self._first
        self._holds_second = False
        self._bytes_seen = -1
        self._idle_since = 0.0

    def start_first(self, received: bytes) -> None:
        """Carries on what comes from the first stream, and what was read of it already."""
        self._streams[0].set_protocol(self._first)
        if received:
            self._first.data_received(received)
        self._first.go_on()

    def start_second(self, received: bytes, *, has_ended: bool = False) -> None:
        """The same for the second stream, which may have come to its end already."""
        self._streams[1].set_protocol(self._second)
        if received:
            self._second.data_received(received)
        if has_ended:
            self._second.eof_received()
        elif not self._holds_second:
            self._second.go_on()

    def hold_second(self) -> None:
        """The first stream takes no more: the second is not read."""
        self._holds_second = True
        self._second.hold()

    def release_second(self) -> None:
        """It takes more again."""
        self._holds_second = False
        self._second.go_on()

    def drop_second(self) -> None:
        """Breaks the second connection off, and is no relay any more."""
        self._streams[1].set_protocol(_Nobody())
        self._streams[1].abort()

    def is_idle(self, now: float, longest: float) -> bool:
        """Whether nothing went either way for that many seconds, looked at now and then."""
        seen = self._first.bytes_received + self._second.bytes_received
        if seen != self._bytes_seen:
            self._bytes_seen, self._idle_since = seen, now
        return now - self._idle_since > longest

    def abort(self) -> None:
        """Breaks both connections off."""
        for stream in self._streams:
            stream.abort()

    def _one_ended(self) -> None:
        self._open -= 1
        if not self._open:
            self._on_end(self)
