"""The main job: a bare request of any client leaves with authorization in all four places, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from profiles.secret_hashes import hash_secret
from tests.end_to_end.clients.answers import ClientFailed
from tests.end_to_end.clients.sending import CLIENTS, Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    USERNAME,
    AuthlibServer,
)
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.shared_proxy import SharedProxy


@pytest.fixture(params=["http", "https"])
def either_origin(request: pytest.FixtureRequest) -> Origin:
    return request.getfixturevalue("origin" if request.param == "http" else "tls_origin")


@pytest.mark.parametrize("client", CLIENTS)
def test_hazard_20_a_bare_request_of_each_client_is_authorized_and_replayed(
    client: str,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """The token is put in; when it is revoked, the client sees nothing but the answer it wanted."""
    either_origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, either_origin))
    url = either_origin.url("/protected/echo")

    first = send(client, running, "GET", url)
    authorization_server.revoke_access_tokens()
    second = send(client, running, "POST", url, {"Content-Type": "text/plain"}, b"kept intact")

    assert (first.status, second.status) == (200, 200)
    assert [request.status for request in either_origin.requests] == [200, 401, 200]
    assert either_origin.last.body == b"kept intact"
    assert authorization_server.requests == 2


def test_values_arrive_in_all_four_places_and_the_clients_own_do_not(
    shared_proxy: SharedProxy,
    send: Sender,
    make_authorization_server: Callable[..., AuthlibServer],
    origin: Origin,
) -> None:
    """Invariant I3: whatever the client had under an injected name is replaced."""
    server = make_authorization_server(extra_members={"account_id": "47 11/x", "api_key": "k&y"})
    fields = [
        {"in": "header", "key": "Authorization", "value": "Bearer {{access_token}}"},
        {"in": "query", "key": "api_key", "value": "{{token.api_key}}"},
        {"in": "payload", "key": "customer.ssn", "value": "{{username}}"},
        {"in": "path", "key": "accountId", "value": "{{token.account_id}}"},
    ]
    running = shared_proxy(one_profile(server, origin, fields=fields))
    own = {"authorization": "Bearer own", "Content-Type": "application/json"}
    body = b'{"customer": {"ssn": "own", "n": 1.0}}'

    answer = send("requests", running, "POST", origin.url("/echo/{accountId}?%61pi_key=own&x=%2F"), own, body)

    assert answer.status == 200, answer.body
    seen = origin.last
    assert server.accepts(seen.bearer_token)
    assert seen.query == "x=%2F&api_key=k%26y"
    assert seen.path == "/echo/47%2011%2Fx"
    assert json.loads(seen.body) == {"customer": {"ssn": USERNAME, "n": 1.0}}


@pytest.mark.parametrize(
    ("content_type", "body", "slug"),
    [
        ("application/json", b"[1, 2]", "payload_not_injectable"),
        ("application/json", b"{broken", "payload_not_injectable"),
        ("image/png", b"\x89PNG", "payload_not_injectable"),
        ("application/json", b'"' + b"x" * 3000 + b'"', "payload_too_large"),
    ],
)
def test_body_that_cannot_take_the_field_is_not_forwarded(
    content_type: str,
    body: bytes,
    slug: str,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """Invariant I2 for bodies: refused, and the origin hears nothing."""
    fields = [{"in": "payload", "key": "customer.ssn", "value": "{{username}}"}]
    running = shared_proxy(one_profile(authorization_server, origin, fields=fields, payload_limit=2000))

    answer = send("requests", running, "POST", origin.url(), {"Content-Type": content_type}, body)

    assert answer.slug == slug
    assert origin.requests == []


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param("503", id="hazard-9-out-of-order"),
        pytest.param("gone", id="hazard-9-gone"),
        pytest.param("redirect", id="hazard-14-redirect"),
        pytest.param("garbage", id="garbage"),
    ],
)
def test_trouble_with_the_token_endpoint_never_lets_a_request_out_bare(
    trouble: str, shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Invariant I2: refused with a problem document and Proxy-Status."""
    config = one_profile(authorization_server, origin)
    expected = {"503": "token_endpoint_unreachable", "gone": "token_endpoint_unreachable"}
    match trouble:
        case "503":
            authorization_server.fail_with(503)
        case "garbage":
            authorization_server.answer_with(200, b"<html>log in</html>", {"Content-Type": "text/html"})
        case "redirect":
            authorization_server.answer_with(307, b"", {"Location": origin.url("/stolen")})
        case "gone":
            config["profiles"]["orders"]["grant"]["token_endpoint"] = "http://127.0.0.1:9/token"
    running = shared_proxy(config)

    answer = send("requests", running, "GET", origin.url())

    problem = json.loads(answer.body)
    assert problem["slug"] == expected.get(trouble, "token_response_invalid")
    assert problem["profile"] == "orders"
    headers = {name.lower(): value for name, value in answer.headers}
    assert headers["content-type"] == "application/problem+json"
    assert headers["proxy-status"].startswith("grantproxy; error=")
    assert origin.requests == []


