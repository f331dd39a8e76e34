"""The stream of our own on HTTP/1: what reaches the origin, what reaches the client, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mitmproxy import http

from addons.access_log import AccessLog
from addons.authorization import Authorization
from addons.fail_closed import fail_closed
from profiles.access_records import json_line
from profiles.auth_errors import INSPECTED_BYTES
from profiles.errors import TokenRequestRejected
from proxy.grantproxy_addons import GrantproxyAddons
from tests.addons.conftest import MakeWorld, World
from tests.addons.playing import Play, Wire

REJECTED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\nexpired"
ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY_RULE = {"auth_error": [401, {"status": 200, "body": '"code": *60[12]'}]}


def request(method: str = "GET", path: str = "/api/x", *fields: str, body: bytes = b"") -> bytes:
    head = [f"{method} http://127.0.0.1:9000{path} HTTP/1.1", "Host: 127.0.0.1:9000", *fields]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


def play(world: World, *more: Any, **options: Any) -> Play:
    return Play([*GrantproxyAddons(world.composition).addons, *more], **options)


def token_in(sent: bytes) -> str:
    """The token of the one request in *sent*."""
    (field,) = [line for line in sent.split(b"\r\n") if line.startswith(b"Authorization: ")]
    return field.removeprefix(b"Authorization: Bearer ").decode()


def body_of(sent: bytes) -> bytes:
    return sent.partition(b"\r\n\r\n")[2]


def problem_in(sent: bytes) -> tuple[int, str]:
    """Status and slug of an answer of ours."""
    head, _, body = sent.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"Proxy-Status: grantproxy; error=" in head
    return int(head.split()[1]), json.loads(body)["type"].rpartition("/")[2].rpartition(":")[2]


def origin_of(scene: Play) -> Wire:
    return scene.origins[-1]


# The way of the request


async def test_an_accepted_request_goes_out_once_with_its_token(world: MakeWorld) -> None:
    """The steady state: injected on the wire, `flow.request` stays as the client sent it."""
    scene = play(world())

    await scene.from_client(request())
    await scene.from_origin(ACCEPTED)

    assert token_in(origin_of(scene).take()) == "token-1"
    assert scene.client.take() == ACCEPTED
    assert "authorization" not in scene.flows[0].request.headers


async def test_an_answer_reaches_the_client_before_it_is_through(world: MakeWorld) -> None:
    """Nothing but a possible auth error is held back (hazard 15)."""
    scene = play(world())

    await scene.from_client(request())
    await scene.from_origin(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")

    assert scene.client.take().endswith(b"data: 1\n\n")


async def test_a_body_is_streamed_while_it_comes(world: MakeWorld) -> None:
    """The head leaves with the authorization, and no part of the body waits for the rest."""
    scene = play(world())

    await scene.from_client(request("POST", "/api/x", "Content-Length: 10") + b"12345")
    first = origin_of(scene).take()
    await scene.from_client(b"67890")

    assert token_in(first) == "token-1"
    assert body_of(first) == b"12345"
    assert origin_of(scene).take() == b"67890"


async def test_a_payload_field_is_written_into_the_whole_body(world: MakeWorld) -> None:
    """The request leaves when its body is there, with the length of what is sent."""
    fields = [{"in": "payload", "key": "ssn", "value": "{{access_token}}"}]
    scene = play(world({"fields": fields}))

    await scene.from_client(
        request("POST", "/api/x", "Content-Type: application/json", "Content-Length: 7") + b'{"a'
    )
    before = [wire.take() for wire in scene.origins]
    await scene.from_client(b'":1}')
    sent = origin_of(scene).take()

    assert before == []
    assert body_of(sent) == b'{"a":1,"ssn":"token-1"}'
    assert b"Content-Length: 23\r\n" in sent
    assert sent.lower().count(b"content-length") == 1


async def test_a_chunked_body_that_was_whole_goes_out_with_a_length(world: MakeWorld) -> None:
    """Chunks of the client's end with the proxy that had to collect them."""
    fields = [{"in": "payload", "key": "ssn", "value": "{{access_token}}"}]
    scene = play(world({"fields": fields}))

    await scene.from_client(
        request("POST", "/api/x", "Content-Type: application/json", "Transfer-Encoding: chunked")
        + b"3\r\n{}\n\r\n0\r\n\r\n"
    )
    sent = origin_of(scene).take()

    assert body_of(sent).strip() == b'{"ssn":"token-1"}'
    assert b"transfer-encoding" not in sent.lower()


