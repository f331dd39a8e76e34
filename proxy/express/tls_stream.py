"""TLS between a transport and the protocol above it, on the standard library's SSLObject.

The bytes that opened the handshake may have been read already (a ClientHello that was looked at), for which
asyncio's `start_tls` has no room; and a tunnel through a proxy that is reached by TLS is TLS within TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Protocol

_RECORD_BYTES = 16 * 1024
"""OpenSSL gives one record at a time; a larger buffer would be made anew, and thrown away, each time."""

_RECORDS_AT_ONCE = 16


class _State(Enum):
    """What comes behind the records that were decrypted."""

    MORE = auto()
    DRY = auto()
    """Nothing that is here yet."""
    ENDED = auto()
    """Nothing, as the peer has said."""
    CUT_OFF = auto()
    """Nothing, of which the peer has said no word."""
    BROKEN = auto()


class ByteStream(Protocol):
    """What protocols here write to: a transport of asyncio's, or TLS on top of one."""

    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def get_write_buffer_size(self) -> int: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class TlsStream(asyncio.Protocol):
    """The protocol of the transport below, and the transport of the protocol above.

    `on_established` is called once, with None or the error that ended the handshake.
    """

    def __init__(
        self,
        below: ByteStream,
        above: asyncio.Protocol,
        context: ssl.SSLContext,
        on_established: Callable[[Exception | None], None],
        *,
        server_hostname: str | None = None,
    ) -> None:
        self._below = below
        self._above = above
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_hostname is None,
            server_hostname=server_hostname,
        )
        self._on_established: Callable[[Exception | None], None] | None = on_established
        self._is_paused = False
        self._is_closing = False
        self._has_said_its_end = self._owes_close_notify = False
        self._has_ended = False
        """Whether the peer has said that nothing more comes."""
        below.set_protocol(self)

    def start(self, received: bytes = b"") -> None:
        """Begins the handshake, with what was read of it already."""
        if received:
            self._incoming.write(received)
        self._shake_hands()

    # As a protocol

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        if self._on_established is not None:
            self._shake_hands()
        elif not self._is_paused:
            self._read()

    def eof_received(self) -> bool | None:
        if self._on_established is not None:
            self._give_up(ConnectionResetError())
            return None
        if self._is_paused and not self._is_closing:
            # What was read before the end is still to be had; who is above hears of the end behind it.
            self._incoming.write_eof()
            return True
        if not self._is_closing:
            # What is left is handed up. Without close_notify nobody can tell whether that was all: a body
            # that lasts until the end is not whole (RFC 9112 section 9.8), and the connection is called lost.
            self._incoming.write_eof()
            self._read()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closing = True
        if self._on_established is not None:
            self._give_up(exc or ConnectionResetError())
        self._above.connection_lost(exc)

    def hear(self, received: bytes) -> None:
        """Hands up what was read of a connection that is lost already."""
        if isinstance(self._below, TlsStream):
            self._below.hear(received)
            return
        self._incoming.write(received)
        self._is_paused = self._is_closing = False
        self._read()
        self._is_closing = True

    def pause_writing(self) -> None:
        self._above.pause_writing()

    def resume_writing(self) -> None:
        self._above.resume_writing()

    # As a transport

    def write(self, data: bytes) -> None:
        if self._is_closing or self._has_said_its_end:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError:
            self.abort()
            return
        self._below.write(self._outgoing.read())

    def write_eof(self) -> None:
        """Says that nothing more comes from here; the peer may go on (RFC 8446 section 6.1)."""
        if self._is_closing or self._has_said_its_end:
            return
        self._has_said_its_end = True
        # OpenSSL has no use any more for data that it meets in saying so: what is there is read first.
        if self._incoming.pending or self._tls.pending():
            self._owes_close_notify = True
        else:
            self._say_close_notify()

    def close(self) -> None:
        if self._is_closing:
            return
        if not self._has_said_its_end or self._owes_close_notify:
            self._say_close_notify()
        self._is_closing = True
        self._below.close()

    def _say_close_notify(self) -> None:
        self._has_said_its_end, self._owes_close_notify = True, False
        with contextlib.suppress(ssl.SSLError):
            # It wants the peer's close_notify too, which nobody waits for.
            self._tls.unwrap()
        self._flush()

    def abort(self) -> None:
        self._is_closing = True
        self._below.abort()

    def is_closing(self) -> bool:
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._is_paused = True
        self._below.pause_reading()

    def resume_reading(self) -> None:
        if not self._is_paused or self._is_closing:
            return
        self._is_paused = False
        self._below.resume_reading()
        if self._incoming.pending or self._tls.pending() or self._incoming.eof or self._has_ended:
            # Not at once: as with any transport, who resumes may be in the midst of what came before.
            asyncio.get_running_loop().call_soon(self._read_on)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._above = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls
        return self._below.get_extra_info(name, default)

    # Within

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._flush()
            self._give_up(error)
            return
        self._flush()
        established, self._on_established = self._on_established, None
        if established is not None:
            established(None)
        # The first request may have come with the end of the handshake.
        if (self._incoming.pending or self._tls.pending()) and not self._is_paused:
            self._read()

    def _give_up(self, error: Exception) -> None:
        established, self._on_established = self._on_established, None
        self._is_closing = True
        self._below.close()
        if established is not None:
            established(error)

    def _read(self) -> None:
        """Hands up what there is: of a large body many records at once, as each step costs as much as one."""
        state = _State.MORE
        while state is _State.MORE and not self._is_paused and not self._is_closing:
            records, state = self._decrypt()
            if records:
                self._above.data_received(records[0] if len(records) == 1 else b"".join(records))
        self._flush()
        if self._owes_close_notify and state is _State.DRY:
            self._say_close_notify()
        if self._is_closing or (self._is_paused and state is not _State.BROKEN):
            return
        if state is _State.ENDED:
            self._end()
        elif state in (_State.CUT_OFF, _State.BROKEN):
            self.abort()

    def _decrypt(self) -> tuple[list[bytes], _State]:
        """Some records, and what comes behind them."""
        tls, incoming = self._tls, self._incoming
        records: list[bytes] = []
        try:
            while len(records) < _RECORDS_AT_ONCE:
                data = tls.read(_RECORD_BYTES)
                if not data:
                    self._has_ended = True
                    return records, _State.ENDED
                records.append(data)
                # What OpenSSL would raise costs more than to see that there is nothing left.
                if not incoming.pending and not tls.pending() and not incoming.eof:
                    return records, _State.DRY
        except ssl.SSLWantReadError:
            return records, _State.DRY
        except ssl.SSLZeroReturnError:
            self._has_ended = True
            return records, _State.ENDED
        except ssl.SSLEOFError:
            return records, _State.CUT_OFF
        except ssl.SSLError:
            return records, _State.BROKEN
        return records, _State.MORE

    def _read_on(self) -> None:
        if not self._is_paused and not self._is_closing:
            self._read()

    def _end(self) -> None:
        if not self._above.eof_received():
            self.close()

    def _flush(self) -> None:
        if not self._is_closing and (data := self._outgoing.read()):
            self._below.write(data)
