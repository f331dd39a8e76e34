"""The page of a profile, and the buttons on it; and that no page of the console shows a secret."""

from __future__ import annotations

import dataclasses
import re
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from profiles.access_records import AccessRecord
from profiles.errors import ConnectorUnavailable, TokenEndpointUnreachable, TokenRequestRejected
from profiles.held_tokens import TokenResponse
from proxy.console.profile_page import PAGE
from tests.proxy.console.conftest import SENTINELS, matching

Watch = Callable[..., Any]

REFUSED = TokenRequestRejected("the server answered no", error="invalid_grant", upstream_status=400)
TENANTS = {
    "match": [{"host": "{tenant}.localhost", "port": 9000, "path": "/api/**"}],
    "grant": {"token_endpoint": "http://{tenant}.localhost:9001/token"},
}


async def page_of(watched: Any, name: str = "orders", query: str = "") -> str:
    async with watched.client() as client:
        await watched.sign_in(client)
        answer = await client.get(f"/profiles/{name}{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


async def press(watched: Any, action: str, name: str = "orders", **fields: Any) -> httpx.Response:
    """Presses a button on the page; the page that comes after."""
    async with watched.client(follow_redirects=True) as client:
        token = await watched.sign_in(client)
        data = {"csrf_token": token, **fields}
        return await client.post(f"/profiles/{name}/tokens/{action}", data=data)


def messages(page: str) -> list[str]:
    notices = re.findall(
        r'<div class="notice (?:success|failure)" role="(?:status|alert)"[^>]*>(.*?)</div>', page, re.DOTALL
    )
    return [" ".join(re.sub(r"<[^>]+>", "", notice).split()) for notice in notices]


def held(watched: Any, name: str = "orders") -> list[tuple[Any, str]]:
    return [
        (item.captures, item.user) for item in watched.composition.tokens.overview() if item.profile == name
    ]


async def test_tokens_are_shown_by_tenant_and_user(watch: Watch) -> None:
    """With age, expiry and guard; never the token."""
    watched = watch(TENANTS)
    for tenant in ("globex", "acme"):
        await watched.use(captures=(("tenant", tenant),))
    watched.clock.now += 300
    page = await page_of(watched)

    assert re.findall(r"<code>tenant = (\w+)</code>", page) == ["acme", "globex"]
    assert page.count("<td>5m</td>") + page.count("<td>4m</td>") == 2
    assert page.count("<td>open</td>") == 2
    assert page.count("Renew now") == page.count(">Forget<") == 2
    assert [text for text in SENTINELS if text in page] == []


async def test_many_tokens_are_paged(watch: Watch) -> None:
    """End users can be many."""
    calendar = matching("/calendar/**", mode="per_user", credentials={})
    watched = watch(profiles={"calendar": calendar})
    for number in range(PAGE + 1):
        await watched.use("calendar", user=f"user-{number:03}")
    first, second = await page_of(watched, "calendar"), await page_of(watched, "calendar", "?tokens=2")

    assert "<td>user-000</td>" in first
    assert "<td>user-100</td>" not in first
    assert "<td>user-100</td>" in second
    assert "101 tokens, by tenant and end user, page 2 of 2" in second
    assert "Every end user has to authorize again" in second


@pytest.mark.parametrize(
    ("profile", "said", "is_offered"),
    [
        ({}, "The first request gets one.", True),
        (TENANTS, "Each tenant has one from its first request on.", False),
        ({**TENANTS, "tenancy": {"tenant": "acme"}}, "The first request gets one.", True),
        (
            {"mode": "per_user", "credentials": {}},
            "Each end user has one from when they authorize.",
            False,
        ),
    ],
    ids=["one", "tenants", "tenant-by-default", "per-user"],
)
async def test_without_a_token_the_page_says_where_one_comes_from(
    watch: Watch, profile: dict[str, Any], said: str, is_offered: bool
) -> None:
    """And offers to get one where that takes nothing that only a request tells."""
    page = await page_of(watch(profile))

    assert said in page
    assert ("Get one now" in page) is is_offered


async def test_a_token_is_renewed_though_it_is_valid(watch: Watch) -> None:
    """By one token request; the page says until when the new one is valid."""
    watched = watch()
    await watched.use()
    answer = await press(watched, "renew")

    assert watched.grants.requests == ["password", "refresh"]
    assert answer.url.path == "/profiles/orders"
    [message] = messages(answer.text)
    assert re.fullmatch(r"A new token was had\. It is valid until .* UTC\.", message)


async def test_a_tenants_token_is_renewed_alone(watch: Watch) -> None:
    """The captures say whose it is."""
    watched = watch(TENANTS)
    for tenant in ("acme", "globex"):
        await watched.use(captures=(("tenant", tenant),))
    before = {item.captures: item.obtained_at for item in watched.composition.tokens.overview()}
    answer = await press(watched, "renew", capture="tenant=acme")
    after = {item.captures: item.obtained_at for item in watched.composition.tokens.overview()}

    assert messages(answer.text)[0].startswith("A new token was had.")
    changed = [captures for captures in before if before[captures] != after[captures]]
    assert changed == [(("tenant", "acme"),)]


@pytest.mark.parametrize(
    "fields",
    [
        {"capture": "tenant=attacker.example#"},
        {"capture": "tenant=initech"},
        {"capture": "host=acme"},
        {"capture": "tenant"},
        {"capture": ["tenant=acme", "x=y"]},
        {"capture": "tenant=acme", "user": "ada"},
        {"user": "ada"},
    ],
    ids=str,
)
async def test_what_is_not_held_is_not_renewed(watch: Watch, fields: dict[str, Any]) -> None:
    """A form does not choose where credentials go: what a match captures was checked there."""
    watched = watch(TENANTS)
    await watched.use(captures=(("tenant", "acme"),))
    answer = await press(watched, "renew", **fields)

    assert messages(answer.text) == ["Failed: That token is not held any more: nothing was renewed."]
    assert watched.grants.requests == ["password"]


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (REFUSED, "The authorization server rejected the token request: the server answered no."),
        (TokenEndpointUnreachable("the connection was refused"), "The token endpoint cannot be reached: the"),
    ],
    ids=["rejected", "unreachable"],
)
async def test_a_renewal_that_fails_says_why(watch: Watch, refusal: Exception, said: str) -> None:
    """In plain words; the token that is valid goes on."""
    watched = watch()
    await watched.use()
    watched.grants.refusal = refusal
    [message] = messages((await press(watched, "renew")).text)

    assert message.startswith(f"Failed: No new token was had. {said}")
    assert held(watched) == [((), "")]


