"""Writes an answer to the client as the client can read it: as it came, chunked, or ended by closing."""

from __future__ import annotations

from typing import Protocol

from profiles.requests import HeaderFields
from proxy.express import writing
from proxy.express.framing import CHUNKED, UNTIL_CLOSE, AnswerFraming
from proxy.express.heads import AnswerStart


class Written(Protocol):
    """Whom it is written to."""

    def write(self, data: bytes) -> None:
        """Sends, or keeps what cannot be sent yet."""


class AnswerWriter:
    """One answer. What one event leads to is sent in one piece, by `flush`."""

    __slots__ = ("_chunks", "_client", "_out", "closes", "ends_by_closing", "has_begun")

    def __init__(self, client: Written) -> None:
        self._client = client
        self._out: list[bytes] = []
        self._chunks = False
        self.has_begun = False
        self.ends_by_closing = False
        """Whether the end of the connection is the only sign of the answer's end."""
        self.closes = False
        """Whether the connection ends with this answer."""

    def begin(self, start: AnswerStart, framing: AnswerFraming, *, minor: int, closes: bool) -> None:
        """Takes the head; *minor* is the client's version of HTTP/1."""
        self.has_begun = True
        is_open_ended = framing.length in (CHUNKED, UNTIL_CLOSE)
        self._chunks = is_open_ended and minor == 1
        # A client of HTTP/1.0 knows only one other way to tell the end of such an answer.
        self.ends_by_closing = is_open_ended and minor == 0
        self.closes = closes or self.ends_by_closing
        says = b""
        if self.closes:
            says = b"Connection: close\r\n"
        elif minor == 0:
            says = b"Connection: keep-alive\r\n"
        self._out.append(writing.answer_head(start, framing, chunks=self._chunks, says=says))

    def content(self, data: bytes) -> None:
        """Takes some content, never none."""
        self._out.append(writing.chunk(data) if self._chunks else data)

    def end(self, trailers: HeaderFields) -> None:
        """The answer is whole, and goes out."""
        if self._chunks:
            self._out.append(writing.last_chunk(trailers))
        self.flush()

    def flush(self) -> None:
        """Sends what there is."""
        out = self._out
        if out:
            self._client.write(out[0] if len(out) == 1 else b"".join(out))
            self._out = []
