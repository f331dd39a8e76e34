"""Requests of one client, one after the other: how they are read, held back, refused, and timed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.errors import OriginUnreachable
from proxy.composition import Composition
from proxy.express.request_reader import BEHIND_BYTES
from tests.proxy.express.answering_origins import Origins
from tests.proxy.express.lane_in_memory import LaneInMemory, MakeLane, settle
from tests.proxy.express.memory_streams import MemoryStream
from tests.proxy.express.smuggling import ANSWER

pytestmark = pytest.mark.usefixtures("task_factory")

GET = b"GET http://a.test/%d HTTP/1.1\r\nHost: a.test\r\n\r\n"
GOT = b"GET /%d HTTP/1.1\r\nHost: a.test\r\n\r\n"
POST = b"POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n"
POSTED = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def status_of(sent: bytes) -> int:
    return int(sent.split(b" ", 2)[1])


def has_ended(client: MemoryStream) -> bool:
    """Whether the client is told that nothing more comes."""
    return client.has_sent_end or client.is_closing()


# One after the other


async def test_requests_on_one_connection_share_one_to_the_origin(lane: LaneInMemory) -> None:
    """Each waits for the answer before it; the connection to the origin is used again."""
    client = lane.connect()

    for number in range(3):
        client.arrive(GET % number)
        await settle()
        assert lane.origin.take() == GOT % number
        lane.origin.arrive(OK)
        assert client.take() == OK

    assert len(lane.dialled) == 1
    assert [record.status for record in lane.records] == [200, 200, 200]


async def test_pipelined_requests_are_answered_in_order(lane: LaneInMemory) -> None:
    """RFC 9112 section 9.3.2: the second goes out when the first has its answer."""
    client = lane.connect()

    client.arrive(GET % 0 + GET % 1 + GET % 2)
    await settle()
    sent = []
    for _ in range(3):
        sent.append(lane.origin.take())
        lane.origin.arrive(OK)
        await settle()

    assert sent == [GOT % 0, GOT % 1, GOT % 2]
    assert client.take() == OK * 3


async def test_requests_that_are_refused_at_once_do_not_pile_up(make_lane: MakeLane) -> None:
    """A long pipeline of them is answered in one go, and the last one is served."""
    lane = make_lane(unmatched="refuse")
    client = lane.connect()

    client.arrive(GET % 1 * 1000 + (GET % 2).replace(b"a.test", b"api.test"))
    await settle()

    assert client.take().count(b"HTTP/1.1 403 ") == 1000
    assert lane.origin.take().startswith(b"GET /2 HTTP/1.1\r\nHost: api.test\r\n")


async def test_what_is_behind_a_request_is_bounded(lane: LaneInMemory) -> None:
    """Then no more is read, until it has its answer."""
    client = lane.connect()
    client.arrive(GET % 0)
    await settle()

    client.arrive(b"x" * BEHIND_BYTES)
    assert client.is_reading
    client.arrive(b"x")
    assert not client.is_reading

    lane.origin.arrive(OK)
    assert client.is_reading


async def test_what_comes_behind_a_body_is_the_next_request(lane: LaneInMemory) -> None:
    """And not a byte of it is the origin's before its turn."""
    client = lane.connect()

    client.arrive(POST % 5 + b"hello" + GET % 1)
    await settle()
    first = lane.origin.take()
    lane.origin.arrive(OK)
    await settle()

    assert first == POSTED % 5 + b"hello"
    assert lane.origin.take() == GOT % 1


