"""Each hook of the addon that brings requests before the domain."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from mitmproxy import flow as mitmflow
from mitmproxy import http
from mitmproxy.test import tflow

from addons.authorization import Authorization
from addons.flows import passage_of, refusal_of, set_client_name, wire_request
from profiles import exchange
from profiles.errors import TokenEndpointUnreachable, TokenRequestRejected
from profiles.exchange import Verdict
from tests.addons.conftest import MakeWorld

SECRET = "client-own-value"


def flow_to(
    path: str = "/api/x",
    *fields: tuple[str, str],
    body: bytes = b"",
    host: str = "127.0.0.1:9000",
    sni: str | None = None,
) -> http.HTTPFlow:
    headers = http.Headers([(name.encode(), value.encode()) for name, value in (("Host", host), *fields)])
    request = http.Request(
        "127.0.0.1", 9000, b"POST", b"http", b"", path.encode(), b"HTTP/1.1", headers, body, None, 1, 2
    )
    client = tflow.tclient_conn()
    client.sni = sni
    return tflow.tflow(req=request, client_conn=client)


def field(place: str, key: str, value: str = "{{access_token}}") -> dict[str, str]:
    return {"in": place, "key": key, "value": value}


def wire_of(flow: http.HTTPFlow) -> http.Request:
    passage = passage_of(flow)
    assert passage is not None
    return wire_request(flow, passage)


@pytest.mark.parametrize(
    ("fields", "path", "expected"),
    [
        pytest.param([], "/api/x", ("/api/x", "Bearer token-1"), id="default"),
        pytest.param([field("header", "X-Token")], "/api/x", ("/api/x", None), id="header"),
        pytest.param(
            [field("query", "key")], "/api/x?a=%20&key=mine", ("/api/x?a=%20&key=token-1", None), id="query"
        ),
        pytest.param([field("path", "id")], "/api/{id}/x", ("/api/token-1/x", None), id="path"),
        pytest.param([field("path", "id")], "/api/%7Bid%7D/x", ("/api/token-1/x", None), id="path-encoded"),
    ],
)
async def test_what_is_injected_goes_on_the_wire_only(
    world: MakeWorld, fields: list[dict[str, str]], path: str, expected: tuple[str, str | None]
) -> None:
    """Header, query and path, written into what is sent, while the flow's request stays bare."""
    flow = flow_to(path)
    before = flow.request.get_state()

    await Authorization(world({"fields": fields} if fields else {}).authorizer).requestheaders(flow)
    wire = wire_of(flow)

    assert (wire.path, wire.headers.get("authorization")) == expected
    assert "token-1" in wire.path + "".join(wire.headers.values())
    assert flow.request.get_state() == before


async def test_the_clients_own_field_does_not_survive(world: MakeWorld) -> None:
    """Invariant I3: in any case, and as often as it came."""
    flow = flow_to("/api/x", ("authorization", SECRET), ("AUTHORIZATION", SECRET))

    await Authorization(world().authorizer).requestheaders(flow)

    assert wire_of(flow).headers.get_all("Authorization") == ["Bearer token-1"]


@pytest.mark.parametrize(
    ("fields", "path", "stream"),
    [
        pytest.param([field("header", "A")], "/api/x", "kept", id="head-only"),
        pytest.param([field("payload", "a")], "/api/x", False, id="payload"),
        pytest.param([field("header", "A")], "/unowned", True, id="unowned"),
    ],
)
async def test_only_a_payload_field_makes_the_body_wait(
    world: MakeWorld, fields: list[dict[str, str]], path: str, stream: Any
) -> None:
    """Bodies of any size stream; an authorized one is kept on its way for a replay."""
    flow = flow_to(path)

    await Authorization(world({"fields": fields}).authorizer).requestheaders(flow)

    passage = passage_of(flow)
    expected = passage.exchange.keep if stream == "kept" and passage else stream
    assert flow.request.stream == expected
    assert (passage is None) is (path == "/unowned")


