"""From start to end: what a reload keeps and drops, and how a stop treats what is under way."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.end_to_end.clients.http2 import Http2Client
from tests.end_to_end.clients.raw import RawClient, wait_until_refused
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile, profile
from tests.end_to_end.servers.authlib_server import PASSWORD, USERNAME, AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.shared_proxy import SharedProxy

StartProxy = Callable[..., ProxyProcess]


def changed(config: dict[str, Any], name: str, **credentials: str) -> dict[str, Any]:
    """The configuration with other credentials in one profile."""
    profiles = config["profiles"]
    known = profiles[name]["credentials"] | credentials
    return {**config, "profiles": {**profiles, name: {**profiles[name], "credentials": known}}}


def test_hazard_12_a_reload_drops_the_tokens_of_changed_credentials_alone(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """An unchanged profile goes on with its token; a changed one asks with what it has now."""
    config = {
        "profiles": {
            "kept": profile(authorization_server, origin),
            "changed": profile(authorization_server, origin, "localhost"),
        }
    }
    running = shared_proxy(config)
    urls = [origin.url(), origin.url(host="localhost")]
    for url in urls:
        send("httpx", running, "GET", url)
    before = [request.bearer_token for request in origin.requests]
    authorization_server.state.users[USERNAME] = "another"

    running.reload(changed(config, "changed", password="another"))
    for url in urls:
        send("httpx", running, "GET", url)

    after = [request.bearer_token for request in origin.requests[2:]]
    assert after[0] == before[0]
    assert after[1] not in before
    sent = authorization_server.token_requests[-1]
    assert (authorization_server.requests, sent.grant_type) == (3, "password")
    assert sent.parameters["password"] == "another"


def test_hazard_12_a_lock_ends_with_the_credentials_that_caused_it(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Whoever corrects the password and reloads is served."""
    config = one_profile(authorization_server, origin)
    running = shared_proxy(changed(config, "orders", password="wrong"))
    refused = [send("httpx", running, "GET", origin.url()).slug for _ in range(2)]

    running.reload(config)
    answer = send("httpx", running, "GET", origin.url())

    assert refused == ["token_request_rejected", "credentials_locked"]
    assert answer.status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("profiles: {orders: {match: []}}", id="invalid"),
        pytest.param("profiles: [", id="no-yaml"),
        pytest.param("profiles: {}\nlisten: 127.0.0.1:0\nnonsense: 1", id="unknown-key"),
    ],
)
def test_a_wrong_configuration_is_not_adopted(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
    wrong: str,
) -> None:
    """It is reported, and the one before serves on with its tokens."""
    running = shared_proxy(one_profile(authorization_server, origin))
    send("httpx", running, "GET", origin.url())

    running.config_file.write_text(wrong)
    running.reload()
    answer = send("httpx", running, "GET", origin.url())

    assert "was not reloaded" in running.stderr()
    assert str(running.config_file) in running.stderr()
    assert PASSWORD not in running.log_text()
    assert (answer.status, authorization_server.requests) == (200, 1)


def test_a_request_under_way_ends_as_it_began(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """A reload that takes the profile away leaves the request that has its token."""
    running = shared_proxy(one_profile(authorization_server, origin))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, "httpx", running, "GET", origin.url("/hold"))
        origin.wait_for_requests(1)
        running.reload(one_profile(authorization_server, origin, "localhost"))
        origin.release()
        answer = waiting.result()
    bare = send("httpx", running, "GET", origin.url())

    assert (answer.status, bare.status) == (200, 200)
    assert [request.bearer_token is None for request in origin.requests] == [False, True]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({"bot": {"secret": "s"}}, {"other": {"secret": "s"}}, [200, 407], id="removed"),
        pytest.param({}, {"other": {"secret": "s"}}, [200, 407], id="demanded-since"),
        pytest.param({"bot": {"secret": "s"}}, {"bot": {"secret": "new"}}, [200, 200], id="still-a-client"),
    ],
)
def test_a_tunnel_has_the_rights_of_the_configuration_in_force(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
    before: dict[str, Any],
    after: dict[str, Any],
    expected: list[int],
) -> None:
    """Whoever is taken away by a reload uses no profile any more, by no connection."""
    config = one_profile(authorization_server, tls_origin)
    running = shared_proxy({**config, "clients": before})
    with RawClient(running.host, running.port) as client:
        client.tunnel(tls_origin.authority, "Proxy-Authorization: Basic Ym90OnM=")
        client.start_tls("127.0.0.1", running.ca_bundle)
        statuses = []
        for clients in (before, after):
            running.reload({**config, "clients": clients})
            client.request("GET /echo HTTP/1.1", f"Host: {tls_origin.authority}")
            statuses.append(client.read_answer().status)

    assert statuses == expected


def test_sigterm_lets_what_is_under_way_end(
    proxy: StartProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    make_origin: Callable[..., Origin],
) -> None:
    """Requests get their answers, new connections are refused, idle ones are ended, the status is 0."""
    origin, tls_origin = make_origin(), make_origin(tls=True)
    entries = [{"host": "127.0.0.1", "port": item.port} for item in (origin, tls_origin)]
    running = proxy(one_profile(authorization_server, entries[0], match=entries))

    with (
        RawClient(running.host, running.port) as idle,
        Http2Client(running, tls_origin.url()) as tls_client,
        ThreadPoolExecutor(1) as pool,
    ):
        idle.request(f"GET {origin.url()} HTTP/1.1", f"Host: {origin.authority}")
        idle.read_answer()
        waiting = pool.submit(send, "httpx", running, "GET", origin.url("/hold"))
        origin.wait_for_requests(2)
        tls_call = tls_client.open("GET", "/hold", ends=True)
        tls_origin.wait_for_requests(1)

        running.process.send_signal(signal.SIGTERM)
        wait_until_refused(running.host, running.port)
        is_running = running.is_running()
        origin.release()
        tls_origin.release()
        answers = [waiting.result().status, tls_client.read_to_end(tls_call).status]
        status = running.process.wait(20)

    assert is_running
    assert answers == [200, 200]
    assert status == 0


def test_a_second_sigterm_waits_for_nobody(
    proxy: StartProxy, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Who insists has the proxy end, with a request under way."""
    running = proxy(one_profile(authorization_server, origin))

    with RawClient(running.host, running.port) as client:
        client.request(f"GET {origin.url('/hold')} HTTP/1.1", f"Host: {origin.authority}")
        origin.wait_for_requests(1)
        running.process.send_signal(signal.SIGTERM)
        wait_until_refused(running.host, running.port)
        is_running = running.is_running()
        running.process.send_signal(signal.SIGTERM)
        status = running.process.wait(20)

    assert is_running
    assert status == 0
