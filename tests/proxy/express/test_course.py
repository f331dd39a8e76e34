"""One request on its way: to an origin that answers, early, badly or never, and back to its client."""

from __future__ import annotations

import base64
import json

import pytest

from profiles.errors import OriginUnreachable
from tests.profiles.token_ground import THROTTLED, until
from tests.proxy.express.lane_in_memory import LaneInMemory, MakeLane, settle
from tests.proxy.express.memory_streams import MemoryStream

pytestmark = pytest.mark.usefixtures("task_factory")

HEAD_END = b"\r\n\r\n"
GET = b"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n"
GOT = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
POST = b"POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"
POSTED = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"
CODED = b"POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
CODED_OUT = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECTING = POST[:-2] + b"Expect: 100-continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def slug_of(sent: bytes) -> str:
    """Of an answer of ours."""
    return str(json.loads(sent.partition(HEAD_END)[2])["slug"])


def status_of(sent: bytes) -> int:
    return int(sent.split(b" ", 2)[1])


async def asked(lane: LaneInMemory, request: bytes = GET) -> MemoryStream:
    """A client whose request is on its way."""
    client = lane.connect()
    client.arrive(request)
    await settle()
    return client


# Bodies on their way


async def test_a_body_goes_on_as_it_comes(lane: LaneInMemory) -> None:
    """Head first, then each piece; chunks anew."""
    client = await asked(lane, CODED)
    outs = [lane.origin.take()]

    for piece in (b"3\r\nhe", b"l\r\n2\r\nlo", b"\r\n0\r\n", b"X: y\r\nHost: z\r\n\r\n"):
        client.arrive(piece)
        outs.append(lane.origin.take())

    assert outs == [
        CODED_OUT,
        b"2\r\nhe\r\n",
        b"1\r\nl\r\n2\r\nlo\r\n".replace(b"1\r\nl\r\n2\r\nlo", b"3\r\nllo"),
        b"",
        b"0\r\nX: y\r\n\r\n",
    ]


async def test_what_comes_before_the_origin_is_there_is_kept(lane: LaneInMemory) -> None:
    """In its order, and goes in one piece."""
    lane.may_dial.clear()
    client = await asked(lane, POST + b"he")
    client.arrive(b"ll")

    lane.may_dial.set()
    await settle()

    assert lane.origin.take() == POSTED + b"hell"
    client.arrive(b"o")
    assert lane.origin.take() == b"o"


async def test_an_answer_goes_on_as_it_comes(lane: LaneInMemory) -> None:
    """Nothing waits for its end."""
    client = await asked(lane)

    outs = []
    for piece in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 5\r\n\r\n", b"he", b"llo"):
        lane.origin.arrive(piece)
        outs.append(client.take())

    assert outs == [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"he", b"llo"]


# Backpressure


async def test_an_origin_is_read_no_faster_than_its_client_reads(lane: LaneInMemory) -> None:
    """And goes on when the client has caught up."""
    client = await asked(lane)
    client.stop_taking()
    lane.origin.arrive(LARGE, *[b"x" * 100_000] * 5)
    assert not lane.origin.is_reading
    held = client.get_write_buffer_size()
    assert 256 * 1024 < held < 256 * 1024 + 100_000

    received = client.take()
    await settle()
    assert lane.origin.is_reading
    lane.origin.arrive(*[b"x" * 100_000] * 5)
    assert len(received + client.take()) == len(LARGE) + 1_000_000


async def test_a_client_that_does_not_read_gets_no_more_answers(lane: LaneInMemory) -> None:
    """However many requests it has sent."""
    client = lane.connect()
    client.stop_taking()
    for _ in range(20):
        client.arrive(GET)
        await settle()
        for origin in lane.origins:
            if origin.take() and origin.is_reading:
                origin.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
        await settle()

    assert client.get_write_buffer_size() < 500_000

    received = client.take()
    await settle()
    assert lane.origin.take() == GOT
    assert received.count(b"HTTP/1.1 200 OK") < 5


