"""The course of one request: from its head, by way of the domain's decisions, to the end of its answer.

What is decided is decided in `profiles/`; here it is done. A course that has ended hears no more of anything.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from profiles.answers import answer_of
from profiles.errors import InternalError, OriginUnreachable, PayloadTooLarge, Refusal
from profiles.exchange import Exchange
from profiles.profile import Profile
from profiles.requests import HeaderFields, RequestHead
from profiles.selection import Selection
from profiles.trailers import permitted_trailers
from proxy.express import client_holds, writing
from proxy.express.answering import Answering
from proxy.express.framing import CHUNKED, RequestFraming
from proxy.express.heads import Fields, RequestStart
from proxy.express.origin_connection import OriginConnection
from proxy.express.outgoing import Outgoing
from proxy.express.stall_watch import StallWatch
from proxy.express.tls_stream import ByteStream
from proxy.express.ways import Way
from proxy.limit_settings import LimitSettings

if TYPE_CHECKING:
    from proxy.express.client_connection import ClientConnection
    from proxy.express.lane import ExpressLane
    from proxy.express.request_reader import RequestReader

logger = logging.getLogger(__name__)

UNSENT_BYTES: Final = 256 * 1024
"""How much of a body is taken from the client while it cannot go out yet."""

_REPEATABLE = frozenset({b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"})
"""RFC 9110 section 9.2.2: a proxy repeats no others by itself."""


class Course:
    """One request of a client, which tells it what comes of the request's body."""

    # What most courses never come to has its beginning here.
    exchange: Exchange | None = None
    refusal: Refusal | None = None
    has_ended = False
    has_sent_all = False
    _task: asyncio.Task[None] | None = None
    _unsent_bytes = 0
    _trailers: Fields | None = None
    _collects = False
    _has_continued = False
    _resends = False
    _content: bytes | None = None
    _stall: StallWatch | None = None
    _fields: HeaderFields
    _target: str

    def __init__(
        self,
        client: ClientConnection,
        lane: ExpressLane,
        reader: RequestReader,
        start: RequestStart,
        framing: RequestFraming,
        head: RequestHead,
    ) -> None:
        self.start, self.framing, self.head = start, framing, head
        self._client, self._lane, self._reader, self._snapshot = client, lane, reader, lane.snapshot
        self._began_at = time.perf_counter()
        self._answering = Answering(self, client)
        self.is_whole = framing.length == 0
        self._unsent: list[bytes] = []

    @property
    def duration(self) -> float:
        """Seconds since the head was there."""
        return time.perf_counter() - self._began_at

    @property
    def status(self) -> int | None:
        """Of the answer that the client gets, once it is known."""
        return self._answering.status

    @property
    def profile(self) -> Profile | None:
        return self.exchange.profile if self.exchange is not None else None

    # From the client

    def begin(self) -> None:
        """Has the domain decide, with as much of the body as is there."""
        clients = self._snapshot.composition.clients
        try:
            if self._client.tunnel is not None:
                clients.check_tunnel(self._client.name)
            elif clients.are_demanded:
                name = clients.authenticate_at_once(_text_of(self.framing.proxy_authorization))
                if name is None:
                    self._do(self._authenticate())
                    return
                self._client.name = name
            self._select()
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception as error:
            self.fail(error)

    def body_received(self, content: bytes) -> None:
        """Some content of the request."""
        exchange = self.exchange
        if exchange is not None:
            exchange.keep(content)
        connection = self._answering.connection
        if connection is not None:
            connection.write(writing.chunk(content) if self.framing.length == CHUNKED else content)
            return
        self._unsent.append(content)
        self._unsent_bytes += len(content)
        if self._collects:
            assert exchange is not None
            if self._unsent_bytes > exchange.payload_limit:
                detail = f"the body is larger than {exchange.payload_limit} bytes"
                self.refuse(PayloadTooLarge(detail, profile=exchange.profile.name))
        elif self._unsent_bytes > UNSENT_BYTES:
            self._client.hold(client_holds.UNSENT)

    def body_ended(self, trailers: Fields) -> None:
        """The request is whole."""
        self.is_whole = True
        self._trailers = trailers
        if self._collects:
            self._do(self._write_payload())
        elif self._answering.connection is not None:
            self.has_sent_all = True
            # From here on it is the origin that is waited for.
            self._answering.connection.last_received_at = self._lane.pool.now
            if self.framing.length == CHUNKED:
                self._answering.connection.write(writing.last_chunk(self._permitted_trailers()))

    def client_left(self) -> None:
        """Nobody waits for the answer any more."""
        if self.has_ended:
            return
        self.has_ended = True
        if self._task is not None:
            self._task.cancel()
        self._answering.leave_origin()
        self._lane.course_ended(self, self._client)

    def client_takes_no_more(self) -> None:
        if self._answering.connection is not None:
            self._answering.connection.hold_back()

    def client_takes_more(self) -> None:
        if self._answering.connection is not None:
            self._answering.connection.go_on()

    def check(self, now: float, limits: LimitSettings) -> None:
        """Gives up on an origin that says nothing, or takes nothing."""
        connection = self._answering.connection
        if connection is None:
            return
        if self._stall is not None and self._stall.has_lasted(now, limits.write_timeout, connection.stream):
            self._give_up("write_timeout", f"took nothing of the request for {limits.write_timeout} seconds")
        elif (
            self.has_sent_all
            and not connection.is_held_back
            and now - connection.last_received_at > limits.read_timeout
        ):
            self._give_up("read_timeout", f"did not go on within {limits.read_timeout} seconds")

    def _give_up(self, limit: str, what: str) -> None:
        self._lane.limit_reached(limit)
        detail = f"{self.head.origin.host} {what}"
        self.cannot_be_answered(OriginUnreachable(detail, timed_out=True))

    # Decisions

    async def _authenticate(self) -> None:
        clients = self._snapshot.composition.clients
        name = await clients.authenticate(_text_of(self.framing.proxy_authorization))
        if not self.has_ended:
            self._client.name = name
            self._select()

    def _select(self) -> None:
        client = self._client
        authorizer = self._snapshot.composition.authorizer
        hosts = self.framing.host_fields
        selection = authorizer.select(self.head, sni=client.sni, host_fields=hosts, client=client.name)
        if selection is None:
            self._fields, self._target = self.head.headers, self.head.target
            self._send_out()
            return
        exchange = authorizer.authorize_at_once(selection, self.head)
        if exchange is None:
            self._do(self._authorize(selection))
        else:
            self._authorized(exchange)

    async def _authorize(self, selection: Selection[Profile]) -> None:
        exchange = await self._snapshot.composition.authorizer.authorize(selection, self.head)
        if not self.has_ended:
            self._authorized(exchange)

    def _authorized(self, exchange: Exchange) -> None:
        self.exchange = exchange
        for piece in self._unsent:
            exchange.keep(piece)
        self._lane.observer.authorization_took(self.duration)
        if not exchange.needs_payload:
            self._fields, self._target = exchange.authorize_head(self.head)
            self._send_out()
            return
        self._collects = True
        if self.is_whole:
            self._do(self._write_payload())
            return
        self.let_continue()
        self._client.release(client_holds.UNSENT)

    async def _write_payload(self) -> None:
        """Writes the fields into the body, and sends."""
        exchange = self.exchange
        assert exchange is not None
        content = b"".join(self._unsent)
        headers, target = exchange.authorize_head(self.head)
        write = exchange.authorize_payload
        if exchange.writes_quickly(content, self.head):
            written, fields = write(content, headers)
        else:
            # Pure: bytes and rendered fields in, bytes out.
            written, fields = await asyncio.to_thread(write, content, headers)
        if not self.has_ended:
            self._content, self._fields, self._target = written, fields, target
            self._send_out()

    # To the origin

    def is_repeatable(self) -> bool:
        """Whether the request may go out again because its connection broke, before any answer."""
        if self.start.method not in _REPEATABLE:
            return False
        if self.framing.length == 0 or self._content is not None:
            return True
        return self.exchange is not None and self.exchange.replayable

    def send_afresh(self) -> None:
        """The connection turned out to be dead: sends again on a new one."""
        self._pause_body()
        self._resends = True
        self._send_out(is_fresh=True)

    def _send_out(self, *, is_fresh: bool = False) -> None:
        way = self._snapshot.ways.way_of(
            self.profile, self.head.origin.scheme, upgrades=self.framing.upgrade is not None
        )
        pool = self._lane.pool
        connection = None
        if not is_fresh:
            connection = pool.take(self.head.origin, way, is_safe_to_repeat=self.is_repeatable())
        if connection is None:
            self._do(self._open(way, is_fresh=is_fresh))
        else:
            self._send_by(connection, way)

    async def _open(self, way: Way, *, is_fresh: bool) -> None:
        pool = self._lane.pool
        try:
            connection = await pool.open(
                self.head.origin, way, is_fresh=is_fresh, is_safe_to_repeat=self.is_repeatable()
            )
        except Refusal as refusal:
            refusal.profile = refusal.profile or (self.profile.name if self.profile is not None else None)
            raise
        if self.has_ended:
            pool.answered(connection, reusable=True)
        else:
            self._send_by(connection, way)

    def _send_by(self, connection: OriginConnection, way: Way) -> None:
        self._answering.expect(connection, self._lane.pool.now)
        data = self._first_bytes(way)
        self.has_sent_all = self.is_whole
        connection.is_bound = connection.is_bound or self.framing.binds_connection
        if not self.is_whole:
            connection.listen_for_last_words()
        if not self._collects:
            self._unsent, self._unsent_bytes = [], 0
        client = self._client
        if client.holds:
            # The connection before may have taken no more; whether this one does shows in the writing.
            client.hold(client_holds.RENEWAL)
            client.release(client_holds.ORIGIN)
        self._stall = None
        connection.write(data)
        if client.holds:
            client.release(client_holds.UNSENT | client_holds.RENEWAL)

    def _first_bytes(self, way: Way) -> bytes:
        """The request as far as it is there."""
        if self.framing.is_plain and self._content is None and way.connector is None:
            return writing.request_head(self.start.method, self._target, self._fields)
        body = self._body_so_far()
        return Outgoing(
            self.start,
            self.framing,
            self.head,
            self._fields,
            self._target,
            way,
            body,
            self.is_whole,
            self._permitted_trailers() if self._trailers else (),
            has_own_body=self._content is not None,
            waits_for_leave=not self._has_continued and not self.is_whole and not body,
        ).to_bytes()

    def _body_so_far(self) -> list[bytes]:
        if self._content is not None:
            return [self._content]
        if not self._resends or self.exchange is None:
            return self._unsent
        if not self.exchange.replayable:
            raise InternalError("the body is not there to be sent once more")
        kept = self.exchange.kept_body()
        return [kept] if kept else []

    def _permitted_trailers(self) -> HeaderFields:
        for_us = self._snapshot.composition.authorizer.end_user_fields
        if self.exchange is not None:
            for_us = for_us.union(self.exchange.profile.fields.header_names)
        return permitted_trailers(tuple(self._trailers or ()), for_us)

    def origin_stalls(self) -> None:
        """The origin takes no more of the request for now."""
        self._stall = StallWatch(self._lane.now)
        self._client.hold(client_holds.ORIGIN)

    def origin_goes_on(self) -> None:
        """It takes more again."""
        self._stall = None
        self._client.release(client_holds.ORIGIN)

    # The second sending

    def was_rejected(self) -> None:
        """The origin does not accept the token; its answer is held back."""
        self._pause_body()
        self._do(self._renew())

    def _pause_body(self) -> None:
        """What is still to come of the body is for the next sending: until then no more of it is taken."""
        if not self.is_whole:
            self._client.hold(client_holds.RENEWAL)

    async def _renew(self) -> None:
        """Renews the token and sends once more, or passes the answer on where that is not to be."""
        exchange = self.exchange
        assert exchange is not None
        if not exchange.replayable and not exchange.needs_payload:
            exchange.give_up()
            self._answering.pass_held()
            return
        renewed = await exchange.renew()
        if self.has_ended:
            return
        if not renewed:
            self._answering.pass_held()
            return
        self._resends = True
        if exchange.needs_payload:
            await self._write_payload()
        else:
            self._fields, self._target = exchange.authorize_head(self.head)
            self._send_out()

    # To the client

    def let_continue(self) -> None:
        """The body is wanted, which a client may wait to hear (RFC 9110 section 10.1.1)."""
        if self.framing.expects_continue and not self._has_continued and not self.is_whole:
            self._has_continued = True
            self._client.write(writing.CONTINUE)

    @property
    def waits_for_leave(self) -> bool:
        """Whether the client has said that it sends no body before it is told to."""
        return self.framing.expects_continue and not self._has_continued

    def closes(self) -> bool:
        """Whether the connection ends with the answer.

        Whoever is answered early may have sent its request, or not: what comes then cannot be told.
        """
        return not self.framing.keeps_alive or not self.is_whole or self._lane.is_draining

    def refuse(self, refusal: Refusal) -> None:
        """Answers in place of the origin; only while nothing has been answered."""
        if self.has_ended:
            return
        answering = self._answering
        answering.leave_origin()
        self.refusal = refusal
        if answering.writer.has_begun:
            self._break_off()
            return
        answer = answer_of(refusal)
        answering.status = answer.status
        # 400 is for what can be read in two ways: what follows on such a connection can be, too.
        closes = answering.writer.closes = self.closes() or answer.status in (400, 408)
        has_body, minor = not answering.is_for_head, self.start.minor
        self._client.write(writing.own_answer(answer, closes=closes, has_body=has_body, minor=minor))
        self.end()

    def cannot_be_answered(self, refusal: Refusal) -> None:
        """Refuses for what has become of a sending."""
        if self.profile is not None:
            refusal.profile = self.profile.name
        self.refuse(refusal)

    def fail(self, error: Exception) -> None:
        """The text of a foreign exception may hold anything, so only its type is logged."""
        logger.error("a request failed: %s", type(error).__name__)
        self.refuse(InternalError())

    def end(self) -> None:
        """The client has its answer."""
        self.has_ended = True
        self._lane.course_ended(self, self._client)
        self._reader.course_ended(closes=self._answering.writer.closes, is_whole=self.is_whole)

    def end_as_relay(self, stream: ByteStream, rest: bytes) -> None:
        """The origin speaks another protocol now, on *stream*; *rest* is what it has said in it already."""
        self.has_ended = True
        relay = self._client.begin_relay(stream)
        self._client.go_on_as_relay(relay, self._reader.take_behind())
        relay.start_second(rest)
        self._lane.course_ended(self, self._client)

    def _break_off(self) -> None:
        """An answer that has begun cannot be taken back: that it is not whole is shown by how it ends."""
        self._answering.writer.flush()
        self.has_ended = True
        if self._answering.writer.ends_by_closing:
            self._client.break_off()
        else:
            self._client.close()
        self._lane.course_ended(self, self._client)

    def _do(self, steps: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(steps))
        # One that is through already may have begun another, which is the one to be cancelled.
        if not task.done():
            self._task = task

    async def _guarded(self, steps: Coroutine[Any, Any, None]) -> None:
        try:
            await steps
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception as error:
            self.fail(error)


def _text_of(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