@pytest.mark.parametrize(
    ("fields", "status", "slug"),
    [
        pytest.param(("Content-Type: text/plain",), 422, "payload_not_injectable", id="no-place"),
        pytest.param(("Content-Type: application/json",), 422, "payload_not_injectable", id="no-json"),
    ],
)
async def test_a_body_that_cannot_take_the_field_never_leaves(
    world: MakeWorld, fields: tuple[str, ...], status: int, slug: str
) -> None:
    """Invariant I2: 422, and the origin is not even connected to."""
    scene = play(world({"fields": [{"in": "payload", "key": "ssn", "value": "x{{access_token}}"}]}))

    await scene.from_client(request("POST", "/api/x", *fields, body=b"[no json"))

    assert problem_in(scene.client.take()) == (status, slug)
    assert scene.origins == []


async def test_a_body_over_the_payload_limit_is_refused_before_it_is_through(world: MakeWorld) -> None:
    """413 as soon as the limit is passed: nobody has to send the rest, and nobody keeps it."""
    profile = {"fields": [{"in": "payload", "key": "k", "value": "{{access_token}}"}], "payload_limit": 10}
    scene = play(world(profile))

    await scene.from_client(
        request("POST", "/api/x", "Content-Type: application/json", "Content-Length: 1000") + b"x" * 11
    )
    answer = scene.client.take()
    await scene.from_client(b"x" * 989)

    assert problem_in(answer) == (413, "payload_too_large")
    assert scene.origins == []
    assert "request" not in scene.hooks


async def test_a_refused_request_is_answered_without_its_body(world: MakeWorld) -> None:
    """The head decides: a client that waits before it sends a large body hears at once."""
    scene = play(world(unmatched="refuse"))

    await scene.from_client(request("POST", "/elsewhere", "Content-Length: 1000000", "Expect: 100-continue"))

    assert problem_in(scene.client.take()) == (403, "origin_not_allowed")
    assert scene.origins == []


async def test_a_request_that_no_profile_owns_passes_as_it_came(world: MakeWorld) -> None:
    """Order, case, duplicates and what looks like authorization are the client's."""
    scene = play(world())
    fields = ("x-b: 1", "X-A: 2", "x-b: 3", "Authorization: Basic Zm9v")

    await scene.from_client(request("GET", "/other", *fields))
    sent = origin_of(scene).take()

    assert sent.split(b"\r\n")[2:6] == [field.encode() for field in fields]


# The second sending


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        pytest.param(request("POST", "/api/x", "Content-Length: 0"), b"", id="empty"),
        pytest.param(request("POST", body=b"a=1&b=2"), b"a=1&b=2", id="with-length"),
        pytest.param(request("PATCH", body=b"\x00\xff" * 5000), b"\x00\xff" * 5000, id="binary"),
        pytest.param(request("DELETE"), b"", id="no-body"),
        pytest.param(
            request("PUT", "/api/x", "Transfer-Encoding: chunked") + b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
            b"5\r\nabcde\r\n0\r\n\r\n",
            id="chunked",
        ),
    ],
)
async def test_a_rejected_request_is_sent_once_more_as_it_was(
    world: MakeWorld, sent: bytes, body: bytes
) -> None:
    """hazard-5: method, target and body are the client's, only the token is another one."""
    made = world()
    scene = play(made)

    await scene.from_client(sent)
    first = origin_of(scene).take()
    await scene.from_origin(REJECTED)
    second = origin_of(scene).take()
    await scene.from_origin(ACCEPTED)

    assert (token_in(first), token_in(second)) == ("token-1", "token-2")
    assert first.partition(b"\r\n\r\n")[0] == second.partition(b"\r\n\r\n")[0].replace(b"token-2", b"token-1")
    assert body_of(second) == body
    assert scene.client.take() == ACCEPTED
    assert made.grants.requests == ["password", "refresh"]
    assert len(scene.origins) == 1


async def test_an_injected_payload_is_rebuilt_with_the_new_token(world: MakeWorld) -> None:
    """The second body is the client's with the second token, and not the first one with two."""
    fields = [{"in": "payload", "key": "t", "value": "{{access_token}}"}]
    scene = play(world({"fields": fields}))

    await scene.from_client(request("POST", "/api/x", "Content-Type: application/json", body=b'{"t":"mine"}'))
    first = origin_of(scene).take()
    await scene.from_origin(REJECTED)

    assert body_of(first) == b'{"t":"token-1"}'
    assert body_of(origin_of(scene).take()) == b'{"t":"token-2"}'


