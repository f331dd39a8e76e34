"""Connectors, end to end: a profile's way to origin and authorization server, and what is without one."""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile, profile
from tests.end_to_end.lanes import on_one_lane
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.certificates import make_test_ca
from tests.end_to_end.servers.forward_proxy import ForwardProxy, serve_forward_proxy
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess, grantproxy_command, proxy_environment
from tests.end_to_end.servers.shared_proxy import SharedProxy

StartProxy = Callable[..., ProxyProcess]
MakeGateway = Callable[..., ForwardProxy]
CREDENTIALS = ("gate", "s3cret:/@ü%")
CLIENTS = ["curl", "curl-h2", "httpx"]
SCHEMES = ["http", "https", "socks5"]
SENTINEL = f"sentinel-{secrets.token_hex(8)}"


@pytest.fixture(params=["http", "https"])
def either_origin(request: pytest.FixtureRequest) -> Origin:
    """An origin over plain HTTP or TLS."""
    return request.getfixturevalue("origin" if request.param == "http" else "tls_origin")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound, so that nobody else has it, and not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# The way


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("client", CLIENTS)
def test_everything_goes_through_the_connector(
    client: str,
    scheme: str,
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """Token requests, requests and replays, of every client and by every kind of connector."""
    gateway = make_gateway(scheme)
    gateway.credentials = CREDENTIALS
    either_origin.accepts = authorization_server.accepts
    running = shared_proxy(
        one_profile(authorization_server, either_origin, connector=gateway.url(CREDENTIALS))
    )
    url = either_origin.url("/protected/echo")

    first = send(client, running, "GET", url)
    authorization_server.revoke_access_tokens()
    second = send(client, running, "POST", url, {"Content-Type": "text/plain"}, b"kept intact")

    assert (first.status, second.status) == (200, 200)
    assert [request.status for request in either_origin.requests] == [200, 401, 200]
    assert either_origin.last.body == b"kept intact"
    assert {request.client for request in either_origin.requests} <= gateway.outgoing
    to_token_endpoint = [way for way in gateway.ways if str(either_origin.port) not in way.target]
    # With SOCKS, one more for the look that is taken when a connector is new.
    assert len(to_token_endpoint) - authorization_server.requests in (0, 1)
    assert authorization_server.requests == 2


def test_tls_goes_by_a_tunnel_and_plain_http_in_absolute_form(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    tls_authorization_server: AuthlibServer,
    origin: Origin,
    tls_origin: Origin,
) -> None:
    """As clients of proxies do (RFC 9110 section 9.3.6, RFC 9112 section 3.2.2), with the host's name."""
    gateway = make_gateway()
    settings = {"connector": gateway.url()}
    running = shared_proxy(
        {
            "profiles": {
                "plain": profile(tls_authorization_server, origin, "a.localhost", **settings),
                "tls": profile(tls_authorization_server, tls_origin, "acme.localhost", **settings),
            }
        }
    )

    plain = send("curl", running, "GET", origin.url("/echo?x=1", host="a.localhost"))
    secured = send("curl", running, "GET", tls_origin.url("/echo", host="acme.localhost"))

    assert (plain.status, secured.status) == (200, 200)
    ways = {(way.method, way.target) for way in gateway.ways}
    token_endpoint = tls_authorization_server.url.removeprefix("https://")
    assert ways == {
        ("CONNECT", token_endpoint),
        ("GET", f"http://a.localhost:{origin.port}/echo?x=1"),
        ("CONNECT", f"acme.localhost:{tls_origin.port}"),
    }
    assert origin.last.value("host") == f"a.localhost:{origin.port}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_websocket_goes_by_a_tunnel(
    scheme: str,
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """Also without TLS, as RFC 6455 section 4.1 asks: few proxies forward an upgrade."""
    gateway = make_gateway(scheme)
    running = shared_proxy(one_profile(authorization_server, either_origin, connector=gateway.url()))
    context = either_origin.scheme == "https" and _trusting(running.ca_bundle)
    url = either_origin.url("/protected/ws").replace("http", "ws", 1)

    with connect(url, proxy=running.url, **({"ssl": context} if context else {})) as websocket:
        websocket.send("hello")
        echoed = websocket.recv(timeout=10)

    assert echoed == "hello"
    (request,) = either_origin.requests
    assert request.client in gateway.outgoing
    assert {way.method for way in gateway.ways[1:]} == {"SOCKS" if scheme == "socks5" else "CONNECT"}


def test_large_bodies_go_through(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """Up and down, streamed as without a connector."""
    gateway = make_gateway()
    running = shared_proxy(one_profile(authorization_server, either_origin, connector=gateway.url()))
    body = secrets.token_bytes(1024) * 5000

    answer = send("curl", running, "PUT", either_origin.url("/protected/upload"), body=body)

    assert answer.status == 200
    assert either_origin.last.sha256 == hashlib.sha256(body).hexdigest()


def test_requests_that_no_profile_owns_go_as_ever(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """The connector is the profile's, not the host's."""
    gateway = make_gateway()
    match = {"host": "127.0.0.1", "port": either_origin.port, "path": "/protected/**"}
    running = shared_proxy(one_profile(authorization_server, match, connector=gateway.url()))

    answer = send("curl", running, "GET", either_origin.url("/echo"))

    assert answer.status == 200
    assert (gateway.ways, gateway.outgoing) == ([], set())


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("differ_in", ["gateway", "credentials", "none"])
def test_profiles_share_no_connection_to_the_origin(
    differ_in: str,
    http2: bool,
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
) -> None:
    """Three ways on one connection of a client: each request takes its own, also the second time."""
    first, other = make_gateway(), make_gateway()
    ways = {
        "gateway": (first.url(CREDENTIALS), other.url(CREDENTIALS)),
        "credentials": (first.url(CREDENTIALS), first.url(("gate", "another"))),
        "none": (first.url(CREDENTIALS), None),
    }[differ_in]
    profiles = {
        name: profile(
            authorization_server,
            {"host": "127.0.0.1", "port": tls_origin.port, "path": f"/protected/{path}"},
            connector=connector,
        )
        for name, path, connector in zip("ab", ("echo", "upload"), ways, strict=True)
    }
    running = shared_proxy({"profiles": profiles})

    with send.client(running, http2=http2) as client:
        statuses = [
            client.request(method, tls_origin.url(f"/protected/{path}"), content=b"x").status_code
            for method, path in (("POST", "echo"), ("PUT", "upload")) * 2
        ]

    assert statuses == [200] * 4
    by_path = {request.path: set() for request in tls_origin.requests}
    for request in tls_origin.requests:
        by_path[request.path].add(request.client)
    assert not by_path["/protected/echo"] & by_path["/protected/upload"]
    assert by_path["/protected/echo"] <= first.outgoing
    to_origin = [way for way in first.ways + other.ways if str(tls_origin.port) in way.target]
    assert len({(way.target, *way.values("proxy-authorization")) for way in to_origin}) == (
        2 if differ_in == "credentials" else 1
    )


def test_a_reload_changes_the_way(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """The next request goes the new way, also on a connection that the client kept; the token is kept too."""
    first, other = make_gateway(), make_gateway()
    config = one_profile(authorization_server, either_origin, connector=first.url())
    running = shared_proxy(config)

    with send.client(running) as client:
        client.get(either_origin.url("/protected/echo"))
        running.reload(one_profile(authorization_server, either_origin, connector=other.url()))
        client.get(either_origin.url("/protected/echo"))

    before, after = either_origin.requests
    assert before.client in first.outgoing
    assert after.client in other.outgoing
    assert authorization_server.requests == 1


# Credentials


def test_credentials_are_for_the_connector_alone(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """I6: the client's are for us, the profile's for the connector, and the origin gets neither."""
    gateway = make_gateway()
    gateway.credentials = CREDENTIALS
    config = one_profile(authorization_server, either_origin, connector=gateway.url(CREDENTIALS))
    running = shared_proxy({**config, "clients": {"bot-1": {"secret": SENTINEL}}})

    answer = send(
        "curl", running, "GET", either_origin.url("/protected/echo"), credentials=("bot-1", SENTINEL)
    )

    assert answer.status == 200
    assert either_origin.last.values("proxy-authorization") == []
    assert all(len(way.values("proxy-authorization")) == 1 for way in gateway.ways)
    assert len({way.values("proxy-authorization")[0] for way in gateway.ways}) == 1
    assert [
        request.headers.get("proxy-authorization") for request in authorization_server.token_requests
    ] == [None]


def test_a_clients_own_field_reaches_nobody(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """I6 without clients configured: not even a connector without credentials is given it."""
    gateway = make_gateway()
    running = shared_proxy(one_profile(authorization_server, origin, connector=gateway.url()))

    with RawClient(running.host, running.port) as client:
        client.request(
            f"GET {origin.url('/protected/echo')} HTTP/1.1",
            f"Host: {origin.authority}",
            f"Proxy-Authorization: Basic {SENTINEL}",
        )
        answer = client.read_answer()

    assert answer.status == 200
    assert all(SENTINEL.encode() not in way.head for way in gateway.ways)
    assert origin.last.values("proxy-authorization") == []


@on_one_lane
def test_the_address_may_come_from_references_and_variables(
    make_gateway: MakeGateway,
    proxy: StartProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """A password with delimiters in it need not be encoded, but for the percent sign."""
    gateway = make_gateway()
    gateway.credentials = ("gate", "a/b@c#d?e:f")
    written = gateway.url().replace("://", "://gate:${env:GATE_PASSWORD}@")
    running = proxy(
        one_profile(authorization_server, origin, connector="http://127.0.0.1:9"),
        env={"GRANTPROXY_PROFILES__ORDERS__CONNECTOR": written, "GATE_PASSWORD": gateway.credentials[1]},
    )

    answer = send("curl", running, "GET", origin.url("/protected/echo"))

    assert answer.status == 200
    assert origin.last.client in gateway.outgoing


# Without it


def spoil(gateway: ForwardProxy, how: str) -> None:
    """Has the gateway give no way from here on, and end those it gave: they may serve whoever comes next."""
    gateway.end_connections()
    match how:
        case "asks-for-credentials":
            gateway.credentials = ("nobody", "knows")
        case "refuses":
            gateway.refuses_with = 4 if gateway.scheme == "socks5" else 502
        case "silent":
            gateway.is_silent = True


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("how", ["asks-for-credentials", "refuses", "silent"])
@pytest.mark.parametrize("needed_for", ["token", "origin"])
@pytest.mark.parametrize("client", ["curl", "httpx-h2"])
def test_no_way_is_said_to_be_none(
    client: str,
    needed_for: str,
    how: str,
    scheme: str,
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    tls_authorization_server: AuthlibServer,
    tls_origin: Origin,
) -> None:
    """Answered by us, whatever the connector says, and the origin sees nothing."""
    gateway = make_gateway(scheme)
    running = shared_proxy(one_profile(tls_authorization_server, tls_origin, connector=gateway.url()))
    if needed_for == "origin":
        send(client, running, "GET", tls_origin.url("/protected/echo"))
    seen = len(tls_origin.requests)
    spoil(gateway, how)

    answer = send(client, running, "GET", tls_origin.url("/protected/echo"))

    assert (answer.status, answer.slug) == (502, "connector_unavailable")
    assert answer.json()["profile"] == "orders"
    assert answer.value("content-type") == "application/problem+json"
    assert 'details="connector_unavailable"' in (answer.value("proxy-status") or "")
    assert len(tls_origin.requests) == seen
    assert running.access_log(1 + seen)[-1]["refusal"] == "connector_unavailable"


@pytest.mark.parametrize("needed_for", ["token", "origin"])
def test_nobody_listening_is_no_way(
    needed_for: str,
    shared_proxy: SharedProxy,
    send: Sender,
    tls_authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """A connector that went away is not gone around."""
    with ExitStack() as stack:
        gateway = stack.enter_context(serve_forward_proxy())
        running = shared_proxy(one_profile(tls_authorization_server, either_origin, connector=gateway.url()))
        if needed_for == "origin":
            send("curl", running, "GET", either_origin.url("/protected/echo"))
    seen = len(either_origin.requests)

    answer = send("curl", running, "GET", either_origin.url("/protected/echo"))

    assert (answer.status, answer.slug) == (502, "connector_unavailable")
    assert len(either_origin.requests) == seen


def test_407_in_answer_to_absolute_form_is_ours(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """A client would take it for a challenge of ours; the connector's own text is not passed on."""
    gateway = make_gateway()
    running = shared_proxy(one_profile(authorization_server, origin, connector=gateway.url()))
    send("curl", running, "GET", origin.url("/protected/echo"))
    spoil(gateway, "asks-for-credentials")

    answer = send("curl", running, "POST", origin.url("/protected/echo"), body=b"x" * 100_000)

    assert (answer.status, answer.slug) == (502, "connector_unavailable")
    assert answer.value("proxy-authenticate") is None
    assert b"no way here" not in answer.body


def test_another_answer_to_absolute_form_may_be_the_origins(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """Nothing tells a gateway's 502 from that of an origin: it is passed on as it came."""
    gateway = make_gateway()
    running = shared_proxy(one_profile(authorization_server, origin, connector=gateway.url()))
    send("curl", running, "GET", origin.url("/protected/echo"))
    spoil(gateway, "refuses")

    answer = send("curl", running, "GET", origin.url("/protected/echo"))

    assert (answer.status, answer.body) == (502, b"no way here")


def test_an_origin_that_is_down_is_told_from_the_connector(
    make_gateway: MakeGateway,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """TLS that fails behind the tunnel is the origin's failure."""
    gateway = make_gateway()
    running = shared_proxy(one_profile(authorization_server, origin, connector=gateway.url()))

    answer = send("curl", running, "GET", origin.url("/protected/echo").replace("http", "https", 1))

    assert (answer.status, answer.slug) == (502, "origin_unreachable")


def test_the_certificate_of_a_connector_is_verified(
    tmp_path: Path,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """One of an authority that nobody trusts is no connector; nothing is said to it."""
    stranger = make_test_ca(tmp_path)
    with serve_forward_proxy("https", stranger.server_context()) as gateway:
        running = shared_proxy(
            one_profile(authorization_server, either_origin, connector=gateway.url(CREDENTIALS))
        )

        answer = send("curl", running, "GET", either_origin.url("/protected/echo"))

    assert (answer.status, answer.slug) == (502, "connector_unavailable")
    assert (gateway.ways, either_origin.requests) == ([], [])


# What operators see


def grantproxy(running: ProxyProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command over the configuration of a running proxy."""
    return subprocess.run(
        [*grantproxy_command(), *arguments, "--config", str(running.config_file)],
        env=proxy_environment(running.test_ca, {"GATE_PASSWORD": SENTINEL}),
        capture_output=True,
        text=True,
        timeout=60,
    )


def config_by(connector: str, server: AuthlibServer, origin: Origin) -> dict[str, Any]:
    return one_profile(server, origin, connector=connector)


@on_one_lane
def test_an_unreachable_connector_is_seen(
    proxy: StartProxy,
    send: Sender,
    tls_authorization_server: AuthlibServer,
    origin: Origin,
    closed_port: int,
) -> None:
    """In the log beside the start, by `check --online` and in `tokens`; its password nowhere (I4)."""
    connector = f"http://gate:${{env:GATE_PASSWORD}}@127.0.0.1:{closed_port}"
    address = f"http://127.0.0.1:{closed_port}"
    running = proxy(config_by(connector, tls_authorization_server, origin), env={"GATE_PASSWORD": SENTINEL})

    running.wait_for_log(rf"connector {address} is unavailable: it refuses connections")
    answer = send("curl", running, "GET", origin.url("/protected/echo"))
    listen = ("--listen", f"{running.host}:{running.port}")
    table, as_json = (grantproxy(running, "tokens", *listen, *more) for more in ((), ("--json",)))
    plain, checked, check_json = (
        grantproxy(running, "check", *more) for more in ((), ("--online",), ("--online", "--json"))
    )
    explained = grantproxy(running, "explain", origin.url("/protected/echo"))

    assert answer.slug == "connector_unavailable"
    assert f"{address}: unavailable, it refuses connections" in table.stdout
    (record,) = json.loads(as_json.stdout)
    assert record["connector"] == {
        "address": address,
        "available": False,
        "reason": "refuses connections",
    }
    assert plain.returncode == 0
    assert (checked.returncode, check_json.returncode) == (1, 1)
    assert f"profile orders: connector {address} is unavailable: it refuses connections" in checked.stderr
    assert json.loads(check_json.stdout)["connectors"][0]["available"] is False
    assert f"by way of {address}" in explained.stdout
    said = [running.log_text(), answer.body.decode(), *(str(vars(item)) for item in (table, as_json))]
    said += [text for item in (plain, checked, check_json, explained) for text in (item.stdout, item.stderr)]
    assert not any(SENTINEL in text for text in said)


@on_one_lane
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_connector_that_works_is_seen_to(
    scheme: str,
    make_gateway: MakeGateway,
    proxy: StartProxy,
    send: Sender,
    tls_authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """`check --online` asks it for the token endpoint and sends that nothing."""
    gateway = make_gateway(scheme)
    gateway.credentials = CREDENTIALS
    running = proxy(config_by(gateway.url(CREDENTIALS), tls_authorization_server, origin))
    gateway.wait_until(lambda: len(gateway.ways) == 1)

    checked = grantproxy(running, "check", "--online")
    table = grantproxy(running, "tokens", "--listen", f"{running.host}:{running.port}")

    assert checked.returncode == 0, checked.stderr
    assert "is available" in checked.stdout
    assert f"{gateway.url()}: available" in table.stdout
    assert {way.target for way in gateway.ways} == {tls_authorization_server.url.removeprefix("https://")}
    assert tls_authorization_server.requests == 0
    assert "unavailable" not in running.log_text()


@on_one_lane
def test_refused_credentials_are_seen_before_they_are_needed(
    make_gateway: MakeGateway,
    proxy: StartProxy,
    tls_authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """A wrong password for the connector is warned of like a connector that is down."""
    gateway = make_gateway()
    gateway.credentials = CREDENTIALS

    running = proxy(config_by(gateway.url(("gate", SENTINEL)), tls_authorization_server, origin))

    running.wait_for_log(r"is unavailable: it refuses the credentials \(407\)")
    assert SENTINEL not in running.log_text()


def _trusting(ca_file: Path) -> Any:
    import ssl

    return ssl.create_default_context(cafile=str(ca_file))
