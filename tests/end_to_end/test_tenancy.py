"""Tenancy, end to end: each tenant has its own endpoint, credentials and token, and nobody another's."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import profile
from tests.end_to_end.lanes import on_one_lane
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.certificates import TestCa
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess, grantproxy_command, proxy_environment
from tests.end_to_end.servers.shared_proxy import SharedProxy

StartProxy = Callable[..., ProxyProcess]
MakeServer = Callable[..., AuthlibServer]
ACME, GLOBEX = (f"{name}-{secrets.token_hex(8)}" for name in ("acme", "globex"))
USERS = {"bot": "of-the-profile", "acme-bot": ACME, "globex-bot": GLOBEX}


@pytest.fixture
def server(make_authorization_server: MakeServer, certificates: TestCa) -> AuthlibServer:
    """An authorization server that knows a user of each tenant; it wants TLS beyond its own address."""
    return make_authorization_server(certificates.server_context(), users=dict(USERS))


def tenants(**changes: Any) -> dict[str, Any]:
    both = {
        "acme": {"credentials": {"username": "acme-bot", "password": ACME}},
        "globex": {"credentials": {"username": "globex-bot", "password": GLOBEX}},
    }
    return {**both, **changes}


def config(server: AuthlibServer, origin: Origin, **tenancy: Any) -> dict[str, Any]:
    """A profile whose tenants are the first labels of hosts, each with a token endpoint at its own host."""
    port = server.url.rpartition(":")[2]
    orders = profile(
        server,
        {"host": "{tenant}.localhost", "port": origin.port},
        credentials={},
        tenancy={"base_url": f"https://{{tenant}}.localhost:{port}", "tenants": tenants(), **tenancy},
        check_url=f"{origin.scheme}://{{tenant}}.localhost:{origin.port}/protected/echo",
    )
    orders["grant"]["token_endpoint"] = "/oauth/token"
    return {"profiles": {"orders": orders}}


def token_users(server: AuthlibServer) -> list[tuple[str, str]]:
    """Whose password came at which host, in order."""
    return [
        (str(request.parameters.get("username")), request.headers["host"].partition(":")[0])
        for request in server.token_requests
    ]


def test_each_tenant_has_its_own(
    shared_proxy: SharedProxy, send: Sender, server: AuthlibServer, tls_origin: Origin
) -> None:
    """Endpoint, credentials and token; a second request has the token that is held."""
    running = shared_proxy(config(server, tls_origin))

    answers = [
        send("curl", running, "GET", tls_origin.url("/protected/echo", host=f"{name}.localhost"))
        for name in ("acme", "globex", "ACME", "globex")
    ]

    assert [answer.status for answer in answers] == [200] * 4
    assert token_users(server) == [("acme-bot", "acme.localhost"), ("globex-bot", "globex.localhost")]
    acme, globex, again, other = (request.bearer_token for request in tls_origin.requests)
    assert (acme, globex) == (again, other)
    assert acme != globex


def test_an_unknown_tenant_is_refused(
    shared_proxy: SharedProxy, send: Sender, server: AuthlibServer, origin: Origin
) -> None:
    """Before any token request, though the others' tokens are at hand and the profile has credentials too."""
    settings = config(server, origin)
    settings["profiles"]["orders"]["credentials"] = {"username": "bot", "password": "of-the-profile"}
    running = shared_proxy(settings)
    send("curl", running, "GET", origin.url("/protected/echo", host="acme.localhost"))

    answer = send("curl", running, "GET", origin.url("/protected/echo", host="api.localhost"))

    assert (answer.status, answer.slug) == (403, "tenant_unknown")
    assert answer.json()["profile"] == "orders"
    assert len(origin.requests) == server.requests == 1


def test_a_path_and_a_default_select_the_tenant_too(
    shared_proxy: SharedProxy, send: Sender, server: AuthlibServer, origin: Origin
) -> None:
    """As it stands in the path; where none is captured it is the one by default, with the same token."""
    orders = profile(
        server,
        {"host": "127.0.0.1", "port": origin.port, "path": "/protected/{tenant}/**"},
        credentials={},
        tenancy={"tenants": {"echo": tenants()["acme"], "upload": tenants()["globex"]}, "tenant": "echo"},
    )
    orders["match"].append({"host": "localhost", "port": origin.port})
    running = shared_proxy({"profiles": {"orders": orders}})

    statuses = [
        send("curl", running, "GET", url).status
        for url in (
            origin.url("/protected/echo/x"),
            origin.url("/protected/upload/x"),
            origin.url("/protected/echo", host="localhost"),
            origin.url("/protected/Echo/x"),
        )
    ]

    assert statuses[-1] == 403
    assert 403 not in statuses[:-1]
    assert [user for user, _ in token_users(server)] == ["acme-bot", "globex-bot"]
    first, second, third = (request.bearer_token for request in origin.requests)
    assert first == third != second


def test_a_tenants_new_password_drops_its_token_alone(
    shared_proxy: SharedProxy, send: Sender, server: AuthlibServer, origin: Origin
) -> None:
    """The others go on with theirs, and so they do where a tenant comes along."""
    running = shared_proxy(config(server, origin))
    urls = [origin.url("/protected/echo", host=f"{name}.localhost") for name in ("acme", "globex")]
    for url in urls:
        send("curl", running, "GET", url)
    changed = {"acme": {"credentials": {"username": "bot", "password": "of-the-profile"}}, "new": None}
    changed["new"] = changed["acme"]

    running.reload(config(server, origin, tenants=tenants(**changed)))
    statuses = [send("curl", running, "GET", url).status for url in urls]

    assert statuses == [200, 200]
    assert [user for user, _ in token_users(server)] == ["acme-bot", "globex-bot", "bot"]