def test_clients_are_told_apart_and_their_secret_stays_here(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, either_origin: Origin
) -> None:
    """Invariant I6: 407 without credentials, 403 for a foreign profile, and nothing of it at the origin."""
    config = one_profile(authorization_server, either_origin)
    config["clients"] = {
        "bot-1": {"secret": "s3cret-1", "profiles": ["orders"]},
        "bot-2": {"secret": "s3cret-2", "profiles": []},
    }
    running = shared_proxy(config)
    url = either_origin.url()

    good = send("httpx", running, "GET", url, credentials=("bot-1", "s3cret-1"))
    foreign = send("httpx", running, "GET", url, credentials=("bot-2", "s3cret-2"))

    assert good.status == 200
    assert foreign.slug == "profile_not_allowed"
    assert len(either_origin.requests) == 1
    assert either_origin.last.values("proxy-authorization") == []


@pytest.mark.parametrize("client", ["curl", "requests", "node-fetch"])
def test_every_kind_of_client_answers_the_challenge(
    client: str,
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
) -> None:
    """At CONNECT, with a secret that is stored as a hash: 407 without credentials, through with them."""
    config = one_profile(authorization_server, tls_origin)
    config["clients"] = {"bot-1": {"secret": hash_secret("s3cret:1")}}
    running = shared_proxy(config)

    for wrong in (None, ("bot-1", "s3cret"), ("bot-2", "s3cret:1")):
        with pytest.raises(ClientFailed):
            send(client, running, "GET", tls_origin.url(), credentials=wrong)
    answer = send(client, running, "GET", tls_origin.url(), credentials=("bot-1", "s3cret:1"))

    assert answer.status == 200
    assert [entry["status"] for entry in running.access_log(4)] == [407, 407, 407, 200]
    assert len(tls_origin.requests) == 1
    assert tls_origin.last.values("proxy-authorization") == []


def test_django_oauth_toolkit_with_rotation_and_an_empty_403(
    shared_proxy: SharedProxy, send: Sender, django_authorization_server: Callable[..., Any]
) -> None:
    """A whole product: its protected view answers a dead token 403 with an empty body."""
    server = django_authorization_server(rotate=True, access_lifetime=60)
    port = urlsplit(server.token_endpoint).port
    config = {
        "profiles": {
            "toolkit": {
                "match": [{"host": "127.0.0.1", "port": port}],
                "credentials": {"username": USERNAME, "password": PASSWORD},
                "grant": {
                    "token_endpoint": server.token_endpoint,
                    "client_id": CLIENT_ID,
                    "client_secret": CLIENT_SECRET,
                },
                "auth_error": [401, 403],
            }
        }
    }
    running = shared_proxy(config)
    base = f"http://127.0.0.1:{port}"

    answers = [send("requests", running, "GET", base + path) for path in ("/toolkit/me", "/rest/me")]

    assert [answer.status for answer in answers] == [200, 200]
    assert [entry["token"] for entry in running.access_log(2)] == ["password", "cached"]