async def test_a_client_is_read_no_faster_than_its_origin_takes(lane: LaneInMemory) -> None:
    """And goes on when the origin has caught up."""
    client = await asked(lane, POST.replace(b"5", b"500000"))
    lane.origin.stop_taking()
    client.arrive(*[b"x" * 50_000] * 5)
    assert not client.is_reading
    assert lane.origin.get_write_buffer_size() < 200_000

    received = lane.origin.take()
    await settle()
    assert client.is_reading
    client.arrive(*[b"x" * 50_000] * 5)
    assert (received + lane.origin.take()).count(b"x") == 500_000


async def test_a_client_is_read_no_faster_than_its_body_can_go_out(lane: LaneInMemory) -> None:
    """While the origin is dialled."""
    lane.may_dial.clear()
    client = await asked(lane, POST.replace(b"5", b"1000000"))
    client.arrive(*[b"x" * 100_000] * 10)
    assert not client.is_reading

    lane.may_dial.set()
    await settle()

    assert client.is_reading
    assert lane.origin.take().count(b"x") == 1_000_000


async def test_a_client_that_takes_nothing_is_left(make_lane: MakeLane) -> None:
    """And its origin with it."""
    lane = make_lane(limits={"write_timeout": 20})
    client = await asked(lane)
    client.stop_taking()
    lane.origin.arrive(LARGE, *[b"x" * 100_000] * 5)

    for _ in range(25):
        lane.pass_time(1)
    await settle()

    assert client.was_aborted
    assert lane.origin.was_aborted
    assert "write_timeout" in lane.limit_names


async def test_an_origin_that_takes_nothing_is_left(make_lane: MakeLane) -> None:
    """504, and the connection ends, as the request is not through."""
    lane = make_lane(limits={"write_timeout": 20})
    client = await asked(lane, POST.replace(b"5", b"500000"))
    lane.origin.stop_taking()
    client.arrive(*[b"x" * 50_000] * 5)

    for _ in range(25):
        lane.pass_time(1)
    await settle()

    assert status_of(client.take()) == 504
    assert lane.origin.was_aborted
    assert client.has_sent_end or client.is_closing()