@pytest.mark.parametrize(
    ("flow", "profile", "settings", "status", "slug"),
    [
        pytest.param(
            {"host": "other.example.com"}, {}, {}, 400, "hosts_disagree", id="hazard-18-host-disagrees"
        ),
        pytest.param(
            {"sni": "other.example.com"}, {}, {}, 400, "hosts_disagree", id="hazard-18-sni-disagrees"
        ),
        pytest.param(
            {"path": "/unowned"}, {}, {"unmatched": "refuse"}, 403, "origin_not_allowed", id="not-allowed"
        ),
        pytest.param(
            {}, {"fields": [field("path", "id")]}, {}, 422, "path_not_injectable", id="path-without-place"
        ),
    ],
)
async def test_a_request_that_cannot_be_authorized_is_refused(
    world: MakeWorld,
    flow: dict[str, Any],
    profile: dict[str, Any],
    settings: dict[str, Any],
    status: int,
    slug: str,
) -> None:
    """Invariant I2: answered in the head already, with no passage that would let it on."""
    refused = flow_to(**flow)

    await Authorization(world(profile, **settings).authorizer).requestheaders(refused)

    refusal = refusal_of(refused)
    assert refusal is not None
    assert refused.response is not None
    assert (refused.response.status_code, refusal.slug) == (status, slug)
    assert refused.request.stream is False


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(TokenRequestRejected("no", error="invalid_grant"), 502, id="rejected"),
        pytest.param(TokenEndpointUnreachable("away"), 502, id="unreachable"),
        pytest.param(TokenEndpointUnreachable("slow", timed_out=True), 504, id="time-out"),
    ],
)
async def test_without_a_token_nothing_is_forwarded(world: MakeWorld, error: Any, status: int) -> None:
    """Invariant I2: the refusal names the profile, and there is no passage."""
    made, flow = world(), flow_to()
    made.grants.refusal = error

    await Authorization(made.authorizer).requestheaders(flow)

    assert flow.response is not None
    assert flow.response.status_code == status
    assert json.loads(flow.response.content or b"")["profile"] == "orders"
    assert passage_of(flow) is None


async def test_a_client_gets_the_profiles_it_may_use(world: MakeWorld) -> None:
    """403 for the others; the name is the one that proxy authentication has found."""
    clients = {"bot-1": {"secret": "x", "profiles": ["orders"]}, "bot-2": {"secret": "y", "profiles": []}}
    addon = Authorization(world(clients=clients).authorizer)
    flows = {name: flow_to() for name in clients}

    for name, flow in flows.items():
        set_client_name(flow.client_conn, name)
        await addon.requestheaders(flow)

    refusal = refusal_of(flows["bot-2"])
    assert flows["bot-1"].response is None
    assert refusal is not None
    assert refusal.slug == "profile_not_allowed"


@pytest.mark.parametrize("how", ["response", "error"])
async def test_an_answered_flow_is_left_alone(world: MakeWorld, how: str) -> None:
    """What came first has decided: no token is had for it."""
    made, flow = world(), flow_to()
    setattr(flow, how, http.Response.make(407) if how == "response" else mitmflow.Error("gone"))

    await Authorization(made.authorizer).requestheaders(flow)

    assert made.grants.requests == []
    assert passage_of(flow) is None


# Payload


async def with_payload(world: MakeWorld, body: bytes, *fields: tuple[str, str]) -> http.HTTPFlow:
    addon = Authorization(world({"fields": [field("payload", "a.b")]}).authorizer)
    flow = flow_to("/api/x", *fields, body=body)
    await addon.requestheaders(flow)
    await addon.request(flow)
    return flow


async def test_a_payload_is_written_beside_the_clients(world: MakeWorld) -> None:
    """What is sent is in the passage; the flow keeps the client's body and its length."""
    flow = await with_payload(
        world, b'{"a":{}}', ("Content-Type", "application/json"), ("Content-Length", "8")
    )

    passage = passage_of(flow)
    assert passage is not None
    assert passage.content == b'{"a":{"b":"token-1"}}'
    assert (b"Content-Length", b"21") in passage.headers
    assert flow.request.raw_content == b'{"a":{}}'
    assert flow.request.headers["content-length"] == "8"


async def test_a_payload_that_cannot_be_written_refuses_the_request(world: MakeWorld) -> None:
    """422 before anything has been sent."""
    flow = await with_payload(world, b"a,b", ("Content-Type", "text/csv"))

    assert flow.response is not None
    assert flow.response.status_code == 422


LARGE = b'{"x":"%s"}' % (b"x" * exchange.WRITTEN_QUICKLY)


