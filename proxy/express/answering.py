"""An answer on its way from the origin to the client: passed on, held back, or taken as a rejection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from profiles.auth_errors import INSPECTED_BYTES
from profiles.connector_handshakes import check_answer
from profiles.errors import InternalError, OriginAnswerInvalid, OriginUnreachable, Refusal
from profiles.exchange import Verdict
from profiles.requests import HeaderFields
from profiles.trailers import permitted_trailers
from proxy.express import client_holds, writing
from proxy.express.answer_writer import AnswerWriter
from proxy.express.framing import AnswerFraming, end_to_end_of
from proxy.express.heads import AnswerStart, Field
from proxy.express.origin_connection import OriginConnection

if TYPE_CHECKING:
    from proxy.express.client_connection import ClientConnection
    from proxy.express.course import Course


class HeldAnswer:
    """An answer that is kept from the client until it is known what to do with it."""

    __slots__ = ("content", "framing", "is_whole", "size", "start", "trailers", "verdict")

    def __init__(self, start: AnswerStart, framing: AnswerFraming, verdict: Verdict) -> None:
        self.start, self.framing, self.verdict = start, framing, verdict
        self.content: list[bytes] = []
        self.size = 0
        self.is_whole = False
        self.trailers: HeaderFields = ()


class Answering:
    """Hears of the answers to one course's sendings, and writes the one that counts."""

    __slots__ = ("_client", "_course", "_held", "connection", "status", "writer")

    def __init__(self, course: Course, client: ClientConnection) -> None:
        self._course, self._client = course, client
        self.writer = AnswerWriter(client)
        self.connection: OriginConnection | None = None
        """On which the answer is to come."""
        self.status: int | None = None
        self._held: HeldAnswer | None = None

    @property
    def is_for_head(self) -> bool:
        return self._course.start.method == b"HEAD"

    @property
    def has_sent_all(self) -> bool:
        return self._course.has_sent_all

    def expect(self, connection: OriginConnection, now: float) -> None:
        """The next answer comes on *connection*."""
        self.connection = connection
        self._held = None
        connection.begin(self, now)

    def leave_origin(self) -> None:
        """No answer is wanted any more."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.abandon()

    # From the origin

    def interim_answered(self, start: AnswerStart) -> None:
        if start.status == 100:
            self._course.let_continue()
        elif self._course.start.minor == 1:
            self._client.write(writing.interim_head(start, end_to_end_of(start)))

    def answered(self, start: AnswerStart, framing: AnswerFraming) -> None:
        try:
            self._judge(start, framing)
        except Refusal as refusal:
            self._course.cannot_be_answered(refusal)
        except Exception as error:
            self._course.fail(error)

    def _judge(self, start: AnswerStart, framing: AnswerFraming) -> None:
        exchange, connection = self._course.exchange, self.connection
        if exchange is None:
            self._pass(start, framing)
            return
        connector = exchange.profile.connector
        if connector is not None and connection is not None:
            check_answer(connector, start.status, has_tunnel=connection.key[1].has_tunnel)
        verdict = exchange.judge_head(start.status, tuple(start.fields))
        if verdict is Verdict.FORWARD:
            self._pass(start, framing)
            return
        self._held = HeldAnswer(start, framing, verdict)
        if verdict is Verdict.RENEW and not self._course.is_whole:
            # What is still to come of the body is for the second sending.
            self._client.hold(client_holds.RENEWAL)

    def answer_received(self, content: bytes) -> None:
        held = self._held
        if held is None:
            self.writer.content(content)
            return
        held.content.append(content)
        held.size += len(content)
        if held.size > INSPECTED_BYTES:
            self._held_enough(held)

    def answer_ended(self, trailers: Sequence[Field]) -> None:
        self.connection = None
        held = self._held
        # A field that frames or routes may no more stand behind an answer than behind a request.
        permitted = permitted_trailers(tuple(trailers)) if trailers else ()
        if held is None:
            self.writer.end(permitted)
            self._course.end()
            return
        held.is_whole, held.trailers = True, permitted
        if held.verdict is Verdict.INSPECT:
            held.verdict = self._verdict_on(held)
        if held.verdict is Verdict.FORWARD:
            self.pass_held()
        else:
            self._course.was_rejected()

    def data_was_received(self) -> None:
        self.writer.flush()

    def switched(self, start: AnswerStart, rest: bytes) -> None:
        course, connection = self._course, self.connection
        if connection is None or course.framing.upgrade is None or not course.is_whole:
            course.refuse(OriginAnswerInvalid("it changes to a protocol that nobody asked for"))
            return
        if course.exchange is not None:
            course.exchange.judge_head(start.status, tuple(start.fields))
        self.connection = None
        self.status = start.status
        self._client.write(start.raw)
        course.end_as_relay(connection.hand_over(), rest)

    def origin_lost(self, refusal: OriginAnswerInvalid | None) -> None:
        course, connection, held = self._course, self.connection, self._held
        self.connection = None
        if held is not None and held.verdict is Verdict.RENEW:
            # The rejection has been read, which is all that was wanted of it.
            course.was_rejected()
            return
        is_stale = refusal is None and connection is not None and connection.is_reused
        if is_stale and connection is not None and connection.nothing_came and course.is_repeatable():
            course.send_afresh()
            return
        detail = f"{course.head.origin.host} broke off before its answer was through"
        course.cannot_be_answered(refusal or OriginUnreachable(detail))

    def failed(self, error: Exception) -> None:
        self.connection = None
        self._course.fail(error)

    def origin_takes_no_more(self) -> None:
        self._course.origin_stalls()

    def origin_takes_more(self) -> None:
        self._course.origin_goes_on()

    # Answers that are held back

    def _verdict_on(self, held: HeldAnswer) -> Verdict:
        exchange = self._course.exchange
        assert exchange is not None
        return exchange.judge_body(held.start.status, tuple(held.start.fields), b"".join(held.content))

    def _held_enough(self, held: HeldAnswer) -> None:
        """More of the answer came than is held back: it is passed on from here, or not waited for."""
        if held.verdict is Verdict.INSPECT:
            held.verdict = self._verdict_on(held)
        if held.verdict is Verdict.FORWARD:
            self._held = None
            self._pass(held.start, held.framing)
            self.writer.content(b"".join(held.content))
        else:
            self.leave_origin()
            self._course.was_rejected()

    def pass_held(self) -> None:
        """The answer that was held back goes to the client as it is."""
        held, self._held = self._held, None
        if held is None or not held.is_whole:
            self._course.refuse(InternalError("the rejected answer was too long to be held"))
            return
        self._pass(held.start, held.framing)
        for piece in held.content:
            self.writer.content(piece)
        self.writer.end(held.trailers)
        self._course.end()

    def _pass(self, start: AnswerStart, framing: AnswerFraming) -> None:
        course = self._course
        self.status = start.status
        self.writer.begin(start, framing, minor=course.start.minor, closes=course.closes())
        if self._client.is_stalled and self.connection is not None:
            self.connection.hold_back()
