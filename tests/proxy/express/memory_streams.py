"""Transports without a network, that keep to what asyncio's do: the test is the peer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

USUAL_HIGH = 64 * 1024


class MemoryStream:
    """A transport whose peer is the test: `arrive`, `arrive_end`, `break_off` are what the peer does, `take`
    is what it reads. As asyncio's, it says that a connection is lost soon, and never at once."""

    def __init__(self, protocol: asyncio.Protocol | None = None, *, peer: str = "192.0.2.1") -> None:
        self.protocol = protocol
        self.peer = peer
        self.is_reading = True
        self.has_sent_end = False
        """Whether the peer was told that nothing more comes."""
        self.was_aborted = False
        self.is_lost = False
        self._sent = bytearray()
        self._is_taking = True
        self._is_closing = False
        self._protocol_is_paused = False
        self._high = USUAL_HIGH
        self._arrived: deque[bytes | None] = deque()
        self._soon: list[Callable[[], None]] = []

    # What the peer does

    def arrive(self, *pieces: bytes) -> None:
        """Each piece comes by itself, once the protocol reads."""
        for piece in pieces:
            self._arrived.append(piece)
            self._hand_up()

    def arrive_end(self) -> None:
        """The peer sends nothing more (a FIN)."""
        self._arrived.append(None)
        self._hand_up()

    def break_off(self, error: Exception | None = None) -> None:
        """The peer is gone (a RST)."""
        self._lose(error if error is not None else ConnectionResetError())

    def take(self) -> bytes:
        """Reads what was sent since; who has stopped taking goes on with it."""
        sent = bytes(self._sent)
        self._sent.clear()
        self._is_taking = True
        if self._protocol_is_paused:
            self._protocol_is_paused = False
            self._protocol().resume_writing()
        if self._is_closing:
            self._lose_soon(None)
        return sent

    def stop_taking(self) -> None:
        """Reads nothing from here on: what is sent piles up."""
        self._is_taking = False

    def settle(self) -> None:
        """Lets come what comes soon, for tests without a loop."""
        while self._soon:
            self._soon.pop(0)()

    # As a transport

    def write(self, data: bytes) -> None:
        if self.has_sent_end:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self.is_lost or self.was_aborted:
            return
        self._sent += data
        if not self._is_taking and len(self._sent) > self._high and not self._protocol_is_paused:
            self._protocol_is_paused = True
            self._protocol().pause_writing()

    def write_eof(self) -> None:
        self.has_sent_end = True

    def close(self) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        if self._is_taking or not self._sent:
            self._lose_soon(None)

    def abort(self) -> None:
        self._is_closing = True
        self.was_aborted = True
        self._lose_soon(None)

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True
        if self._arrived:
            # What is ready to run goes first; the network is asked after it.
            self._later(lambda: self._later(self._hand_up))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = USUAL_HIGH if high is None else high

    def get_write_buffer_size(self) -> int:
        return 0 if self._is_taking else len(self._sent)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.peer, 4711) if name == "peername" else default

    # Within

    def _protocol(self) -> asyncio.Protocol:
        assert self.protocol is not None
        return self.protocol

    def _hand_up(self) -> None:
        while self._arrived and self.is_reading and not self._is_closing:
            piece = self._arrived.popleft()
            if piece is not None:
                self._protocol().data_received(piece)
            elif not self._protocol().eof_received():
                self.close()

    def _lose_soon(self, error: Exception | None) -> None:
        self._later(lambda: self._lose(error))

    def _lose(self, error: Exception | None) -> None:
        if not self.is_lost:
            self.is_lost = self._is_closing = True
            self._protocol().connection_lost(error)

    def _later(self, step: Callable[[], None]) -> None:
        try:
            asyncio.get_running_loop().call_soon(step)
        except RuntimeError:
            self._soon.append(step)


class Listener(asyncio.Protocol):
    """A protocol that keeps what it hears; *holds_open* is its answer to the end of what the peer sends."""

    def __init__(self, *, holds_open: bool = False) -> None:
        self.received = b""
        self.heard: list[str] = []
        self.error: Exception | None = None
        self._holds_open = holds_open

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.heard.append("end")
        return self._holds_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.append("lost")
        self.error = exc

    def pause_writing(self) -> None:
        self.heard.append("pause")

    def resume_writing(self) -> None:
        self.heard.append("resume")
