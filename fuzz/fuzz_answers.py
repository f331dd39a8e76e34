"""Fuzzes what origins send, through the lane's connection to them, to what a client gets of it.

Whatever comes, in whatever pieces: the client gets an answer that it can read, or 502, or one that is broken
off; no content depends on where it was torn; and nothing of it is left for the next request.
With a file for an argument: that input alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import h11

from fuzz.lane_ground import REJECTING, holds, leave, new_lane, run
from fuzz.torn_bytes import parse_torn_bytes, torn_bytes
from tests.proxy.express.lane_in_memory import LaneInMemory, settle
from tests.proxy.express.memory_streams import MemoryStream
from tests.proxy.express.smuggling import ANSWER, ANSWER_CASES

METHODS = (b"GET", b"HEAD", b"POST", b"PUT")
IS_1_0, BREAKS_OFF = 0x08, 0x10
"""Bits of the choice beside the method: the client's version, and how the origin's connection ends."""


REQUEST = b"%b http://api.test/ HTTP/%b\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Got:
    """What a client got: in the end its `outcome` is `whole` or `broken off`."""

    outcome: str
    interim: list[tuple[int, bytes]]
    status: int
    content: bytes
    lasts_until_close: bool = False


def check(data: bytes) -> None:
    """Raises for what must not be."""
    torn = parse_torn_bytes(data)
    run(lambda: _check(torn.choice, torn.whole, torn.pieces))


async def _check(choice: int, whole: bytes, pieces: list[bytes]) -> None:
    if b"%d" % REJECTING in whole:
        return
    at_once, torn = await _play(choice, [whole]), await _play(choice, pieces)
    holds(at_once.outcome == torn.outcome, "whether an answer is one depends on where it was torn")
    holds(
        (at_once.interim, at_once.status) == (torn.interim, torn.status),
        "an answer depends on where it was torn",
    )
    shorter = min(len(at_once.content), len(torn.content))
    holds(at_once.content[:shorter] == torn.content[:shorter], "content depends on where it was torn")
    if at_once.outcome == "whole":
        holds(at_once.content == torn.content, "content was lost where it was torn")


async def _play(choice: int, pieces: list[bytes]) -> Got:
    method = METHODS[choice % len(METHODS)]
    lane = new_lane()
    client = lane.connect()
    client.arrive(REQUEST % (method, b"1.0" if choice & IS_1_0 else b"1.1"))
    await settle()
    origin = lane.origin
    origin.take()
    for piece in pieces:
        origin.arrive(piece)
        await settle(3)
    await settle()
    sent = client.take()
    if not await _goes_on(lane, client, sent, method) and not origin.is_closing():
        (origin.break_off if choice & BREAKS_OFF else origin.arrive_end)()
        await settle()
        sent += client.take()
    holds(b'details="internal_error"' not in sent, "a fault of ours")
    got = _ended(_read(sent, method), client)
    await leave(lane, client)
    return got


async def _goes_on(lane: LaneInMemory, client: MemoryStream, sent: bytes, method: bytes) -> bool:
    """Whether the client has a whole answer and may ask again; then it gets the answer to that alone."""
    if client.is_closing() or _read(sent, method).outcome != "whole":
        return False
    client.arrive(REQUEST % (b"GET", b"1.1"))
    await settle()
    for origin in lane.origins:
        if origin.take():
            origin.arrive(ANSWER)
    await settle()
    holds(client.take() == ANSWER, "an answer is another request's")
    return True


def _read(sent: bytes, method: bytes) -> Got:
    """What a client makes of *sent*: it is `whole`, has `begun`, or there is `nothing`."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1_000_000)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    if sent:
        connection.receive_data(sent)
    got = Got("nothing", [], 0, b"")
    is_ours = b'details="origin_' in sent
    while (event := connection.next_event()) is not h11.NEED_DATA:
        if isinstance(event, h11.InformationalResponse):
            got.interim.append((event.status_code, bytes(event.reason)))
        elif isinstance(event, h11.Response):
            got.status, got.outcome = event.status_code, "begun"
            got.lasts_until_close = not {b"content-length", b"transfer-encoding"} & dict(event.headers).keys()
        elif isinstance(event, h11.Data):
            # What we say of an answer that is none depends on how much of it was there.
            got.content += b"" if is_ours else event.data
        else:
            holds(isinstance(event, h11.EndOfMessage), f"h11 takes it for {type(event).__name__}")
            holds(connection.trailing_data[0] == b"", "more than an answer")
            got.outcome = "whole"
            break
    return got


def _ended(got: Got, client: MemoryStream) -> Got:
    """The same after the end: an answer that is not whole cannot be taken for one."""
    if got.outcome != "whole":
        holds(got.outcome == "begun" and client.is_closing(), "neither an answer nor an end")
        is_whole = got.lasts_until_close and not client.was_aborted
        got.outcome = "whole" if is_whole else "broken off"
    return got


def seeds() -> list[bytes]:
    """The corpus of answers, torn and whole, without what is large."""
    small = [case for case in ANSWER_CASES if len(case.sent) < 1500]
    return [
        torn_bytes(case.sent, METHODS.index(case.method), [len(case.sent) // 2, len(case.sent) - 3])
        for case in small
    ]


if __name__ == "__main__":
    check(Path(sys.argv[1]).read_bytes())
