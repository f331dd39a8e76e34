"""The console beside a real proxy: health and metrics while it serves, drains and is not alone."""

from __future__ import annotations

import socket
from collections.abc import Callable

import httpx
import pytest

from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_one_lane
from tests.end_to_end.servers.authlib_server import CLIENT_SECRET, PASSWORD, AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess

StartProxy = Callable[..., ProxyProcess]


@pytest.fixture
def console_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def console(console_port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{console_port}", trust_env=False, timeout=10)


def test_health_and_metrics_of_a_proxy_at_work(
    proxy: StartProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
    console_port: int,
    console: httpx.Client,
) -> None:
    """A request, a replay and a refusal are counted, and nothing told is a secret (I4)."""
    origin.accepts = authorization_server.accepts
    config = one_profile(authorization_server, origin) | {"unmatched": "refuse"}
    running = proxy({**config, "console": f"127.0.0.1:{console_port}"})

    health = [console.get(path).status_code for path in ("/healthz", "/readyz")]
    statuses = [send("httpx", running, "GET", origin.url("/protected/echo")).status]
    authorization_server.revoke_access_tokens()
    statuses.append(send("httpx", running, "GET", origin.url("/protected/echo")).status)
    statuses.append(send("httpx", running, "GET", "http://foreign.test/").status)
    running.access_log(3)
    metrics = console.get("/metrics").text

    assert health == [200, 200]
    assert statuses == [200, 200, 403]
    assert 'grantproxy_requests_total{outcome="forwarded",profile="orders"} 2.0' in metrics
    assert 'grantproxy_requests_total{outcome="origin_not_allowed",profile=""} 1.0' in metrics
    assert 'grantproxy_replays_total{profile="orders"} 1.0' in metrics
    assert 'grant="password",outcome="granted",profile="orders"} 1.0' in metrics
    assert "grantproxy_added_latency_seconds_count 2.0" in metrics
    tokens = [request.values("authorization")[0].split()[1] for request in origin.requests]
    assert [secret for secret in (PASSWORD, CLIENT_SECRET, *tokens) if secret in metrics] == []
    assert running.stop() == 0


def test_an_address_that_is_taken_ends_the_start(
    proxy: StartProxy, authorization_server: AuthlibServer
) -> None:
    """Before anything listens, with what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        config = one_profile(authorization_server, {"host": "api.test"}) | {"console": address}
        with pytest.raises(AssertionError, match=rf"status 2\)[^$]*{address} is in use"):
            proxy(config)


@on_one_lane
def test_console_off_wins_over_the_configuration(
    proxy: StartProxy, authorization_server: AuthlibServer, console_port: int, console: httpx.Client
) -> None:
    """As `grantproxy run` has it for its private proxy."""
    config = one_profile(authorization_server, {"host": "api.test"})
    proxy({**config, "console": f"127.0.0.1:{console_port}"}, args=["--console", "off"])

    with pytest.raises(httpx.ConnectError):
        console.get("/healthz")