@pytest.mark.parametrize(
    ("body", "fields", "on_the_loop"),
    [
        pytest.param(b'{"x":1}', (), True, id="small"),
        pytest.param(LARGE, (), False, id="large"),
        pytest.param(b"{}", (("Content-Encoding", "identity"),), False, id="coded"),
    ],
)
async def test_a_large_payload_is_written_beside_the_loop(
    world: MakeWorld, body: bytes, fields: tuple[tuple[str, str], ...], on_the_loop: bool
) -> None:
    """Other requests go on meanwhile."""
    threads: list[int] = []

    addon = Authorization(world({"fields": [field("payload", "a")]}).authorizer)
    flow = flow_to("/api/x", ("Content-Type", "application/json"), *fields, body=body)
    await addon.requestheaders(flow)
    passage = passage_of(flow)
    assert passage is not None
    passage.exchange = TellingExchange(passage.exchange, threads)  # type: ignore[assignment]

    await addon.request(flow)

    assert passage.content is not None
    assert passage.content.endswith(b',"a":"token-1"}') or passage.content == b'{"a":"token-1"}'
    assert (threads == [threading.get_ident()]) is on_the_loop
    assert len(threads) == 1


class TellingExchange:
    """An exchange that notes the thread in which its payload is written."""

    def __init__(self, exchange: Any, threads: list[int]) -> None:
        self._exchange = exchange
        self._threads = threads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    def authorize_payload(self, content: bytes, headers: Any) -> Any:
        self._threads.append(threading.get_ident())
        return self._exchange.authorize_payload(content, headers)


async def test_a_large_payload_that_cannot_be_written_is_refused_too(world: MakeWorld) -> None:
    """A refusal comes back from the thread like any other; a body nested without end does no harm there."""
    flow = await with_payload(world, b"[" * 1_000_000, ("Content-Type", "application/json"))

    refusal = refusal_of(flow)
    assert refusal is not None
    assert refusal.slug == "payload_not_injectable"


# Answers


@pytest.mark.parametrize(
    ("status", "verdict", "stream"),
    [
        pytest.param(200, Verdict.FORWARD, True, id="accepted"),
        pytest.param(403, Verdict.FORWARD, True, id="another-error"),
        pytest.param(401, Verdict.RENEW, False, id="rejected"),
        pytest.param(202, Verdict.INSPECT, False, id="body-decides"),
    ],
)
async def test_the_head_of_an_answer_decides_what_streams(
    world: MakeWorld, status: int, verdict: Verdict, stream: bool
) -> None:
    """Nothing is held back but a possible auth error."""
    profile = {"auth_error": [401, {"status": 202, "body": "expired"}]}
    addon, flow = Authorization(world(profile).authorizer), flow_to()
    await addon.requestheaders(flow)
    flow.response = http.Response.make(status)

    await addon.responseheaders(flow)

    passage = passage_of(flow)
    assert passage is not None
    assert passage.verdict is verdict
    assert flow.response.stream is stream


async def test_an_unowned_answer_streams(world: MakeWorld) -> None:
    """Its status means nothing to us."""
    addon, flow = Authorization(world().authorizer), flow_to("/unowned")
    await addon.requestheaders(flow)
    flow.response = http.Response.make(401)

    await addon.responseheaders(flow)

    assert flow.response.stream is True


async def test_a_renewal_rebuilds_what_is_sent(world: MakeWorld) -> None:
    """From what the client sent, with the new token; the kept body goes with it."""
    addon, flow = Authorization(world().authorizer), flow_to()
    await addon.requestheaders(flow)
    keep: Any = flow.request.stream
    flow.response = http.Response.make(401)
    for chunk in (keep(b"kept "), keep(b"body")):
        assert chunk
    await addon.responseheaders(flow)

    await addon.grantproxy_renew(flow)

    passage = passage_of(flow)
    assert passage is not None
    assert passage.replays
    assert wire_of(flow).headers.get_all("authorization") == ["Bearer token-2"]
    assert flow.request.raw_content == b"kept body"


async def test_a_reload_changes_the_next_request_only(world: MakeWorld) -> None:
    """A request under way keeps the snapshot that it began with."""
    made = world()
    addon, flow = Authorization(made.authorizer), flow_to()
    await addon.requestheaders(flow)

    addon.authorizer = world({"auth_error": 403}).authorizer
    flow.response = http.Response.make(401)
    await addon.responseheaders(flow)

    passage = passage_of(flow)
    assert passage is not None
    assert passage.verdict is Verdict.RENEW
