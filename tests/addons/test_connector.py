"""The way of requests through a connector: what is said to it, what it never hears, and what flows show."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from mitmproxy.proxy.layers.http import GetHttpConnection
from mitmproxy.test import tflow

from addons.connector import Route
from profiles.connectors import parse_connector
from proxy.grantproxy_addons import GrantproxyAddons
from tests.addons.conftest import MakeWorld, World
from tests.addons.playing import Play

SENTINEL = "sentinel-40fe"
GATEWAY = f"http://bot:{SENTINEL}@127.0.0.1:3128"
BASIC = b"Basic " + base64.b64encode(f"bot:{SENTINEL}".encode())
ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REJECTED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\nexpired"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def request(path: str = "/api/x", *fields: str) -> bytes:
    head = [f"GET http://127.0.0.1:9000{path} HTTP/1.1", "Host: 127.0.0.1:9000", *fields]
    return "\r\n".join([*head, "", ""]).encode()


def play(world: World) -> Play:
    return Play(GrantproxyAddons(world.composition).addons)


def lines_of(sent: bytes) -> list[bytes]:
    return sent.partition(b"\r\n\r\n")[0].split(b"\r\n")


def slug_in(sent: bytes) -> str:
    return str(json.loads(sent.partition(b"\r\n\r\n")[2])["slug"])


async def test_plain_http_is_sent_to_the_connector_in_absolute_form(world: MakeWorld) -> None:
    """With the origin's name and the connector's credentials, which stand in nothing but what is sent."""
    scene = play(world({"connector": GATEWAY}))

    await scene.from_client(request("/api/x?a=1", "Proxy-Authorization: Basic theirs"))
    await scene.from_origin(ACCEPTED)

    (gateway,) = scene.origins
    assert gateway.connection.address == ("127.0.0.1", 3128)
    lines = lines_of(gateway.take())
    assert lines[0] == b"GET http://127.0.0.1:9000/api/x?a=1 HTTP/1.1"
    assert [line for line in lines if line.lower().startswith(b"proxy-")] == [
        b"Proxy-Authorization: " + BASIC
    ]
    assert b"Authorization: Bearer token-1" in lines
    assert scene.client.take() == ACCEPTED
    state = f"{scene.flows[0].get_state()} {scene.flows[0]!r}"
    assert SENTINEL not in state
    assert BASIC.decode() not in state


async def test_the_replay_goes_the_same_way(world: MakeWorld) -> None:
    """In absolute-form again, with the new token and the same credentials."""
    scene = play(world({"connector": GATEWAY}))

    await scene.from_client(request())
    await scene.from_origin(REJECTED)
    sent = scene.origins[0].take().split(b"GET ")[1:]

    assert [part.split(b" ")[0] for part in sent] == [b"http://127.0.0.1:9000/api/x"] * 2
    assert [f"token-{number}".encode() in part for number, part in enumerate(sent, 1)] == [True, True]
    assert all(BASIC in part for part in sent)


async def test_a_websocket_asks_for_a_tunnel(world: MakeWorld) -> None:
    """Its handshake is not seen by the connector, nor are the connector's credentials by the origin."""
    scene = play(world({"connector": GATEWAY}))

    await scene.from_client(request("/api/x", "Upgrade: websocket", "Connection: upgrade"))
    asked = scene.origins[0].take()
    await scene.from_origin(ESTABLISHED)
    sent = scene.origins[0].take()

    assert lines_of(asked)[0] == b"CONNECT 127.0.0.1:9000 HTTP/1.1"
    assert b"Proxy-Authorization: " + BASIC in lines_of(asked)
    assert lines_of(sent)[0] == b"GET /api/x HTTP/1.1"
    assert b"roxy-" not in sent