# Answers without bodies, interim ones, other protocols


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        pytest.param(b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", id="head"),
        pytest.param(b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", id="head-chunked"),
        pytest.param(b"HEAD", b"HTTP/1.1 200 OK\r\n\r\n", id="head-without-length"),
        pytest.param(b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", id="204"),
        pytest.param(b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", id="304"),
    ],
)
async def test_an_answer_without_a_body_ends_with_its_head(
    method: bytes, answer: bytes, lane: LaneInMemory
) -> None:
    """Both connections go on."""
    client = await asked(lane, GET.replace(b"GET", method))

    lane.origin.arrive(answer)
    assert client.take() == answer
    client.arrive(GET)
    await settle()

    assert lane.origin.take().endswith(GOT)


async def test_interim_answers_are_passed_on(lane: LaneInMemory) -> None:
    """RFC 9110 section 15.2, but to HTTP/1.0; a 100 that nobody waits for is none of the client's."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    newer = await asked(lane)
    older = await asked(lane, b"GET http://a.test/ HTTP/1.0\r\n\r\n")

    for origin in lane.origins:
        origin.arrive(CONTINUE + hints + hints, b"HTTP/1.1 102 Processing\r\n\r\n" + OK)
    await settle()

    assert newer.take() == hints + hints + b"HTTP/1.1 102 Processing\r\n\r\n" + OK
    assert older.take().count(b"HTTP/1.1 ") == 1


WEBSOCKET = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


async def test_another_protocol_is_carried_unseen(lane: LaneInMemory) -> None:
    """With what stood behind the 101 and behind the request; and both connections are its own."""
    client = await asked(lane, WEBSOCKET + b"\x81\x00early")
    sent = lane.origin.take()

    lane.origin.arrive(SWITCHING + b"\x81\x00hello")
    client.arrive(b"\x81\x00later")
    lane.origin.arrive(GET)
    await settle()

    assert b"Connection: Upgrade\r\nUpgrade: websocket\r\n" in sent
    assert client.take() == SWITCHING + b"\x81\x00hello" + GET
    assert lane.origin.take() == b"\x81\x00early\x81\x00later"
    assert lane.records[-1].status == 101
    assert lane.lane.pool.open_connections == 0

    client.arrive_end()
    lane.origin.arrive_end()
    await settle()
    assert client.is_lost
    assert lane.origin.is_lost
    assert lane.lane._clients == set()
    assert lane.lane._relays == set()


async def test_an_idle_relay_is_ended(make_lane: MakeLane) -> None:
    """After the time that tunnels have."""
    lane = make_lane(limits={"tunnel_idle_timeout": 10, "idle_timeout": 5})
    client = await asked(lane, WEBSOCKET)
    lane.origin.arrive(SWITCHING)
    (relay,) = lane.lane._relays

    assert not relay.is_idle(0, 10)
    lane.pass_time(100)
    assert not client.is_closing()
    assert relay.is_idle(11, 10)


async def test_an_upgrade_may_be_declined(lane: LaneInMemory) -> None:
    """Then it was a request like any other."""
    client = await asked(lane, WEBSOCKET)

    lane.origin.arrive(OK)
    client.take()
    client.arrive(GET)
    await settle()

    assert lane.origin.take().endswith(GOT)


@pytest.mark.parametrize("request_", [GET, WEBSOCKET.replace(b"websocket", b"h2c")], ids=["none", "h2c"])
async def test_a_protocol_that_nobody_asked_for_is_no_answer(request_: bytes, lane: LaneInMemory) -> None:
    """502, and nothing of it is carried."""
    client = await asked(lane, request_)

    lane.origin.arrive(SWITCHING + b"hello")
    await settle()

    assert slug_of(client.take()) == "origin_answer_invalid"
    assert lane.origin.was_aborted


# Leave to send


async def test_leave_is_the_origins_to_give(lane: LaneInMemory) -> None:
    """RFC 9110 section 10.1.1: the body comes after its 100."""
    client = await asked(lane, EXPECTING)
    assert lane.origin.take() == POSTED[:-2] + b"Expect: 100-continue\r\n\r\n"
    assert client.take() == b""

    lane.origin.arrive(CONTINUE)
    assert client.take() == CONTINUE
    client.arrive(b"hello")
    assert lane.origin.take() == b"hello"

    lane.origin.arrive(CONTINUE + OK)
    assert client.take() == OK


async def test_a_final_answer_comes_in_place_of_leave(lane: LaneInMemory) -> None:
    """The body may come all the same, or not: neither connection goes on."""
    client = await asked(lane, EXPECTING)

    lane.origin.arrive(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
    await settle()

    assert client.take() == b"HTTP/1.1 417 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert client.has_sent_end or client.is_closing()
    assert lane.origin.is_closing()


async def test_who_does_not_wait_for_leave_is_not_asked_to(lane: LaneInMemory) -> None:
    """Where some of the body is there, the origin has it at once."""
    client = await asked(lane, EXPECTING + b"hello")

    assert lane.origin.take() == POSTED + b"hello"
    lane.origin.arrive(OK)
    assert client.take() == OK


async def test_http_1_0_is_never_told_to_go_on(lane: LaneInMemory) -> None:
    """RFC 9110 section 15.2."""
    client = await asked(lane, EXPECTING.replace(b"HTTP/1.1", b"HTTP/1.0"))

    assert b"Expect" not in lane.origin.take()
    lane.origin.arrive(CONTINUE)
    assert client.take() == b""


async def test_the_limits_of_an_answer_are_the_same_however_it_comes(make_lane: MakeLane) -> None:
    """Byte by byte, its line ends torn apart."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + b"x" * 100 + b"\r\n\r\nok"
    lane = make_lane(limits={"head": len(answer) - 6})
    whole = await asked(lane)
    lane.origins[0].arrive(answer)
    torn = await asked(lane, POST + b"hello")
    for index in range(len(answer)):
        lane.origins[-1].arrive(answer[index : index + 1])

    assert (whole.take(), torn.take()) == (answer, answer)


# Answers that come early, late, badly or never


async def test_an_answer_may_come_before_its_request_is_through(lane: LaneInMemory) -> None:
    """It is passed on; then both connections end, for what follows cannot be told from the body."""
    client = await asked(lane, POST + b"he")

    lane.origin.arrive(OK)
    await settle()
    assert client.take() == OK.replace(HEAD_END, b"\r\nConnection: close\r\n\r\n")
    assert client.has_sent_end or client.is_closing()
    assert lane.origin.is_closing()

    client.arrive(b"llo" + GET)
    await settle()
    assert len(lane.dialled) == 1


async def test_an_early_answer_may_end_after_its_request(lane: LaneInMemory) -> None:
    """Whatever has come meanwhile went to the origin."""
    client = await asked(lane, POST + b"he")
    lane.origin.arrive(OK[:-1])
    client.arrive(b"llo")
    lane.origin.arrive(OK[-1:])
    await settle()

    assert lane.origin.take() == POSTED + b"hello"
    assert client.take().endswith(b"Connection: close\r\n\r\nok")
    assert client.is_closing()


@pytest.mark.parametrize(
    ("answer", "slug"),
    [
        pytest.param(b"", "origin_unreachable", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConte", "origin_unreachable", id="within-the-head"),
        pytest.param(b"<html>", "origin_unreachable", id="something-without-an-end"),
        pytest.param(CONTINUE, "origin_unreachable", id="an-interim-answer"),
        pytest.param(b"<html>\n", "origin_answer_invalid", id="no-http"),
        pytest.param(b"x" * 70_000, "origin_answer_invalid", id="head-without-end"),
    ],
)
@pytest.mark.parametrize("how", ["end", "reset"])
async def test_an_origin_that_ends_before_its_answer_is_502(
    answer: bytes, slug: str, how: str, lane: LaneInMemory
) -> None:
    """And the client's connection goes on."""
    client = await asked(lane)

    lane.origin.arrive(answer)
    if not lane.origin.is_closing():
        (lane.origin.arrive_end if how == "end" else lane.origin.break_off)()
    await settle()

    sent = client.take()
    assert (status_of(sent), slug_of(sent)) == (502, slug)
    assert not client.is_closing()
    assert not client.has_sent_end
    assert lane.lane.pool.open_connections == 0
    assert len(lane.dialled) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", id="length-nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", id="chunked-nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", id="chunked"),
    ],
)
@pytest.mark.parametrize("how", ["end", "reset"])
async def test_an_answer_that_breaks_off_is_broken_off(answer: bytes, how: str, lane: LaneInMemory) -> None:
    """So that its client can tell; there is no other answer that could be given."""
    client = await asked(lane)
    lane.origin.arrive(answer)

    (lane.origin.arrive_end if how == "end" else lane.origin.break_off)()
    await settle()

    assert client.is_closing()
    assert not client.take().endswith(b"0\r\n\r\n")
    assert lane.records[-1].refusal == "origin_unreachable"


async def test_an_answer_until_close_is_not_whole_after_a_reset(lane: LaneInMemory) -> None:
    """RFC 9112 section 8: only an orderly end is its end."""
    client = await asked(lane)
    lane.origin.arrive(b"HTTP/1.1 200 OK\r\n\r\nhello")

    lane.origin.break_off()
    await settle()

    assert client.is_closing()
    assert not client.take().endswith(b"0\r\n\r\n")


async def test_an_origin_that_says_nothing_is_left(make_lane: MakeLane) -> None:
    """504 after the time that it has; each byte of the answer gives it as much again."""
    lane = make_lane(limits={"read_timeout": 50})
    silent, slow = await asked(lane), await asked(lane)
    first, second = lane.origins
    second.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    for _ in range(3):
        lane.pass_time(20)
        second.arrive(b"x")
    await settle()

    assert status_of(silent.take()) == 504
    assert not silent.is_closing()
    assert first.was_aborted
    assert slow.take().endswith(b"xxx")
    lane.pass_time(51)
    assert slow.is_closing()


async def test_an_origin_has_its_time_from_the_end_of_the_request(make_lane: MakeLane) -> None:
    """However long that took to send."""
    lane = make_lane(limits={"read_timeout": 50, "minimum_rate": 0})
    client = await asked(lane, POST)
    for _ in range(10):
        lane.pass_time(20)
    client.arrive(b"hello")

    lane.pass_time(49)
    assert client.take() == b""
    lane.pass_time(2)
    await settle()
    assert status_of(client.take()) == 504


async def test_an_answer_that_its_client_does_not_take_is_not_late(make_lane: MakeLane) -> None:
    """The origin is not read meanwhile."""
    lane = make_lane(limits={"read_timeout": 50, "write_timeout": 1000})
    client = await asked(lane)
    client.stop_taking()
    lane.origin.arrive(LARGE, *[b"x" * 100_000] * 5)

    lane.pass_time(100)
    client.take()
    lane.pass_time(49)

    assert not client.was_aborted


# Connections to origins that turn out dead


async def used(lane: LaneInMemory) -> MemoryStream:
    """A client that has had an answer by a connection that is idle now."""
    client = await asked(lane)
    lane.origin.take()
    lane.origin.arrive(OK)
    await settle()
    client.take()
    return client


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"])
async def test_an_idle_connection_that_is_dead_costs_a_second_try(
    method: bytes, how: str, lane: LaneInMemory
) -> None:
    """On a new one, where nothing of an answer had come and the request may be repeated (section 9.3.1)."""
    client = await used(lane)
    client.arrive(GET.replace(b"GET", method))
    await settle()
    assert len(lane.origins) == 1

    (lane.origin.arrive_end if how == "end" else lane.origin.break_off)()
    await settle()

    assert len(lane.origins) == 2
    assert lane.origins[1].take() == GOT.replace(b"GET", method)
    lane.origins[1].arrive(OK.replace(b"ok", b"" if method == b"HEAD" else b"ok"))
    assert status_of(client.take()) == 200


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(GET.replace(b"GET", b"PATCH"), id="another-method"),
        pytest.param(POST.replace(b"POST", b"PUT") + b"hello", id="a-body-that-is-gone"),
    ],
)
async def test_a_request_that_may_not_be_repeated_is_not(request_: bytes, lane: LaneInMemory) -> None:
    """RFC 9110 section 9.2.2: 502."""
    client = await used(lane)
    client.arrive(request_)
    await settle()
    assert len(lane.origins) == 1

    lane.origin.break_off()
    await settle()

    assert slug_of(client.take()) == "origin_unreachable"
    assert len(lane.origins) == 1


