"""The ground itself: every server and every client of the suite works without a proxy between them."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.end_to_end.clients.answers import ClientFailed
from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import CLIENTS, HTTP2_CLIENTS, Sender
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.certificates import TestCa, make_test_ca
from tests.end_to_end.servers.django_server import DjangoServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import configuration_text
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_sends_over_plain_http(send: Sender, origin: Origin, name: str) -> None:
    """Method, path, query, fields and body arrive as they were given."""
    body = bytes(range(256))

    answer = send(name, None, "PUT", origin.url("/echo/a%2Fb?q=1%202"), {"X-Client": name}, body)

    request = origin.last
    assert (answer.status, request.method, request.path) == (200, "PUT", "/echo/a%2Fb")
    assert (request.query, request.value("x-client"), request.body) == ("q=1%202", name, body)
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_sends_over_tls(send: Sender, tls_origin: Origin, name: str) -> None:
    """The suite's certificate is trusted, and those that speak HTTP/2 speak it."""
    answer = send(name, None, "GET", tls_origin.url("/gzip", host="localhost"))

    version = "2" if name in HTTP2_CLIENTS else "1.1"
    assert answer.status == 200
    assert answer.json()["http_version"] == version
    assert answer.http_version in (version, None)


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_sends_head(send: Sender, origin: Origin, name: str) -> None:
    """An answer to HEAD has the fields of its body and no body."""
    answer = send(name, None, "HEAD", origin.url("/head"))

    assert (answer.status, answer.value("content-length"), answer.body) == (200, "23", b"")


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_distrusts_a_stranger(
    send: Sender, tls_origin: Origin, name: str, tmp_path: Path
) -> None:
    """A certificate whose CA the client was not told of ends in no answer, so trust is really checked."""
    other = make_test_ca(tmp_path).path

    with pytest.raises(ClientFailed):
        send(name, None, "GET", tls_origin.url(), ca_file=other)

    assert tls_origin.requests == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/chunked", (200, b"one two three"), id="chunked"),
        pytest.param("/204", (204, b""), id="no-content"),
        pytest.param("/always-401", (401, b"never"), id="always-401"),
        pytest.param("/status?code=503", (503, b""), id="status"),
        pytest.param("/sse?count=2", (200, b"data: 0\n\ndata: 1\n\n"), id="sse"),
        pytest.param("/early?status=413", (413, b"early"), id="early"),
        pytest.param("/slow?seconds=0.01&x=1", (200, None), id="slow"),
    ],
)
@pytest.mark.parametrize("name", ["httpx", "httpx-h2"])
def test_each_route_of_the_origin_answers(
    send: Sender, tls_origin: Origin, name: str, path: str, expected: tuple[int, bytes | None]
) -> None:
    """Every route does over HTTP/1.1 and HTTP/2 what its name says."""
    answer = send(name, None, "POST", tls_origin.url(path), body=b"x")

    status, body = expected
    assert answer.status == status
    assert body is None or answer.body == body


def test_the_origin_accepts_the_tokens_a_test_names(send: Sender, origin: Origin) -> None:
    """A protected route answers with the auth error of the test until its token is accepted."""
    origin.accepts = lambda token: token == "good"
    origin.auth_error_status, origin.auth_error_body = 403, b""
    headers = [{}, {"Authorization": "Bearer bad"}, {"Authorization": "Bearer good"}]

    answers = [send("httpx", None, "GET", origin.url("/protected"), fields) for fields in headers]

    assert [answer.status for answer in answers] == [403, 403, 200]
    assert answers[0].body == b""
    assert [request.bearer_token for request in origin.requests] == [None, "bad", "good"]


