"""TLS settings of a profile's own, end to end: who is shown which certificate, and who is believed."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile, profile
from tests.end_to_end.lanes import on_one_lane
from tests.end_to_end.servers.authlib_server import AuthlibServer, authlib_server
from tests.end_to_end.servers.certificates import (
    ClientCa,
    ClientCertificate,
    TestCa,
    make_client_ca,
    make_test_ca,
)
from tests.end_to_end.servers.forward_proxy import serve_forward_proxy
from tests.end_to_end.servers.origin import Origin, serve_origin
from tests.end_to_end.servers.proxy_process import ProxyProcess, grantproxy_command, proxy_environment
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin, serve_raw_origin
from tests.end_to_end.servers.shared_proxy import SharedProxy

CLIENTS = ["curl", "curl-h2", "httpx", "httpx-h2"]


@pytest.fixture(scope="session")
def client_ca(tmp_path_factory: pytest.TempPathFactory) -> ClientCa:
    """An authority for clients' certificates, which only the servers of these tests know."""
    return make_client_ca(tmp_path_factory.mktemp("clients"))


@pytest.fixture
def stranger(tmp_path: Path) -> TestCa:
    """An authority for origins that the proxy is told nothing of at the top of its configuration."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    return make_test_ca(folder)


@pytest.fixture
def demanding_origin(certificates: TestCa, client_ca: ClientCa) -> Iterator[Origin]:
    """An origin that speaks HTTP/1.1 and HTTP/2 with those who have a certificate of the authority's."""
    with serve_origin(certificates, client_ca=client_ca.path) as running:
        yield running


@pytest.fixture
def demanding_server(certificates: TestCa, client_ca: ClientCa) -> Iterator[AuthlibServer]:
    """An authorization server that demands the same."""
    with authlib_server(certificates.server_context(client_ca=client_ca.path)) as running:
        yield running


@pytest.fixture
def naming_origin(certificates: TestCa, client_ca: ClientCa) -> Iterator[RawOrigin]:
    """An origin that answers every request with the name in the certificate of its connection."""
    context = certificates.server_context(client_ca=client_ca.path, client_certificates=ssl.CERT_OPTIONAL)
    with serve_raw_origin(tell_name, context) as running:
        yield running


async def tell_name(connection: RawConnection) -> None:
    certificate = connection.writer.get_extra_info("peercert")
    names = [value for part in (certificate or {}).get("subject", ()) for _, value in part]
    while True:
        await connection.read_request()
        await connection.answer("200 OK", (names or ["nobody"])[0].encode())


def presenting(files: ClientCertificate, **more: Any) -> dict[str, Any]:
    return {"client_certificate": str(files.certificate), "client_key": str(files.key), **more}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_certificate_is_shown_to_origin_and_token_endpoint(
    client: str,
    shared_proxy: SharedProxy,
    send: Sender,
    client_ca: ClientCa,
    demanding_server: AuthlibServer,
    demanding_origin: Origin,
) -> None:
    """Both demand one, and get it together with the intermediate authority's; the replay has it too."""
    demanding_origin.accepts = demanding_server.accepts
    running = shared_proxy(
        one_profile(demanding_server, demanding_origin, **presenting(client_ca.issue("bot")))
    )
    url = demanding_origin.url("/protected/echo")

    first = send(client, running, "GET", url)
    demanding_server.revoke_access_tokens()
    second = send(client, running, "POST", url, {"Content-Type": "text/plain"}, b"kept intact")

    assert (first.status, second.status) == (200, 200)
    assert [request.status for request in demanding_origin.requests] == [200, 401, 200]
    assert demanding_origin.last.body == b"kept intact"


@pytest.mark.parametrize("client", CLIENTS)
def test_an_origin_that_demands_one_gets_no_request_without(
    client: str,
    shared_proxy: SharedProxy,
    send: Sender,
    tls_authorization_server: AuthlibServer,
    demanding_origin: Origin,
) -> None:
    """The connection fails, and nothing was said on it."""
    running = shared_proxy(one_profile(tls_authorization_server, demanding_origin))

    answer = send(client, running, "GET", demanding_origin.url("/protected/echo"))

    assert (answer.status, answer.slug) == (502, "origin_unreachable")
    assert demanding_origin.requests == []


@on_one_lane
def test_a_token_endpoint_that_demands_one_gets_no_password_without(
    shared_proxy: SharedProxy, send: Sender, demanding_server: AuthlibServer, origin: Origin
) -> None:
    """The request is refused, as with every token endpoint that cannot be reached."""
    running = shared_proxy(one_profile(demanding_server, origin))

    answer = send("curl", running, "GET", origin.url("/protected/echo"))

    assert (answer.status, answer.slug) == (502, "token_endpoint_unreachable")
    assert (demanding_server.requests, origin.requests) == (0, [])