async def test_a_request_that_may_not_be_repeated_gets_no_old_connection(lane: LaneInMemory) -> None:
    """Its origin may be closing that just now."""
    client = await used(lane)
    lane.pass_time(5)

    client.arrive(POST + b"hello")
    await settle()

    assert len(lane.origins) == 2
    assert lane.origins[1].take() == POSTED + b"hello"


async def test_a_second_try_is_the_last(lane: LaneInMemory) -> None:
    """A new connection that ends is an answer that did not come; and one byte of an answer is a beginning."""
    client = await used(lane)
    client.arrive(GET)
    await settle()
    lane.origins[0].break_off()
    await settle()
    lane.origins[1].break_off()
    await settle()
    assert slug_of(client.take()) == "origin_unreachable"

    client = lane.connect()
    client.arrive(GET)
    await settle()
    lane.origins[2].arrive(OK)
    await settle()
    client.take()
    client.arrive(GET)
    await settle()
    lane.origins[2].arrive(b"H")
    lane.origins[2].break_off()
    await settle()
    assert slug_of(client.take()) == "origin_unreachable"
    assert len(lane.origins) == 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK.replace(HEAD_END, b"\r\nConnection: close\r\n\r\n"), id="close"),
        pytest.param(OK.replace(b"1.1", b"1.0"), id="http-1.0"),
        pytest.param(OK + b"x", id="more-than-the-answer"),
        pytest.param(OK + OK, id="two-answers"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\nx", id="more-than-no-body"),
    ],
)
async def test_a_connection_that_may_not_go_on_is_not_used_again(answer: bytes, lane: LaneInMemory) -> None:
    """Nor one on which something came that nobody had asked for."""
    client = await asked(lane)
    lane.origin.arrive(answer)
    await settle()
    assert status_of(client.take()) in (200, 204)
    assert lane.origin.is_closing()

    client.arrive(GET)
    await settle()

    assert len(lane.origins) == 2