async def test_socks_comes_before_the_request(world: MakeWorld) -> None:
    """Greeting, credentials, request by address; then the request as the origin gets it."""
    scene = play(world({"connector": f"socks5://bot:{SENTINEL}@127.0.0.1"}))

    await scene.from_client(request())
    said = [scene.origins[0].take()]
    for answer in (b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x01" + bytes(6)):
        await scene.from_origin(answer)
        said.append(scene.origins[0].take())

    greeting, credentials, command, sent = said
    assert greeting == b"\x05\x01\x02"
    assert credentials.endswith(SENTINEL.encode())
    assert command == b"\x05\x01\x00\x01\x7f\x00\x00\x01\x23\x28"
    assert lines_of(sent)[0] == b"GET /api/x HTTP/1.1"
    # A flow is saved and copied with what mitmproxy knows; SOCKS is none of it.
    assert SENTINEL not in str(scene.flows[0].copy().get_state())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(f"HTTP/1.1 407 {SENTINEL}\r\n\r\n", "refuses the credentials (407)", id="407"),
        pytest.param(f"HTTP/1.1 502 {SENTINEL}\r\n\r\n", "refuses the way (it answered 502)", id="502"),
        pytest.param(f"{SENTINEL}\r\n\r\n", "does not speak HTTP", id="no-http"),
        pytest.param(None, "closed the connection", id="closes"),
    ],
)
async def test_a_refused_tunnel_is_answered_by_us(world: MakeWorld, answer: str | None, reason: str) -> None:
    """In our own words, and the connection to the connector is closed."""
    made = world({"connector": GATEWAY})
    scene = play(made)

    await scene.from_client(request("/api/x", "Upgrade: websocket", "Connection: upgrade"))
    if answer is None:
        await scene.origin_closes()
    else:
        await scene.from_origin(answer.encode())
    sent = scene.client.take()

    assert sent.startswith(b"HTTP/1.1 502")
    assert slug_in(sent) == "connector_unavailable"
    assert f"the connector {reason}".encode() in sent
    assert SENTINEL.encode() not in sent
    assert not scene.origins[0].is_open
    assert made.composition.connectors[0].condition.reason == reason


async def test_an_unreachable_connector_is_answered_by_us(world: MakeWorld) -> None:
    """The origin itself is not tried."""
    scene = play(world({"connector": GATEWAY}))
    scene.unreachable = True

    await scene.from_client(request())

    assert slug_in(scene.client.take()) == "connector_unavailable"
    assert scene.origins == []


async def test_a_connector_that_is_back_is_used_again(world: MakeWorld) -> None:
    """Also by a client that kept its connection since the failure."""
    scene = play(world({"connector": GATEWAY}))
    scene.unreachable = True
    await scene.from_client(request())
    scene.client.take()
    scene.unreachable = False

    await scene.from_client(request())
    await scene.from_origin(ACCEPTED)

    assert scene.client.take() == ACCEPTED


async def test_407_to_absolute_form_is_no_answer_of_the_origin(world: MakeWorld) -> None:
    """Nothing of it reaches the client, however much of it there is."""
    scene = play(world({"connector": GATEWAY, "auth_error": [401, 407]}))

    await scene.from_client(request())
    await scene.from_origin(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 90000\r\n\r\nx")
    sent = scene.client.take()

    assert slug_in(sent) == "connector_unavailable"
    assert b"Proxy-Authenticate" not in sent


async def test_407_of_an_origin_behind_a_tunnel_is_passed_on(world: MakeWorld) -> None:
    """The connector has no part in it."""
    scene = play(world({"connector": GATEWAY}))

    await scene.from_client(request("/api/x", "Upgrade: h2c"))
    await scene.from_origin(ESTABLISHED)
    await scene.from_origin(b"HTTP/1.1 407 Odd\r\nContent-Length: 0\r\n\r\n")

    assert scene.client.take().startswith(b"HTTP/1.1 407 Odd")


async def test_a_connection_is_used_again(world: MakeWorld) -> None:
    """The second request of a client costs no second connection to the connector."""
    scene = play(world({"connector": GATEWAY}))

    for _ in range(2):
        await scene.from_client(request())
        await scene.from_origin(ACCEPTED)

    assert len(scene.origins) == 1


@pytest.mark.parametrize(
    ("other", "has_tunnel", "is_same"),
    [
        pytest.param(GATEWAY, True, True, id="same"),
        pytest.param(GATEWAY, False, False, id="manner"),
        pytest.param(GATEWAY.replace(SENTINEL, "another"), True, False, id="credentials"),
        pytest.param(GATEWAY.replace("3128", "3129"), True, False, id="port"),
        pytest.param(GATEWAY.replace("http:", "https:"), True, False, id="scheme"),
    ],
)
def test_a_connection_is_taken_up_by_its_own_route_only(other: str, has_tunnel: bool, is_same: bool) -> None:
    """mitmproxy compares routes before it uses what is open."""
    connection = tflow.tserver_conn()
    connection.state = connection.state.__class__(0)
    connection.via = Route(parse_connector(GATEWAY), has_tunnel=True)
    route: Any = Route(parse_connector(other), has_tunnel=has_tunnel)

    wanted = GetHttpConnection(connection.address, connection.tls, route)

    assert wanted.connection_spec_matches(connection) is is_same


def test_a_plain_server_spec_is_no_route() -> None:
    """One of mitmproxy's own upstream mode, with the same address."""
    route = Route(parse_connector("http://gateway:1"), has_tunnel=True)

    assert tuple(route) == ("http", ("gateway", 1))
    assert route != ("http", ("gateway", 1))
