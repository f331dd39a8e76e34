"""The translation between mitmproxy's flows and the domain."""

from __future__ import annotations

import gc

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addons import flows
from addons.flows import Passage
from profiles.errors import OriginUnreachable
from proxy.grantproxy_addons import GrantproxyAddons
from tests.addons.conftest import MakeWorld

FIELDS = (
    (b"Host", b"127.0.0.1:9000"),
    (b"x-B", b"1"),
    (b"X-a", b"\xff"),
    (b"x-b", b"2"),
    (b"Cookie", b"c=1"),
)


def flow_of(
    path: bytes = b"/api/x?q=%2F&q=1", fields: tuple[tuple[bytes, bytes], ...] = FIELDS
) -> http.HTTPFlow:
    request = http.Request(
        "127.0.0.1", 9000, b"POST", b"http", b"", path, b"HTTP/1.1", http.Headers(fields), b"body", None, 1, 2
    )
    client = tflow.tclient_conn()
    client.sni = None
    return tflow.tflow(req=request, client_conn=client)


async def passed(world: MakeWorld, flow: http.HTTPFlow) -> Passage:
    """The flow after its head has been authorized."""
    for addon in GrantproxyAddons(world().composition).addons:
        if hasattr(addon, "requestheaders"):
            await addon.requestheaders(flow)
    passage = flows.passage_of(flow)
    assert passage is not None
    return passage


def test_the_head_is_the_clients_own() -> None:
    """The neutral view keeps target, order, case and duplicates, and the origin of the connection."""
    head = flows.head_of(flow_of())

    assert (head.method, str(head.origin), head.target) == (
        "POST",
        "http://127.0.0.1:9000",
        "/api/x?q=%2F&q=1",
    )
    assert head.headers == FIELDS


async def test_the_wire_request_differs_in_what_is_injected_only(world: MakeWorld) -> None:
    """Every field of the client's stands where it stood, in its case and as often."""
    flow = flow_of()

    wire = flows.wire_request(flow, await passed(world, flow))

    assert wire.headers.fields == (*FIELDS, (b"Authorization", b"Bearer token-1"))
    assert wire.data.path == b"/api/x?q=%2F&q=1"
    assert (wire.method, wire.host, wire.port, wire.http_version) == ("POST", "127.0.0.1", 9000, "HTTP/1.1")


async def test_the_flows_own_request_stays_bare(world: MakeWorld) -> None:
    """Invariant I4: no dump, view or log of the flow can hold what is not in it."""
    flow = flow_of()
    before = flow.request.get_state()

    flows.wire_request(flow, await passed(world, flow)).headers["x-later"] = "1"

    assert flow.request.get_state() == before
    assert b"token-1" not in repr(flow.get_state()).encode()
    assert "token-1" not in repr(flows.passage_of(flow))


async def test_a_passage_ends_with_its_flow(world: MakeWorld) -> None:
    """hazard-17: nothing is remembered of a flow that is gone."""
    gc.collect()
    before = len(flows._passages)
    flow = flow_of()
    passage = await passed(world, flow)
    held = len(flows._passages)

    del flow, passage
    gc.collect()

    assert (held, len(flows._passages)) == (before + 1, before)


def test_a_copied_flow_has_no_passage_and_no_refusal() -> None:
    """What is known of a flow belongs to that one: `web` shows copies."""
    flow = flow_of()
    flows.refuse(flow, OriginUnreachable("x"))

    assert flows.refusal_of(flow) is not None
    assert flows.refusal_of(flow.copy()) is None


@pytest.mark.parametrize(
    ("authority", "fields", "expected"),
    [
        pytest.param(b"", (), (), id="none"),
        pytest.param(b"", ((b"hOsT", b"a"),), ("a",), id="any-case"),
        pytest.param(
            b"", ((b"Host", b"a"), (b"X-Host", b"c"), (b"host", b"b")), ("a", "b"), id="each-of-two"
        ),
        pytest.param(b"h2.example", (), ("h2.example",), id="authority"),
        pytest.param(b"h2.example", ((b"host", b"a"),), ("h2.example", "a"), id="authority-and-host"),
    ],
)
def test_everything_that_names_the_host_is_found(
    authority: bytes, fields: tuple[tuple[bytes, bytes], ...], expected: tuple[str, ...]
) -> None:
    """hazard-18: :authority and every Host field, so that two that differ can be refused."""
    request = flow_of(fields=fields).request
    request.data.authority = authority

    assert flows.host_fields_of(request) == expected


def test_a_refusal_answers_the_flow() -> None:
    """A problem document, and no wait for a body that nobody wants."""
    flow = flow_of(fields=(*FIELDS, (b"Expect", b"100-continue")))

    flows.refuse(flow, OriginUnreachable("somewhere cannot be reached", profile="orders"))

    assert flow.response is not None
    assert flow.response.status_code == 502
    assert flow.response.headers["content-type"] == "application/problem+json"
    assert "expect" not in flow.request.headers


def test_a_tunnel_is_marked_for_itself() -> None:
    """One CONNECT does not speak for another."""
    tunnel, other = flow_of(), flow_of()

    flows.set_tunnel(tunnel)

    assert (flows.is_tunnel(tunnel), flows.is_tunnel(other)) == (True, False)
