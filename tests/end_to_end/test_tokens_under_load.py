"""How tokens are had when many ask, when something is slow, and when somebody leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_one_lane
from tests.end_to_end.servers.authlib_server import USERNAME, AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.shared_proxy import SharedProxy


def test_i8_hazard_1_fifty_requests_on_a_cold_token_cause_one_token_request(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """However many wait, one asks."""
    running = shared_proxy(one_profile(authorization_server, origin))
    authorization_server.hold()
    with send.client(running) as client, ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(client.get, origin.url("/protected/echo")) for _ in range(50)]
        authorization_server.wait_for_requests(1)
        authorization_server.release()
        statuses = [answer.result().status_code for answer in waiting]

    assert statuses == [200] * 50
    assert authorization_server.requests == 1


@on_one_lane
def test_hazard_7_a_wrong_password_is_submitted_once(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """The first refusal is the authorization server's, every further one is ours."""
    wrong = {"username": USERNAME, "password": "wrong"}
    running = shared_proxy(one_profile(authorization_server, origin, credentials=wrong))

    answers = [send("curl", running, "GET", origin.url()) for _ in range(4)]

    slugs = [answer.slug for answer in answers]
    assert slugs == ["token_request_rejected", *["credentials_locked"] * 3]
    assert answers[1].status == 503
    assert authorization_server.requests == 1
    assert origin.requests == []


def test_hazard_4_a_client_that_leaves_takes_nobody_along(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """The first that waited disconnects; the token comes for the others, from one request."""
    running = shared_proxy(one_profile(authorization_server, origin))
    authorization_server.hold()
    with ThreadPoolExecutor(1) as pool:
        with RawClient(running.host, running.port) as leaving:
            leaving.request(f"GET {origin.url()} HTTP/1.1", f"Host: {origin.authority}")
            authorization_server.wait_for_requests(1)
            waiting = pool.submit(send, "requests", running, "GET", origin.url())
        # An exchange beside it, so that the proxy has read what came before: that the client is gone.
        send("httpx", running, "GET", origin.url("/beside", host="localhost"))
        authorization_server.release()
        answer = waiting.result()

    assert answer.status == 200
    assert authorization_server.requests == 1
    assert [request.path for request in origin.requests] == ["/beside", "/echo"]


def test_hazard_8_a_slow_token_endpoint_stalls_nobody_else(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """While one profile waits for its token, other requests go on."""
    running = shared_proxy(one_profile(authorization_server, origin))
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