@pytest.mark.parametrize("tls_version", ["TLSv1_2", "TLSv1_3"])
def test_it_is_shown_by_every_version_of_tls(
    tls_version: str,
    certificates: TestCa,
    shared_proxy: SharedProxy,
    send: Sender,
    client_ca: ClientCa,
    authorization_server: AuthlibServer,
) -> None:
    """1.2 is the oldest that is spoken."""
    context = certificates.server_context(client_ca=client_ca.path)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[tls_version]
    with serve_raw_origin(tell_name, context) as origin:
        settings = presenting(client_ca.issue("bot"))
        running = shared_proxy(one_profile(authorization_server, origin, **settings))

        answer = send("curl", running, "GET", origin.url())

    assert (answer.status, answer.text()) == (200, "bot")


def test_an_origin_may_ask_for_it_later(
    certificates: TestCa,
    shared_proxy: SharedProxy,
    send: Sender,
    client_ca: ClientCa,
    authorization_server: AuthlibServer,
) -> None:
    """RFC 8446 section 4.6.2, as some servers do that demand it for a part of their paths."""

    async def ask_later(connection: RawConnection) -> None:
        tls = connection.writer.get_extra_info("ssl_object")
        await connection.read_request()
        tls.verify_client_post_handshake()
        # The demand goes out ahead of the answer, and the certificate comes ahead of the next request.
        await connection.answer("200 OK", b"nobody yet")
        await connection.read_request()
        await connection.answer("200 OK", repr(tls.getpeercert()["subject"]).encode())

    context = certificates.server_context(client_ca=client_ca.path, client_certificates=ssl.CERT_REQUIRED)
    context.post_handshake_auth = True
    with serve_raw_origin(ask_later, context) as origin:
        settings = presenting(client_ca.issue("bot"))
        running = shared_proxy(one_profile(authorization_server, origin, **settings))

        with send.client(running) as client:
            answers = [client.get(origin.url()).text for _ in range(2)]

    assert answers == ["nobody yet", "((('commonName', 'bot'),),)"]


@pytest.mark.parametrize("client_speaks_http2", [False, True], ids=["http1", "http2"])
def test_each_request_has_its_own_profiles_certificate(
    client_speaks_http2: bool,
    shared_proxy: SharedProxy,
    send: Sender,
    client_ca: ClientCa,
    authorization_server: AuthlibServer,
    naming_origin: RawOrigin,
) -> None:
    """On one connection of a client to one host: two profiles with one each, one without, and nobody's."""
    settings: Mapping[str, Mapping[str, Any]] = {
        "bot": presenting(client_ca.issue("bot")),
        "other": presenting(client_ca.issue("other")),
        "bare": {},
    }
    profiles = {
        name: profile(
            authorization_server,
            {"host": "127.0.0.1", "port": naming_origin.port, "path": f"/{name}"},
            **own,
        )
        for name, own in settings.items()
    }
    running = shared_proxy({"profiles": profiles})
    paths = ["bot", "nobodys", "other", "bare", "bot", "nobodys", "other", "bare"]

    with send.client(running, http2=client_speaks_http2) as client:
        names = [client.get(naming_origin.url(f"/{path}")).text for path in paths]

    assert names == ["bot", "nobody", "other", "nobody"] * 2


def test_a_websocket_is_opened_with_it(
    shared_proxy: SharedProxy,
    client_ca: ClientCa,
    authorization_server: AuthlibServer,
    demanding_origin: Origin,
) -> None:
    """Its handshake is a request like others."""
    settings = presenting(client_ca.issue("bot"))
    running = shared_proxy(one_profile(authorization_server, demanding_origin, **settings))
    url = demanding_origin.url("/protected/ws").replace("http", "ws", 1)
    context = ssl.create_default_context(cafile=str(running.ca_bundle))

    with connect(url, proxy=running.url, ssl=context) as websocket:
        websocket.send("hello")
        echoed = websocket.recv(timeout=10)

    assert echoed == "hello"


def test_an_encrypted_key_is_read_with_its_password(
    shared_proxy: SharedProxy,
    send: Sender,
    client_ca: ClientCa,
    authorization_server: AuthlibServer,
    naming_origin: RawOrigin,
) -> None:
    """By both libraries that are in use, and neither asks a terminal for it."""
    files = client_ca.issue("sealed", b"open sesame")
    settings = presenting(files, client_key_password="open sesame")
    running = shared_proxy(one_profile(authorization_server, naming_origin, **settings))

    answer = send("curl", running, "GET", naming_origin.url())

    assert (answer.status, answer.text()) == (200, "sealed")


