"""One connection to an origin: sends a request at a time, and reads its answer as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from profiles.errors import OriginAnswerInvalid
from profiles.requests import Origin
from proxy.express.bodies import BodyMalformedError, BodyReader, reader_of
from proxy.express.framing import AnswerFraming, frame_answer
from proxy.express.heads import HEAD_END, AnswerStart, Field, may_still_be_a_head, read_answer
from proxy.express.last_words import LastWords
from proxy.express.tls_stream import ByteStream, TlsStream
from proxy.express.ways import Way

if TYPE_CHECKING:
    from proxy.express.pool import OriginPool

Key = tuple[Origin, Way]
"""What a connection can be used again for."""

SWITCHING_PROTOCOLS: Final = 101
LONGEST_KNOWN: Final = 2048


class AnswerReceiver(Protocol):
    """Who has sent a request here, and hears of its answer until that has ended."""

    @property
    def is_for_head(self) -> bool:
        """Whether the request is HEAD, whose answer has no body whatever it says."""

    @property
    def has_sent_all(self) -> bool:
        """Whether the request has gone out to its end: only then may another follow on its connection."""

    def interim_answered(self, start: AnswerStart) -> None:
        """An answer that is not final."""

    def answered(self, start: AnswerStart, framing: AnswerFraming) -> None:
        """The head of the final answer."""

    def answer_received(self, content: bytes) -> None:
        """Some of the answer's content."""

    def answer_ended(self, trailers: Sequence[Field]) -> None:
        """The answer is whole."""

    def switched(self, start: AnswerStart, rest: bytes) -> None:
        """The origin speaks another protocol from here on; *rest* came behind its 101."""

    def data_was_received(self) -> None:
        """One piece from the network is through: what it has led to can be sent."""

    def failed(self, error: Exception) -> None:
        """A fault of ours while the answer was read."""

    def origin_lost(self, refusal: OriginAnswerInvalid | None) -> None:
        """There will be no (more of an) answer; *refusal* where that is for what the origin has sent."""

    def origin_takes_no_more(self) -> None:
        """What is sent waits here: the sender is to pause."""

    def origin_takes_more(self) -> None:
        """The sender may go on."""