async def test_a_token_is_forgotten(watch: Watch) -> None:
    """That one alone."""
    watched = watch(TENANTS)
    for tenant in ("acme", "globex"):
        await watched.use(captures=(("tenant", tenant),))
    answer = await press(watched, "forget", capture="tenant=acme", user="")

    assert messages(answer.text) == ["One token was forgotten."]
    assert held(watched) == [((("tenant", "globex"),), "")]


async def test_all_tokens_of_a_profile_are_forgotten(watch: Watch) -> None:
    """And no other profile's."""
    watched = watch(TENANTS, profiles={"billing": matching("/billing/**")})
    await watched.use("billing")
    for tenant in ("acme", "globex"):
        await watched.use(captures=(("tenant", tenant),))
    answer = await press(watched, "forget", which="every")
    again = await press(watched, "forget", which="every")

    assert messages(answer.text) == ["2 tokens were forgotten."]
    assert messages(again.text) == ["There was no token to forget."]
    assert (held(watched), held(watched, "billing")) == ([], [((), "")])


async def test_a_locked_token_is_unlocked(watch: Watch) -> None:
    """The page says what is the matter before, and what comes next after."""
    watched = watch()
    watched.grants.refusal = REFUSED
    with pytest.raises(TokenRequestRejected):
        await watched.use()
    before = await page_of(watched)
    answer = await press(watched, "unlock", user="")
    watched.grants.refusal = None
    await watched.use()

    assert "locked since" in before
    assert "not tried again" in before
    assert messages(answer.text) == ["Unlocked: the next request submits the credentials once more."]
    assert watched.grants.requests == ["password", "password"]


async def test_what_was_done_is_logged_without_whose_token_it_was(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    """An end user's name belongs to them."""
    watched = watch({"mode": "per_user", "credentials": {}})
    await watched.use(user="ada@example.com")
    await press(watched, "forget", user="ada@example.com")

    assert "console: forget of orders by 127.0.0.1: success" in caplog.text
    assert "ada" not in caplog.text
    assert held(watched) == []


@pytest.mark.parametrize("action", ["renew", "forget", "unlock"])
async def test_a_button_does_nothing_without_the_sessions_token(watch: Watch, action: str) -> None:
    """Nor without a session."""
    watched = watch()
    await watched.use()
    async with watched.client() as client:
        stranger = await client.post(f"/profiles/orders/tokens/{action}", data={"csrf_token": ""})
        await watched.sign_in(client)
        forged = await client.post(f"/profiles/orders/tokens/{action}", data={"csrf_token": "x"})

    assert (stranger.status_code, forged.status_code) == (303, 403)
    assert held(watched) == [((), "")]
    assert watched.grants.requests == ["password"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/profiles/nobody", 404),
        ("POST", "/profiles/nobody/tokens/renew", 404),
        ("POST", "/profiles/orders/tokens/sell", 422),
        ("GET", "/profiles/orders/tokens/renew", 405),
    ],
)
async def test_what_there_is_not_has_a_page_that_says_so(
    watch: Watch, method: str, path: str, status: int
) -> None:
    """With the way back."""
    watched = watch()
    async with watched.client() as client:
        token = await watched.sign_in(client)
        answer = await client.request(method, path, headers={"X-CSRF-Token": token})

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert '<a href="/">To the overview</a>' in answer.text


