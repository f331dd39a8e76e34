"""The HTTP API: who may ask, what it answers, what it refuses, and that no answer holds a secret."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from profiles.access_records import AccessRecord
from profiles.errors import TokenEndpointUnreachable, TokenRequestRejected
from tests.proxy.console.conftest import SENTINELS, Watched, matching, profile_settings
from tests.proxy.console.programs import PROBLEM, Program
from tests.proxy.console.servers_behind import ServersBehind, servers_behind

Watch = Callable[..., Any]
TENANTS = {
    "match": [{"host": "{tenant}.localhost", "port": 9000, "path": "/{section}/**"}],
    "grant": {"token_endpoint": "http://{tenant}.localhost:9001/token"},
}
PER_USER = {"mode": "per_user", "credentials": {}}


def built_document() -> dict[str, Any]:
    """The document as any installation has it."""
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(Path(folder), {"profiles": {"orders": profile_settings()}})

        async def read() -> Any:
            async with watched.client() as client:
                return (await client.get("/openapi.json")).json()

        return asyncio.run(read())


DOCUMENT = built_document()
OPERATIONS = [
    pytest.param(method.upper(), path.replace("{name}", "orders"), operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


@pytest.fixture
async def program(watch: Watch) -> AsyncIterator[Callable[..., Program]]:
    """`program({"mode": ...}, profiles={...})`: a program that is signed in at such a proxy."""
    clients: list[httpx.AsyncClient] = []

    def make(*arguments: Any, **settings: Any) -> Program:
        watched = watch(*arguments, **settings)
        clients.append(watched.client())
        return Program(watched, clients[-1])

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def behind() -> Iterator[ServersBehind]:
    with servers_behind() as servers:
        yield servers


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        pytest.param({}, 'Bearer realm="grantproxy"', id="nothing"),
        pytest.param({"Authorization": "Bearer wrong"}, 'error="invalid_token"', id="wrong-token"),
        pytest.param({"Authorization": "Basic Og=="}, "Bearer", id="another-scheme"),
        pytest.param({"Cookie": "grantproxy-8082=forged"}, "Bearer", id="forged-session"),
    ],
)
async def test_whoever_is_not_signed_in_is_told_nothing(
    watch: Watch, method: str, path: str, operation: Any, headers: dict[str, str], challenge: str
) -> None:
    """Not even whether what they sent can be read."""
    async with watch().client() as client:
        answer = await client.request(method, path, headers=headers, content=b"{not json")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == PROBLEM
    assert challenge in answer.headers["www-authenticate"]
    assert answer.json()["slug"] == "not_signed_in"
    assert "401" in operation["responses"]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
async def test_a_session_needs_its_csrf_token_to_change_something(
    watch: Watch, method: str, path: str, operation: Any
) -> None:
    """Reading does without."""
    watched = watch()
    async with watched.client() as client:
        token = await watched.sign_in(client)
        without = await client.request(method, path, json={})
        other = await client.request(method, path, json={}, headers={"X-CSRF-Token": "x"})
        foreign = {"X-CSRF-Token": token, "Origin": "https://attacker.example"}
        forged = await client.request(method, path, json={}, headers=foreign)
        proper = await client.request(method, path, json={}, headers={"X-CSRF-Token": token})

    if method == "GET":
        assert {without.status_code, other.status_code, proper.status_code} == {200}
        assert operation["security"] == [{"bearer": []}, {"session": []}]
    else:
        assert [answer.status_code for answer in (without, other, forged)] == [403, 403, 403]
        assert (without.json()["slug"], forged.json()["slug"]) == ("csrf_token_wrong", "cross_site")
        assert proper.status_code not in (401, 403)
        assert operation["security"] == [{"bearer": []}, {"session": [], "csrf": []}]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
async def test_what_is_answered_is_documented(
    program: Callable[..., Program], method: str, path: str, operation: Any
) -> None:
    """For a profile that is there, and one that is not."""
    asked = program()
    body = None if method == "GET" else {}
    answers = [await asked.ask(method, at, body) for at in (path, path.replace("orders", "nothing"))]

    for answer in answers:
        assert str(answer.status_code) in operation["responses"]


def test_every_operation_says_what_it_is() -> None:
    """With an id, a summary, a description and a tag; whatever fails has a problem document."""
    ids = [operation["operationId"] for _, _, operation in (item.values for item in OPERATIONS)]
    assert len(set(ids)) == len(ids)
    for _, _, operation in (item.values for item in OPERATIONS):
        assert operation["summary"]
        assert operation["description"]
        assert len(operation["tags"]) == 1
        for status, answer in operation["responses"].items():
            assert answer["description"] not in ("", "Successful Response", "Validation Error")
            if int(status) >= 400:
                assert answer["content"][PROBLEM]["schema"]["$ref"].endswith("/Problem")


def test_the_document_says_nothing_of_an_installation() -> None:
    """It is public: no name of a profile that is configured, no address, no secret."""
    text = json.dumps(DOCUMENT)

    assert DOCUMENT["info"]["title"] == "grantproxy"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", DOCUMENT["info"]["version"])
    assert "127.0.0.1" not in text
    assert "HTTPValidationError" not in text
    assert [text_ for text_ in SENTINELS if text_ in text] == []


async def test_the_overview_tells_how_it_stands(program: Callable[..., Program]) -> None:
    """As the page does: states, warnings, and the last hour by minute."""
    asked = program(profiles={"bills": matching("/bills/**", allow_cleartext=True)})
    await asked.watched.use()
    asked.watched.composition.tallies.request_ended("orders", "forwarded", replayed=False)

    told = (await asked.get("/api/overview")).json()

    assert told["is_ready"] is True
    assert (told["profiles"], told["states"]) == (2, {"valid": 1, "unused": 1})
    assert len(told["last_hour"]["requests"]) == 60
    assert told["last_hour"]["requests"][-1] == 1
    assert [item["profiles"] for item in told["warnings"] if "allow_cleartext" in item["text"]] == [["bills"]]


async def test_profiles_are_found_by_text_and_state(program: Callable[..., Program]) -> None:
    """By page, the nearest where there are not as many."""
    asked = program(profiles={f"bills-{number:03}": matching(f"/{number}/**") for number in range(150)})
    await asked.watched.use("bills-007")

    every = (await asked.get("/api/profiles?q=BILLS-&page=2")).json()
    valid = (await asked.get("/api/profiles", params={"state": "valid"})).json()
    beyond = (await asked.get("/api/profiles?page=999999")).json()

    assert (every["page"], every["pages"], every["total"], len(every["profiles"])) == (2, 2, 150, 50)
    assert [(item["name"], item["status"]) for item in valid["profiles"]] == [("bills-007", "valid")]
    assert (beyond["page"], beyond["total"]) == (2, 151)


async def test_a_profile_tells_its_settings_and_tokens(program: Callable[..., Program]) -> None:
    """Masked, and never the token; by tenant, with the state of the guard."""
    asked = program(TENANTS)
    await asked.watched.use(captures=(("tenant", "acme"),))
    asked.watched.grants.refusal = TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
    with pytest.raises(TokenRequestRejected):
        await asked.watched.use(captures=(("tenant", "globex"),))

    told = (await asked.get("/api/profiles/orders")).json()

    acme, globex = told["tokens"]["tokens"]
    assert (told["name"], told["mode"], told["status"]) == ("orders", "preauthorized", "locked")
    assert told["matches"] == ["any://{tenant}.localhost:9000/{section}/**"]
    assert (acme["captures"], acme["status"], acme["has_refresh_token"]) == (
        {"tenant": "acme"},
        "valid",
        True,
    )
    assert (globex["status"], globex["locked_since"] is not None) == ("locked", True)
    settings = {item["key"]: item["lines"] for group in told["settings"] for item in group["settings"]}
    assert settings["grant.token_endpoint"] == ["http://{tenant}.localhost:9001/token"]


async def test_recent_requests_come_newest_first(program: Callable[..., Program]) -> None:
    """As the access log has them."""
    asked = program()
    for number in range(3):
        path = f"/api/{number}\xe9"
        record = AccessRecord(
            "bot", "orders", "http://a", "GET", path, 200, None, "cached", replayed=False, duration=0.1
        )
        asked.watched.composition.recent.add(record, 1000.0 + number)

    told = (await asked.get("/api/profiles/orders/requests")).json()["requests"]

    assert (told[0]["at"], told[0]["path"]) == (1002.0, "/api/2\xe9")
    assert len(told) == 3
    assert told[0].keys() >= {"client", "status", "refusal", "token", "replayed", "duration"}


async def test_a_token_is_renewed_while_the_old_one_is_valid(program: Callable[..., Program]) -> None:
    """And the one before any request may be had for a profile whose requests share it."""
    asked = program()
    first = await asked.post("/api/profiles/orders/tokens/renew", {})
    second = await asked.post("/api/profiles/orders/tokens/renew", {"captures": {}, "user": ""})

    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json().keys() == {"expires_at"}
    assert asked.watched.grants.requests == ["password", "refresh"]


@pytest.mark.parametrize(
    ("refusal", "status", "slug"),
    [
        pytest.param(
            TokenRequestRejected("no", error="invalid_grant", upstream_status=400),
            502,
            "token_request_rejected",
            id="rejected",
        ),
        pytest.param(
            TokenEndpointUnreachable("late", timed_out=True, retry_after=7),
            504,
            "token_endpoint_unreachable",
            id="timed-out",
        ),
    ],
)
async def test_a_renewal_that_fails_says_why(
    program: Callable[..., Program], refusal: Any, status: int, slug: str
) -> None:
    """By the slug that a client of the proxy would get."""
    asked = program()
    asked.watched.grants.refusal = refusal

    answer = await asked.post("/api/profiles/orders/tokens/renew", {})

    assert (answer.status_code, answer.json()["slug"]) == (status, slug)
    assert answer.headers.get("retry-after") == (None if status == 502 else "7")


async def test_a_token_that_nobody_holds_is_not_asked_for(program: Callable[..., Program]) -> None:
    """A made-up tenant would have a token request go to its address."""
    asked = program(TENANTS)
    await asked.watched.use(captures=(("tenant", "acme"),))

    held = await asked.post("/api/profiles/orders/tokens/renew", {"captures": {"tenant": "acme"}})
    made_up = await asked.post("/api/profiles/orders/tokens/renew", {"captures": {"tenant": "evil"}})

    assert held.status_code == 200
    assert (made_up.status_code, made_up.json()["slug"]) == (404, "token_unknown")


async def test_tokens_are_forgotten_one_or_all(program: Callable[..., Program]) -> None:
    """What is left out may be any; a capture that only routes makes no difference."""
    asked = program(TENANTS)
    for tenant in ("acme", "globex", "umbrella"):
        await asked.watched.use(captures=(("tenant", tenant),))

    one = await asked.post(
        "/api/profiles/orders/tokens/forget", {"captures": {"tenant": "acme", "section": "x"}}
    )
    left = [item.captures for item in asked.watched.composition.tokens.overview()]
    rest = await asked.post("/api/profiles/orders/tokens/forget", {})

    assert one.json() == {"count": 1}
    assert left == [(("tenant", "globex"),), (("tenant", "umbrella"),)]
    assert rest.json() == {"count": 2}
    assert asked.watched.composition.tokens.overview() == []


async def test_locked_credentials_are_unlocked(program: Callable[..., Program]) -> None:
    """The next request submits them once more."""
    asked = program()
    asked.watched.grants.refusal = TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
    with pytest.raises(TokenRequestRejected):
        await asked.watched.use()
    locked = await asked.post("/api/profiles/orders/tokens/renew", {})

    unlocked = await asked.post("/api/profiles/orders/tokens/unlock", {})
    asked.watched.grants.refusal = None
    renewed = await asked.post("/api/profiles/orders/tokens/renew", {})

    assert (locked.status_code, locked.json()["slug"]) == (503, "credentials_locked")
    assert unlocked.json() == {"count": 1}
    assert renewed.status_code == 200


async def test_an_invitation_is_a_link_for_one_end_user(program: Callable[..., Program]) -> None:
    """It leads to the authorize page, and holds for ten minutes."""
    asked = program(PER_USER)
    asked.watched.composition.invitations.base_url = "http://127.0.0.1:8082"

    answer = await asked.post("/api/profiles/orders/invitations", {"user": "anna"})

    told = answer.json()
    link = told["authorize_url"].partition("?link=")[2]
    invitation = asked.watched.composition.invitations.read("orders", link)
    assert told["authorize_url"].startswith("http://127.0.0.1:8082/authorize/orders?link=")
    assert (told["expires_in"], invitation.user) == (600, "anna")


@pytest.mark.parametrize(
    ("profile", "base_url", "body", "status", "slug"),
    [
        pytest.param({}, "http://127.0.0.1:1", {"user": "anna"}, 409, "preauthorized", id="preauthorized"),
        pytest.param(PER_USER, None, {"user": "anna"}, 409, "no_console_url", id="no-console"),
        pytest.param(PER_USER, "http://127.0.0.1:1", {}, 422, "invalid", id="nobody"),
        pytest.param(PER_USER, "http://127.0.0.1:1", {"user": ""}, 422, "invalid", id="no-name"),
        pytest.param(PER_USER, "http://127.0.0.1:1", {"user": "a\0"}, 422, "invalid", id="nul"),
        pytest.param(
            {**PER_USER, **TENANTS},
            "http://127.0.0.1:1",
            {"user": "anna"},
            422,
            "capture_missing",
            id="no-tenant",
        ),
        pytest.param(
            PER_USER,
            "http://127.0.0.1:1",
            {"user": "anna", "captures": {"password": "x"}},
            422,
            "capture_unknown",
            id="no-capture",
        ),
        pytest.param(
            {
                **PER_USER,
                **TENANTS,
                "match": [{"host": "{tenant}.localhost"}],
                "tenancy": {"tenants": {"acme": {}}},
            },
            "http://127.0.0.1:1",
            {"user": "anna", "captures": {"tenant": "umbrella"}},
            422,
            "tenant_unknown",
            id="foreign-tenant",
        ),
    ],
)
async def test_an_invitation_that_nobody_could_follow_is_not_made(
    program: Callable[..., Program], profile: Any, base_url: str | None, body: Any, status: int, slug: str
) -> None:
    """The slug says why."""
    asked = program(profile)
    asked.watched.composition.invitations.base_url = base_url

    answer = await asked.post("/api/profiles/orders/invitations", body)

    assert (answer.status_code, answer.json()["slug"]) == (status, slug)


async def test_a_request_is_explained(program: Callable[..., Program]) -> None:
    """Which profile owns it, and what would be injected, masked; the query is not repeated."""
    asked = program()

    told = (
        await asked.post(
            "/api/explain", {"url": "http://127.0.0.1:9000/api/x?key=sentinel-key", "method": "post"}
        )
    ).json()
    unowned = (await asked.post("/api/explain", {"url": "https://elsewhere.example/"})).json()

    assert (told["method"], told["profile"], told["outcome"]) == ("POST", "orders", "authorized")
    assert told["fields"] == [
        {"place": "header", "key": "Authorization", "value": "Bearer ••••{access_token}"}
    ]
    assert "sentinel-key" not in json.dumps(told)
    assert (unowned["profile"], unowned["outcome"], unowned["tls"]) == (None, "forwarded", "tunnelled")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ftp://sentinel-input/", id="another-scheme"),
        pytest.param("http://sentinel-input:password@x/", id="user-name"),
        pytest.param("http://x:sentinel-input/", id="port"),
        pytest.param("http://[sentinel-input/", id="brackets"),
        pytest.param("http://sentinel-input..x/", id="host"),
        pytest.param("http://\u2100sentinel-input/", id="NFKC"),
        pytest.param("http:///sentinel-input", id="no-host"),
    ],
)
async def test_what_is_no_url_is_not_repeated(program: Callable[..., Program], url: str) -> None:
    """It may hold a password; 422 says what a URL is."""
    answer = await program().post("/api/explain", {"url": url})

    assert (answer.status_code, answer.json()["slug"]) == (422, "url_invalid")
    assert "sentinel-input" not in answer.text


async def test_a_test_tells_what_was_granted(program: Callable[..., Program], behind: ServersBehind) -> None:
    """The trial as the command has it in --json."""
    asked = program(behind.profile())

    answer = await asked.post("/api/profiles/orders/test", {})

    told = answer.json()
    assert (told["ok"], told["step"], told["token_type"], told["lifetime"]) == (True, "check", "Bearer", 3600)
    assert told["request"] == f"GET {behind.url}/api/me"
    assert told["answer"]["status"] == 200
    assert behind.token not in answer.text
    assert behind.checks[0]["authorization"] == f"Bearer {behind.token}"


async def test_a_test_that_fails_is_an_answer(program: Callable[..., Program], behind: ServersBehind) -> None:
    """With the proposal; what the server repeats is masked. A second time needs `force`."""
    asked = program(behind.profile())
    behind.refusal = {"error": "invalid_grant", "error_description": f"no {behind.password}"}

    first = await asked.post("/api/profiles/orders/test", {})
    again = await asked.post("/api/profiles/orders/test", {})
    forced = await asked.post("/api/profiles/orders/test", {"force": True})

    told = first.json()
    assert (told["ok"], told["step"], told["password_refused"]) == (False, "grant", True)
    assert json.loads(told["answer"]["body"])["error_description"] == "no ••••"
    assert (again.status_code, again.json()["slug"]) == (409, "credentials_locked")
    assert forced.status_code == 200
    assert len(behind.passwords) == 2


async def test_a_per_user_profile_is_tried_with_what_is_entered(
    program: Callable[..., Program], behind: ServersBehind
) -> None:
    """Which is used once, and is in no answer."""
    sentinel = f"sentinel-{secrets.token_hex(4)}"
    asked = program(behind.profile(**PER_USER))
    behind.origin_answer = ("500 Oh", [("X-Echo", sentinel)], f"{sentinel} {behind.token}".encode())

    answer = await asked.post(
        "/api/profiles/orders/test", {"user": "anna", "entered": {"username": "anna", "password": sentinel}}
    )

    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    assert behind.passwords == [sentinel]
    assert sentinel not in answer.text
    assert behind.token not in answer.text


@pytest.mark.parametrize(
    ("profile", "body", "slug"),
    [
        pytest.param({}, {"user": "anna"}, "test_impossible", id="preauthorized"),
        pytest.param({}, {"entered": {"password": "sentinel-input"}}, "test_impossible", id="entered"),
        pytest.param(PER_USER, {}, "test_impossible", id="no-end-user"),
        pytest.param(PER_USER, {"user": "anna"}, "entry_invalid", id="nothing-entered"),
        pytest.param(
            {}, {"captures": {"password": "sentinel-input"}}, "capture_unknown", id="a-capture-that-is-none"
        ),
        pytest.param({"check_url": "https://attacker.example/"}, {}, "test_impossible", id="foreign-check"),
    ],
)
async def test_what_cannot_be_tried_is_told(
    program: Callable[..., Program], behind: ServersBehind, profile: Any, body: Any, slug: str
) -> None:
    """No password is submitted, and nothing that was sent is repeated."""
    answer = await program(behind.profile(**profile)).post("/api/profiles/orders/test", body)

    assert (answer.status_code, answer.json()["slug"]) == (422, slug)
    assert "sentinel-input" not in answer.text
    assert behind.passwords == []


@pytest.mark.parametrize(
    ("body", "places"),
    [
        pytest.param({"captures": {"tenant": "sentinel-input\0"}}, ["body.captures.tenant"], id="nul"),
        pytest.param(
            {"captures": {"tenant": "sentinel-input\ud800"}}, ["body.captures.tenant"], id="surrogate"
        ),
        pytest.param({"user": "sentinel-input\ud800"}, ["body.user"], id="surrogate-user"),
        pytest.param(
            {"captures": {"tenant": "sentinel-input" * 100}}, ["body.captures.tenant"], id="too-long"
        ),
        pytest.param({"captures": {"tenant": ""}}, ["body.captures.tenant"], id="empty"),
        pytest.param({"captures": {"tenant": 3}}, ["body.captures.tenant"], id="number"),
        pytest.param({"captures": "sentinel-input"}, ["body.captures"], id="no-object"),
        pytest.param({"captures": {"sentinel-input\0": "x"}}, ["body.captures"], id="nul-key"),
        pytest.param({"captures": {"sentinel-input" * 100: "x"}}, ["body.captures"], id="long-key"),
        pytest.param({"captures": {f"c{n}": "x" for n in range(201)}}, ["body.captures"], id="too-many"),
        pytest.param({"user": "sentinel-input" * 100}, ["body.user"], id="long-user"),
        pytest.param({"usr": "sentinel-input"}, ["body.usr"], id="unknown-member"),
        pytest.param(["sentinel-input"], ["body"], id="list"),
        pytest.param("sentinel-input", ["body"], id="text"),
    ],
)
@pytest.mark.parametrize("operation", ["tokens/renew", "tokens/forget", "tokens/unlock", "test"])
async def test_a_body_that_does_not_fit_is_answered_by_its_places(
    program: Callable[..., Program], operation: str, body: Any, places: list[str]
) -> None:
    """422, and never what was sent."""
    answer = await program(TENANTS).post(f"/api/profiles/orders/{operation}", content=json.dumps(body))

    assert answer.status_code == 422
    assert [item["in"] for item in answer.json()["problems"]] == places
    assert "sentinel-input" not in answer.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param(b'{"user": sentinel-input}', 422, id="no-json"),
        pytest.param(b"", 422, id="nothing"),
        pytest.param(b'{"url": "sentinel-input\xff"}', 400, id="no-utf-8"),
        pytest.param(b"[" * 100_000, 400, id="deep"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    program: Callable[..., Program], content: bytes, status: int
) -> None:
    """Without a word of it."""
    answer = await program().post("/api/explain", content=content)

    assert answer.status_code == status
    assert "sentinel-input" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/api/profiles/nothing", 404, id="unknown"),
        pytest.param("/api/profiles/nothing/requests", 404, id="unknown-requests"),
        pytest.param(f"/api/profiles/{'x' * 300}", 422, id="too-long"),
        pytest.param("/api/profiles/%00", 422, id="nul"),
        pytest.param("/api/profiles/%ED%A0%80", 422, id="surrogate"),
        pytest.param("/api/profiles/orders%0a", 422, id="line-break"),
        pytest.param("/api/profiles?page=0", 422, id="page-0"),
        pytest.param("/api/profiles?page=x", 422, id="page-x"),
        pytest.param("/api/profiles?state=x", 422, id="no-state"),
        pytest.param(f"/api/profiles?q={'x' * 201}", 422, id="long-search"),
        pytest.param("/api/nothing", 404, id="no-operation"),
    ],
)
async def test_an_address_that_leads_nowhere_is_told(
    program: Callable[..., Program], path: str, status: int
) -> None:
    """As a problem document, whatever is in it."""
    assert (await program().get(path)).status_code == status


async def test_another_method_is_not_allowed(program: Callable[..., Program]) -> None:
    """Told as a problem."""
    answer = await program().post("/api/overview", {})

    assert (answer.status_code, answer.json()["slug"]) == (405, "method_not_allowed")


async def test_failed_sign_ins_are_counted_for_programs_too(watch: Watch) -> None:
    """Whoever tries one token after the other has to wait."""
    async with watch().client() as client:
        for number in range(11):
            answer = await client.get("/api/overview", headers={"Authorization": f"Bearer {number}"})

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["slug"] == "too_many_attempts"


async def test_the_page_tells_of_every_operation(watch: Watch) -> None:
    """For whoever is signed in: what it takes, what it answers, a line for curl; nothing from elsewhere."""
    watched = watch()
    async with watched.client() as client:
        before = await client.get("/api")
        await watched.sign_in(client)
        page = await client.get("/api")

    assert before.status_code == 303
    assert page.status_code == 200
    for _, path, operation in (item.values for item in OPERATIONS):
        assert f'id="{operation["operationId"]}"' in page.text
        assert f"http://127.0.0.1:8082{path.partition('?')[0]}" in page.text
    assert "curl -H &#34;Authorization: Bearer $TOKEN&#34;" in page.text
    assert set(re.findall(r'(?:src|href)="(?![/#])([^"]*)"', page.text)) == set()
    assert str(watched.built.sign_in_token) not in page.text