async def test_a_section_that_comes_again_is_read_the_same(lane: LaneInMemory) -> None:
    """It is not parsed anew, whatever else changes: method, target, version."""
    client = lane.connect()
    section = b"Host: a.test\r\nConnection: keep-alive\r\nX: y\r\n\r\n"

    outs = []
    for line in (b"GET http://a.test/1", b"PUT http://a.test/2", b"HEAD http://a.test/3"):
        for version in (b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/1.1\r\n"):
            client.arrive(line + version + section)
            await settle()
            outs.append(lane.origin.take())
            lane.origin.arrive(OK.replace(b"ok", b"" if b"HEAD" in line else b"ok"))
            await settle()

    assert outs == [
        b"%b HTTP/1.1\r\nHost: a.test\r\nX: y\r\n\r\n" % line
        for line in (b"GET /1", b"PUT /2", b"HEAD /3")
        for _ in range(3)
    ]
    assert client.take().count(b"Connection: keep-alive\r\n") == 3


coded = (POST % 5).replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")
MIXED = b"".join(
    [
        GET % 1,
        b"\r\n",
        POST % 5,
        b"hello",
        coded,
        b"3\r\nhel\r\n2;x\r\nlo\r\n0\r\nX: y\r\n\r\n",
        b"\r\n\r\n",
        GET % 2,
    ]
)
MIXED_OUT = [
    GOT % 1,
    POSTED % 5 + b"hello",
    b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    GOT % 2,
]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.integers(0, len(MIXED)), max_size=20).map(sorted))
async def test_no_split_changes_what_reaches_the_origin(
    plain_composition: Composition, places: list[int]
) -> None:
    """Heads, bodies of both framings, empty lines between."""
    lane = LaneInMemory(plain_composition)
    client, origins = lane.connect(), Origins(lane)

    for begin, end in zip([0, *places], [*places, len(MIXED)], strict=True):
        client.arrive(MIXED[begin:end])
        await origins.answer_all()

    assert origins.forwarded == MIXED_OUT
    assert client.take() == ANSWER * 4


# What is refused before it is a request


@pytest.mark.parametrize(
    ("limits", "sent", "status"),
    [
        pytest.param({"line": 100}, b"GET http://a.test/" + b"x" * 100, 414, id="line-without-end"),
        pytest.param(
            {"line": 100}, b"GET http://a.test/" + b"x" * 100 + b" HTTP/1.1\r\n\r\n", 414, id="line"
        ),
        pytest.param({"head": 100}, b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 50, 431, id="head-without-end"),
        pytest.param({"head": 100}, b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 50 + b"\r\n", 431, id="head"),
        pytest.param({"fields": 3}, GET[:-2] % 1 + b"x: y\r\n" * 3 + b"\r\n", 431, id="fields"),
        pytest.param({"body": 10}, POST % 11, 413, id="body"),
        pytest.param({}, b"GET / HTTP/1.1\n", 400, id="malformed-beginning"),
        pytest.param({}, b"GET / HTTP/1.1\r\n\r\n", 400, id="malformed"),
    ],
)
async def test_what_is_no_request_within_the_limits_is_refused(
    limits: dict[str, int], sent: bytes, status: int, make_lane: MakeLane
) -> None:
    """The connection ends, the log has a line of it, and no origin hears of it."""
    lane = make_lane(limits=limits)
    client = lane.connect()

    client.arrive(sent)
    await settle()

    answer = client.take()
    assert status_of(answer) == status
    assert b"\r\nConnection: close\r\n" in answer
    assert has_ended(client)
    assert lane.dialled == []
    assert [(record.status, record.refusal) for record in lane.records] == [(status, "request_malformed")]


async def test_requests_within_the_limits_are_served(make_lane: MakeLane) -> None:
    """Up to the last byte of each limit."""
    line = len(b"GET http://a.test/1 HTTP/1.1")
    lane = make_lane(limits={"line": line, "head": len(GET % 1) - 4, "fields": 1, "body": 10})
    client = lane.connect()

    client.arrive(GET % 1)
    await settle()

    assert lane.origin.take() == GOT % 1


async def test_the_limits_are_the_same_however_a_head_comes(make_lane: MakeLane) -> None:
    """Byte by byte, its line ends torn apart."""
    line = len(b"GET http://a.test/1 HTTP/1.1")
    lane = make_lane(limits={"line": line, "head": len(GET % 1) - 4})
    client = lane.connect()

    for index in range(len(GET % 1)):
        client.arrive((GET % 1)[index : index + 1])
    await settle()

    assert lane.origin.take() == GOT % 1


@pytest.mark.parametrize("length", [10, 11])
async def test_a_chunked_body_is_counted_as_it_comes(make_lane: MakeLane, length: int) -> None:
    """It does not say how long it is: the request is broken off as soon as it is too much."""
    lane = make_lane(limits={"body": 10})
    client = lane.connect()
    client.arrive(coded + b"5\r\nhello\r\n")
    await settle()
    assert lane.origin.take().endswith(b"5\r\nhello\r\n")

    client.arrive(b"%x\r\n" % (length - 5) + b"x" * (length - 5) + b"\r\n0\r\n\r\n")
    await settle()

    if length == 10:
        assert lane.origin.take().endswith(b"0\r\n\r\n")
        assert client.take() == b""
    else:
        assert status_of(client.take()) == 413
        assert lane.origin.was_aborted
        assert has_ended(client)


