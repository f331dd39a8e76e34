"""Reads a client's requests, one after the other, and hands each to its course."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from profiles.errors import RequestMalformed
from profiles.requests import Origin, RequestHead
from proxy.express import client_holds
from proxy.express.bodies import BodyMalformedError, BodyReader, reader_of
from proxy.express.course import Course
from proxy.express.framing import CHUNKED, RequestFraming, frame_request
from proxy.express.heads import (
    HEAD_END,
    TOKEN,
    Fields,
    RequestStart,
    may_still_be_a_head,
    read_request_fields,
    read_request_line,
)
from proxy.express.targets import check_inner_target, destination_of
from proxy.express.tunnel_request import TunnelRequest

if TYPE_CHECKING:
    from proxy.express.client_connection import ClientConnection

BEHIND_BYTES: Final = 64 * 1024
"""What may have come behind a request that is not answered yet before no more is read."""
MOST_EMPTY: Final = 16
"""Bytes of empty lines before a request."""
SECONDS_OF_A_RATE: Final = 30.0
LONGEST_KNOWN: Final = 2048


@dataclass(slots=True, repr=False)
class KnownSection:
    """The header section of the last request, as it was read; its repr shows nothing of it."""

    section: bytes
    minor: int
    fields: Fields
    of_interest: Fields
    framing: RequestFraming
    kept: frozenset[bytes]


class RequestReader:
    """A phase of a connection: HTTP/1.1, plain, in a tunnel, or in TLS that is intercepted."""

    __slots__ = (
        "_behind",
        "_body",
        "_client",
        "_course",
        "_is_pumping",
        "_known",
        "_known_origin",
        "_lane",
        "_partial",
        "_size_at_window",
        "_window_began",
        "head",
    )

    def __init__(self, client: ClientConnection) -> None:
        self._client, self._lane = client, client.lane
        self._course: Course | TunnelRequest | None = None
        self._body: BodyReader | None = None
        """The reader of the present request's body while that is not through."""
        self._partial = b""
        """The beginning of a head."""
        self._behind = b""
        """What has come behind the present request."""
        self._known: KnownSection | None = None
        self._known_origin: tuple[bytes, Origin] | None = None
        """What the last target began with, up to its path, and whom that means."""
        self._is_pumping = False
        self._window_began, self._size_at_window = 0.0, 0
        self.head = b""
        """Of the last CONNECT, as it came."""

    @property
    def is_busy(self) -> bool:
        """Whether a request has no answer yet."""
        return self._course is not None

    def receive(self, data: bytes) -> None:
        if self._body is not None:
            self._receive_body(data, self._body)
        elif self._course is not None or self._behind or self._client.is_stalled:
            # What comes while something is behind comes after it.
            self._behind += data
            if len(self._behind) > BEHIND_BYTES:
                self._client.hold(client_holds.BEHIND)
        else:
            self._receive_head(data)
        if self._behind and self._course is None:
            self._pump()

    def left(self) -> None:
        course, self._course = self._course, None
        if course is not None:
            course.client_left()

    def takes_no_more(self) -> None:
        if self._course is not None:
            self._course.client_takes_no_more()

    def takes_more(self) -> None:
        if self._course is not None:
            self._course.client_takes_more()
        elif self._behind:
            self._client.release(client_holds.BEHIND)
            self._pump()

    def course_ended(self, *, closes: bool, is_whole: bool) -> None:
        """The present request has its answer."""
        client = self._client
        self._course = self._body = None
        if client.phase is not self:
            return
        if not is_whole:
            client.linger()
        elif closes or self._lane.is_draining:
            client.close()
        else:
            client.wait("idle_timeout", self._lane.limits.idle_timeout)
            if client.holds:
                client.release(client.holds)
            if self._behind:
                self._pump()

    def take_behind(self) -> bytes:
        """What has come behind the present request, for whoever reads from here on."""
        behind, self._behind = self._behind, b""
        return behind

    def _pump(self) -> None:
        """Reads what has come behind requests that have their answers."""
        if self._is_pumping:
            return
        self._is_pumping = True
        client = self._client
        # Who does not read its answers is not asked for more of them.
        while self._behind and self._course is None and client.phase is self and not client.is_stalled:
            self._receive_head(self.take_behind())
        self._is_pumping = False

    # Heads

    def _receive_head(self, data: bytes) -> None:
        if self._partial:
            data, self._partial = self._partial + data, b""
        if data.startswith(b"\r\n"):
            data = _without_empty_lines(data)
        end = data.find(HEAD_END)
        try:
            if end < 0:
                self._wait_for_head(data)
                return
            if end > self._lane.limits.head:
                raise RequestMalformed("the head is too large", status=431)
            self._behind = data[end + 4 :]
            self._client.wait_for_ever()
            self._begin(data[: end + 4])
        except RequestMalformed as refusal:
            self._client.refuse_unread(refusal)

    def _wait_for_head(self, data: bytes) -> None:
        limits = self._lane.limits
        # Of what ends the line, or the head, a part may be there already.
        if len(data) > limits.line + 1 and b"\r\n" not in data[: limits.line + 2]:
            raise RequestMalformed("the request line is too long", status=414)
        if len(data) > limits.head + 3:
            raise RequestMalformed("the head is too large", status=431)
        if not may_still_be_a_head(data) or (data.strip(b"\r") and TOKEN.match(data) is None):
            raise RequestMalformed("the head is not well-formed")
        if data and not self._client.waits_for("header_timeout"):
            # From the first byte on: who sends one now and then does not begin anew.
            self._client.wait("header_timeout", limits.header_timeout)
        self._partial = data

    def _begin(self, head: bytes) -> None:
        client, lane = self._client, self._lane
        start, section = read_request_line(head, lane.limits.line)
        framing = self._read_section(start, section)
        if framing is None:
            self.head = head
            request = TunnelRequest(client, lane, self, start)
            self._course = request
            request.begin()
            return
        if client.tunnel is None:
            origin, target = self._destination_of(start)
        else:
            origin, target = client.tunnel, check_inner_target(start.target, start.method)
        if lane.limits.body is not None and framing.length > lane.limits.body:
            raise RequestMalformed("the body is too large", status=413)
        request_head = RequestHead(start.method.decode("ascii"), origin, target, framing.passed)
        course = self._course = Course(client, lane, self, start, framing, request_head)
        if framing.length:
            self._body = reader_of(framing.length)
            self._window_began, self._size_at_window = lane.now, 0
            if self._behind:
                self._receive_body(self.take_behind(), self._body)
        if self._course is course:
            course.begin()

    def _destination_of(self, start: RequestStart) -> tuple[Origin, str]:
        """Where it goes to, which is mostly where the one before went to."""
        target, known = start.target, self._known_origin
        if known is not None and target.startswith(known[0]) and b"#" not in target:
            return known[1], target[len(known[0]) - 1 :].decode("latin-1")
        origin, path = destination_of(target, start.method)
        prefix = target[: len(target) - len(path) + 1]
        if prefix.endswith(b"/") and prefix.count(b"/") == 3:
            self._known_origin = prefix, origin
        return origin, path

    def _read_section(self, start: RequestStart, section: bytes) -> RequestFraming | None:
        """The framing of a request, or None for CONNECT, which has none."""
        known = self._known
        if (
            known is not None
            and section == known.section
            and start.minor == known.minor
            and self._lane.end_user_fields is known.kept
        ):
            # A program's requests mostly say the same of themselves: then there is nothing to read again.
            start.fields, start.of_interest = known.fields, known.of_interest
            if start.method != b"CONNECT":
                return known.framing
        else:
            read_request_fields(start, section, self._lane.limits.fields)
        if start.method == b"CONNECT":
            return None
        kept = self._lane.end_user_fields
        framing = frame_request(start, kept=kept)
        if len(section) <= LONGEST_KNOWN:
            self._known = KnownSection(section, start.minor, start.fields, start.of_interest, framing, kept)
        return framing

    # Bodies

    def _receive_body(self, data: bytes, body: BodyReader) -> None:
        course = self._course
        assert isinstance(course, Course)
        try:
            content = body.feed(data)
        except BodyMalformedError as error:
            course.refuse(RequestMalformed(str(error)))
            return
        if content:
            course.body_received(content)
            if self._course is not course:
                return
            limit = self._lane.limits.body
            if limit is not None and course.framing.length == CHUNKED and body.size > limit:
                course.refuse(RequestMalformed("the body is too large", status=413))
                return
        if body.is_done:
            self._body = None
            self._behind = body.rest
            course.body_ended(body.trailers)

    # Time

    def check(self, now: float) -> None:
        course = self._course
        if isinstance(course, Course):
            if self._body is not None:
                self._check_rate(now, course, self._body)
            course.check(now, self._lane.limits)

    def _check_rate(self, now: float, course: Course, body: BodyReader) -> None:
        elapsed, size = now - self._window_began, body.size - self._size_at_window
        if self._client.holds or course.waits_for_leave:
            # It may not send.
            self._window_began, self._size_at_window = now, body.size
        elif elapsed >= SECONDS_OF_A_RATE:
            if size < self._lane.limits.minimum_rate * elapsed:
                self._lane.limit_reached("body_rate", self._client)
                course.refuse(RequestMalformed("the body comes too slowly", status=408))
            else:
                self._window_began, self._size_at_window = now, body.size

    def time_is_up(self) -> None:
        if self._partial:
            self._client.refuse_unread(RequestMalformed("the head did not come in time", status=408))
        else:
            self._client.close()


def _without_empty_lines(data: bytes) -> bytes:
    """RFC 9112 section 2.2: an empty line before a request is a mistake, and harmless; many are not."""
    position = 0
    while position < MOST_EMPTY and data.startswith(b"\r\n", position):
        position += 2
    return data[position:]
