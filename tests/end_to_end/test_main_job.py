"""The main job, end to end: a bare request of any client leaves with authorization, and one replay hides a
rejected token."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.end_to_end.clients.sending import CLIENTS, Sender
from tests.end_to_end.servers.authlib_server import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    USERNAME,
    AuthlibServer,
)
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin

StartProxy = Callable[..., ProxyProcess]


def profile(server: AuthlibServer, origin: Origin | RawOrigin, **more: Any) -> dict[str, Any]:
    return {
        "match": [{"host": "127.0.0.1", "port": origin.port}],
        "credentials": {"username": USERNAME, "password": PASSWORD},
        "grant": {
            "token_endpoint": server.token_endpoint,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        },
        **more,
    }


def one_profile(server: AuthlibServer, origin: Origin | RawOrigin, **more: Any) -> dict[str, Any]:
    return {"profiles": {"orders": profile(server, origin, **more)}}


@pytest.fixture(params=["http", "https"])
def either_origin(request: pytest.FixtureRequest) -> Origin:
    return request.getfixturevalue("origin" if request.param == "http" else "tls_origin")


@pytest.mark.parametrize("client", CLIENTS)
def test_bare_request_of_each_client_is_authorized_and_replayed(
    client: str,
    proxy: StartProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    either_origin: Origin,
) -> None:
    """The token is put in; when it is revoked, the client sees nothing but the answer it wanted."""
    either_origin.accepts = authorization_server.accepts
    running = proxy(one_profile(authorization_server, either_origin))
    url = either_origin.url("/protected/echo")

    first = send(client, running, "GET", url)
    authorization_server.revoke_access_tokens()
    second = send(client, running, "POST", url, {"Content-Type": "text/plain"}, b"kept intact")

    assert (first.status, second.status) == (200, 200)
    assert [request.status for request in either_origin.requests] == [200, 401, 200]
    assert either_origin.last.body == b"kept intact"
    assert authorization_server.requests == 2


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"", {}, id="empty"),
        pytest.param(b"x" * 1_000_000, {}, id="hazard-05-1-MB"),
        pytest.param(gzip.compress(b"y" * 5000), {"Content-Encoding": "gzip"}, id="hazard-05-compressed"),
    ],
)
@pytest.mark.parametrize("client", ["requests", "httpx-h2"])
def test_replay_keeps_the_body(
    client: str,
    body: bytes,
    headers: dict[str, str],
    proxy: StartProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    tls_origin: Origin,
) -> None:
    """The second sending has the same body as the first, to the byte."""
    tls_origin.accepts = authorization_server.accepts
    running = proxy(one_profile(authorization_server, tls_origin))
    send(client, running, "GET", tls_origin.url("/protected/echo"))
    authorization_server.revoke_access_tokens()

    answer = send(client, running, "PUT", tls_origin.url("/protected/upload"), headers, body)

    assert answer.status == 200
    digests = [request.sha256 for request in tls_origin.requests[1:]]
    assert digests == [hashlib.sha256(body).hexdigest()] * 2


def test_chunked_body_is_replayed(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """A body of unknown length goes out twice as well."""
    origin.accepts = authorization_server.accepts
    running = proxy(one_profile(authorization_server, origin))
    with send.client(running) as client:
        client.get(origin.url("/protected/echo"))
        authorization_server.revoke_access_tokens()

        answer = client.post(origin.url("/protected/upload"), content=iter([b"one", b"two"]))

    assert answer.json()["length"] == 6
    assert [request.status for request in origin.requests] == [200, 401, 200]


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "OPTIONS"])
def test_any_method_is_replayed(
    method: str, proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, tls_origin: Origin
) -> None:
    """The replay asks nothing of the method."""
    tls_origin.accepts = authorization_server.accepts
    running = proxy(one_profile(authorization_server, tls_origin))
    send("httpx", running, "GET", tls_origin.url("/protected/echo"))
    authorization_server.revoke_access_tokens()

    answer = send("httpx", running, method, tls_origin.url("/protected/204"))

    assert answer.status == 204
    assert [request.status for request in tls_origin.requests] == [200, 401, 204]


@pytest.mark.parametrize("http2", [False, True], ids=["h1", "h2"])
def test_event_stream_streams_after_a_replay(
    http2: bool, proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, tls_origin: Origin
) -> None:
    """Hazard 15: the first event is with the client before the origin has the last one."""
    tls_origin.accepts = authorization_server.accepts
    running = proxy(one_profile(authorization_server, tls_origin))
    with send.client(running, http2=http2) as client:
        client.get(tls_origin.url("/protected/echo"))
        authorization_server.revoke_access_tokens()

        with client.stream("GET", tls_origin.url("/protected/sse?count=2&hold=1")) as answer:
            events = answer.iter_lines()
            first = next(events)
            tls_origin.release()
            rest = [line for line in events if line]

    assert (first, rest) == ("data: 0", ["data: 1"])


def test_fifty_requests_on_a_cold_token_cause_one_token_request(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Hazard 1, invariant I8: however many wait, one asks."""
    running = proxy(one_profile(authorization_server, origin))
    authorization_server.hold()
    with send.client(running) as client, ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(client.get, origin.url("/protected/echo")) for _ in range(50)]
        authorization_server.wait_for_requests(1)
        authorization_server.release()
        statuses = [answer.result().status_code for answer in waiting]

    assert statuses == [200] * 50
    assert authorization_server.requests == 1


