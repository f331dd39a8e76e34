"""What the express lane does not speak it leaves to the mitmproxy lane, with what it knows of the client."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h2.config
import h2.connection
import pytest

from tests.end_to_end.clients.answers import ClientFailed
from tests.end_to_end.clients.http2 import Http2Client
from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_express
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.certificates import TestCa
from tests.end_to_end.servers.grpc_origin import GrpcOrigin, serve_grpc_origin
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.shared_proxy import SharedProxy

pytestmark = on_express

GRPC = ("content-type", "application/grpc"), ("te", "trailers")
TALK = "/echo.Echo/Talk"
CLIENTS = {"bot-1": {"secret": "s3cret"}, "bot-2": {"secret": "s3cret", "profiles": []}}


def credentials(name: str, secret: str = "s3cret") -> str:
    return "Proxy-Authorization: Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.fixture
def grpc_origin(certificates: TestCa, authorization_server: AuthlibServer) -> Iterator[GrpcOrigin]:
    with serve_grpc_origin(certificates.server_context(("h2",))) as origin:
        origin.accepts = authorization_server.accepts
        yield origin


@dataclass(frozen=True)
class ByTls:
    """A proxy as it is known to a client that speaks TLS with the proxy itself."""

    running: ProxyProcess

    @property
    def url(self) -> str:
        return self.running.url.replace("http:", "https:", 1)

    @property
    def ca_bundle(self) -> Path:
        return self.running.ca_bundle


def assert_nothing_left(running: ProxyProcess, tasks_before: list[str]) -> None:
    """Waits until the process has no tasks but those before; mitmproxy's last ones end a moment later."""
    deadline = time.monotonic() + 10
    while left := Counter(running.tasks()) - Counter(tasks_before):
        assert time.monotonic() < deadline, left


@pytest.mark.parametrize(
    ("clients", "name"),
    [pytest.param({}, "127.0.0.2", id="open"), pytest.param(CLIENTS, "bot-1", id="clients")],
)
def test_a_client_of_http2_alone_is_authorized_and_replayed(
    clients: dict[str, object],
    name: str,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    grpc_origin: GrpcOrigin,
) -> None:
    """gRPC through a matching profile; the log knows the client by its name, or by its own address."""
    running = shared_proxy(one_profile(authorization_server, grpc_origin) | {"clients": clients})
    tasks = running.tasks()

    with Http2Client(running, grpc_origin.url(), credentials("bot-1"), address="127.0.0.2") as client:
        client.read_to_end(client.open("POST", TALK, *GRPC, ends=True))
        authorization_server.revoke_access_tokens()
        call = client.open("POST", TALK, *GRPC)
        client.send_data(call, b"message", ends=True)
        answer = client.read_to_end(call)
    entries = running.access_log(2)

    assert (answer.status, answer.body, answer.trailers["grpc-status"]) == (200, b"message", "0")
    assert [call.status for call in grpc_origin.calls] == [200, 401, 200]
    assert [(entry["client"], entry["status"], entry["replayed"]) for entry in entries] == [
        (name, 200, False),
        (name, 200, True),
    ]
    assert all("proxy-authorization" not in call.headers for call in grpc_origin.calls)
    assert_nothing_left(running, tasks)
    assert running.complaints() == []


def test_a_client_of_http2_alone_has_to_have_its_secret(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, grpc_origin: GrpcOrigin
) -> None:
    """407 to its CONNECT; with the secret the same connection goes on, and the profile has to be its own."""
    running = shared_proxy(one_profile(authorization_server, grpc_origin) | {"clients": CLIENTS})
    authority = f"127.0.0.1:{grpc_origin.port}"

    with RawClient(running.host, running.port) as client:
        statuses = [
            client.tunnel(authority, *fields).status
            for fields in ([], [credentials("bot-1", "wrong")], [credentials("nobody")])
        ]
        good = client.tunnel(authority, credentials("bot-1")).status
        protocol = client.start_tls("127.0.0.1", running.ca_bundle, ("h2",)).selected_alpn_protocol()
    with Http2Client(running, grpc_origin.url(), credentials("bot-2")) as other:
        refused = other.read_to_end(other.open("POST", TALK, *GRPC, ends=True))

    assert (statuses, good, protocol) == ([407] * 3, 200, "h2")
    assert (refused.status, b"profile_not_allowed" in refused.body) == (403, True)
    assert (grpc_origin.calls, authorization_server.requests) == ([], 0)
    assert [(entry["client"], entry["status"]) for entry in running.access_log(4)] == [
        *[("127.0.0.1", 407)] * 3,
        ("bot-2", 403),
    ]


