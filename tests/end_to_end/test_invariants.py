"""The invariants of the design, I1 to I8, each shown on a running proxy."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from proxy.demo.authorization_server import DemoClient
from tests.end_to_end.clients.answers import Answer, ClientFailed
from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_one_lane
from tests.end_to_end.servers.authlib_server import (
    CLIENT_ID,
    USERNAME,
    AuthlibServer,
)
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.shared_proxy import SharedProxy

StartProxy = Callable[..., ProxyProcess]


@pytest.mark.parametrize(
    ("server_name", "host"),
    [
        pytest.param("globex.localhost", "acme.localhost", id="hazard-18-sni"),
        pytest.param("acme.localhost", "globex.localhost", id="hazard-18-host"),
        pytest.param("globex.localhost", "globex.localhost", id="hazard-18-connection"),
        pytest.param("acme.localhost", "acme.localhost.evil.test", id="hazard-18-suffix"),
        pytest.param("acme.localhost", "acme.localhost:1", id="hazard-18-port"),
    ],
)
def test_i1_connection_sni_and_host_name_one_origin(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
    server_name: str,
    host: str,
) -> None:
    """Hazard 18: where one of the three names another origin, the request is refused without a token."""
    running = shared_proxy(
        one_profile(authorization_server, {"host": "{tenant}.localhost", "port": tls_origin.port})
    )

    with RawClient(running.host, running.port) as client:
        tunnel = client.tunnel(f"acme.localhost:{tls_origin.port}")
        client.start_tls(server_name, running.ca_bundle)
        authority = host if ":" in host else f"{host}:{tls_origin.port}"
        client.request("GET /echo HTTP/1.1", f"Host: {authority}")
        answer = client.read_answer()

    assert (tunnel.status, answer.status, answer.slug) == (200, 400, "hosts_disagree")
    assert (tls_origin.requests, authorization_server.requests) == ([], 0)


@pytest.mark.parametrize("host", ["evil.example", "localhost"])
def test_i1_target_and_host_field_name_one_origin(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin, host: str
) -> None:
    """Hazard 18 without TLS: the request line goes to one origin, Host names another."""
    running = shared_proxy(one_profile(authorization_server, origin))

    answer = send("curl", running, "GET", origin.url(), {"Host": host})

    assert (answer.status, answer.slug) == (400, "hosts_disagree")
    assert (origin.requests, authorization_server.requests) == ([], 0)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        pytest.param("*.example.test", "example.test", id="hazard-18-wildcard-is-not-its-parent"),
        pytest.param("*.example.test", "evil-example.test", id="hazard-18-wildcard-starts-at-a-dot"),
        pytest.param("api.example.test", "api.example.test.other.test", id="hazard-18-anchored-at-the-end"),
        pytest.param("{tenant}.example.test", "a.b.example.test", id="hazard-18-capture-is-one-label"),
    ],
)
def test_i1_a_host_that_is_only_alike_gets_no_credential(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    make_origin: Callable[..., Origin],
    pattern: str,
    host: str,
    tls: bool,
) -> None:
    """A pattern of a host is anchored at both ends."""
    target = make_origin(tls=tls)
    running = shared_proxy(
        {
            **one_profile(authorization_server, {"host": pattern, "port": target.port}, allow_cleartext=True),
            "unmatched": "refuse",
        }
    )

    with RawClient(running.host, running.port) as client:
        if tls:
            answer = client.tunnel(f"{host}:{target.port}")
        else:
            client.request(f"GET {target.url('/echo', host)} HTTP/1.1", f"Host: {host}:{target.port}")
            answer = client.read_answer()

    assert (answer.status, answer.slug) == (403, "origin_not_allowed")
    assert (target.requests, authorization_server.requests) == ([], 0)


def test_i1_another_port_is_another_origin(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    make_origin: Callable[..., Origin],
) -> None:
    """The same host at a port that the profile does not name is passed on without a credential."""
    owned, other = make_origin(), make_origin()
    running = shared_proxy(one_profile(authorization_server, owned))

    statuses = [send("httpx", running, "GET", target.url()).status for target in (owned, other)]

    assert statuses == [200, 200]
    assert owned.last.bearer_token is not None
    assert other.last.value("authorization") is None


@pytest.mark.parametrize(
    ("answer_with", "expected"),
    [
        pytest.param((401, {"error": "invalid_client"}), (502, "token_request_rejected"), id="client"),
        pytest.param((400, {"error": "invalid_scope"}), (502, "token_request_rejected"), id="scope"),
        pytest.param((200, {}), (502, "token_response_invalid"), id="no-member"),
        pytest.param((200, {"access_token": ""}), (502, "token_response_invalid"), id="empty-token"),
        pytest.param((200, {"access_token": ["a"]}), (502, "token_response_invalid"), id="list-as-token"),
        pytest.param((200, {"access_token": "a\r\nX: z"}), (502, "token_response_invalid"), id="line-break"),
        pytest.param((200, {"access_token": "x" * 70_000}), (502, "token_response_invalid"), id="too-long"),
    ],
)
def test_i2_without_a_token_nothing_is_forwarded(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
    answer_with: tuple[int, dict[str, Any]],
    expected: tuple[int, str],
) -> None:
    """Whatever the authorization server says instead of a token, the origin hears nothing."""
    authorization_server.answer_with(*answer_with)
    running = shared_proxy(one_profile(authorization_server, origin))

    answer = send("httpx", running, "POST", origin.url(), {"Authorization": "Bearer own"}, b"body")

    assert (answer.status, answer.slug) == expected
    assert (answer.value("proxy-status") or "").startswith("grantproxy; error=")
    assert origin.requests == []


def test_i2_a_renewal_that_fails_within_a_replay_ends_in_an_answer(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """When the token is rejected and no other can be had, the request goes out no second time."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    url = origin.url("/protected")
    send("httpx", running, "GET", url)
    authorization_server.revoke_access_tokens()
    authorization_server.answer_with(400, {"error": "invalid_grant"})

    answer = send("httpx", running, "GET", url)
    again = send("httpx", running, "GET", url)

    assert answer.status in (401, 502)
    assert again.slug == "credentials_locked"
    assert [request.status for request in origin.requests] == [200, 401]


