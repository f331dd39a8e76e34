"""Fuzzes what clients send, through the lane's reader of requests, to what an origin gets of it.

Whatever comes, in whatever pieces: there is an answer of the declared kinds or none, no request depends on
where it was torn, and what is forwarded is read again as the same, by us and by h11.
With a file for an argument: that input alone.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11

from fuzz.lane_ground import AUTHORITY, holds, leave, new_lane, run
from fuzz.torn_bytes import parse_torn_bytes, torn_bytes
from proxy.express.bodies import reader_of
from proxy.express.framing import frame_request
from proxy.express.heads import HEAD_END, read_request
from tests.proxy.express.answering_origins import Origins
from tests.proxy.express.lane_in_memory import settle
from tests.proxy.express.smuggling import REQUEST_CASES

DECLARED = frozenset({200, 400, 403, 408, 413, 414, 417, 431, 501, 505})
"""What a client may be answered; 200 stands for the origin's answer, and for a tunnel."""

_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
_EXPECT = re.compile(rb"\r\nexpect:[^\r]*", re.IGNORECASE)


@dataclass
class Played:
    """What became of a connection."""

    forwarded: list[bytes]
    statuses: list[int]


async def _play(pieces: list[bytes]) -> Played:
    lane = new_lane()
    client, origins = lane.connect(), Origins(lane)
    for piece in pieces:
        client.arrive(piece)
        await settle(3)
    await origins.answer_all()
    statuses = [int(status) for status in _STATUS.findall(client.take())]
    await leave(lane, client)
    # An origin may be asked for leave, or not, as its client's body is there or not.
    return Played([_EXPECT.sub(b"", request, count=1) for request in origins.forwarded], statuses)


def check(data: bytes) -> None:
    """Raises for what must not be."""
    torn = parse_torn_bytes(data)
    run(lambda: _check(torn.whole, torn.pieces))


async def _check(whole: bytes, pieces: list[bytes]) -> None:
    at_once, torn = await _play([whole]), await _play(pieces)
    for played in (at_once, torn):
        holds(DECLARED.issuperset(played.statuses), f"answered {played.statuses}")
        for request in played.forwarded:
            read_again(request)
    # Who is refused before its request is through loses the connection, and what is behind with it.
    shorter = min(len(at_once.forwarded), len(torn.forwarded))
    holds(at_once.forwarded[:shorter] == torn.forwarded[:shorter], "a request depends on where it was torn")
    if set(at_once.statuses) <= {200} and set(torn.statuses) <= {200}:
        holds(len(at_once.forwarded) == len(torn.forwarded), "a request was lost where it was torn")


def read_again(request: bytes) -> None:
    """What the origin gets has one reading."""
    head, end, sent = request.partition(HEAD_END)
    start = read_request(head + end, 1_000_000, 1000)
    body = reader_of(frame_request(start).length)
    content = b"" if body.is_done else body.feed(sent)
    holds(body.is_done and not body.rest, "what is forwarded is not one request")
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1_000_000)
    line, line_end, section = request.partition(b"\r\n")
    # It has no octets above ASCII in a target.
    connection.receive_data(re.sub(rb"[\x80-\xff]", b"x", line) + line_end + section)
    read: Any = connection.next_event()
    there = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        holds(isinstance(event, h11.Data), "h11 takes it for less than a request")
        there += event.data
    holds((read.method, there) == (start.method, content), "h11 takes it for another request")
    holds(connection.trailing_data[0] == b"", "h11 takes it for more than a request")


def seeds() -> list[bytes]:
    """The corpus of smuggled requests, torn and whole, without what is large."""
    sent = [case.at(AUTHORITY) for case in REQUEST_CASES]
    small = [item for item in sent if len(item) < 1500]
    tunnel = b"CONNECT api.test:443 HTTP/1.1\r\nHost: api.test\r\n\r\n"
    inner = (
        b"POST /a HTTP/1.1\r\nHost: api.test:443\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    )
    openings = [
        tunnel + b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
        tunnel + inner,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    return [torn_bytes(item, places=[len(item) // 2, len(item) - 3]) for item in small + openings]


if __name__ == "__main__":
    check(Path(sys.argv[1]).read_bytes())