@pytest.mark.parametrize("client", ["curl", "curl-h2"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_tls_with_the_proxy_itself_is_spoken(
    scheme: str,
    client: str,
    request: pytest.FixtureRequest,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
) -> None:
    """Requests, and tunnels with TLS of their own within it; authorized, replayed and logged by name."""
    origin: Origin = request.getfixturevalue("origin" if scheme == "http" else "tls_origin")
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin) | {"clients": CLIENTS})
    url = origin.url("/protected/echo")

    first = send(client, ByTls(running), "GET", url, credentials=("bot-1", "s3cret"))
    authorization_server.revoke_access_tokens()
    second = send(client, ByTls(running), "POST", url, {}, b"body", credentials=("bot-1", "s3cret"))

    assert (first.status, second.status) == (200, 200)
    assert [item.status for item in origin.requests] == [200, 401, 200]
    assert [(entry["client"], entry["replayed"]) for entry in running.access_log(2)] == [
        ("bot-1", False),
        ("bot-1", True),
    ]


@pytest.mark.parametrize("wrong", [None, ("bot-1", "wrong"), ("nobody", "s3cret")])
def test_tls_with_the_proxy_itself_proves_nobody(
    wrong: tuple[str, str] | None,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
    tls_origin: Origin,
) -> None:
    """407 without the secret, to requests and to CONNECT; the log has the client's own address."""
    match = [{"host": "127.0.0.1", "port": item.port} for item in (origin, tls_origin)]
    config = one_profile(authorization_server, match[0], match=match) | {"clients": CLIENTS}
    running = shared_proxy(config)

    answer = send("curl", ByTls(running), "GET", origin.url(), credentials=wrong)
    with pytest.raises(ClientFailed, match="407"):
        send("curl", ByTls(running), "GET", tls_origin.url(), credentials=wrong)

    assert (answer.status, answer.slug) == (407, "proxy_authentication_required")
    assert (origin.requests, tls_origin.requests, authorization_server.requests) == ([], [], 0)
    assert [(entry["client"], entry["status"]) for entry in running.access_log(2)] == [("127.0.0.1", 407)] * 2


def http2_request(authority: str) -> bytes:
    """HTTP/2 with prior knowledge (RFC 9113 section 3.3): preface, settings and a request."""
    config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    head = [(":method", "GET"), (":scheme", "http"), (":authority", authority), (":path", "/")]
    connection.send_headers(1, head, end_stream=True)
    return connection.data_to_send()


@pytest.mark.parametrize("clients", [{}, CLIENTS], ids=["open", "clients"])
@pytest.mark.parametrize("tunnelled", [False, True], ids=["at-once", "in-a-tunnel"])
@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(None, id="h2c"),
        pytest.param(b"\x05\x01\x00", id="socks"),
        pytest.param(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", id="hardly-tls"),
    ],
)
def test_what_is_no_http_is_ended(
    opening: bytes | None,
    tunnelled: bool,
    clients: dict[str, object],
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """Neither lane speaks it: the origin hears nothing, and nothing of the connection is left over."""
    running = shared_proxy(one_profile(authorization_server, origin) | {"clients": clients})
    tasks = running.tasks()

    with RawClient(running.host, running.port, timeout=10) as client:
        if tunnelled:
            client.tunnel(origin.authority, credentials("bot-1"))
        client.send(http2_request(origin.authority) if opening is None else opening)
        client.read_until_closed()

    assert origin.requests == []
    assert_nothing_left(running, tasks)