async def test_who_was_refused_is_listened_to_a_little(lane: LaneInMemory) -> None:
    """RFC 9112 section 9.6: or a reset takes its answer away; not longer than it speaks, nor for ever."""
    silent, chatty = lane.connect(), lane.connect()
    for client in (silent, chatty):
        client.arrive(b"GET / HTTP/1.1\r\n\r\n")
    assert not silent.was_aborted

    for _ in range(5):
        chatty.arrive(b"more")
        lane.pass_time(1)
    assert (silent.was_aborted, chatty.was_aborted) == (True, False)

    for _ in range(60):
        chatty.arrive(b"and more")
        lane.pass_time(1)
    assert chatty.was_aborted
    assert lane.limit_names == []


# Time


async def test_a_head_has_its_time_from_its_first_byte_on(make_lane: MakeLane) -> None:
    """Who sends one now and then does not begin anew: 408."""
    lane = make_lane(limits={"header_timeout": 10, "idle_timeout": 100})
    client = lane.connect()
    lane.pass_time(90)
    client.arrive(b"G")

    for _ in range(5):
        lane.pass_time(2)
        client.arrive(b"E")
    assert client.take() == b""
    lane.pass_time(1)

    assert status_of(client.take()) == 408
    assert has_ended(client)
    assert lane.limit_names == ["header_timeout"]


@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
async def test_a_connection_without_a_request_is_closed_after_a_while(
    make_lane: MakeLane, used: bool
) -> None:
    """Without a word."""
    lane = make_lane(limits={"idle_timeout": 100})
    client = lane.connect()
    if used:
        client.arrive(GET % 1)
        await settle()
        lane.pass_time(99)
        lane.origin.arrive(OK)
        client.take()
    lane.pass_time(99)
    assert not client.is_closing()

    lane.pass_time(2)

    assert client.is_closing()
    assert client.take() == b""
    assert lane.limit_names == ["idle_timeout"]


async def test_a_request_under_way_is_not_idle(make_lane: MakeLane) -> None:
    """However long its origin takes, within its own limit."""
    lane = make_lane(limits={"idle_timeout": 10, "header_timeout": 10})
    client = lane.connect()
    client.arrive(GET % 1)
    await settle()

    lane.pass_time(100)
    lane.origin.arrive(OK)

    assert client.take() == OK


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
async def test_a_body_that_comes_too_slowly_is_refused(make_lane: MakeLane, is_chunked: bool) -> None:
    """Over any 30 seconds: 408, and the origin is left."""
    lane = make_lane(limits={"minimum_rate": 100})
    client = lane.connect()
    client.arrive(coded if is_chunked else POST % 1_000_000)
    await settle()

    def send(length: int) -> None:
        client.arrive(b"%x\r\n%b\r\n" % (length, b"x" * length) if is_chunked else b"x" * length)

    for _ in range(10):
        # Fast enough, for minutes.
        send(3100)
        lane.pass_time(30)
    assert client.take() == b""

    send(2900)
    lane.pass_time(30)
    await settle()
    assert status_of(client.take()) == 408
    assert lane.origin.was_aborted
    assert has_ended(client)
    assert lane.limit_names == ["body_rate"]


async def test_who_may_not_send_is_not_too_slow(make_lane: MakeLane) -> None:
    """An origin that reads slowly is not its client's fault."""
    lane = make_lane(limits={"minimum_rate": 100})
    client = lane.connect()
    client.arrive(POST % 1_000_000)
    await settle()
    lane.origin.stop_taking()
    client.arrive(b"x" * 100_000)
    assert not client.is_reading

    for _ in range(3):
        lane.pass_time(15)
    assert client.take() == b""

    lane.origin.take()
    assert client.is_reading
    lane.pass_time(29)
    assert client.take() == b""


async def test_who_waits_for_leave_is_not_too_slow(make_lane: MakeLane) -> None:
    """It may wait as long as its origin takes (RFC 9110 section 10.1.1)."""
    lane = make_lane(limits={"minimum_rate": 100, "read_timeout": 600})
    client = lane.connect()
    client.arrive((POST % 1_000_000)[:-2] + b"Expect: 100-continue\r\n\r\n")
    await settle()

    for _ in range(10):
        lane.pass_time(10)

    assert client.take() == b""
    assert not lane.origin.is_closing()


# Who stays and who goes


