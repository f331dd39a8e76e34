"""Sessions: what a cookie is worth, and when it is worth nothing any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proxy.console.sessions import LIFETIME, MOST_SESSIONS, Sessions
from tests.proxy.console.conftest import Clock

Watch = Callable[..., Any]

COOKIE = "grantproxy-8082"


def test_a_cookie_names_its_session() -> None:
    """And no other one."""
    sessions = Sessions(Clock())
    (first, cookie), (second, other) = sessions.begin(), sessions.begin()

    assert sessions.of(cookie) is first
    assert sessions.of(other) is second
    assert first.csrf_token != second.csrf_token


@pytest.mark.parametrize(
    "forged",
    [
        lambda name, cookie: None,
        lambda name, cookie: "",
        lambda name, cookie: name,
        lambda name, cookie: f"{name}.",
        lambda name, cookie: f"{name}.AAAA",
        lambda name, cookie: cookie[:-1],
        lambda name, cookie: f"x{cookie}",
        lambda name, cookie: cookie.replace(".", ".."),
        lambda name, cookie: "\udc80.\udc80",
        lambda name, cookie: Sessions(Clock())._signer.sign(name).decode(),
    ],
    ids=[
        "none",
        "empty",
        "bare",
        "no-signature",
        "made-up",
        "cut",
        "longer",
        "dots",
        "not-text",
        "other-key",
    ],
)
def test_a_forged_cookie_names_none(forged: Callable[[str, str], Any]) -> None:
    """Even where whoever forges it knows the id of a session."""
    sessions = Sessions(Clock())
    session, cookie = sessions.begin()

    assert sessions.of(forged(session.id, cookie)) is None
    assert sessions.of(cookie) is session


def test_a_session_expires() -> None:
    """After twelve hours, used or not; what goes on for it is told."""
    clock = Clock()
    sessions = Sessions(clock)
    session, cookie = sessions.begin()
    clock.now += LIFETIME - 1
    before = sessions.of(cookie)
    clock.now += 1

    assert before is session
    assert sessions.of(cookie) is None
    assert session.ended.is_set()


def test_sessions_are_bounded() -> None:
    """The oldest makes place."""
    sessions = Sessions(Clock())
    first, cookie = sessions.begin()
    for _ in range(MOST_SESSIONS):
        sessions.begin()

    assert sessions.of(cookie) is None
    assert first.ended.is_set()
    assert len(sessions._by_id) == MOST_SESSIONS


def test_no_repr_shows_what_a_session_is_told_by() -> None:
    """Invariant I4."""
    session, cookie = Sessions(Clock()).begin()

    assert [text for text in (session.id, session.csrf_token, cookie) if text in repr(session)] == []


async def test_a_copied_cookie_is_worth_nothing_after_the_sign_out(watch: Watch) -> None:
    """The session ends on the server, not in the browser alone."""
    watched = watch()
    async with watched.client() as client, watched.client() as thief:
        token = await watched.sign_in(client)
        thief.cookies = dict(client.cookies)
        before = await thief.get("/")
        left = await client.post("/sign-out", data={"csrf_token": token})
        after = await thief.get("/")

    assert (before.status_code, left.status_code, after.status_code) == (200, 303, 303)
    assert after.headers["location"].startswith("/sign-in")


async def test_a_session_of_twelve_hours_ago_has_to_sign_in_again(watch: Watch) -> None:
    """And comes back to the page that was asked for."""
    watched = watch()
    async with watched.client() as client:
        await watched.sign_in(client)
        watched.clock.now += LIFETIME
        answer = await client.get("/profiles/orders?tokens=2")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fprofiles%2Forders%3Ftokens%3D2"


async def test_the_cookie_is_for_the_console_alone(watch: Watch) -> None:
    """No script reads it, no other site sends it, no other port of the host has it under this name."""
    watched = watch()
    async with watched.client() as client:
        answer = await client.post("/sign-in", data={"secret": watched.built.sign_in_token})

    name, _, attributes = answer.headers["set-cookie"].partition("=")
    assert name == COOKIE
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(attributes.split("; "))
    assert "Secure" not in attributes
    assert "Domain" not in attributes


async def test_behind_tls_the_cookie_is_sent_by_tls_alone(watch: Watch) -> None:
    """As `console_url` says."""
    watched = watch(console_url="https://console.example.com")
    async with watched.client() as client:
        answer = await client.post(
            "/sign-in",
            data={"secret": watched.built.sign_in_token},
            headers={"Host": "console.example.com", "Origin": "https://console.example.com"},
        )

    assert answer.status_code == 303
    assert answer.headers["set-cookie"].startswith(f"__Host-{COOKIE}=")
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("cookie", ["forged", "a.b", "\x7f"])
async def test_pages_take_no_forged_cookie(watch: Watch, cookie: str) -> None:
    """Whatever is in it."""
    async with watch().client(cookies={COOKIE: cookie}) as client:
        assert (await client.get("/")).status_code == 303


async def test_signing_in_anew_ends_the_session_before(watch: Watch) -> None:
    """A browser has one."""
    watched = watch()
    async with watched.client() as client, watched.client() as copy:
        await watched.sign_in(client)
        copy.cookies = dict(client.cookies)
        await watched.sign_in(client)
        answers = [(await item.get("/")).status_code for item in (client, copy)]

    assert answers == [200, 303]
