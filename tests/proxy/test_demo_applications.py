"""The demo's applications, over real loopback connections: what a newcomer's first run stands on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from proxy.demo import serve_in_thread
from proxy.demo.authorization_server import (
    CONTROL_TOKEN_FIELD,
    AuthorizationServer,
    DemoClient,
    create_authorization_server,
)
from proxy.demo.protected_api import ProtectedApi, create_protected_api

CONFIDENTIAL = DemoClient("bot-client", "s&cret+ 1%")
PUBLIC = DemoClient("public-client")
PASSWORD_REQUEST = {"grant_type": "password", "username": "bot", "password": "pass&word"}


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Demo:
    """Both applications, served, and the few requests the tests make of them."""

    server: AuthorizationServer
    api: ProtectedApi
    clock: Clock
    server_url: str
    api_url: str
    client: httpx.Client = field(repr=False)

    def token_request(self, parameters: dict[str, str], **options: Any) -> httpx.Response:
        return self.client.post(f"{self.server_url}/oauth/token", data=parameters, **options)

    def grant(self) -> dict[str, Any]:
        answer = self.token_request({**PASSWORD_REQUEST, "client_id": "public-client"})
        return answer.raise_for_status().json()

    def refresh(self, refresh_token: str) -> httpx.Response:
        return self.token_request(
            {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": "public-client"}
        )

    def me(self, access_token: str) -> httpx.Response:
        return self.client.get(f"{self.api_url}/api/me", headers={"Authorization": f"Bearer {access_token}"})

    def control(self, action: str, token: str | None = None) -> httpx.Response:
        headers = {CONTROL_TOKEN_FIELD: self.server.control_token if token is None else token}
        return self.client.post(f"{self.server_url}/control/{action}", headers=headers)


@pytest.fixture
def demo() -> Iterator[Demo]:
    clock = Clock()
    server = create_authorization_server(
        users={"bot": "pass&word"}, clients=[CONFIDENTIAL, PUBLIC], clock=clock, access_lifetime=60
    )
    api = create_protected_api(server)
    with (
        serve_in_thread(server.app) as server_url,
        serve_in_thread(api.app) as api_url,
        httpx.Client(trust_env=False) as client,
    ):
        yield Demo(server, api, clock, server_url, api_url, client)


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        pytest.param({"client_id": "public-client"}, {}, id="none"),
        pytest.param({"client_id": "bot-client", "client_secret": "s&cret+ 1%"}, {}, id="client_secret_post"),
        pytest.param({}, {"auth": ("bot-client", "s%26cret%2B%201%25")}, id="client_secret_basic"),
    ],
)
def test_each_way_of_client_authentication_gets_a_token(
    demo: Demo, parameters: dict[str, str], options: dict[str, Any]
) -> None:
    """A password request is granted to public clients, and to confidential ones by Basic or by body."""
    answer = demo.token_request({**PASSWORD_REQUEST, **parameters}, **options)

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 60
    assert answer.json()["scope"] == "read write"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("parameters", "options", "status", "error"),
    [
        pytest.param({}, {"auth": ("bot-client", "wrong")}, 401, "invalid_client", id="wrong-secret"),
        pytest.param({"client_id": "bot-client"}, {}, 401, "invalid_client", id="secret-missing"),
        pytest.param({"client_id": "nobody"}, {}, 400, "invalid_client", id="unknown-client"),
        pytest.param(
            {"client_id": "bot-client", "client_secret": "s&cret+ 1%"},
            {"auth": ("bot-client", "s%26cret%2B%201%25")},
            400,
            "invalid_request",
            id="two-ways-at-once",
        ),
        pytest.param(
            {"client_id": "public-client", "password": "wrong"},
            {},
            400,
            "invalid_request",
            id="wrong-password",
        ),
        pytest.param(
            {"client_id": "public-client", "scope": "admin"}, {}, 400, "invalid_scope", id="scope-too-wide"
        ),
        pytest.param(
            {"client_id": "public-client", "grant_type": "implicit"},
            {},
            400,
            "unsupported_grant_type",
            id="unknown-grant",
        ),
    ],
)
def test_what_is_not_right_is_refused_with_its_error_code(
    demo: Demo, parameters: dict[str, str], options: dict[str, Any], status: int, error: str
) -> None:
    """A token request that is refused is answered with a code of RFC 6749 section 5.2, and counted."""
    request = {**PASSWORD_REQUEST, **parameters}

    answer = demo.token_request(request, **options)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert demo.server.refused_token_requests == {request["grant_type"]: 1}


def test_a_rotated_refresh_token_works_once(demo: Demo) -> None:
    """A refresh yields a new pair, and the old refresh token is dead from then on."""
    first = demo.grant()

    second = demo.refresh(first["refresh_token"])
    again = demo.refresh(first["refresh_token"])

    assert second.json()["access_token"] != first["access_token"]
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert demo.server.token_requests == {"password": 1, "refresh_token": 2}


def test_without_rotation_the_refresh_token_stays(demo: Demo) -> None:
    """Without rotation a refresh is answered without a refresh token, and the old one works again."""
    demo.server.rotate = False
    first = demo.grant()

    answers = [demo.refresh(first["refresh_token"]) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("refresh_token" not in answer.json() for answer in answers)


def test_a_refresh_token_expires(demo: Demo) -> None:
    """A refresh token past its lifetime is refused."""
    refresh_token = demo.grant()["refresh_token"]
    demo.clock.now += demo.server.refresh_lifetime

    answer = demo.refresh(refresh_token)

    assert answer.json()["error"] == "invalid_grant"


def test_the_optional_pin_is_checked() -> None:
    """A server with a PIN grants nothing to a right password without it."""
    server = create_authorization_server(users={"bot": "pass&word"}, clients=[PUBLIC], pin="4711")
    client = server.app.test_client()
    request = {**PASSWORD_REQUEST, "client_id": "public-client"}

    without, with_pin = (
        client.post("/oauth/token", data=form) for form in (request, {**request, "pin": "4711"})
    )

    assert (without.status_code, with_pin.status_code) == (400, 200)


def test_extra_members_come_with_every_token() -> None:
    """What the server is told to add stands in the answers to both grants."""
    server = create_authorization_server(
        users={"bot": "pass&word"}, clients=[PUBLIC], extra_members={"account_id": "A-7"}
    )
    client = server.app.test_client()

    granted = client.post("/oauth/token", data={**PASSWORD_REQUEST, "client_id": "public-client"}).json
    renewal = {"grant_type": "refresh_token", "client_id": "public-client"}
    renewed = client.post("/oauth/token", data={**renewal, "refresh_token": granted["refresh_token"]}).json

    assert (granted["account_id"], renewed["account_id"]) == ("A-7", "A-7")


def test_an_api_without_a_token_answers_with_a_bearer_challenge(demo: Demo) -> None:
    """A bare request and one with an unknown token are both answered 401 with a challenge."""
    bare = demo.client.get(f"{demo.api_url}/api/me")
    unknown = demo.me("unknown")

    assert (bare.status_code, unknown.status_code) == (401, 401)
    assert bare.headers["www-authenticate"].lower().startswith("bearer ")
    assert 'error="invalid_token"' in unknown.headers["www-authenticate"]
    assert demo.api.answers == {401: 2}


def test_a_token_opens_the_api_until_it_expires(demo: Demo) -> None:
    """A token is accepted during its lifetime and answered 401 after it."""
    access_token = demo.grant()["access_token"]

    before = demo.me(access_token)
    demo.clock.now += 60
    after = demo.me(access_token)

    assert before.json() == {"user": "bot", "scope": ["read", "write"]}
    assert after.status_code == 401


def test_the_api_tells_what_arrived_in_each_place(demo: Demo) -> None:
    """Header, query, payload and path are echoed, the access token itself is not."""
    access_token = demo.grant()["access_token"]

    answer = demo.client.post(
        f"{demo.api_url}/accounts/A-7/orders?api_key=k%26y",
        json={"customer": {"pin": "4711"}},
        headers={"Authorization": f"Bearer {access_token}"},
    )

    assert answer.json() == {
        "method": "POST",
        "header": {"Authorization": f"Bearer ({len(access_token)} characters)"},
        "query": {"api_key": "k&y"},
        "payload": {"customer": {"pin": "4711"}},
        "path": {"account_id": "A-7"},
    }


@pytest.mark.parametrize("hint", ["access_token", "refresh_token"])
def test_revocation_ends_both_tokens_of_a_pair(demo: Demo, hint: str) -> None:
    """Either token of a pair can be revoked at the endpoint of RFC 7009, and both are dead then."""
    token = demo.grant()

    answer = demo.client.post(
        f"{demo.server_url}/oauth/revoke",
        data={"token": token[hint], "token_type_hint": hint, "client_id": "public-client"},
    )

    assert answer.status_code == 200
    assert demo.me(token["access_token"]).status_code == 401
    assert demo.refresh(token["refresh_token"]).status_code == 400


@pytest.mark.parametrize(
    ("action", "access_status", "refresh_status"),
    [
        pytest.param("revoke-access-tokens", 401, 200, id="revoke-access-tokens"),
        pytest.param("expire-access-tokens", 401, 200, id="expire-access-tokens"),
        pytest.param("kill-refresh-tokens", 200, 400, id="kill-refresh-tokens"),
    ],
)
def test_each_lever_ends_what_it_names(
    demo: Demo, action: str, access_status: int, refresh_status: int
) -> None:
    """A control request ends access or refresh tokens and leaves the other kind alone."""
    token = demo.grant()

    answer = demo.control(action)

    assert answer.status_code == 204
    assert demo.me(token["access_token"]).status_code == access_status
    assert demo.refresh(token["refresh_token"]).status_code == refresh_status


@pytest.mark.parametrize("token", ["", "guess"])
def test_the_levers_need_the_control_token(demo: Demo, token: str) -> None:
    """Without the control token there is nothing to be found under /control/."""
    access_token = demo.grant()["access_token"]

    answer = demo.control("revoke-access-tokens", token)

    assert answer.status_code == 404
    assert demo.me(access_token).status_code == 200


def test_the_levers_are_for_loopback_only() -> None:
    """A control request from another machine finds nothing, its token notwithstanding."""
    server = create_authorization_server(users={}, clients=[])

    answer = server.app.test_client().get(
        "/control/statistics",
        headers={CONTROL_TOKEN_FIELD: server.control_token},
        environ_base={"REMOTE_ADDR": "192.0.2.1"},
    )

    assert answer.status_code == 404


def test_statistics_count_by_grant_type(demo: Demo) -> None:
    """The statistics tell token requests, refusals and good tokens."""
    demo.refresh(demo.grant()["refresh_token"])
    demo.refresh("unknown")

    answer = demo.client.get(
        f"{demo.server_url}/control/statistics", headers={CONTROL_TOKEN_FIELD: demo.server.control_token}
    )

    assert answer.json() == {
        "token_requests": {"password": 1, "refresh_token": 2},
        "refused_token_requests": {"refresh_token": 1},
        "good_access_tokens": 2,
    }


def test_no_repr_shows_a_credential(demo: Demo) -> None:
    """Passwords, client secrets, tokens and the control token are left out of every repr."""
    token = demo.grant()
    hidden = ["pass&word", "s&cret", token["access_token"], token["refresh_token"], demo.server.control_token]

    shown = repr(demo.server) + repr(demo.server.token_of(token["access_token"]))

    assert [secret for secret in hidden if secret in shown] == []


def test_the_server_ends_with_its_threads() -> None:
    """Nothing listens and no thread is left when the block is left."""
    threads = set(threading.enumerate())
    server = create_authorization_server(users={}, clients=[])

    with serve_in_thread(server.app) as url, httpx.Client(trust_env=False) as client:
        client.get(url)

    assert set(threading.enumerate()) == threads
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