def test_a_tenants_lock_out_is_its_own(
    shared_proxy: SharedProxy, send: Sender, server: AuthlibServer, origin: Origin
) -> None:
    """Hazard 7: a wrong password is submitted once, and keeps nobody else from theirs."""
    wrong = {"acme": {"credentials": {"username": "acme-bot", "password": "wrong"}}}
    running = shared_proxy(config(server, origin, tenants=tenants(**wrong)))

    slugs = [
        send("curl", running, "GET", origin.url("/protected/echo", host=f"{name}.localhost")).slug
        for name in ("acme", "acme", "globex")
    ]

    assert slugs == ["token_request_rejected", "credentials_locked", None]
    assert server.requests == 2


@pytest.mark.parametrize(
    "authority",
    [
        pytest.param("acme.evil.localhost", id="dot"),
        pytest.param("acme.evil.test#.localhost", id="fragment"),
        pytest.param("acme.evil.test?.localhost", id="question-mark"),
        pytest.param("acme.evil.test\\.localhost", id="backslash"),
        pytest.param("evil.test%2f.localhost", id="encoded-slash"),
        pytest.param("acme%2elocalhost", id="encoded-dot"),
        pytest.param("acme%00.localhost", id="encoded-nul"),
        pytest.param("bot@acme.localhost", id="userinfo"),
        pytest.param("\u0430cme.localhost", id="cyrillic-look-alike"),
        pytest.param("xn--cme-5cd.localhost", id="punycode-look-alike"),
        pytest.param("acme\u3002evil.localhost", id="ideographic-full-stop"),
        pytest.param("acme.localhost.evil.test", id="other-end"),
        pytest.param("acme_.localhost", id="underscore"),
        pytest.param("-acme.localhost", id="hyphen"),
        pytest.param(".localhost", id="empty"),
    ],
)
@pytest.mark.parametrize("named", [True, False], ids=["tenants-named", "tenants-open"])
def test_a_host_brings_no_other_along(
    named: bool, authority: str, shared_proxy: SharedProxy, server: AuthlibServer, origin: Origin
) -> None:
    """Whatever stands in the place of a tenant, no token request leaves for another's host."""
    settings = config(server, origin, **({} if named else {"tenants": None}))
    if not named:
        settings["profiles"]["orders"]["credentials"] = {"username": "bot", "password": "of-the-profile"}
    running = shared_proxy({**settings, "unmatched": "refuse"})
    target = f"{authority}:{origin.port}".encode()

    with RawClient(running.host, running.port) as client:
        client.send(b"GET http://%s/protected/echo HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, target))
        answer = client.read_answer()

    if authority == "xn--cme-5cd.localhost" and not named:
        # A name like another is a tenant like another, at its own host: which has no certificate.
        assert answer.slug == "token_endpoint_unreachable"
    else:
        assert 400 <= answer.status < 500
    assert (token_users(server), origin.requests) == ([], [])


@on_one_lane
def test_the_environment_has_a_tenants_password(
    proxy: StartProxy, send: Sender, server: AuthlibServer, origin: Origin
) -> None:
    """As a variable of its own, and by a reference; a tenant may stand there with nothing written."""
    settings = config(
        server,
        origin,
        tenants={
            "acme": None,
            "globex": {"credentials": {"username": "globex-bot", "password": "${env:PW}"}},
        },
    )
    prefix = "GRANTPROXY_PROFILES__ORDERS__TENANCY__TENANTS__ACME__CREDENTIALS__"
    env = {f"{prefix}USERNAME": "acme-bot", f"{prefix}PASSWORD": ACME, "PW": GLOBEX}

    running = proxy(settings, env=env)
    statuses = [
        send("curl", running, "GET", origin.url("/protected/echo", host=f"{name}.localhost")).status
        for name in ("acme", "globex")
    ]

    assert statuses == [200, 200]
    assert [user for user, _ in token_users(server)] == ["acme-bot", "globex-bot"]


@on_one_lane
def test_commands_say_which_tenant(
    shared_proxy: SharedProxy, send: Sender, server: AuthlibServer, origin: Origin
) -> None:
    """`test --capture`, `explain` and `tokens` name it, and none of them shows a password (I4)."""
    running = shared_proxy(config(server, origin))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*grantproxy_command(), *arguments, "--config", str(running.config_file)],
            env=proxy_environment(running.test_ca, {}),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def url(name: str) -> str:
        return origin.url("/protected/echo", host=f"{name}.localhost")

    send("curl", running, "GET", url("acme"))
    tried, unknown, none = (
        run("test", "orders", *more)
        for more in (("--capture", "tenant=globex"), ("--capture", "tenant=umbrella"), ())
    )
    explained, refused = (run("explain", url(name), "--json") for name in ("acme", "umbrella"))
    held = run("tokens", "--listen", f"{running.host}:{running.port}")

    assert tried.returncode == 0, tried.stderr
    assert token_users(server)[-1] == ("globex-bot", "globex.localhost")
    assert (unknown.returncode, none.returncode) == (2, 2)
    assert "there is no tenant umbrella" in unknown.stderr
    assert "a tenant, one of acme, globex: give it with --capture tenant=" in none.stderr
    assert json.loads(explained.stdout)["tenant"] == "acme"
    assert json.loads(refused.stdout)["refusal"] == "tenant_unknown"
    assert "tenant=acme" in held.stdout
    commands = (tried, unknown, none, explained, refused, held)
    said = [running.log_text(), *(text for item in commands for text in (item.stdout, item.stderr))]
    assert not any(secret in text for secret in (ACME, GLOBEX) for text in said)