def test_a_reload_presents_what_the_files_hold_now(
    tmp_path: Path,
    shared_proxy: SharedProxy,
    send: Sender,
    client_ca: ClientCa,
    authorization_server: AuthlibServer,
    naming_origin: RawOrigin,
) -> None:
    """A certificate is renewed in its place, and connections from then on have the new one."""
    in_place = ClientCertificate(tmp_path / "client.pem", tmp_path / "client-key.pem")
    config = one_profile(authorization_server, naming_origin, **presenting(in_place))
    names = []

    for name in ("before", "after"):
        issued = client_ca.issue(name)
        in_place.certificate.write_bytes(issued.certificate.read_bytes())
        in_place.key.write_bytes(issued.key.read_bytes())
        in_place.key.chmod(0o600)
        running = shared_proxy(config)
        names.append(send("curl", running, "GET", naming_origin.url()).text())

    assert names == ["before", "after"]


@pytest.mark.parametrize("client", CLIENTS)
def test_the_authorities_of_a_profile_are_believed_for_it_alone(
    client: str,
    stranger: TestCa,
    shared_proxy: SharedProxy,
    send: Sender,
) -> None:
    """Its origin and its token endpoint; the same origin is not believed for another profile."""
    with ExitStack() as stack:
        server = stack.enter_context(authlib_server(stranger.server_context()))
        plain_server = stack.enter_context(authlib_server())
        origin = stack.enter_context(serve_origin(stranger))
        entry = {"host": "127.0.0.1", "port": origin.port}
        running = shared_proxy(
            {
                "profiles": {
                    "told": profile(server, entry | {"path": "/echo"}, trusted_ca=str(stranger.path)),
                    "untold": profile(plain_server, entry | {"path": "/upload"}),
                }
            }
        )

        told = send(client, running, "GET", origin.url("/echo"))
        untold = send(client, running, "GET", origin.url("/upload"))

    assert (told.status, untold.status) == (200, 502)
    assert untold.slug == "origin_unreachable"
    assert [request.path for request in origin.requests] == ["/echo"]


def test_the_name_of_the_host_is_verified_all_the_same(
    tmp_path: Path, shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer
) -> None:
    """A certificate of a believed authority for another name is none."""
    stranger = make_test_ca(tmp_path, names=("elsewhere.test",), addresses=())
    with serve_origin(stranger) as origin:
        running = shared_proxy(one_profile(authorization_server, origin, trusted_ca=str(stranger.path)))

        answer = send("curl", running, "GET", origin.url("/echo"))

    assert (answer.status, answer.slug) == (502, "origin_unreachable")
    assert origin.requests == []


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_connector_on_the_way_is_not_shown_the_certificate(
    scheme: str,
    certificates: TestCa,
    stranger: TestCa,
    shared_proxy: SharedProxy,
    send: Sender,
    client_ca: ClientCa,
    demanding_server: AuthlibServer,
    naming_origin: RawOrigin,
) -> None:
    """Origin and token endpoint behind it are; a connector that asks would not accept it, and is not told."""
    context = certificates.server_context(client_ca=stranger.path, client_certificates=ssl.CERT_OPTIONAL)
    with serve_forward_proxy(scheme, context if scheme == "https" else None) as gateway:
        settings = presenting(client_ca.issue("bot"), connector=gateway.url())
        running = shared_proxy(one_profile(demanding_server, naming_origin, **settings))

        answer = send("curl", running, "GET", naming_origin.url())

    assert (answer.status, answer.text()) == (200, "bot")
    assert demanding_server.requests == 1


def test_a_connector_is_not_believed_by_the_authorities_of_the_profile(
    stranger: TestCa,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """They are for the origin and the token endpoint."""
    with serve_forward_proxy("https", stranger.server_context()) as gateway:
        settings = {"connector": gateway.url(), "trusted_ca": str(stranger.path)}
        running = shared_proxy(one_profile(authorization_server, origin, **settings))

        answer = send("curl", running, "GET", origin.url("/echo"))

    assert (answer.status, answer.slug) == (502, "connector_unavailable")
    assert gateway.ways == []


@on_one_lane
def test_the_test_command_shows_it_too(
    proxy: Callable[..., ProxyProcess],
    client_ca: ClientCa,
    demanding_server: AuthlibServer,
    demanding_origin: Origin,
) -> None:
    """To the token endpoint, and to the origin of the check URL."""
    settings = presenting(client_ca.issue("bot"), check_url=demanding_origin.url("/protected/echo"))
    running = proxy(one_profile(demanding_server, demanding_origin, **settings))

    tried = subprocess.run(
        [*grantproxy_command(), "test", "orders", "--config", str(running.config_file)],
        env=proxy_environment(running.test_ca, {}),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert tried.returncode == 0, tried.stderr
    assert [request.status for request in demanding_origin.requests] == [200]
