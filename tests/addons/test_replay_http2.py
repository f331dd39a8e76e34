"""The stream of our own on HTTP/2, on either side and on both: replays beside other streams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest

from profiles.auth_errors import INSPECTED_BYTES
from proxy.grantproxy_addons import GrantproxyAddons
from tests.addons.conftest import MakeWorld, World
from tests.addons.playing import Play

GET = [(":method", "GET"), (":scheme", "http"), (":authority", "127.0.0.1:9000"), (":path", "/api/x")]
POST = [(":method", "POST"), *GET[1:]]
REJECTED_1 = b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno"
ACCEPTED_1 = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """One end of an HTTP/2 connection, spoken by hyper-h2: what came on each stream."""

    def __init__(self, *, client: bool) -> None:
        config = h2.config.H2Configuration(client_side=client, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.heads: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = defaultdict(bytes)
        self.ended: list[int] = []
        self.resets: dict[int, int] = {}
        self.trailers: dict[int, dict[str, str]] = {}

    def receive(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.RequestReceived() | h2.events.ResponseReceived():
                    self.heads[event.stream_id] = dict(event.headers)
                case h2.events.DataReceived():
                    self.bodies[event.stream_id] += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.TrailersReceived():
                    self.trailers[event.stream_id] = dict(event.headers)
                case h2.events.StreamEnded():
                    self.ended.append(event.stream_id)
                case h2.events.StreamReset():
                    self.resets[event.stream_id] = event.error_code

    def tokens(self) -> dict[int, str]:
        """The token on each stream that was opened."""
        return {number: head["authorization"].removeprefix("Bearer ") for number, head in self.heads.items()}

    def answer(self, number: int, status: int, body: bytes = b"", *, end: bool = True) -> None:
        self.h2.send_headers(number, [(":status", str(status))], end_stream=end and not body)
        for start in range(0, len(body), 16_000):
            last = start + 16_000 >= len(body)
            self.h2.send_data(number, body[start : start + 16_000], end_stream=end and last)


class Scene:
    """A client and an origin that speak HTTP/2 with a proxy between them."""

    def __init__(self, world: World, **options: Any) -> None:
        self.world = world
        self.play = Play(
            GrantproxyAddons(world.composition).addons, client_alpn=b"h2", origin_alpn=b"h2", **options
        )
        self.client = Peer(client=True)
        self.origin = Peer(client=False)

    async def pass_on(self) -> None:
        """Carries bytes to and fro until nobody has any left."""
        while True:
            data = self.client.h2.data_to_send()
            if data:
                await self.play.from_client(data)
            sent = self.play.origins[0].take() if self.play.origins else b""
            if sent:
                self.origin.receive(sent)
            # A server's preface may wait until it has been connected to.
            back = self.origin.h2.data_to_send() if self.play.origins else b""
            if back:
                await self.play.from_origin(back, 0)
            answered = self.play.client.take()
            if answered:
                self.client.receive(answered)
            if not (data or sent or back or answered):
                return


@pytest.fixture
async def scene(world: MakeWorld) -> AsyncIterator[Scene]:
    made = world()
    yield Scene(made)
    await made.composition.close()


async def test_a_rejected_request_goes_out_on_a_stream_of_its_own(scene: Scene) -> None:
    """The connection stays, the second sending is a new stream, and the client sees one answer."""
    scene.client.h2.send_headers(1, GET, end_stream=True)
    await scene.pass_on()
    scene.origin.answer(1, 401, b"no")
    await scene.pass_on()
    scene.origin.answer(3, 200, b"ok")
    await scene.pass_on()

    assert scene.origin.tokens() == {1: "token-1", 3: "token-2"}
    assert scene.client.heads[1][":status"] == "200"
    assert scene.client.bodies[1] == b"ok"
    assert scene.client.ended == [1]
    assert len(scene.play.origins) == 1


async def test_other_streams_go_on_during_a_renewal(world: MakeWorld) -> None:
    """hazard-8: the renewal blocks the stream that waits for it, and no other."""
    scene = Scene(world(), hold=["grantproxy_renew"])
    scene.client.h2.send_headers(1, GET, end_stream=True)
    scene.client.h2.send_headers(3, GET, end_stream=True)
    await scene.pass_on()
    scene.origin.answer(1, 401, b"no")
    await scene.pass_on()

    scene.origin.answer(3, 200, b"three")
    await scene.pass_on()
    meanwhile = list(scene.client.ended)
    await scene.play.release()
    await scene.pass_on()
    scene.origin.answer(5, 200, b"one")
    await scene.pass_on()

    assert meanwhile == [3]
    assert scene.client.bodies == {1: b"one", 3: b"three"}


async def test_two_rejected_streams_cause_one_renewal(scene: Scene) -> None:
    """hazard-2: the second rejection of the same token takes the token that the first one has brought."""
    scene.client.h2.send_headers(1, GET, end_stream=True)
    scene.client.h2.send_headers(3, GET, end_stream=True)
    await scene.pass_on()

    scene.origin.answer(1, 401)
    await scene.pass_on()
    scene.origin.answer(3, 401)
    await scene.pass_on()

    assert scene.origin.tokens() == {1: "token-1", 3: "token-1", 5: "token-2", 7: "token-2"}
    assert scene.world.grants.requests == ["password", "refresh"]


async def test_body_and_trailers_are_sent_once_more(scene: Scene) -> None:
    """Whatever ended the first sending ends the second."""
    scene.client.h2.send_headers(1, POST)
    scene.client.h2.send_data(1, b"body")
    scene.client.h2.send_headers(1, [("x-sum", "1")], end_stream=True)
    await scene.pass_on()
    scene.origin.answer(1, 401)
    await scene.pass_on()

    assert scene.origin.bodies == {1: b"body", 3: b"body"}
    assert scene.origin.trailers == {1: {"x-sum": "1"}, 3: {"x-sum": "1"}}
    assert scene.origin.ended == [1, 3]


async def test_a_rejection_before_the_body_is_through_resets_the_first_stream(scene: Scene) -> None:
    """Its connection serves the second sending, which starts with what there is and takes the rest along."""
    scene.client.h2.send_headers(1, POST)
    scene.client.h2.send_data(1, b"first ")
    await scene.pass_on()
    scene.origin.answer(1, 401)
    await scene.pass_on()
    before = dict(scene.origin.resets), dict(scene.origin.bodies)
    scene.client.h2.send_data(1, b"second", end_stream=True)
    await scene.pass_on()
    scene.origin.answer(3, 200, b"ok")
    await scene.pass_on()

    assert before == ({1: 8}, {1: b"first ", 3: b"first "})
    assert scene.origin.bodies == {1: b"first ", 3: b"first second"}
    assert scene.client.bodies[1] == b"ok"
    assert len(scene.play.origins) == 1


async def test_a_long_rejected_answer_is_reset(scene: Scene) -> None:
    """More of it than is held back is not waited for, and what was on its way goes nowhere."""
    scene.client.h2.send_headers(1, GET, end_stream=True)
    await scene.pass_on()
    scene.origin.h2.send_headers(1, [(":status", "401")])
    for _ in range(INSPECTED_BYTES // 16_000 + 1):
        scene.origin.h2.send_data(1, b"x" * 16_000)
        await scene.pass_on()
    scene.origin.answer(3, 200, b"ok")
    await scene.pass_on()

    assert scene.origin.resets == {1: 8}
    assert scene.client.bodies[1] == b"ok"


async def test_a_refused_stream_leaves_the_connection_alone(world: MakeWorld) -> None:
    """The answer of ours ends its stream; the next one is served."""
    fields = [{"in": "path", "key": "accountId", "value": "{{access_token}}"}]
    scene = Scene(world({"fields": fields}))
    scene.client.h2.send_headers(1, POST)
    scene.client.h2.send_headers(3, [*GET[:3], (":path", "/api/{accountId}")], end_stream=True)
    await scene.pass_on()

    assert scene.client.heads[1][":status"] == "422"
    assert scene.client.heads[1]["content-type"] == "application/problem+json"
    assert scene.client.ended == [1]
    assert [head[":path"] for head in scene.origin.heads.values()] == ["/api/token-1"]


async def test_a_client_that_resets_its_stream_ends_the_request(world: MakeWorld) -> None:
    """hazard-4: during the renewal too; other streams go on with the token it brought."""
    scene = Scene(world(), hold=["grantproxy_renew"])
    scene.client.h2.send_headers(1, GET, end_stream=True)
    await scene.pass_on()
    scene.origin.answer(1, 401)
    await scene.pass_on()

    scene.client.h2.reset_stream(1)
    await scene.pass_on()
    await scene.play.release()
    scene.client.h2.send_headers(3, GET, end_stream=True)
    await scene.pass_on()

    assert scene.origin.tokens() == {1: "token-1", 3: "token-2"}


async def test_an_http2_client_is_served_from_an_http1_origin(world: MakeWorld) -> None:
    """Somebody has to say how long the body is: chunks in the first sending, its length in the second."""
    scene = Play(GrantproxyAddons(world().composition).addons, client_alpn=b"h2")
    client = Peer(client=True)
    client.h2.send_headers(1, POST)
    client.h2.send_data(1, b"body", end_stream=True)
    await scene.from_client(client.h2.data_to_send())
    first = scene.origins[0].take()
    await scene.from_origin(REJECTED_1)
    second = scene.origins[-1].take()
    await scene.from_origin(ACCEPTED_1)
    client.receive(scene.client.take())

    assert b"transfer-encoding: chunked" in first.lower()
    assert first.endswith(b"\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
    assert b"content-length: 4\r\n" in second.lower()
    assert second.endswith(b"\r\n\r\nbody")
    assert b"token-2" in second
    assert (client.heads[1][":status"], client.bodies[1]) == ("200", b"ok")


async def test_an_http1_client_is_served_from_an_http2_origin(world: MakeWorld) -> None:
    """The stream of the second sending is known anew by the origin's connection."""
    scene = Play(GrantproxyAddons(world().composition).addons, origin_alpn=b"h2")
    origin = Peer(client=False)
    await scene.from_client(
        b"POST http://127.0.0.1:9000/api/x HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nContent-Length: 4\r\n\r\nbody"
    )
    origin.receive(scene.origins[0].take())
    origin.answer(1, 401, b"no")
    await scene.from_origin(origin.h2.data_to_send())
    origin.receive(scene.origins[0].take())
    origin.answer(3, 200, b"ok")
    await scene.from_origin(origin.h2.data_to_send())

    assert origin.tokens() == {1: "token-1", 3: "token-2"}
    assert origin.bodies == {1: b"body", 3: b"body"}
    assert scene.client.take().endswith(b"ok")