class OriginConnection(asyncio.Protocol):
    """Belongs to the pool while `receiver` is None, else to who sends by it."""

    __slots__ = (
        "_buffer",
        "_framing",
        "_had_bytes",
        "_is_lost",
        "_known",
        "_known_framing",
        "_last_words",
        "_pool",
        "_reader",
        "idle_since",
        "is_bound",
        "is_held_back",
        "is_reused",
        "key",
        "last_received_at",
        "receiver",
        "stream",
    )

    def __init__(self, pool: OriginPool, key: Key, stream: ByteStream) -> None:
        self._pool = pool
        self.key = key
        self.stream = stream
        stream.set_protocol(self)
        self.receiver: AnswerReceiver | None = None
        self.is_reused = False
        self.is_bound = False
        """Whether somebody has been authenticated by it: then it is nobody else's."""
        self.idle_since = 0.0
        self.last_received_at = 0.0
        self.is_held_back = False
        """Whether its answer is not read for now."""
        self._buffer = b""
        self._reader: BodyReader | None = None
        self._framing: AnswerFraming | None = None
        self._had_bytes = False
        self._known: AnswerStart | None = None
        self._known_framing: tuple[AnswerStart, AnswerFraming] | None = None
        self._is_lost = False
        self._last_words: LastWords | None = None
        """Of the origin, while a body goes out to it bit by bit."""

    @property
    def nothing_came(self) -> bool:
        """Whether no byte of the present answer has come."""
        return not self._had_bytes

    @property
    def is_open(self) -> bool:
        return not self._is_lost and not self.stream.is_closing()

    def begin(self, receiver: AnswerReceiver, now: float) -> None:
        """The next answer is for *receiver*; *now* is where its wait begins."""
        self.receiver = receiver
        self.last_received_at = now
        self._had_bytes = False
        self._reader = self._framing = None

    def write(self, data: bytes) -> None:
        self.stream.write(data)

    def listen_for_last_words(self) -> None:
        """The request goes on: its answer may come, and the connection end, before it is through."""
        if self._last_words is None:
            self._last_words = LastWords(self.stream)

    def hold_back(self) -> None:
        """Reads no more of the answer for now."""
        if not self.is_held_back and self.is_open:
            self.is_held_back = True
            self.stream.pause_reading()

    def go_on(self) -> None:
        """Reads on."""
        if self.is_held_back:
            self.is_held_back = False
            self.last_received_at = self._pool.now
            if self.is_open:
                self.stream.resume_reading()

    def abandon(self) -> None:
        """Ends the connection with whatever is under way on it; nobody hears of it."""
        self.receiver = None
        self._forget_last_words()
        if not self._is_lost:
            self.stream.abort()
        self._pool.lost(self)

    def hand_over(self) -> ByteStream:
        """Gives the stream away: what it speaks from here on is not ours to read."""
        self.receiver = None
        self._is_lost = True
        self._forget_last_words()
        self._pool.lost(self)
        return self.stream

    # As a protocol

    def data_received(self, data: bytes) -> None:
        receiver = self.receiver
        if receiver is None:
            # Nobody has asked anything: whatever this is, no answer may come to stand behind it.
            self.abandon()
            return
        self._had_bytes = True
        self.last_received_at = self._pool.now
        try:
            self._read(data, receiver)
        except OriginAnswerInvalid as refusal:
            self._fail(receiver, refusal)
        except BodyMalformedError as error:
            self._fail(receiver, OriginAnswerInvalid(str(error)))
        except Exception as error:
            # A fault of ours leaves no client waiting.
            self.abandon()
            receiver.failed(error)
        else:
            receiver.data_was_received()

    def eof_received(self) -> None:
        receiver, reader = self.receiver, self._reader
        if receiver is None:
            return
        if reader is not None and reader.feed_eof():
            self._ended(receiver, (), keeps_alive=False)
            receiver.data_was_received()
        else:
            # Nothing more comes, whatever is still on its way to the origin.
            self.abandon()
            receiver.origin_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._is_lost = True
        if self._last_words is not None:
            self._hear(self._last_words)
        receiver = self.receiver
        if receiver is not None:
            self.receiver = None
            self._pool.lost(self)
            receiver.origin_lost(None)
        else:
            self._pool.lost(self)

    def pause_writing(self) -> None:
        if self.receiver is not None:
            self.receiver.origin_takes_no_more()

    def resume_writing(self) -> None:
        if self.receiver is not None:
            self.receiver.origin_takes_more()

    def _hear(self, last_words: LastWords) -> None:
        received = last_words.take()
        self._last_words = None
        if received and self.receiver is not None:
            if isinstance(self.stream, TlsStream):
                self.stream.hear(received)
            else:
                self.data_received(received)

    def _forget_last_words(self) -> None:
        if self._last_words is not None:
            self._last_words.drop()
            self._last_words = None

    # Reading an answer

    def _read(self, data: bytes, receiver: AnswerReceiver) -> None:
        while self._reader is None:
            start, data = self._read_head(data)
            if start is None:
                return
            if not self._take_head(start, data, receiver):
                return
        reader = self._reader
        if data and not reader.is_done:
            content = reader.feed(data)
            data = reader.rest
            if content:
                receiver.answer_received(content)
                if self.receiver is not receiver:
                    return
        if reader.is_done:
            assert self._framing is not None
            # What comes behind an answer that nobody has asked for could be taken for the next one's.
            self._ended(receiver, reader.trailers, keeps_alive=self._framing.keeps_alive and not data)

    def _read_head(self, data: bytes) -> tuple[AnswerStart | None, bytes]:
        """The head, if it is whole, and what comes behind it."""
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        end = data.find(HEAD_END)
        if end < 0:
            self._wait_for_head(data)
            return None, b""
        if end > self._pool.limits.head:
            raise OriginAnswerInvalid("its head is too large")
        head, rest = data[: end + 4], data[end + 4 :]
        known = self._known
        if known is not None and known.raw == head:
            # An origin that is asked the same many times a second says the same, its Date included.
            return known, rest
        start = read_answer(head, self._pool.limits.fields)
        self._known = start if len(head) <= LONGEST_KNOWN else None
        return start, rest

    def _take_head(self, start: AnswerStart, rest: bytes, receiver: AnswerReceiver) -> bool:
        """Whether there is more of *rest* to be read for the same answer."""
        if start.status == SWITCHING_PROTOCOLS:
            receiver.switched(start, rest)
            return False
        if start.status < 200:
            receiver.interim_answered(start)
        else:
            framing = self._framing = self._frame(start, is_for_head=receiver.is_for_head)
            self.is_bound = self.is_bound or framing.binds_connection
            if framing.length == len(rest):
                # It is over, and the same receiver may have sent its next request by now.
                self._take_whole(start, framing, rest, receiver)
                return False
            self._reader = reader_of(framing.length)
            receiver.answered(start, framing)
        return self.receiver is receiver

    def _frame(self, start: AnswerStart, *, is_for_head: bool) -> AnswerFraming:
        known = self._known_framing
        if known is not None and known[0] is start and not is_for_head:
            return known[1]
        framing = frame_answer(start, is_for_head=is_for_head)
        self._known_framing = (start, framing) if start is self._known and not is_for_head else None
        return framing

    def _take_whole(
        self, start: AnswerStart, framing: AnswerFraming, content: bytes, receiver: AnswerReceiver
    ) -> None:
        """An answer that has come in one piece, as most do."""
        receiver.answered(start, framing)
        if content and self.receiver is receiver:
            receiver.answer_received(content)
        if self.receiver is receiver:
            self._ended(receiver, (), keeps_alive=framing.keeps_alive)

    def _wait_for_head(self, data: bytes) -> None:
        # Of the empty line a part may be there already.
        if len(data) > self._pool.limits.head + 3:
            raise OriginAnswerInvalid("its head is too large")
        if not may_still_be_a_head(data):
            raise OriginAnswerInvalid("its head is not well-formed")
        self._buffer = data

    def _ended(self, receiver: AnswerReceiver, trailers: Sequence[Field], *, keeps_alive: bool) -> None:
        self.receiver = None
        self._forget_last_words()
        self._pool.answered(self, reusable=keeps_alive and receiver.has_sent_all and not self.is_bound)
        receiver.answer_ended(trailers)

    def _fail(self, receiver: AnswerReceiver, refusal: OriginAnswerInvalid) -> None:
        self.abandon()
        receiver.origin_lost(refusal)
