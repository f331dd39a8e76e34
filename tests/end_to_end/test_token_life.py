"""The life of a token: how it is asked for, when it is renewed, what follows when it or its origin dies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.lanes import on_one_lane
from tests.end_to_end.servers.authlib_server import PASSWORD, USERNAME, AuthlibServer
from tests.end_to_end.servers.django_server import DjangoServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin
from tests.end_to_end.servers.shared_proxy import SharedProxy


def grant_types(server: AuthlibServer) -> list[str | None]:
    return [request.grant_type for request in server.token_requests]


def test_hazard_2_a_late_rejection_leaves_the_new_token_alone(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    raw_origin: Callable[..., RawOrigin],
) -> None:
    """Of two with the old token, the one that is rejected later goes out again with the other's new one."""
    late_has_come, late_is_rejected = threading.Event(), threading.Event()

    async def script(connection: RawConnection) -> None:
        while True:
            head = (await connection.read_head()).decode()
            token = head.partition("Authorization: Bearer ")[2].partition("\r\n")[0]
            if authorization_server.accepts(token):
                await connection.answer("200 OK", token.encode())
            else:
                if head.startswith("GET /late"):
                    late_has_come.set()
                    await asyncio.to_thread(late_is_rejected.wait, 20)
                await connection.answer("401 Unauthorized")

    origin = raw_origin(script)
    running = shared_proxy(one_profile(authorization_server, origin))
    send("httpx", running, "GET", origin.url("/warm"))
    authorization_server.revoke_access_tokens()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(send, "httpx", running, "GET", origin.url("/late"))
        assert late_has_come.wait(10)
        early = send("httpx", running, "GET", origin.url("/early"))
        late_is_rejected.set()
        answers = [early, late.result()]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    assert grant_types(authorization_server) == ["password", "refresh_token"]


def test_hazard_3_a_renewal_cannot_bring_a_rejected_token_back(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """An authorization server that answers the refresh with the token it knows is asked by password."""
    known = {"access_token": "known", "refresh_token": "r", "expires_in": 3600}
    origin.accepts = lambda token: token == "known"
    authorization_server.answer_with(200, known, times=1)
    running = shared_proxy(one_profile(authorization_server, origin))
    send("httpx", running, "GET", origin.url("/protected"))
    origin.accepts = authorization_server.accepts
    authorization_server.answer_with(200, known, times=1)

    answer = send("httpx", running, "GET", origin.url("/protected"))

    assert answer.status == 200
    assert grant_types(authorization_server) == ["password", "refresh_token", "password"]
    sent = [request.bearer_token for request in origin.requests]
    assert (sent[:2], len(sent)) == (["known", "known"], 3)


@on_one_lane
def test_hazard_9_a_valid_token_outlives_its_authorization_server(
    shared_proxy: SharedProxy,
    send: Sender,
    make_authorization_server: Callable[..., AuthlibServer],
    origin: Origin,
) -> None:
    """While the token lasts nobody notices; then requests are refused, and no expired token is sent."""
    server = make_authorization_server(access_lifetime=5)
    origin.accepts = server.accepts
    running = shared_proxy(one_profile(server, origin))
    with send.client(running) as client:
        client.get(origin.url("/protected"))
        server.fail_with(503)
        answers = [client.get(origin.url("/protected"))]
        while answers[-1].status_code == 200:
            answers.append(client.get(origin.url("/protected")))
        server.recover()
        recovered = client.get(origin.url("/protected"))

    assert len(answers) > 10
    assert answers[-1].json()["slug"] == "token_endpoint_unreachable"
    assert {request.status for request in origin.requests} == {200}
    assert recovered.status_code == 200


def test_hazard_10_the_password_takes_over_from_a_dead_refresh_token(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Within the one request that meets it, and the next renewal uses the new refresh token."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin))
    url = origin.url("/protected")
    statuses = [send("httpx", running, "GET", url).status]
    authorization_server.kill_refresh_tokens()
    for _ in range(2):
        authorization_server.revoke_access_tokens()
        statuses.append(send("httpx", running, "GET", url).status)

    assert statuses == [200, 200, 200]
    assert grant_types(authorization_server) == ["password", "refresh_token", "password", "refresh_token"]


def test_hazard_10_without_regenerate_the_password_stays_unused(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Who switched that off is told that the refresh token has died."""
    origin.accepts = authorization_server.accepts
    running = shared_proxy(one_profile(authorization_server, origin, regenerate=False))
    send("httpx", running, "GET", origin.url("/protected"))
    authorization_server.kill_refresh_tokens()
    authorization_server.revoke_access_tokens()

    answers = [send("httpx", running, "GET", origin.url("/protected")) for _ in range(2)]

    assert [answer.slug for answer in answers] == ["token_request_rejected"] * 2
    assert grant_types(authorization_server) == ["password", "refresh_token"]


def test_hazard_11_quirk_16_rotation_with_reuse_detection_survives_a_crowd(
    shared_proxy: SharedProxy, send: Sender, django_authorization_server: Callable[..., DjangoServer]
) -> None:
    """Each refresh token is used once, however many are rejected at once: the family is never killed."""
    server = django_authorization_server(rotate=True, reuse_protection=True)
    running = shared_proxy(one_profile(server, server, auth_error=[401, 403]))
    rounds = 3
    with send.client(running) as client, ThreadPoolExecutor(15) as pool:
        statuses = [client.get(f"{server.url}/rest/me").status_code]
        for _ in range(rounds):
            server.revoke_access_tokens()
            waiting = [pool.submit(client.get, f"{server.url}/rest/me") for _ in range(15)]
            statuses += [answer.result().status_code for answer in waiting]

    assert statuses == [200] * (1 + 15 * rounds)
    assert (server.count("password"), server.count("refresh_token")) == (1, rounds)
    assert {request["status"] for request in server.token_requests} == {200}


@on_one_lane
@pytest.mark.parametrize("content_type", ["urlencoded", "json"])
def test_hazard_13_a_password_arrives_as_it_is(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
    content_type: str,
) -> None:
    """Characters that mean something in the request's encoding mean nothing in a password."""
    config = one_profile(authorization_server, origin)
    config["profiles"]["orders"]["grant"]["content_type"] = content_type
    authorization_server.answer_with(200, {"access_token": "t"})
    running = shared_proxy(config)

    answer = send("httpx", running, "GET", origin.url())

    sent = authorization_server.token_requests[0].parameters
    assert answer.status == 200
    assert (sent["username"], sent["password"]) == (USERNAME, PASSWORD)


@on_one_lane
@pytest.mark.parametrize(
    ("answer", "default_lifetime"),
    [
        pytest.param({"access_token": "t"}, 1, id="hazard-19-lifetime-unknown"),
        pytest.param({"access_token": "t", "expires_in": 0}, 1, id="hazard-19-zero-is-not-for-ever"),
        pytest.param({"access_token": "t", "expires_in": "1"}, 3600, id="hazard-19-expires-in-is-heeded"),
    ],
)
def test_a_token_is_renewed_when_its_lifetime_ends(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
    answer: dict[str, object],
    default_lifetime: int,
) -> None:
    """By the lifetime the answer gives, else by the profile's own; never is a token held for ever."""
    config = one_profile(authorization_server, origin)
    config["profiles"]["orders"]["grant"]["default_lifetime"] = default_lifetime
    authorization_server.answer_with(200, answer)
    running = shared_proxy(config)

    with send.client(running) as client:
        statuses = {client.get(origin.url()).status_code}
        while authorization_server.requests < 2:
            statuses.add(client.get(origin.url()).status_code)

    assert statuses == {200}
