"""A profile's own TLS on mitmproxy's connections: which of them get it, and what remains mitmproxy's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from mitmproxy import connection, tls
from mitmproxy.addons import tlsconfig
from mitmproxy.proxy import context
from mitmproxy.test import taddons, tflow
from OpenSSL import SSL

from addons.connector import Route
from addons.origin_tls import OriginTls
from profiles.connectors import parse_connector
from profiles.own_tls import OwnTls, TlsMaterial
from profiles.requests import Origin
from proxy.certificate_files import read_authorities, read_material
from tests.end_to_end.servers.certificates import make_client_ca, make_test_ca

ORIGIN = Origin("https", "api.example.com", 443)


@pytest.fixture
def own(tmp_path: Path) -> OwnTls:
    issued = make_client_ca(tmp_path).issue("bot")
    return OwnTls(make_test_ca(tmp_path).path, issued.certificate, issued.key)


@pytest.fixture
def addon(own: OwnTls) -> OriginTls:
    return OriginTls({own: material_of(own)})


def material_of(own: OwnTls) -> TlsMaterial:
    return read_material(own, read_authorities([("", Path(certifi.where()))]))


@pytest.fixture
def tool(addon: OriginTls, tmp_path: Path) -> Iterator[taddons.context]:
    """mitmproxy's own addon behind ours."""
    with taddons.context(addon, tlsconfig.TlsConfig()) as tctx:
        tctx.options.confdir = str(tmp_path)
        yield tctx


def start(tool: taddons.context, via: Any, conn: connection.Server | None = None) -> tls.TlsData:
    """A handshake with the origin begins, or with *conn* on the way there."""
    client = tflow.tclient_conn()
    client.sni, client.alpn_offers = ORIGIN.host, (b"h2", b"http/1.1")
    ctx = context.Context(client, tool.options)
    ctx.server = connection.Server(address=(ORIGIN.host, ORIGIN.port))
    ctx.server.via = via
    return tls.TlsData(conn or ctx.server, ctx)


def has_own(addon: OriginTls, data: tls.TlsData) -> bool:
    return data.ssl_conn is not None and data.ssl_conn.get_context() in addon._contexts.values()


@pytest.mark.parametrize("by", ["direct", "connector"])
def test_a_connection_by_the_profiles_way_has_the_profiles_tls(
    tool: taddons.context, addon: OriginTls, own: OwnTls, by: str
) -> None:
    """All else is as mitmproxy has it: the name that is asked for and verified, and the protocols."""
    route = Route.direct(ORIGIN, own)
    if by == "connector":
        route = Route(parse_connector("http://gateway:3128"), has_tunnel=True, own_tls=own)
    data = start(tool, route)

    addon.tls_start_server(data)

    assert has_own(addon, data)
    assert data.ssl_conn is not None
    assert data.ssl_conn.get_servername() == ORIGIN.host.encode()
    assert data.ssl_conn.get_context().get_verify_mode() == SSL.VERIFY_PEER
    assert data.ssl_conn.get_verify_mode() == SSL.VERIFY_PEER
    assert data.conn.sni == ORIGIN.host
    assert list(data.conn.alpn_offers) == [b"h2", b"http/1.1"]


@pytest.mark.parametrize(
    "via",
    [
        pytest.param(None, id="no-profile"),
        pytest.param(("http", ("gateway", 3128)), id="mitmproxy's-own-upstream"),
        pytest.param(Route(parse_connector("http://gateway:3128"), has_tunnel=True), id="connector-alone"),
        pytest.param(Route.direct(ORIGIN, OwnTls(Path("/elsewhere.pem"))), id="not-of-this-snapshot"),
    ],
)
def test_other_connections_are_left_to_mitmproxy(tool: taddons.context, addon: OriginTls, via: Any) -> None:
    """They present nothing and believe nobody but the usual authorities."""
    data = start(tool, via)

    addon.tls_start_server(data)

    assert data.ssl_conn is None


def test_the_connection_to_a_connector_is_left_to_mitmproxy(
    tool: taddons.context, addon: OriginTls, own: OwnTls
) -> None:
    """Although it leads to the origin: the certificate is none of its business."""
    gateway = connection.Server(address=("gateway", 3128))
    route = Route(parse_connector("https://gateway:3128"), has_tunnel=True, own_tls=own)
    data = start(tool, route, gateway)

    addon.tls_start_server(data)

    assert data.ssl_conn is None


def test_a_connection_that_has_its_tls_is_left_alone(
    tool: taddons.context, addon: OriginTls, own: OwnTls
) -> None:
    """Another addon was first."""
    data = start(tool, Route.direct(ORIGIN, own))
    data.ssl_conn = there = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))

    addon.tls_start_server(data)

    assert data.ssl_conn is there
    assert not has_own(addon, data)


def test_mitmproxys_addon_leaves_ours_alone(tool: taddons.context, addon: OriginTls, own: OwnTls) -> None:
    """It is asked second, about every connection."""
    data = start(tool, Route.direct(ORIGIN, own))

    addon.tls_start_server(data)
    tool.master.addons.get("tlsconfig").tls_start_server(data)

    assert has_own(addon, data)


def test_a_reload_is_adopted(tool: taddons.context, addon: OriginTls, own: OwnTls, tmp_path: Path) -> None:
    """What is new is there, and what is gone is not."""
    folder = tmp_path / "new"
    folder.mkdir()
    new = OwnTls(make_test_ca(folder).path)

    addon.adopt({new: material_of(new)})

    outcomes = []
    for item in (own, new):
        data = start(tool, Route.direct(ORIGIN, item))
        addon.tls_start_server(data)
        outcomes.append(has_own(addon, data))
    assert outcomes == [False, True]


def test_a_reload_makes_anew_only_what_has_changed(addon: OriginTls, own: OwnTls) -> None:
    """A fleet of certificates would hold up every flow."""
    (before,) = addon._contexts.values()
    (material,) = addon._made

    addon.adopt({own: material, OwnTls(own.trusted_ca): material})
    kept = set(addon._contexts.values())
    addon.adopt({own: material_of(own)})

    assert kept == {before}
    assert set(addon._contexts.values()) != kept


def test_ways_are_equal_only_with_equal_tls(own: OwnTls) -> None:
    """mitmproxy compares them before it takes up a connection that is open."""
    gateway = parse_connector("http://gateway:3128")
    other = OwnTls(own.trusted_ca)
    ways = [
        Route.direct(ORIGIN, own),
        Route.direct(ORIGIN, other),
        Route(gateway, has_tunnel=True),
        Route(gateway, has_tunnel=True, own_tls=own),
        Route(gateway, has_tunnel=True, own_tls=other),
    ]

    equal = [(a, b) for a, first in enumerate(ways) for b, second in enumerate(ways) if first == second]

    assert equal == [(number, number) for number in range(len(ways))]
    assert Route.direct(ORIGIN, OwnTls(own.trusted_ca, own.client_certificate, own.client_key)) == ways[0]
    assert len(set(ways)) == len(ways)