async def test_an_answer_to_head_ends_with_its_head(world: MakeWorld) -> None:
    """No body is waited for, although both answers name a length."""
    scene = play(world())
    head = b"HTTP/1.1 %s\r\nContent-Length: 100\r\n\r\n"

    await scene.from_client(request("HEAD"))
    await scene.from_origin(head % b"401 No")
    await scene.from_origin(head % b"200 OK")

    assert scene.client.take() == head % b"200 OK"


async def test_a_connection_that_the_origin_closes_is_replaced(world: MakeWorld) -> None:
    """A 401 with `Connection: close` ends its connection, and not the request."""
    scene = play(world())

    await scene.from_client(request())
    await scene.from_origin(b"HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    await scene.from_origin(ACCEPTED)

    assert len(scene.origins) == 2
    assert token_in(origin_of(scene).take()) == "token-2"
    assert scene.client.take() == ACCEPTED


async def test_a_second_rejection_is_the_clients(world: MakeWorld) -> None:
    """hazard-6: once more and no more; the next rejections pass straight through for a while."""
    made = world()
    scene = play(made)

    await scene.from_client(request())
    await scene.from_origin(REJECTED)
    await scene.from_origin(REJECTED)
    first = scene.client.take()
    await scene.from_client(request())
    await scene.from_origin(REJECTED)

    assert (first, scene.client.take()) == (REJECTED, REJECTED)
    assert made.grants.requests == ["password", "refresh"]


async def test_a_body_over_the_replay_limit_is_not_sent_twice(world: MakeWorld) -> None:
    """It streamed and is gone: the answer passes, and the next request has a new token."""
    made = world({"replay_limit": 4})
    scene = play(made)

    await scene.from_client(request("POST", body=b"12345"))
    await scene.from_origin(REJECTED)
    answer = scene.client.take()
    first = origin_of(scene).take()
    await scene.from_client(request())

    assert answer == REJECTED
    assert body_of(first) == b"12345"
    assert token_in(origin_of(scene).take()) == "token-2"
    assert "grantproxy_renew" not in scene.hooks


async def test_the_replay_limit_holds_for_a_body_with_a_payload_field(world: MakeWorld) -> None:
    """One limit for both: a body that had to be whole is not sent twice either when it is longer."""
    fields = [{"in": "payload", "key": "t", "value": "{{access_token}}"}]
    made = world({"fields": fields, "replay_limit": 4})
    scene = play(made)

    await scene.from_client(request("POST", "/api/x", "Content-Type: application/json", body=b'{"a":1}'))
    await scene.from_origin(REJECTED)

    assert scene.client.take() == REJECTED
    assert "grantproxy_renew" not in scene.hooks
    await made.composition.close()


async def test_a_renewal_that_fails_answers_in_the_place_of_the_origin(world: MakeWorld) -> None:
    """The refusal names the reason, the client's connection lives, and nothing goes out without a token."""
    made = world()
    scene = play(made)

    await scene.from_client(request())
    made.grants.refusal = TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
    await scene.from_origin(REJECTED)
    answer = scene.client.take()
    origin_of(scene).take()
    made.grants.refusal = None
    await made.composition.tokens.clear()
    await scene.from_client(request())

    assert problem_in(answer) == (502, "token_request_rejected")
    assert b"expired" not in answer
    assert token_in(origin_of(scene).take()) == "token-2"


async def test_a_client_that_leaves_during_the_renewal_gets_nothing_sent(world: MakeWorld) -> None:
    """hazard-4: its request ends there, and the token that was renewed serves the next client."""
    made = world()
    scene = play(made, hold=["grantproxy_renew"])
    await scene.from_client(request())
    origin_of(scene).take()
    await scene.from_origin(REJECTED)

    await scene.client_leaves()
    await scene.release()
    other = play(made)
    await other.from_client(request())

    assert origin_of(scene).take() == b""
    assert "error" in scene.hooks
    assert token_in(origin_of(other).take()) == "token-2"
    assert made.grants.requests == ["password", "refresh"]


async def test_a_flow_killed_during_the_renewal_is_not_sent_again(world: MakeWorld) -> None:
    """Whoever kills a flow in `web` is obeyed."""
    scene = play(world(), hold=["grantproxy_renew"])
    await scene.from_client(request())
    origin_of(scene).take()
    await scene.from_origin(REJECTED)

    scene.flows[0].kill()
    await scene.release()

    assert origin_of(scene).take() == b""


# Answers that are looked into


async def test_an_answer_whose_body_says_so_is_an_auth_error(world: MakeWorld) -> None:
    """200 with an error code in its body: held back, judged, and replaced by the second answer."""
    scene = play(world(BODY_RULE))

    await scene.from_client(request())
    await scene.from_origin(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"code": 601')
    await scene.from_origin(ACCEPTED)

    assert scene.client.take() == ACCEPTED
    assert token_in(origin_of(scene).take().rpartition(b"GET ")[2]) == "token-2"


async def test_an_answer_that_was_looked_into_is_passed_on_unchanged(world: MakeWorld) -> None:
    """Held back until it is through, and then byte for byte the origin's."""
    scene = play(world(BODY_RULE))
    answer = b'HTTP/1.1 200 OK\r\nX-b: 1\r\nContent-Length: 14\r\n\r\n{"code": 1000}'

    await scene.from_client(request())
    await scene.from_origin(answer[:-1])
    before = scene.client.take()
    await scene.from_origin(answer[-1:])

    assert (before, scene.client.take()) == (b"", answer)


async def test_a_long_answer_is_looked_into_at_its_beginning_and_streams_from_there(
    world: MakeWorld,
) -> None:
    """No more than the bounded part is held, and nothing of it is lost."""
    scene = play(world(BODY_RULE))
    body = b"x" * (INSPECTED_BYTES + 1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)

    await scene.from_client(request())
    await scene.from_origin(head + body[: INSPECTED_BYTES + 1])
    early = scene.client.take()
    await scene.from_origin(body[INSPECTED_BYTES + 1 :])

    assert len(early) > INSPECTED_BYTES
    assert early + scene.client.take() == head + body


async def test_a_long_rejected_answer_is_not_waited_for(world: MakeWorld) -> None:
    """Its connection is given up, and the second sending takes another."""
    scene = play(world())

    await scene.from_client(request())
    await scene.from_origin(b"HTTP/1.1 401 No\r\nContent-Length: 99999999\r\n\r\n" + b"x" * INSPECTED_BYTES)
    waiting = len(scene.origins)
    await scene.from_origin(b"x")
    await scene.from_origin(ACCEPTED)

    assert waiting == 1
    assert [wire.is_open for wire in scene.origins] == [False, True]
    assert token_in(origin_of(scene).take()) == "token-2"
    assert scene.client.take() == ACCEPTED


async def test_a_long_rejected_answer_that_cannot_be_replaced_is_not_passed_on_in_part(
    world: MakeWorld,
) -> None:
    """What was dropped cannot be given back: 500 says so rather than half a body."""
    made = world()
    scene = play(made, hold=["grantproxy_renew"])
    other = play(made)
    await scene.from_client(request())
    await scene.from_origin(b"HTTP/1.1 401 No\r\n\r\n" + b"x" * (INSPECTED_BYTES + 1))
    # Meanwhile a fresh token is rejected too: the key cools down, so there is no renewal.
    await other.from_client(request())
    await other.from_origin(REJECTED)
    await other.from_origin(REJECTED)

    await scene.release()

    assert problem_in(scene.client.take()) == (500, "internal_error")


# Answers before the request is through


@pytest.mark.parametrize("replay_limit", [1000, 8], ids=["kept", "rest-over-the-limit"])
async def test_a_rejection_before_the_body_is_through_takes_the_rest_along(
    world: MakeWorld, replay_limit: int
) -> None:
    """The first sending ends at once; the second has what came so far, and the rest as it comes."""
    made = world({"replay_limit": replay_limit})
    scene = play(made)

    await scene.from_client(request("POST", "/api/x", "Content-Length: 10") + b"12345")
    await scene.from_origin(REJECTED)
    first = scene.origins[0]
    closed = not first.is_open
    second = origin_of(scene).take()
    await scene.from_client(b"67890")
    rest = origin_of(scene).take()
    await scene.from_origin(ACCEPTED)

    assert closed
    assert body_of(first.take()) == b"12345"
    assert token_in(second) == "token-2"
    assert (body_of(second), rest) == (b"12345", b"67890")
    assert scene.client.take() == ACCEPTED
    await made.composition.close()


async def test_an_early_answer_is_whole_for_a_client_that_waits(world: MakeWorld) -> None:
    """A 413 before the body is through: the client sees its end without sending the rest."""
    scene = play(world())
    answer = b"HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbig\r\n0\r\n\r\n"

    await scene.from_client(request("POST", "/api/x", "Content-Length: 1000") + b"12345")
    await scene.from_origin(answer)

    assert scene.client.take() == answer


# Failures


async def test_an_origin_that_cannot_be_reached_is_named(world: MakeWorld) -> None:
    """502 in our own words, and mitmproxy's error page never shows."""
    scene = play(world())
    scene.unreachable = True

    await scene.from_client(request())
    answer = scene.client.take()

    assert problem_in(answer) == (502, "origin_unreachable")
    assert b"127.0.0.1 cannot be reached" in answer


@pytest.mark.parametrize(
    "part",
    [b"", b"HTTP/1.1 200", b"HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\nhal"],
    ids=["before", "in-the-head", "in-a-body-held-back"],
)
async def test_an_origin_that_breaks_off_before_anything_was_passed_on_is_answered_for(
    world: MakeWorld, part: bytes
) -> None:
    """As long as the client has seen nothing there is a whole answer to give."""
    scene = play(world())

    await scene.from_client(request())
    await scene.from_origin(part)
    await scene.origin_closes()
    answer = scene.client.take()

    assert problem_in(answer) == (502, "origin_unreachable")
    assert b"broke off before its answer was through" in answer


async def test_an_origin_that_breaks_off_in_the_second_answer_is_answered_for(world: MakeWorld) -> None:
    """The second sending fails like a first one; the rejected answer does not come back."""
    scene = play(world())

    await scene.from_client(request())
    await scene.from_origin(REJECTED)
    await scene.origin_closes()

    assert problem_in(scene.client.take()) == (502, "origin_unreachable")


async def test_an_answer_that_cannot_be_judged_is_not_passed_on(world: MakeWorld) -> None:
    """Invariant I2: when judging fails the client gets 500, and the origin's answer goes no further."""

    class FailingJudge(Authorization):
        @fail_closed
        async def responseheaders(self, flow: http.HTTPFlow) -> None:
            raise RuntimeError("sentinel")

    made = world()
    ours = GrantproxyAddons(made.composition)
    scene = Play([*ours.addons[:-1], FailingJudge(made.authorizer)])

    await scene.from_client(request())
    await scene.from_origin(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nconfidential")
    answer = scene.client.take()

    assert problem_in(answer) == (500, "internal_error")
    assert b"confidential" not in answer
    assert b"sentinel" not in answer
    assert not origin_of(scene).is_open


async def test_each_request_is_logged_once(world: MakeWorld) -> None:
    """Two sendings are one request: one line, which says that it was replayed."""
    lines: list[str] = []
    scene = play(world(), AccessLog(lambda record, at: lines.append(json_line(record, at))))

    await scene.from_client(request())
    await scene.from_origin(REJECTED)
    await scene.from_origin(ACCEPTED)

    (line,) = map(json.loads, lines)
    assert (line["status"], line["replayed"], line["token"]) == (200, True, "refreshed")


# Tunnels


CONNECT = b"CONNECT other.example.com:443 HTTP/1.1\r\nHost: other.example.com:443\r\n\r\n"


async def test_a_tunnel_is_opened_before_it_is_confirmed(world: MakeWorld) -> None:
    """Bytes pass both ways untouched, also where the server speaks first (invariant I7)."""
    scene = play(world())

    await scene.from_client(CONNECT)
    confirmed = scene.client.take()
    await scene.from_client(b"\x00 no TLS")
    await scene.from_origin(b"220 server\r\n")

    assert confirmed.startswith(b"HTTP/1.1 200")
    assert scene.origins[0].connection.address == ("other.example.com", 443)
    assert scene.origins[0].take() == b"\x00 no TLS"
    assert scene.client.take() == b"220 server\r\n"


async def test_a_tunnel_to_nowhere_is_refused(world: MakeWorld) -> None:
    """The client hears of a dead end at CONNECT, while it can still understand it."""
    scene = play(world())
    scene.unreachable = True

    await scene.from_client(CONNECT)

    assert problem_in(scene.client.take()) == (502, "origin_unreachable")
    assert "http_connect_error" in scene.hooks


async def test_a_tunnel_that_we_look_into_is_confirmed_without_the_origin(world: MakeWorld) -> None:
    """The connection strategy is lazy: a request that is refused never touches the origin."""
    scene = play(world())

    await scene.from_client(CONNECT.replace(b"other.example.com:443", b"127.0.0.1:9000"))

    assert scene.client.take().startswith(b"HTTP/1.1 200")
    assert scene.origins == []
