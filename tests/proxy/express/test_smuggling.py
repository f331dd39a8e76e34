"""The corpus of smuggling.py, through the pure parts and through a lane whose network is in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from profiles.errors import Refusal, RequestMalformed
from profiles.origins import check_agreement
from profiles.requests import RequestHead
from profiles.trailers import permitted_trailers
from proxy.express.bodies import BodyMalformedError, reader_of
from proxy.express.client_connection import ClientConnection
from proxy.express.framing import frame_request
from proxy.express.heads import HEAD_END, may_still_be_a_head, read_request
from proxy.express.outgoing import Outgoing
from proxy.express.request_reader import RequestReader
from proxy.express.targets import destination_of, origin_of, tunnel_end_of
from proxy.express.ways import Way
from proxy.limit_settings import LimitSettings
from tests.proxy.express.answering_origins import Origins
from tests.proxy.express.lane_in_memory import LaneInMemory, settle
from tests.proxy.express.memory_streams import MemoryStream
from tests.proxy.express.smuggling import (
    ANSWER_CASES,
    REQUEST_CASES,
    AnswerCase,
    RequestCase,
    canonical,
)

pytestmark = pytest.mark.usefixtures("eager_tasks")

AUTHORITY = b"origin.test:8080"
LIMITS = LimitSettings()
DIRECT = Way(None, False, None, None)  # type: ignore[arg-type]  # noqa: FBT003

requests = pytest.mark.parametrize("case", REQUEST_CASES, ids=lambda case: case.name)
answers = pytest.mark.parametrize("case", ANSWER_CASES, ids=lambda case: case.name)


def pieces_of(data: bytes, most: int = 2000) -> list[bytes]:
    """Bytewise, or what comes near it where there are very many."""
    length = 1 if len(data) <= most else len(data) // most
    return [data[index : index + length] for index in range(0, len(data), length)]


# Through the pure parts


@dataclass
class Reading:
    """What became of a connection's bytes: requests to forward, and the status of a refusal."""

    forwarded: list[bytes] = field(default_factory=list)
    status: int | None = None


def read_purely(data: bytes) -> Reading:
    """Reads requests as the lane does, with nothing but the pure parts."""
    reading = Reading()
    try:
        while data := data.lstrip(b"\r\n") if data.startswith(b"\r\n") else data:
            data = _read_one(data, reading.forwarded)
    except BodyMalformedError:
        reading.status = 400
    except Refusal as refusal:
        reading.status = refusal.status_code
    return reading


def _read_one(data: bytes, forwarded: list[bytes]) -> bytes:
    end = data.find(HEAD_END)
    if end > LIMITS.head or (end < 0 and len(data) > LIMITS.head):
        raise RequestMalformed(status=431)
    if end < 0:
        assert not may_still_be_a_head(data), "the case is not whole"
        raise RequestMalformed
    start = read_request(data[: end + 4], LIMITS.line, LIMITS.fields)
    framing = frame_request(start)
    if start.method == b"CONNECT":
        check_agreement(tunnel_end_of(start.target), None, framing.hosts[0].decode())
        origin_of("https", framing.hosts[0])
        assert framing.length
        raise RequestMalformed
    origin, target = destination_of(start.target, start.method)
    check_agreement(origin, None, framing.hosts[0].decode() if framing.hosts else None)
    body = reader_of(framing.length)
    rest = data[end + 4 :]
    content = b""
    if not body.is_done:
        content = body.feed(rest)
        rest = body.rest
    assert body.is_done, "the case is not whole"
    head = RequestHead(start.method.decode(), origin, target, framing.passed)
    outgoing = Outgoing(
        start,
        framing,
        head,
        framing.passed,
        target,
        DIRECT,
        [content] if content else [],
        True,  # noqa: FBT003
        permitted_trailers(tuple(body.trailers)),
        has_own_body=False,
        waits_for_leave=False,
    )
    forwarded.append(outgoing.to_bytes())
    return rest


@requests
def test_a_request_is_refused_or_read_in_one_way(case: RequestCase) -> None:
    """By the readers alone: what would be forwarded, byte for byte, and the status of a refusal."""
    reading = read_purely(case.at(AUTHORITY))

    assert reading.forwarded == [item.at(AUTHORITY) for item in case.forwarded]
    assert reading.status == case.status


# Through a lane


def connected(lane: LaneInMemory) -> MemoryStream:
    """A client whose requests are read from the first byte on, and not what they open with."""
    client = lane.connect()
    connection = client.protocol
    assert isinstance(connection, ClientConnection)
    connection.phase = RequestReader(connection)
    return client


@pytest.mark.parametrize("is_split", [False, True], ids=["whole", "bytewise"])
@requests
async def test_a_request_reaches_the_origin_in_one_way_or_not_at_all(
    case: RequestCase, is_split: bool, lane: LaneInMemory
) -> None:
    """With exactly that framing; after a refusal the connection ends, and nothing more is read of it."""
    client, origins = connected(lane), Origins(lane)

    for piece in pieces_of(case.at(AUTHORITY)) if is_split else [case.at(AUTHORITY)]:
        client.arrive(piece)
        await asyncio.sleep(0)
    await origins.answer_all()

    sent = client.take()
    assert origins.forwarded == [item.at(AUTHORITY) for item in case.forwarded]
    assert sent.count(b"\r\n\r\nok") == len(case.forwarded)
    if case.status is None:
        assert sent.endswith(b"\r\n\r\nok")
        assert origins.beginnings == []
    else:
        refusal = sent.rpartition(b"\r\n\r\nok")[2]
        assert refusal.startswith(b"HTTP/1.1 %d " % case.status)
        assert b"\r\nConnection: close\r\n" in refusal
        assert client.has_sent_end or client.is_closing()
        assert len(origins.beginnings) <= (is_split and case.breaks_in_body)
        assert all(origin.was_aborted for origin in lane.origins if origins.beginnings)
        client.arrive(b"GET http://origin.test:8080/ HTTP/1.1\r\nHost: origin.test:8080\r\n\r\n")
        await origins.answer_all()
        assert len(origins.forwarded) == len(case.forwarded)
        assert client.take() == b""


@pytest.mark.parametrize("is_split", [False, True], ids=["whole", "bytewise"])
@answers
async def test_an_answer_is_refused_or_passed_on_in_one_way(
    case: AnswerCase, is_split: bool, lane: LaneInMemory
) -> None:
    """And its connection is not used again, where anything was amiss with it."""
    client = connected(lane)
    client.arrive(case.method + b" http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n")
    await settle()
    origin = lane.origin

    for piece in pieces_of(case.sent) if is_split else [case.sent]:
        origin.arrive(piece)
    origin.arrive_end()
    await settle()

    sent = client.take()
    assert origin.is_lost
    if case.client is not None:
        assert _one_chunk(sent) == case.client
        assert not client.is_closing()
    elif case.is_cut:
        assert client.is_closing()
        assert not sent.endswith(b"0\r\n\r\n")
        assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
    else:
        # An interim answer before it has been passed on.
        final = sent[sent.index(b"HTTP/1.1 502 ") :]
        assert b'details="origin_answer_invalid"' in final
        assert sent.count(b"HTTP/1.1 ") == 1 + case.sent.count(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def _one_chunk(answer: bytes) -> bytes:
    """Content that came in pieces, in one chunk."""
    head, _, body = answer.rpartition(b"Transfer-Encoding: chunked\r\n\r\n")
    if not head:
        return answer
    (whole,), rest = canonical(b"x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert rest == b""
    return head + whole.removeprefix(b"x\r\n")