@pytest.mark.parametrize(
    "own",
    [
        pytest.param([("Authorization", "Bearer own")], id="same"),
        pytest.param([("aUTHORIZATION", "Bearer own")], id="case"),
        pytest.param([("Authorization", "Bearer own"), ("authorization", "Basic b3du")], id="twice"),
        pytest.param([("Authorization", "Bearer own"), ("Connection", "authorization")], id="as-hop-by-hop"),
    ],
)
def test_i3_the_clients_own_header_never_survives(
    shared_proxy: SharedProxy, authorization_server: AuthlibServer, origin: Origin, own: list[tuple[str, str]]
) -> None:
    """One Authorization arrives and it is ours."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))

    with RawClient(running.host, running.port) as client:
        fields = [f"{name}: {value}" for name, value in own]
        client.request(f"GET {origin.url('/protected')} HTTP/1.1", f"Host: {origin.authority}", *fields)
        answer = client.read_answer()

    assert answer.status == 200
    assert len(origin.last.values("authorization")) == 1


def sentinel(name: str) -> str:
    return f"{name}-{secrets.token_hex(12)}"


def everything_said(running: ProxyProcess, answers: list[Answer]) -> str:
    """All that the proxy printed, and its own answers with their header sections."""
    own = [answer for answer in answers if answer.slug is not None]
    assert own, "no refusal was seen"
    return running.log_text() + "".join(f"{answer.headers} {answer.body!r}" for answer in own)


def test_i4_hazard_16_no_secret_in_what_the_proxy_says(
    shared_proxy: SharedProxy,
    send: Sender,
    make_authorization_server: Callable[..., AuthlibServer],
    origin: Origin,
) -> None:
    """Password, client secret and tokens reach whom they are for, and no log and no answer of ours."""
    password, client_secret = sentinel("password"), sentinel("secret")
    server = make_authorization_server(
        users={USERNAME: password}, clients=[DemoClient(CLIENT_ID, client_secret)]
    )
    config = one_profile(server, origin, payload_limit=1000)
    profile = config["profiles"]["orders"]
    profile["credentials"]["password"] = password
    profile["grant"]["client_secret"] = client_secret
    profile["fields"] = [
        {"in": "header", "key": "Authorization", "value": "Bearer {{access_token}}"},
        {"in": "query", "key": "key", "value": "{{access_token}}"},
        {"in": "payload", "key": "pin", "value": "{{password}}"},
    ]
    origin.accepts = server.accepts
    running = shared_proxy(config)
    url, headers = origin.url("/protected/echo"), {"Content-Type": "application/json"}

    answers = [send("httpx", running, "POST", url, headers, "{}")]
    server.revoke_access_tokens()
    answers.append(send("httpx", running, "POST", url, headers, "{}"))
    tokens = [request.bearer_token for request in origin.requests]
    answers.append(send("httpx", running, "POST", url, headers, "[]"))
    answers.append(send("httpx", running, "POST", url, headers, '"' + "x" * 2000 + '"'))
    server.revoke_access_tokens()
    for refusal in ((400, {"error": "invalid_grant", "error_description": password}), (503, {})):
        server.answer_with(*refusal)
        answers.append(send("httpx", running, "POST", url, headers, "{}"))
    running.access_log(len(answers))

    said = everything_said(running, answers)
    assert [answer.status for answer in answers[:4]] == [200, 200, 422, 413]
    assert len(set(tokens)) == 2
    assert server.token_requests[0].parameters["password"] == password
    assert [name for name in (password, client_secret, *tokens) if name is None or name in said] == []


def test_i4_hazard_16_no_secret_of_a_refused_token_request(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """An authorization server that quotes the password back finds no echo in us."""
    password, client_secret, token = sentinel("password"), sentinel("secret"), sentinel("token")
    config = one_profile(authorization_server, origin)
    config["profiles"]["orders"]["credentials"]["password"] = password
    config["profiles"]["orders"]["grant"]["client_secret"] = client_secret
    quoted = {"error": f"no {password}", "error_description": f"{client_secret} {token}"}
    running = shared_proxy(config)

    answers = []
    for status in (401, 200, 503, 400):
        authorization_server.answer_with(status, quoted)
        answers.append(send("httpx", running, "GET", origin.url()))
    answers.append(send("httpx", running, "GET", origin.url()))
    running.access_log(len(answers))

    said = everything_said(running, answers)
    assert answers[-1].slug == "credentials_locked"
    assert [name for name in (password, client_secret, token) if name in said] == []


@pytest.mark.parametrize("place", ["header", "query", "payload", "path"])
def test_i5_no_credential_over_cleartext_unless_permitted(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin, place: str
) -> None:
    """Beyond loopback, http is refused wherever the credential would stand in the request."""
    fields = [{"in": place, "key": "key", "value": "{{access_token}}"}]
    owned = {"host": "api.example.test", "port": origin.port}
    running = shared_proxy(one_profile(authorization_server, owned, fields=fields))
    url = origin.url("/echo/{key}", host="api.example.test")

    refused = send("requests", running, "POST", url, {"Content-Type": "application/json"}, "{}")
    held = (len(origin.requests), authorization_server.requests)
    running.reload(one_profile(authorization_server, owned, fields=fields, allow_cleartext=True))
    permitted = send("requests", running, "POST", url, {"Content-Type": "application/json"}, "{}")

    assert (refused.status, refused.slug, held) == (403, "cleartext_refused", (0, 0))
    assert permitted.status == 200


@on_one_lane
def test_i5_the_token_endpoint_is_held_to_it_too(
    proxy: StartProxy, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """The password goes over http to no authorization server beyond loopback."""
    config = one_profile(authorization_server, origin)
    endpoint = authorization_server.token_endpoint.replace("127.0.0.1", "login.example.test")
    config["profiles"]["orders"]["grant"]["token_endpoint"] = endpoint

    with pytest.raises(AssertionError, match=r"(?s)does not listen.*token_endpoint"):
        proxy(config)

    assert (origin.requests, authorization_server.requests) == ([], 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["owned", "unowned"])
def test_i6_proxy_authorization_never_leaves(
    request: pytest.FixtureRequest,
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    scheme: str,
    host: str,
) -> None:
    """Not with a plain request, not from the CONNECT, and not when a client repeats it in its tunnel."""
    target: Origin = request.getfixturevalue("origin" if scheme == "http" else "tls_origin")
    running = shared_proxy(one_profile(authorization_server, target))
    field, authority = "Proxy-Authorization: Basic Ym90OnNlY3JldA==", f"{host}:{target.port}"

    with RawClient(running.host, running.port) as client:
        if scheme == "http":
            client.request(f"GET {target.url('/echo', host)} HTTP/1.1", f"Host: {authority}", field)
        else:
            client.tunnel(authority, field)
            client.start_tls(host, running.ca_bundle)
            inner = [field] if host == "127.0.0.1" else []
            client.request("GET /echo HTTP/1.1", f"Host: {authority}", *inner)
        answer = client.read_answer()

    assert answer.status == 200
    assert target.last.values("proxy-authorization") == []


@pytest.mark.parametrize("host", ["localhost", "acme.localhost"])
def test_i7_a_host_no_profile_owns_is_never_decrypted(
    shared_proxy: SharedProxy,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
    test_ca: Path,
    host: str,
) -> None:
    """The certificate is the origin's own, and the access log knows no request of it."""
    running = shared_proxy(one_profile(authorization_server, tls_origin))

    with RawClient(running.host, running.port) as client:
        client.tunnel(f"{host}:{tls_origin.port}")
        client.start_tls(host, test_ca)
        client.request("GET /echo/unseen HTTP/1.1", f"Host: {host}:{tls_origin.port}")
        answer = client.read_answer()

    assert answer.status == 200
    assert tls_origin.last.value("authorization") is None
    assert "unseen" not in running.log_text()


def test_i7_a_host_that_is_refused_gets_no_tunnel(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, tls_origin: Origin
) -> None:
    """With `unmatched: refuse` there is no connection to a host that no profile owns."""
    config = one_profile(authorization_server, tls_origin)
    running = shared_proxy({**config, "unmatched": "refuse"})

    with pytest.raises(ClientFailed):
        send("httpx", running, "GET", tls_origin.url(host="localhost"))

    assert tls_origin.requests == []


def test_i8_many_rejections_of_one_token_cause_one_renewal(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, tls_origin: Origin
) -> None:
    """Thirty requests that were all sent with the old token share the token request for the new one."""
    tls_origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, tls_origin))
    url = tls_origin.url("/protected")
    with send.client(running, http2=True) as client, ThreadPoolExecutor(30) as pool:
        client.get(url)
        authorization_server.revoke_access_tokens()
        authorization_server.hold()
        waiting = [pool.submit(client.get, url) for _ in range(30)]
        authorization_server.wait_for_requests(2)
        authorization_server.release()
        statuses = [answer.result().status_code for answer in waiting]

    assert statuses == [200] * 30
    assert authorization_server.requests == 2
