"""Reads message bodies as they arrive: by length, chunked (RFC 9112 section 7.1), or until the end.

Pure. A reader is fed what has come and gives back the content in it; `rest` is what came behind the body.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from proxy.express.framing import CHUNKED, UNTIL_CLOSE
from proxy.express.heads import HEAD_END, Fields, may_still_be_a_head, read_trailers

LONGEST_CHUNK_LINE: Final = 4096
"""Bytes of a chunk's size with its extensions."""
LONGEST_TRAILERS: Final = 16384

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
"""Extensions mean nothing here, and are passed over (section 7.1.1)."""


class BodyMalformedError(Exception):
    """A body that is not framed as it says; the message may not be passed on further."""


class BodyReader(Protocol):
    """One body on its way. `is_done` once it is through; then `rest` is for whoever reads next."""

    is_done: bool
    rest: bytes
    trailers: Fields

    @property
    def size(self) -> int:
        """Bytes of content so far."""

    def feed(self, data: bytes) -> bytes:
        """The content in *data*. Raises BodyMalformedError."""

    def feed_eof(self) -> bool:
        """The connection has ended; whether that is an end of the body."""


def reader_of(length: int) -> BodyReader:
    """The reader for a body of that many bytes, or for CHUNKED or UNTIL_CLOSE."""
    if length == CHUNKED:
        return ChunkedReader()
    if length == UNTIL_CLOSE:
        return UntilCloseReader()
    return LengthReader(length)


class LengthReader:
    """A body that has said how long it is."""

    __slots__ = ("_left", "_length", "is_done", "rest", "trailers")

    def __init__(self, length: int) -> None:
        self._left = self._length = length
        self.is_done = length == 0
        self.rest = b""
        self.trailers: Fields = []

    @property
    def size(self) -> int:
        return self._length - self._left

    def feed(self, data: bytes) -> bytes:
        length = len(data)
        if length < self._left:
            self._left -= length
            return data
        self.is_done = True
        if length == self._left:
            self._left = 0
            return data
        left, self._left = self._left, 0
        self.rest = data[left:]
        return data[:left]

    def feed_eof(self) -> bool:
        return self.is_done


class UntilCloseReader:
    """A body that ends with its connection: an answer of HTTP/1.0 and of whoever still does so."""

    __slots__ = ("is_done", "rest", "size", "trailers")

    def __init__(self) -> None:
        self.is_done = False
        self.size = 0
        self.rest = b""
        self.trailers: Fields = []

    def feed(self, data: bytes) -> bytes:
        self.size += len(data)
        return data

    def feed_eof(self) -> bool:
        self.is_done = True
        return True


class ChunkedReader:
    """A body in chunks. Its trailer section is there, well-formed, when it is done."""

    __slots__ = ("_buffer", "_left", "_state", "is_done", "rest", "size", "trailers")

    _LINE, _DATA, _DATA_END, _TRAILERS = range(4)

    def __init__(self) -> None:
        self.is_done = False
        self.size = 0
        self.rest = b""
        self.trailers: Fields = []
        self._buffer = b""
        """Less than a line, or a trailer section that is not whole."""
        self._left = 0
        self._state = self._LINE

    def feed(self, data: bytes) -> bytes:
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        position, end = 0, len(data)
        content: list[bytes] = []
        while position < end and not self.is_done:
            if self._state == self._DATA:
                piece = data[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                self.size += len(piece)
                content.append(piece)
                if not self._left:
                    self._state = self._DATA_END
                continue
            step = self._step(data, position)
            if step < 0:
                self._buffer = data[position:]
                break
            position = step
        if self.is_done:
            self.rest = data[position:]
        return content[0] if len(content) == 1 else b"".join(content)

    def feed_eof(self) -> bool:
        return self.is_done

    def _step(self, data: bytes, position: int) -> int:
        """Reads one piece of the framing; where the next begins, or -1 where it is not whole yet."""
        if self._state == self._LINE:
            return self._read_line(data, position)
        if self._state == self._DATA_END:
            if not b"\r\n".startswith(data[position : position + 2]):
                raise BodyMalformedError("a chunk is not as long as it says")
            if len(data) < position + 2:
                return -1
            self._state = self._LINE
            return position + 2
        return self._read_trailers(data, position)

    def _read_line(self, data: bytes, position: int) -> int:
        line_end = data.find(b"\r\n", position, position + LONGEST_CHUNK_LINE)
        if line_end < 0:
            received = data[position:]
            if len(received) >= LONGEST_CHUNK_LINE:
                raise BodyMalformedError("a chunk's size has no end")
            if _CHUNK_LINE.fullmatch(received.removesuffix(b"\r")) is None:
                raise BodyMalformedError("a chunk has no size")
            return -1
        found = _CHUNK_LINE.fullmatch(data, position, line_end)
        if found is None:
            raise BodyMalformedError("a chunk has no size")
        self._left = int(found[1], 16)
        self._state = self._DATA if self._left else self._TRAILERS
        return line_end + 2

    def _read_trailers(self, data: bytes, position: int) -> int:
        if data.startswith(b"\r\n", position):
            self.is_done = True
            return position + 2
        end = data.find(HEAD_END, position, position + LONGEST_TRAILERS)
        if end < 0:
            if len(data) - position >= LONGEST_TRAILERS:
                raise BodyMalformedError("the trailer section has no end")
            if not may_still_be_a_head(data[position:]):
                raise BodyMalformedError("the trailer section is not well-formed")
            return -1
        trailers = read_trailers(data[position : end + 4])
        if trailers is None:
            raise BodyMalformedError("the trailer section is not well-formed")
        self.trailers = trailers
        self.is_done = True
        return end + 4