async def test_a_client_that_leaves_takes_its_request_along(lane: LaneInMemory) -> None:
    """Its origin is left, and the log has a line without a status."""
    for how in ("end", "reset"):
        client = lane.connect()
        client.arrive(GET % 1)
        await settle()

        (client.arrive_end if how == "end" else client.break_off)()
        await settle()

        assert lane.origins[-1].was_aborted
        assert lane.records[-1].status is None
        assert client.is_lost
    assert lane.lane.pool.open_connections == 0
    assert lane.lane._clients == set()


async def test_a_client_that_leaves_while_its_origin_is_dialled_is_forgotten(lane: LaneInMemory) -> None:
    """Nothing comes of it."""
    lane.may_dial.clear()
    client = lane.connect()
    client.arrive(GET % 1)
    await settle()

    client.arrive_end()
    await settle()
    lane.may_dial.set()
    await settle()

    assert lane.origins == []
    assert lane.lane.pool._places == {}


@pytest.mark.parametrize(
    ("version", "fields", "closes"),
    [
        pytest.param(b"1.1", b"", False, id="1.1"),
        pytest.param(b"1.1", b"Connection: close\r\n", True, id="1.1-close"),
        pytest.param(b"1.0", b"", True, id="1.0"),
        pytest.param(b"1.0", b"Connection: keep-alive\r\n", False, id="1.0-keep-alive"),
    ],
)
async def test_a_connection_ends_where_its_client_says_so(
    version: bytes, fields: bytes, closes: bool, lane: LaneInMemory
) -> None:
    """After the answer, which says so too; the origin's stays for others."""
    client = lane.connect()
    client.arrive(
        b"GET http://a.test/ HTTP/" + version + b"\r\nHost: a.test\r\n" + fields + b"\r\n" + GET % 1
    )
    await settle()

    lane.origin.arrive(OK)
    await settle()

    assert client.is_closing() is closes
    assert (b"Connection: close\r\n" in client.take()) is closes
    assert not lane.origin.is_closing()
    assert (lane.origin.take().count(b"GET /1 ")) == (not closes)


async def test_an_answer_that_is_taken_slowly_is_not_cut_off_by_its_close(lane: LaneInMemory) -> None:
    """It may take longer than the moment for which a connection lingers."""
    client = lane.connect()
    client.arrive(b"GET http://a.test/ HTTP/1.0\r\n\r\n")
    await settle()
    client.stop_taking()
    lane.origin.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)

    for _ in range(10):
        lane.pass_time(1)
    assert not client.was_aborted

    assert client.take().endswith(b"x" * 100_000)
    await settle()
    assert client.is_lost


async def test_a_drained_lane_answers_what_is_under_way_and_closes(lane: LaneInMemory) -> None:
    """Idle connections at once, the others with their answers."""
    idle, busy = lane.connect(), lane.connect()
    busy.arrive(GET % 1 + GET % 2)
    await settle()

    await lane.lane.drain(0)
    await settle()
    assert (idle.is_closing(), busy.is_closing()) == (True, False)
    lane.origin.arrive(OK)
    await settle()

    assert b"Connection: close\r\n" in busy.take()
    assert busy.is_lost
    assert b"GET /2" not in lane.origin.take()


async def test_there_are_only_so_many_connections(make_lane: MakeLane) -> None:
    """In all, and from one address; one more is told so, and closed."""
    lane = make_lane(limits={"connections": 3, "connections_per_client": 2})
    clients = [lane.connect(), lane.connect(), lane.connect(), lane.connect("192.0.2.2")]

    answers = [client.take() for client in clients]
    assert answers[:2] == [b"", b""]
    assert [status_of(answer) for answer in answers[2:]] == [503, 503]
    assert [has_ended(client) for client in clients] == [False, False, True, True]
    assert lane.limit_names == ["connections_per_client", "connections"]

    for client in clients:
        client.break_off()
    assert lane.lane._addresses == {}
    assert lane.connect().take() == b""


async def test_a_refusal_leaves_the_connection_as_it_was(lane: LaneInMemory) -> None:
    """An origin's failure is not the client's: its next request is read, whatever was held back."""
    lane.may_dial.clear()
    client = lane.connect()
    client.arrive(POST % 300_000 + b"x" * 200_000)
    await settle()
    client.arrive(b"x" * 100_000)
    assert not client.is_reading

    lane.dial_refusal = OriginUnreachable("it is down")
    lane.may_dial.set()
    await settle()
    assert status_of(client.take()) == 502
    assert not has_ended(client)
    assert client.is_reading

    lane.dial_refusal = None
    client.arrive(GET % 1)
    await settle()
    assert lane.origin.take() == GOT % 1