async def test_recent_requests_are_shown(watch: Watch) -> None:
    """What became of each, the latest first; what a client sent is text."""
    watched = watch()
    record = AccessRecord(
        *("bot", "orders", "http://127.0.0.1:9000", "GET", "/api/<i>", 200, None, "cached"),
        replayed=False,
        duration=0.0123,
    )
    watched.composition.recent.add(record, time.time() - 1)
    refused = dataclasses.replace(record, path="/api/x", status=502, refusal="origin_unreachable", token=None)
    watched.composition.recent.add(refused, time.time())
    failed = dataclasses.replace(record, path="/api/y", status=None, replayed=True)
    watched.composition.recent.add(failed, time.time())
    page = await page_of(watched)

    requests = re.findall(r'<th scope="row" class="mono">([^<]*)</th>', page)
    assert requests == [
        "GET http://127.0.0.1:9000/api/y",
        "GET http://127.0.0.1:9000/api/x",
        "GET http://127.0.0.1:9000/api/&lt;i&gt;",
    ]
    assert '<span class="state bad">origin_unreachable</span>' in page
    assert "12 ms" in page


async def test_a_connector_that_is_away_shows(watch: Watch) -> None:
    """Without its credentials."""
    watched = watch({"connector": "http://gw:gateway-sentinel@127.0.0.1:3128"})
    watched.composition.connectors[0].failed(ConnectorUnavailable("refuses connections"))
    page = await page_of(watched)

    assert "The connector http://127.0.0.1:3128 is unavailable: it refuses connections." in page
    assert "gateway-sentinel" not in page


def _routes(router: Any) -> Iterator[APIRoute]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            # FastAPI keeps an included router as it is, in its newer releases.
            yield from _routes(route.original_router)


def _paths(application: Any, name: str) -> Iterator[str]:
    """Every page that an address leads to, whoever has added it; but for the one that does not end."""
    for route in _routes(application._application):
        path = route.path.replace("{name}", name).replace("{profile}", name)
        if "GET" in route.methods and path != "/events" and "{" not in path:
            yield path


async def test_no_page_shows_a_secret(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    """Invariant I4, with secrets that nobody could have thought of, in every place that may hold one."""
    made: list[str] = []

    def secret() -> str:
        made.append(secrets.token_hex(12))
        return made[-1]

    orders = {
        "match": [{"host": "{tenant}.localhost", "port": 9000, "path": "/api/**"}],
        "tenancy": {"tenant": "acme", "tenants": {"acme": {"credentials": {"password": secret()}}}},
        "credentials": {"username": secret(), "password": secret()},
        "connector": f"http://gateway:{secret()}@127.0.0.1:3128",
        "check_url": f"http://acme.localhost:9000/api/me?key={secret()}&{secret()}",
        "fields": [
            {"in": "header", "key": "X-Key", "value": secret()},
            {"in": "header", "key": "Authorization", "value": f"Bearer {{{{access_token}}}} {secret()}"},
            {"in": "query", "key": "key", "value": f"a{secret()}{{{{tenant}}}}"},
        ],
        "grant": {
            "token_endpoint": f"http://{{tenant}}.localhost:9001/token?key={secret()}",
            "refresh_endpoint": f"http://{{tenant}}.localhost:9001/refresh?key={secret()}",
            "client_id": "client",
            "client_secret": secret(),
            "headers": {"X-Key": secret(), "X-Tenant": f"{secret()} {{{{tenant}}}}"},
            "query": {"key": secret()},
            "parameters": {"key": secret(), "deep": {"list": [secret(), f"{secret()}{{{{tenant}}}}"]}},
            "refresh_parameters": {"key": secret()},
            "refresh_headers": {"X-Key": secret()},
            "refresh_query": {"key": secret()},
            "refresh_body": {"refresh_token": "{{refresh_token}}", "key": secret()},
        },
    }
    bodied = matching("/body/**")
    bodied["grant"]["body"] = {"key": secret(), "password": f"{secret()}{{{{password}}}}", "pin": 12345678}
    watched = watch(orders, profiles={"bodied": bodied}, console_secret=secret())
    watched.grants.token = secret()
    await watched.use(captures=(("tenant", "acme"),))
    await watched.use("bodied")
    console_secret = watched.composition.configuration.settings.console_secret.get_secret_value()
    async with watched.client(follow_redirects=True) as client:
        csrf = await watched.sign_in(client, console_secret)
        pages = {}
        for name in ("orders", "bodied", "nobody"):
            for path in _paths(watched.application, name):
                pages[path] = await client.get(path)
            for action in ("renew", "unlock", "forget"):
                data = {"csrf_token": csrf, "capture": "tenant=acme" if name == "orders" else []}
                pages[f"{name} {action}"] = await client.post(f"/profiles/{name}/tokens/{action}", data=data)
    cookie = next(iter(client.cookies.values()))

    assert {"/", "/profiles/orders", "/profiles/bodied", "/sign-in"} <= set(pages)
    shown = {
        path: [text for text in (*made, cookie, "12345678") if text in f"{page.text} {page.url}"]
        for path, page in pages.items()
    }
    assert {path: texts for path, texts in shown.items() if texts} == {}
    assert [text for text in (*made, cookie, csrf) if text in caplog.text] == []
    assert isinstance(await watched.grants.password(), TokenResponse)