async def test_bytes_on_an_idle_connection_end_it(lane: LaneInMemory) -> None:
    """They could be taken for the answer to the next request."""
    client = await used(lane)

    lane.origin.arrive(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    client.arrive(GET)
    await settle()

    assert lane.origins[0].was_aborted
    assert lane.origins[1].take() == GOT


# What the domain decides


async def test_a_request_that_a_profile_owns_is_authorized(make_lane: MakeLane) -> None:
    """The client's own field of that name is gone (I3)."""
    lane = make_lane()

    client = await asked(
        lane, b"GET http://api.test/ HTTP/1.1\r\nHost: api.test\r\nauthorization: mine\r\nX: y\r\n\r\n"
    )

    assert (
        lane.origin.take() == b"GET / HTTP/1.1\r\nHost: api.test\r\nX: y\r\nAuthorization: Bearer at1\r\n\r\n"
    )
    lane.origin.arrive(OK)
    assert client.take() == OK
    assert lane.records[-1].profile == "orders"


OWNED = GET.replace(b"a.test", b"api.test")
OWNED_POST = POST.replace(b"a.test", b"api.test")
REJECTED = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\nno"


async def test_a_rejected_token_is_renewed_and_the_request_sent_once_more(make_lane: MakeLane) -> None:
    """With its body; the client hears of the last answer alone."""
    lane = make_lane()
    client = await asked(lane, OWNED_POST + b"hello")
    assert b"Bearer at1" in lane.origin.take()

    lane.origin.arrive(REJECTED)
    await settle()

    sent = lane.origin.take()
    assert b"Authorization: Bearer at2\r\n" in sent
    assert sent.endswith(b"\r\n\r\nhello")
    assert client.take() == b""
    lane.origin.arrive(OK)
    assert client.take() == OK
    assert lane.records[-1].replayed


async def test_what_is_still_to_come_of_a_body_is_for_the_second_sending(make_lane: MakeLane) -> None:
    """The client is not read while the token is renewed."""
    lane = make_lane()
    client = await asked(lane, OWNED_POST + b"he")
    lane.server.gate.clear()

    lane.origins[0].arrive(REJECTED)
    await settle()
    assert not client.is_reading

    lane.server.gate.set()
    await settle()
    assert client.is_reading
    client.arrive(b"llo")
    await settle()
    assert lane.origins[-1].take().endswith(b"\r\n\r\nhello")
    lane.origins[-1].arrive(OK)
    assert client.take() == OK


async def test_a_rejection_is_passed_on_where_the_body_is_too_large_to_be_kept(make_lane: MakeLane) -> None:
    """The token is renewed for the next request."""
    lane = make_lane({"replay_limit": 3})
    client = await asked(lane, OWNED_POST + b"hello")

    lane.origin.arrive(REJECTED)
    await settle()

    assert client.take() == REJECTED
    client.arrive(OWNED)
    await settle()
    assert b"Bearer at2" in lane.origins[-1].take()


async def test_a_field_in_the_body_waits_for_the_whole_of_it(make_lane: MakeLane) -> None:
    """Then the length is another one; leave to send it is ours to give."""
    lane = make_lane({"fields": [{"in": "payload", "key": "token", "value": "{{access_token}}"}]})
    client = await asked(
        lane,
        b"POST http://api.test/ HTTP/1.1\r\nHost: api.test\r\nExpect: 100-continue\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    assert client.take() == CONTINUE
    client.arrive(b"3\r\na=b\r\n")
    await settle()
    assert lane.dialled == []

    client.arrive(b"0\r\n\r\n")
    await settle()

    head, _, body = lane.origin.take().partition(HEAD_END)
    assert body == b"a=b&token=at1"
    assert b"Content-Length: 13" in head
    assert b"Transfer-Encoding" not in head
    assert b"Expect" not in head


async def test_a_body_that_is_too_large_to_be_written_into_is_refused(make_lane: MakeLane) -> None:
    """413, before it is whole."""
    lane = make_lane(
        {"fields": [{"in": "payload", "key": "token", "value": "{{access_token}}"}], "payload_limit": 4}
    )
    client = await asked(lane, OWNED_POST[:-2] + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n")

    client.arrive(b"a=bcd")
    await settle()

    assert slug_of(client.take()) == "payload_too_large"
    assert lane.dialled == []


async def test_an_answer_is_looked_into_where_it_is_told_by_its_body(make_lane: MakeLane) -> None:
    """It is held back until it is known what to do with it, up to a limit."""
    lane = make_lane({"auth_error": [{"status": 200, "body": "expired"}]})
    client = await asked(lane, OWNED)
    lane.origin.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", b"exp")
    assert client.take() == b""

    lane.origin.arrive(b"ired")
    await settle()
    assert b"Bearer at2" in lane.origin.take()
    lane.origin.arrive(LARGE.replace(b"1000000", b"100000"), b"x" * 100_000)
    await settle()

    assert client.take().endswith(b"x" * 100_000)


async def test_what_breaks_off_may_be_a_rejection_all_the_same(make_lane: MakeLane) -> None:
    """Its head is all that was wanted of it."""
    lane = make_lane()
    client = await asked(lane, OWNED)
    lane.origins[0].arrive(REJECTED[:-1])

    lane.origins[0].break_off()
    await settle()

    assert b"Bearer at2" in lane.origins[1].take()
    lane.origins[1].arrive(OK)
    assert client.take() == OK


@pytest.mark.parametrize(
    "behind", [b"", b"x", OK.replace(b"ok", b"no")], ids=["nothing", "a-byte", "an-answer"]
)
@pytest.mark.parametrize(
    "rejected",
    [
        pytest.param(REJECTED, id="length"),
        pytest.param(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", id="empty"),
        pytest.param(b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="chunked"),
    ],
)
async def test_what_stands_behind_a_rejection_is_no_answer(
    rejected: bytes, behind: bytes, make_lane: MakeLane
) -> None:
    """The second sending has not gone out yet: it goes by another connection."""
    lane = make_lane()
    client = await asked(lane, OWNED)
    lane.origins[0].take()

    lane.origins[0].arrive(rejected + behind)
    await settle()

    assert client.take() == b""
    assert len(lane.origins) == (2 if behind else 1)
    assert b"Bearer at2" in lane.origins[-1].take()
    lane.origins[-1].arrive(OK)
    assert client.take() == OK


async def test_a_long_rejection_is_not_waited_for(make_lane: MakeLane) -> None:
    """Its connection is left, for the request to be sent once more on another."""
    lane = make_lane()
    client = await asked(lane, OWNED)

    lane.origins[0].arrive(b"HTTP/1.1 401 No\r\nContent-Length: 1000000\r\n\r\n", b"x" * 100_000)
    await settle()

    assert lane.origins[0].was_aborted
    assert b"Bearer at2" in lane.origins[1].take()
    lane.origins[1].arrive(OK)
    assert client.take() == OK


async def test_a_second_rejection_is_passed_on(make_lane: MakeLane) -> None:
    """As it came; and so are those of the next requests, for a while."""
    lane = make_lane()
    client = await asked(lane, OWNED)
    lane.origin.arrive(REJECTED)
    await settle()

    lane.origin.arrive(REJECTED)
    await settle()
    assert client.take() == REJECTED
    client.arrive(OWNED)
    await settle()
    lane.origin.arrive(REJECTED)
    await settle()

    assert client.take() == REJECTED
    assert lane.server.asked == ["password", "refresh"]


async def test_a_token_that_cannot_be_renewed_is_a_refusal(make_lane: MakeLane) -> None:
    """What the authorization server says is what counts, not what the origin has said."""
    lane = make_lane()
    client = await asked(lane, OWNED)
    lane.server.say(THROTTLED, THROTTLED)

    lane.origin.arrive(REJECTED)
    await settle()

    assert slug_of(client.take()) == "token_request_rejected"
    assert not client.is_closing()


async def test_a_token_that_cannot_be_had_is_a_refusal(make_lane: MakeLane) -> None:
    """Nothing is sent (I2)."""
    lane = make_lane()
    lane.server.say(THROTTLED)

    client = await asked(lane, OWNED)

    assert slug_of(client.take()) == "token_request_rejected"
    assert lane.dialled == []


async def test_an_answer_that_is_looked_into_may_be_one(make_lane: MakeLane) -> None:
    """Whole, or longer than what is looked into, or broken off before that."""
    lane = make_lane({"auth_error": [{"status": 200, "body": "expired"}]})
    whole, longer, cut = [await asked(lane, OWNED) for _ in range(3)]
    first, second, third = lane.origins
    first.arrive(OK)
    second.arrive(LARGE.replace(b"1000000", b"100000"), b"x" * 100_000)
    third.arrive(OK[:-1])
    third.break_off()
    await settle()

    assert whole.take() == OK
    assert longer.take().endswith(b"x" * 100_000)
    assert slug_of(cut.take()) == "origin_unreachable"


async def test_a_large_body_is_written_beside_the_loop(make_lane: MakeLane) -> None:
    """For it takes a while."""
    lane = make_lane({"fields": [{"in": "payload", "key": "token", "value": "{{access_token}}"}]})
    content = b"a=" + b"b" * 300_000
    head = b"POST http://api.test/ HTTP/1.1\r\nHost: api.test\r\nContent-Length: %d\r\n" % len(content)
    await asked(lane, head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + content)

    await until(lambda: lane.origins)
    await settle()

    assert lane.origin.take().endswith(b"b&token=at1")


async def test_a_connector_is_asked_for_whole_urls(make_lane: MakeLane) -> None:
    """With credentials of ours; its 407 is no answer of the origin's."""
    lane = make_lane({"connector": "http://u:s@p.test:3128"})
    client = await asked(lane, OWNED)
    sent = lane.origin.take()

    lane.origin.arrive(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
    await settle()

    assert sent.startswith(b"GET http://api.test/ HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dTpz\r\n" in sent
    answer = client.take()
    assert (status_of(answer), slug_of(answer)) == (502, "connector_unavailable")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param(b"", 407, id="without-credentials"),
        pytest.param(b"Proxy-Authorization: Basic eDp5\r\n", 407, id="wrong-credentials"),
        pytest.param(b"Proxy-Authorization: Basic %b\r\n" % base64.b64encode(b"bot:s3cret"), 200, id="right"),
    ],
)
async def test_a_client_is_asked_who_it_is(fields: bytes, status: int, make_lane: MakeLane) -> None:
    """Where the configuration has clients; the connection goes on after a 407."""
    lane = make_lane(clients={"bot": {"secret": "s3cret"}})
    client = await asked(lane, GET[:-2] + fields + b"\r\n")
    if status == 200:
        assert lane.origin.take() == GOT
        lane.origin.arrive(OK)

    assert status_of(client.take()) == status
    assert not client.is_closing()


async def test_a_host_of_nobodys_is_refused_where_the_configuration_says_so(make_lane: MakeLane) -> None:
    """403, and the connection goes on."""
    lane = make_lane(unmatched="refuse")
    client = await asked(lane, GET)

    assert slug_of(client.take()) == "origin_not_allowed"
    client.arrive(OWNED)
    await settle()
    assert b"Bearer at1" in lane.origin.take()


async def test_an_origin_that_cannot_be_reached_is_502(lane: LaneInMemory) -> None:
    """With what is known of it, for HEAD without a body; and the connection goes on."""
    lane.dial_refusal = OriginUnreachable("a.test cannot be reached")
    client = await asked(lane)
    assert slug_of(client.take()) == "origin_unreachable"

    client.arrive(GET.replace(b"GET", b"HEAD"))
    await settle()
    answer = client.take()
    assert status_of(answer) == 502
    assert answer.endswith(HEAD_END)


async def test_what_fails_of_ours_is_500_and_not_forwarded(lane: LaneInMemory) -> None:
    """I2; the text of the exception is nobody's business (I4)."""
    lane.dial_refusal = ValueError("s3cret")  # type: ignore[assignment]

    client = await asked(lane)

    answer = client.take()
    assert slug_of(answer) == "internal_error"
    assert b"s3cret" not in answer