def test_second_auth_error_is_passed_on_and_believed(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Hazard 6: an origin that always rejects is answered by it, and hammers nobody."""
    running = proxy(one_profile(authorization_server, origin))

    answers = [send("requests", running, "GET", origin.url("/always-401")) for _ in range(5)]

    assert [answer.status for answer in answers] == [401] * 5
    assert answers[0].body == b"never"
    assert len(origin.requests) == 6
    assert authorization_server.requests == 2


def test_body_over_the_replay_limit_passes_the_auth_error_and_renews(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """What was not kept is not sent again, and the next request has a new token."""
    origin.accepts = authorization_server.accepts
    running = proxy(one_profile(authorization_server, origin, replay_limit=1000))
    send("requests", running, "GET", origin.url("/protected/echo"))
    authorization_server.revoke_access_tokens()

    first = send("requests", running, "POST", origin.url("/protected/upload"), {}, b"z" * 2000)
    second = send("requests", running, "POST", origin.url("/protected/upload"), {}, b"z" * 2000)

    assert (first.status, second.status) == (401, 200)


def test_wrong_password_is_submitted_once(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Hazard 7: the first refusal is the authorization server's, every further one is ours."""
    wrong = {"username": USERNAME, "password": "wrong"}
    running = proxy(one_profile(authorization_server, origin, credentials=wrong))

    answers = [send("curl", running, "GET", origin.url()) for _ in range(4)]

    slugs = [json.loads(answer.body)["slug"] for answer in answers]
    assert slugs == ["token_request_rejected", *["credentials_locked"] * 3]
    assert answers[1].status == 503
    assert authorization_server.requests == 1
    assert origin.requests == []


def test_origin_that_answers_early_is_replayed_with_the_whole_body(
    proxy: StartProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    raw_origin: Callable[..., RawOrigin],
) -> None:
    """An auth error ahead of the body's end ends the first sending; the second has all of the body."""
    bodies: list[bytes] = []
    is_rejected = threading.Event()

    async def script(connection: RawConnection) -> None:
        if not is_rejected.is_set():
            await connection.read_head()
            await connection.answer("401 Unauthorized", b"early")
            is_rejected.set()
            await connection.read_until_closed()
        else:
            await connection.read_head()
            bodies.append(await connection.read(101_000))
            await connection.answer("200 OK", b"late")

    running_origin = raw_origin(script)
    config = one_profile(authorization_server, running_origin)
    running = proxy(config)

    def body() -> Iterator[bytes]:
        yield b"a" * 1000
        is_rejected.wait(10)
        authorization_server.wait_for_requests(1)
        yield b"b" * 100_000

    with send.client(running) as client:
        answer = client.post(running_origin.url("/"), content=body(), headers={"Content-Length": "101000"})

    assert (answer.status_code, answer.content) == (200, b"late")
    assert bodies == [b"a" * 1000 + b"b" * 100_000]


def test_values_arrive_in_all_four_places_and_the_clients_own_do_not(
    proxy: StartProxy,
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
    running = proxy(one_profile(server, origin, fields=fields))
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
    proxy: StartProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """Invariant I2 for bodies: refused, and the origin hears nothing."""
    fields = [{"in": "payload", "key": "customer.ssn", "value": "{{username}}"}]
    running = proxy(one_profile(authorization_server, origin, fields=fields, payload_limit=2000))

    answer = send("requests", running, "POST", origin.url(), {"Content-Type": content_type}, body)

    assert json.loads(answer.body)["slug"] == slug
    assert origin.requests == []


@pytest.mark.parametrize("trouble", ["503", "garbage", "redirect", "gone"])
def test_trouble_with_the_token_endpoint_never_lets_a_request_out_bare(
    trouble: str, proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Invariant I2, hazards 9 and 14: refused with a problem document and Proxy-Status."""
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
    running = proxy(config)

    answer = send("requests", running, "GET", origin.url())

    problem = json.loads(answer.body)
    assert problem["slug"] == expected.get(trouble, "token_response_invalid")
    assert problem["profile"] == "orders"
    headers = {name.lower(): value for name, value in answer.headers}
    assert headers["content-type"] == "application/problem+json"
    assert headers["proxy-status"].startswith("grantproxy; error=")
    assert origin.requests == []


def test_host_that_no_profile_owns_is_tunnelled_untouched(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, tls_origin: Origin, test_ca: Any
) -> None:
    """Invariant I7: the client meets the origin's own certificate, which alone it trusts here."""
    running = proxy(one_profile(authorization_server, tls_origin))

    answer = send("curl", running, "GET", tls_origin.url("/echo", host="localhost"), ca_file=test_ca)

    assert answer.status == 200
    assert tls_origin.last.bearer_token is None
    assert authorization_server.requests == 0


@pytest.mark.parametrize("header", ["evil.example", "localhost"])
def test_host_that_disagrees_is_refused(
    header: str, proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, either_origin: Origin
) -> None:
    """Invariant I1, hazard 18: the connection goes to one origin, Host names another."""
    running = proxy(one_profile(authorization_server, either_origin))

    answer = send("curl", running, "GET", either_origin.url(), {"Host": header})

    assert answer.status == 400
    assert json.loads(answer.body)["slug"] == "hosts_disagree"
    assert either_origin.requests == []


def test_credential_over_cleartext_needs_leave(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Invariant I5: a host beyond loopback over http is refused until the profile permits it."""
    config = one_profile(authorization_server, origin)
    config["profiles"]["orders"]["match"] = [{"host": "api.example.test", "port": origin.port}]
    running = proxy(config)

    refused = send("requests", running, "GET", origin.url(host="api.example.test"))
    config["profiles"]["orders"]["allow_cleartext"] = True
    running.reload(config)
    permitted = send("requests", running, "GET", origin.url(host="api.example.test"))

    assert json.loads(refused.body)["slug"] == "cleartext_refused"
    assert permitted.status == 200


def test_clients_are_told_apart_and_their_secret_stays_here(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, either_origin: Origin
) -> None:
    """Invariant I6: 407 without credentials, 403 for a foreign profile, and nothing of it at the origin."""
    config = one_profile(authorization_server, either_origin)
    config["clients"] = {
        "bot-1": {"secret": "s3cret-1", "profiles": ["orders"]},
        "bot-2": {"secret": "s3cret-2", "profiles": []},
    }
    running = proxy(config)
    url = either_origin.url()

    good = send("httpx", running, "GET", url, credentials=("bot-1", "s3cret-1"))
    foreign = send("httpx", running, "GET", url, credentials=("bot-2", "s3cret-2"))

    assert good.status == 200
    assert json.loads(foreign.body)["slug"] == "profile_not_allowed"
    assert len(either_origin.requests) == 1
    assert either_origin.last.values("proxy-authorization") == []


def test_no_secret_appears_anywhere(
    proxy: StartProxy,
    send: Sender,
    make_authorization_server: Callable[..., AuthlibServer],
    origin: Origin,
) -> None:
    """Invariant I4: sentinels go where they must, through success and refusals, and nowhere else."""
    server = make_authorization_server()
    origin.accepts = server.accepts
    sentinel = f"sentinel-{secrets.token_hex(8)}"
    config = one_profile(server, origin)
    config["profiles"]["locked"] = profile(
        server, origin, credentials={"username": "bot", "password": sentinel}
    )
    config["profiles"]["locked"]["match"] = [{"host": "localhost", "port": origin.port}]
    running = proxy(config)

    answers = [send("requests", running, "GET", origin.url("/protected/echo"))]
    server.revoke_access_tokens()
    answers.append(send("requests", running, "GET", origin.url("/protected/status?code=204")))
    answers += [send("requests", running, "GET", origin.url(host="localhost")) for _ in range(2)]
    tokens = [request.bearer_token for request in origin.requests]
    running.access_log(4)
    running.stop()

    assert all(tokens)
    printed = running.log_text()
    refusals = b"".join(answer.body for answer in answers[1:])
    for secret in [sentinel, PASSWORD, CLIENT_SECRET, *tokens]:
        assert secret is not None
        assert secret not in printed
        assert secret.encode() not in refusals


def test_client_that_leaves_takes_nobody_along(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Hazard 4: the first that waited disconnects; the token comes for the others, from one request."""
    running = proxy(one_profile(authorization_server, origin))
    authorization_server.hold()
    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(Exception, match=r"."):
            send("httpx", running, "GET", origin.url(), timeout=0.5)
        waiting = pool.submit(send, "requests", running, "GET", origin.url())
        authorization_server.wait_for_requests(1)
        authorization_server.release()
        answer = waiting.result()

    assert answer.status == 200
    assert authorization_server.requests == 1
    assert len(origin.requests) == 1


def test_slow_token_endpoint_stalls_nobody_else(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Hazard 8: while one profile waits for its token, other requests go on."""
    running = proxy(one_profile(authorization_server, origin))
    authorization_server.hold()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, "requests", running, "GET", origin.url())
        authorization_server.wait_for_requests(1)
        other = send("requests", running, "GET", origin.url(host="localhost"))
        is_waiting = not waiting.done()
        authorization_server.release()

        assert waiting.result().status == 200
    assert other.status == 200
    assert is_waiting


@pytest.mark.parametrize("is_rejected", [False, True], ids=["at-once", "after-a-replay"])
def test_websocket_handshake_is_authorized(
    is_rejected: bool,
    proxy: StartProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
) -> None:
    """Hazard 15: the upgrade carries the injected header, also when its first sending was rejected."""
    origin.accepts = authorization_server.accepts
    running = proxy(one_profile(authorization_server, origin))
    send("requests", running, "GET", origin.url("/protected/echo"))
    if is_rejected:
        authorization_server.revoke_access_tokens()

    url = origin.url("/protected/ws").replace("http://", "ws://")
    with connect(url, proxy=running.url) as socket:
        socket.send("hello")
        echoed = socket.recv(timeout=10)

    assert echoed == "hello"
    handshakes = [request.status for request in origin.at("/protected/ws")]
    assert handshakes == ([401, 101] if is_rejected else [101])


def test_large_bodies_stream_with_flat_memory(
    proxy: StartProxy, send: Sender, authorization_server: AuthlibServer, tls_origin: Origin
) -> None:
    """200 MB go up and 100 MB come down, and the proxy holds little of either."""
    running = proxy(one_profile(authorization_server, tls_origin))
    chunk = bytes(1024 * 1024)
    with send.client(running, timeout=60) as client:
        client.post(tls_origin.url("/upload"), content=chunk)
        before = running.resident_memory()

        length = 200 * len(chunk)
        answer = client.post(
            tls_origin.url("/upload"),
            content=(chunk for _ in range(200)),
            headers={"Content-Length": str(length)},
        )
        with client.stream("GET", tls_origin.url(f"/large?size={100 * len(chunk)}")) as download:
            received = sum(len(part) for part in download.iter_bytes())

    assert answer.json()["length"] == length
    assert received == 100 * len(chunk)
    assert running.resident_memory() - before < 60 * len(chunk)


def test_django_oauth_toolkit_with_rotation_and_an_empty_403(
    proxy: StartProxy, send: Sender, django_authorization_server: Callable[..., Any]
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
    running = proxy(config)
    base = f"http://127.0.0.1:{port}"

    answers = [send("requests", running, "GET", base + path) for path in ("/toolkit/me", "/rest/me")]

    assert [answer.status for answer in answers] == [200, 200]
    assert [entry["token"] for entry in running.access_log(2)] == ["password", "cached"]
