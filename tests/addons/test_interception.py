"""TLS is looked into where a profile can match, and nowhere else."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from mitmproxy import connection, http, options
from mitmproxy.addons import next_layer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy import context, events, layer, layers
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode
from mitmproxy.test import taddons, tflow

from addons.flows import is_tunnel, refusal_of
from addons.interception import Interception
from tests.addons.conftest import MakeWorld

OWNED, FOREIGN = "api.example.com", "other.example.org"
PROFILE = {
    "match": [
        {"host": OWNED},
        {"host": "{tenant}.example.net"},
        {"host": "plain.example.com", "scheme": "http"},
    ]
}


def client_hello(sni: str) -> bytes:
    """What a client says first, by Python's own TLS."""
    sent = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=sni)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return sent.read()


def connect_to(host: str, port: int = 443) -> http.HTTPFlow:
    flow = tflow.tflow()
    flow.request.method = "CONNECT"
    flow.request.data.host, flow.request.data.port = host, port
    return flow


def undecided(host: str, data: bytes, *, inside: bool = True, tls_inside: bool = False) -> layer.NextLayer:
    """The choice of a protocol, as it comes up with the first bytes of a connection to *host*."""
    client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0)
    ctx = context.Context(client, options.Options())
    ctx.server = connection.Server(address=(host, 443))
    stack: list[Any] = []
    if inside:
        stack.append(HttpLayer(ctx, HTTPMode.regular))
        stack.append(object())
    if tls_inside:
        stack.append(layers.ClientTLSLayer.__new__(layers.ClientTLSLayer))
    ctx.layers = stack
    choice = layer.NextLayer(ctx) if not inside else _without_removal(ctx)
    choice.events.append(events.DataReceived(client, data))
    return choice


def _without_removal(ctx: context.Context) -> layer.NextLayer:
    kept = list(ctx.layers)
    choice = layer.NextLayer(ctx)
    ctx.layers = kept
    return choice


@pytest.fixture
def interception(world: MakeWorld) -> Interception:
    return Interception(world(PROFILE).authorizer)


@pytest.mark.parametrize(
    ("host", "tunnelled"),
    [
        pytest.param(OWNED, False, id="exact"),
        pytest.param("API.Example.COM", False, id="other-case"),
        pytest.param("acme.example.net", False, id="capture"),
        pytest.param(FOREIGN, True, id="foreign"),
        pytest.param("evil-api.example.com", True, id="no-suffix-match"),
        pytest.param("plain.example.com", True, id="owned-on-http-only"),
    ],
)
async def test_a_connect_to_a_foreign_host_is_a_tunnel(
    interception: Interception, host: str, tunnelled: bool
) -> None:
    """Invariant I7: the index decides, before any byte of TLS."""
    flow = connect_to(host)

    await interception.http_connect(flow)

    assert flow.response is None
    assert is_tunnel(flow) is tunnelled


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        pytest.param(OWNED, False, id="owned"),
        pytest.param("plain.example.com", False, id="owned-on-http-only"),
        pytest.param(FOREIGN, True, id="foreign"),
    ],
)
async def test_unmatched_refuse_answers_at_connect(world: MakeWorld, host: str, refused: bool) -> None:
    """403 origin_not_allowed, where the client can still read it."""
    flow = connect_to(host)

    await Interception(world(PROFILE, unmatched="refuse").authorizer).http_connect(flow)

    refusal = refusal_of(flow)
    assert (refusal is not None) is refused
    assert refusal is None or (refusal.slug, is_tunnel(flow)) == ("origin_not_allowed", False)


async def test_an_answered_connect_is_left_alone(interception: Interception) -> None:
    """Proxy authentication comes first, and its 407 stays."""
    flow = connect_to(FOREIGN)
    flow.response = answer = http.Response.make(407)

    await interception.http_connect(flow)

    assert flow.response is answer
    assert not is_tunnel(flow)


@pytest.mark.parametrize(
    ("host", "data", "ignored"),
    [
        pytest.param(FOREIGN, client_hello(FOREIGN), True, id="foreign-tls"),
        pytest.param(FOREIGN, b"SSH-2.0-x\r\n", True, id="foreign-no-tls"),
        pytest.param(FOREIGN, b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", True, id="foreign-broken-hello"),
        pytest.param(OWNED, client_hello(OWNED), False, id="owned-tls"),
        pytest.param(OWNED, b"GET / HTTP/1.1\r\n", False, id="owned-no-tls"),
        # It is looked into so that it can be refused: hosts_disagree (hazard 18).
        pytest.param(FOREIGN, client_hello(OWNED), False, id="hazard-18-foreign-with-an-owned-sni"),
        pytest.param(OWNED, client_hello(FOREIGN), False, id="hazard-18-owned-with-a-foreign-sni"),
    ],
)
def test_the_first_bytes_inside_a_connect_decide(
    interception: Interception, host: str, data: bytes, ignored: bool
) -> None:
    """A foreign connection becomes a plain pipe; what may concern us is left to mitmproxy's own choice."""
    choice = undecided(host, data)

    interception.next_layer(choice)

    assert isinstance(choice.layer, layers.TCPLayer) is ignored
    assert choice.layer is None or choice.layer.flow is None


@pytest.mark.parametrize("length", [5, 9, 20, 100])
async def test_a_hello_in_pieces_is_waited_for(interception: Interception, length: int) -> None:
    """Invariant I7: mitmproxy's own addon, which comes next, would look into it at the first piece."""
    hello = client_hello(FOREIGN)
    choice = undecided(FOREIGN, hello[:length])
    with taddons.context(interception, next_layer.NextLayer(), Proxyserver()) as tctx:
        await tctx.master.addons.handle_lifecycle(layer.NextLayerHook(choice))
        before = choice.layer
        choice.events.append(events.DataReceived(choice.context.client, hello[length:]))
        await tctx.master.addons.handle_lifecycle(layer.NextLayerHook(choice))

    assert before is None
    assert isinstance(choice.layer, layers.TCPLayer)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param({"inside": False}, id="outside-any-connect"),
        pytest.param({"tls_inside": True}, id="in-tls"),
    ],
)
def test_other_choices_are_mitmproxys(interception: Interception, place: dict[str, bool]) -> None:
    """Only the first layer inside a CONNECT is ours to choose."""
    choice = undecided(FOREIGN, client_hello(FOREIGN), **place)

    interception.next_layer(choice)

    assert choice.layer is None


def test_a_choice_that_was_made_stays(interception: Interception) -> None:
    """Another addon came first."""
    choice = undecided(FOREIGN, client_hello(FOREIGN))
    choice.layer = made = layers.TCPLayer(choice.context)

    interception.next_layer(choice)

    assert choice.layer is made