def test_the_origin_refuses_an_upload_before_its_body(origin: Origin) -> None:
    """With `reads_body_before_refusing` off, the auth error comes while the client still sends."""
    origin.reads_body_before_refusing = False

    with RawClient("127.0.0.1", origin.port) as client:
        client.request("POST /protected/upload HTTP/1.1", "Host: x", "Content-Length: 1000000", body=b"begin")
        answer = client.read_answer("POST")

    assert answer.status == 401
    assert not origin.last.is_complete


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_large_bodies_stream_both_ways(send: Sender, tls_origin: Origin, http2: bool) -> None:
    """Ten megabytes are counted on the way up and on the way down."""
    size, part = 10 * 1024 * 1024, bytes(64 * 1024)

    with send.client(http2=http2) as client:
        up = client.post(tls_origin.url("/upload"), content=(part for _ in range(size // len(part))))
        down = client.get(tls_origin.url(f"/large?size={size}"))

    assert up.json() == {"length": size, "sha256": hashlib.sha256(bytes(size)).hexdigest()}
    assert len(down.content) == size


def test_held_events_come_one_by_one(send: Sender, origin: Origin) -> None:
    """An event of a held stream is there before the next one is released."""
    with send.client() as client, client.stream("GET", origin.url("/sse?count=2&hold=1")) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        origin.release()
        rest = list(lines)

    assert (first, rest) == ("data: 0", ["", "data: 1", ""])


def test_the_origin_notices_a_client_that_leaves(origin: Origin) -> None:
    """A held answer is broken off when its client closes the connection."""
    with RawClient("127.0.0.1", origin.port) as client:
        client.request("GET /hold HTTP/1.1", "Host: x")
        origin.wait_until(lambda: len(origin.requests) == 1 and origin.last.is_complete)

    origin.wait_until(lambda: origin.clients_left == 1)
    assert origin.last.status is None


def test_a_websocket_is_echoed(tls_origin: Origin, certificates: TestCa) -> None:
    """Messages come back, and the handshake's fields are recorded."""
    context = ssl.create_default_context(cafile=str(certificates.path))
    url = tls_origin.url("/ws").replace("https", "wss")

    with connect(url, ssl=context, proxy=None, additional_headers={"X-Client": "websockets"}) as websocket:
        websocket.send("text")
        websocket.send(b"bytes")
        echoed = [websocket.recv(timeout=5), websocket.recv(timeout=5)]

    assert echoed == ["text", b"bytes"]
    assert tls_origin.last.value("x-client") == "websockets"


def test_a_websocket_handshake_is_refused(origin: Origin) -> None:
    """A protected WebSocket answers a handshake without a good token with the auth error."""
    url = origin.url("/protected/ws").replace("http", "ws")

    with pytest.raises(InvalidStatus) as refused, connect(url, proxy=None):
        pass

    assert refused.value.response.status_code == 401
    assert refused.value.response.body == origin.auth_error_body


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_raw_origin_follows_its_script(
    raw_origin: Callable[..., RawOrigin], test_ca: Path, tls: bool
) -> None:
    """A script decides over every byte: here a 100 (Continue), an answer, and a close instead of another."""

    async def script(connection: RawConnection) -> None:
        await connection.read_head()
        await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await connection.read(4)
        await connection.answer("200 OK", b"done", "X-Raw: yes")
        await connection.read_head()

    running = raw_origin(script, tls=tls)
    with RawClient("127.0.0.1", running.port) as client:
        if tls:
            client.start_tls("localhost", test_ca)
        client.request("POST / HTTP/1.1", "Host: x", "Expect: 100-continue", "Content-Length: 4")
        client.send(b"body")
        answer = client.read_answer("POST")
        client.request("GET /again HTTP/1.1", "Host: x")
        rest = client.read_until_closed()

    assert (answer.status, answer.body, answer.value("x-raw"), rest) == (200, b"done", "yes", b"")
    assert running.connections[0].received.endswith(b"GET /again HTTP/1.1\r\nHost: x\r\n\r\n")


def grant(server: AuthlibServer | DjangoServer, **parameters: str) -> httpx.Response:
    """A token request of the public client; without parameters the password grant."""
    user = getattr(server, "username", "bot"), getattr(server, "password", "p&ss+w%rd=ü")
    form = parameters or {"grant_type": "password", "username": user[0], "password": user[1]}
    with httpx.Client(trust_env=False) as client:
        return client.post(server.token_endpoint, data={"client_id": "public-client", **form})


def test_the_authlib_server_grants_records_and_counts(authorization_server: AuthlibServer) -> None:
    """A token it grants is one it accepts, and the request is there to be looked at."""
    answer = grant(authorization_server)

    request = authorization_server.token_requests[0]
    assert authorization_server.accepts(answer.json()["access_token"])
    assert (request.parameters["username"], request.parameters["password"]) == ("bot", "p&ss+w%rd=ü")
    assert (request.status, request.headers["content-length"]) == (200, str(len(request.body)))
    assert authorization_server.count("password") == authorization_server.requests == 1


def test_the_authlib_server_fails_on_purpose(authorization_server: AuthlibServer) -> None:
    """A failure lasts as many requests as it was given, an answer of the test's own likewise."""
    authorization_server.fail_with(503, times=1)
    failed = grant(authorization_server)
    authorization_server.answer_with(429, {"error": "slow_down"}, {"Retry-After": "7"})
    throttled = grant(authorization_server)
    authorization_server.recover()
    recovered = grant(authorization_server)

    assert [failed.status_code, throttled.status_code, recovered.status_code] == [503, 429, 200]
    assert (throttled.json(), throttled.headers["retry-after"]) == ({"error": "slow_down"}, "7")
    assert [request.status for request in authorization_server.token_requests] == [503, 429, 200]


def test_the_authlib_server_holds_its_answer(authorization_server: AuthlibServer) -> None:
    """A held token request has arrived and is not answered before it is released."""
    authorization_server.hold()
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(grant(authorization_server)))
    waiting.start()

    authorization_server.wait_for_requests(1)
    before = list(answers)
    authorization_server.release()
    waiting.join(10)

    assert (before, [answer.status_code for answer in answers]) == ([], [200])


def test_the_authlib_server_speaks_tls(tls_authorization_server: AuthlibServer, send: Sender) -> None:
    """Its certificate is the suite's."""
    answer = send("curl", None, "POST", tls_authorization_server.token_endpoint, body="grant_type=none")

    assert answer.json()["error"] == "unsupported_grant_type"


def test_django_oauth_toolkit_grants_and_protects(
    django_authorization_server: Callable[..., DjangoServer], send: Sender
) -> None:
    """Its tokens open both of its views, and a dead one is 403 with nothing or 401 with a challenge."""
    server = django_authorization_server(access_lifetime=77)
    token = grant(server).json()
    good = {"Authorization": f"Bearer {token['access_token']}"}
    views = [f"{server.url}/toolkit/me", f"{server.url}/rest/me"]

    before = [send("httpx", None, "GET", view, good) for view in views]
    server.revoke_access_tokens()
    after = [send("httpx", None, "GET", view, good) for view in views]

    assert [answer.json() for answer in before] == [{"user": "bot"}] * 2
    assert token["expires_in"] == 77
    assert [(answer.status, answer.body == b"") for answer in after] == [(403, True), (401, False)]
    assert (after[1].value("www-authenticate") or "").startswith("Bearer")


def test_django_oauth_toolkit_follows_its_regime(
    django_authorization_server: Callable[..., DjangoServer],
) -> None:
    """With rotation a refresh token works once; each request is counted; a killed one is refused."""
    server = django_authorization_server()
    first = grant(server).json()

    second = grant(server, grant_type="refresh_token", refresh_token=first["refresh_token"])
    again = grant(server, grant_type="refresh_token", refresh_token=first["refresh_token"])
    server.kill_refresh_tokens()
    killed = grant(server, grant_type="refresh_token", refresh_token=second.json()["refresh_token"])

    assert [second.status_code, again.status_code, killed.status_code] == [200, 400, 400]
    assert (server.requests, server.count("password"), server.count("refresh_token")) == (4, 1, 3)


def test_django_oauth_toolkit_knows_a_confidential_client(
    django_authorization_server: Callable[..., DjangoServer],
) -> None:
    """The confidential client is known by Basic and by body, and refused with a wrong secret."""
    server = django_authorization_server(rotate=False)
    form = {"grant_type": "password", "username": server.username, "password": server.password}
    in_body = {"client_id": server.client_id, "client_secret": server.client_secret}

    with httpx.Client(trust_env=False) as client:
        answers = [
            client.post(server.token_endpoint, data=form, auth=(server.client_id, server.client_secret)),
            client.post(server.token_endpoint, data={**form, **in_body}),
            client.post(server.token_endpoint, data=form, auth=(server.client_id, "wrong")),
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 401]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"profiles": {}, "listen": "127.0.0.1:1"}, id="mapping"),
        pytest.param("listen: 127.0.0.1:1  # mine\nprofiles: {}\n", id="text"),
    ],
)
def test_a_configuration_is_completed_by_the_defaults(config: dict[str, object] | str) -> None:
    """What the test says stays, what it leaves out comes from the defaults."""
    text = configuration_text(config, {"listen": "127.0.0.1:0", "console": None})

    assert yaml.safe_load(text) == {"listen": "127.0.0.1:1", "profiles": {}, "console": None}
    assert not isinstance(config, str) or text.startswith(config)