async def test_trailers_cross_to_an_http1_origin(world: MakeWorld) -> None:
    """Behind the last chunk, in both sendings."""
    scene = Play(GrantproxyAddons(world().composition).addons, client_alpn=b"h2")
    client = Peer(client=True)
    client.h2.send_headers(1, POST)
    client.h2.send_data(1, b"body")
    client.h2.send_headers(1, [("x-sum", "1")], end_stream=True)

    await scene.from_client(client.h2.data_to_send())
    first = scene.origins[0].take()
    await scene.from_origin(REJECTED_1)

    assert first.endswith(b"4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n")
    assert scene.origins[-1].take().endswith(b"4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n")


@pytest.mark.parametrize("held", [False, True], ids=["streamed", "looked-into"])
async def test_trailers_end_at_an_http1_client(world: MakeWorld, held: bool) -> None:
    """The answer is whole without them."""
    profile = {"auth_error": [{"status": 200, "body": "expired"}]} if held else {}
    scene = Play(GrantproxyAddons(world(profile).composition).addons, origin_alpn=b"h2")
    origin = Peer(client=False)
    await scene.from_client(b"GET http://127.0.0.1:9000/api/x HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n\r\n")
    origin.receive(scene.origins[0].take())

    origin.answer(1, 200, b"ok", end=False)
    origin.h2.send_headers(1, [("x-sum", "1")], end_stream=True)
    await scene.from_origin(origin.h2.data_to_send())

    assert scene.client.take().endswith(b"\r\n\r\nok")


async def test_an_answers_trailers_reach_an_http2_client(scene: Scene) -> None:
    """Also of an answer that comes before the request is through."""
    scene.client.h2.send_headers(1, POST)
    await scene.pass_on()
    scene.origin.answer(1, 200, b"no", end=False)
    scene.origin.h2.send_headers(1, [("x-sum", "1")], end_stream=True)
    await scene.pass_on()
    for _ in range(70):
        scene.client.h2.send_data(1, b"x" * 16_000)
        await scene.pass_on()

    assert scene.client.heads[1][":status"] == "200"
    assert scene.client.trailers == {1: {"x-sum": "1"}}
