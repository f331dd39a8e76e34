"""Signing in: with what, from where, and where to."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends

from profiles.secret_hashes import hash_secret
from proxy.console.access import own_path
from proxy.console.attempts import MOST_FAILURES
from tests.proxy.console.conftest import profile_settings

Watch = Callable[..., Any]

OWN = "http://127.0.0.1:8082"


async def test_pages_are_for_those_who_signed_in(watch: Watch) -> None:
    """Whatever page it is, the sign-in comes first."""
    async with watch().client() as client:
        answers = [await client.get(path) for path in ("/", "/profiles/orders", "/profiles/nobody")]

    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (303, "/sign-in?next=%2F"),
        (303, "/sign-in?next=%2Fprofiles%2Forders"),
        (303, "/sign-in?next=%2Fprofiles%2Fnobody"),
    ]


async def test_the_form_leads_back_to_where_one_was_going(watch: Watch) -> None:
    """Without a script."""
    watched = watch()
    async with watched.client(follow_redirects=True) as client:
        form = await client.get("/profiles/orders")
        token = watched.built.sign_in_token
        page = await client.post("/sign-in", data={"secret": token, "next": "/profiles/orders"})

    assert 'name="next" value="/profiles/orders"' in form.text
    assert "no-store" in form.headers["cache-control"]
    assert page.url.path == "/profiles/orders"
    assert "<h1>orders</h1>" in page.text


@pytest.mark.parametrize("path", ["/", "/sign-in", "/profiles/orders"])
async def test_a_link_with_the_token_signs_in(watch: Watch, path: str) -> None:
    """As Jupyter has it; the token does not stay in the address."""
    watched = watch()
    async with watched.client(follow_redirects=True) as client:
        page = await client.get(f"{path}?token={watched.built.sign_in_token}")

    assert page.status_code == 200
    assert page.url.query == b""
    assert watched.built.sign_in_token not in page.text


async def test_a_token_is_taken_out_of_the_address_of_those_who_signed_in_before(watch: Watch) -> None:
    """A bookmark of the link, say; the rest of the address stays."""
    watched = watch()
    async with watched.client() as client:
        await watched.sign_in(client)
        answer = await client.get("/?q=a%26b&token=of-yesterday&page=2")

    assert answer.headers["location"] == "/?q=a%26b&page=2"


@pytest.mark.parametrize("secret", ["", "wrong", "\udc80", "x" * 5000])
async def test_a_wrong_secret_is_refused(watch: Watch, caplog: pytest.LogCaptureFixture, secret: str) -> None:
    """The log tells from where, and not what was tried."""
    tried = f"{secret}{secrets.token_hex(8)}"
    async with watch().client() as client:
        body = b"secret=" + tried.encode(errors="surrogateescape")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post("/sign-in", content=body, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "a sign-in from 127.0.0.1 failed" in caplog.text
    assert tried[-16:] not in caplog.text + answer.text


@pytest.mark.parametrize("is_hashed", [False, True], ids=["plain", "hashed"])
async def test_a_configured_secret_takes_the_place_of_the_token(watch: Watch, is_hashed: bool) -> None:
    """In plain, or as an argon2 hash."""
    secret = secrets.token_hex(8)
    watched = watch(console_secret=hash_secret(secret) if is_hashed else secret)
    async with watched.client() as client:
        wrong = await client.post("/sign-in", data={"secret": secrets.token_hex(8)})
        right = await client.post("/sign-in", data={"secret": secret})

    assert watched.built.sign_in_token is None
    assert (wrong.status_code, right.status_code) == (403, 303)


async def test_another_secret_ends_the_sessions_of_the_one_before(watch: Watch) -> None:
    """From the reload on, and for the same browser."""
    watched = watch(console_secret="the-first-one")
    async with watched.client() as client:
        await watched.sign_in(client, "the-first-one")
        watched.reload(profiles={"orders": profile_settings()}, console_secret="the-first-one")
        same = await client.get("/")
        watched.reload(profiles={"orders": profile_settings()}, console_secret="the-second-one")
        other = await client.get("/")
        answers = [
            (await client.post("/sign-in", data={"secret": secret})).status_code
            for secret in ("the-first-one", "the-second-one")
        ]

    assert (same.status_code, other.status_code) == (200, 303)
    assert answers == [403, 303]


async def test_brute_force_meets_a_closed_door(watch: Watch) -> None:
    """From one address; by whatever way it is tried. The right secret is refused as well, without a look."""
    token = secrets.token_hex(8)
    watched = watch(console_secret=token)
    async with watched.client() as client, watched.client(address=("192.0.2.9", 1)) as other:
        tried = [await client.post("/sign-in", data={"secret": "wrong"}) for _ in range(MOST_FAILURES - 2)]
        tried.append(await client.get("/sign-in?token=wrong"))
        tried.append(await client.get("/sign-in?token=wrong"))
        refused = [
            await client.post("/sign-in", data={"secret": token}),
            await client.get(f"/sign-in?token={token}"),
        ]
        elsewhere = await other.post("/sign-in", data={"secret": token})
        watched.clock.now += 60
        later = await client.post("/sign-in", data={"secret": token})

    assert {answer.status_code for answer in tried} == {403}
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in refused] == [(429, "60")] * 2
    assert "Try again in 60 seconds" in refused[0].text
    assert (elsewhere.status_code, later.status_code) == (303, 303)


async def test_nobody_is_shut_out_who_has_the_printed_token(watch: Watch) -> None:
    """It cannot be found by trying, and others come from the same address: through the proxy, say."""
    watched = watch()
    async with watched.client() as client:
        for _ in range(MOST_FAILURES):
            await client.post("/sign-in", data={"secret": "wrong"})
        wrong = await client.post("/sign-in", data={"secret": "wrong"})
        right = await client.post("/sign-in", data={"secret": watched.built.sign_in_token})

    assert (wrong.status_code, right.status_code) == (429, 303)


@pytest.mark.parametrize("header", ["Origin", "Referer"])
async def test_what_is_no_address_is_no_page_of_ours(header: str, watch: Watch) -> None:
    """And no failure of the console."""
    async with watch().client() as client:
        answer = await client.post("/sign-out", headers={header: "http://["})

    assert answer.status_code in (303, 403)


async def test_attempts_beside_each_other_count_each(watch: Watch) -> None:
    """While the first hash is being checked, the others would all still be let in."""
    watched = watch(console_secret=hash_secret(secrets.token_hex(8)))
    async with watched.client() as client:
        tries = [
            client.post("/sign-in", data={"secret": secrets.token_hex(4)}) for _ in range(MOST_FAILURES + 5)
        ]
        answers = [answer.status_code for answer in await asyncio.gather(*tries)]

    assert (answers.count(403), answers.count(429)) == (MOST_FAILURES, 5)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8082.attacker.example"},
        {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
    ],
    ids=lambda headers: ",".join(headers.values()),
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/profiles/orders/tokens/forget"])
async def test_a_form_of_another_site_is_refused(watch: Watch, path: str, headers: dict[str, str]) -> None:
    """Before anything of it is read: an attacker's secret would sign somebody in as the attacker."""
    watched = watch()
    async with watched.client() as client:
        csrf = await watched.sign_in(client)
        data = {"secret": watched.built.sign_in_token, "csrf_token": csrf, "user": ""}
        answer = await client.post(path, data=data, headers=headers)
        still_in = await client.get("/")

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert still_in.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": OWN}, {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}],
    ids=["silent", "origin", "browser", "person"],
)
async def test_a_form_of_ours_is_taken(watch: Watch, headers: dict[str, str]) -> None:
    """Browsers that say nothing have nothing to say."""
    watched = watch()
    async with watched.client() as client:
        data = {"secret": watched.built.sign_in_token}
        assert (await client.post("/sign-in", data=data, headers=headers)).status_code == 303


async def test_images_of_another_site_use_up_no_attempts(watch: Watch) -> None:
    """They are requests for a link with a token, and no person has followed it."""
    watched = watch()
    headers = {"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"}
    async with watched.client() as client:
        for _ in range(MOST_FAILURES):
            await client.get("/sign-in?token=wrong", headers=headers)
        answer = await client.post("/sign-in", data={"secret": watched.built.sign_in_token})

    assert answer.status_code == 303


@pytest.mark.parametrize("is_by_token", [True, False])
async def test_a_link_on_another_site_leads_on(watch: Watch, is_by_token: bool) -> None:
    """As in a chat, or a terminal that is a web page. The browser leaves a strict cookie out of such a
    request and of its redirects; of what our own page then asks for it does not."""
    watched = watch()
    from_elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    query = {"next": "/profiles/orders"}
    if is_by_token:
        query["token"] = watched.built.sign_in_token
    async with watched.client() as client:
        answer = await client.get("/sign-in", params=query, headers=from_elsewhere)
        leads_to = re.findall(r'content="0; url=([^"]*)"', answer.text)

    assert answer.status_code == 200
    assert ("set-cookie" in answer.headers) is is_by_token
    assert leads_to == ["/profiles/orders" if is_by_token else "/sign-in?next=%2Fprofiles%2Forders"]
    assert watched.built.sign_in_token not in answer.text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//attacker.example",
        "///attacker.example",
        "/\\attacker.example",
        "\\/attacker.example",
        "/\t/attacker.example",
        "/\n/attacker.example",
        "https://attacker.example",
        "https:attacker.example",
        "javascript:alert(1)",
        "attacker.example",
        "",
        " /",
        "/\x00",
        "/é",
        "/sign-in?next=/",
        "/sign-out",
        "/" + "a" * 3000,
    ],
)
async def test_no_sign_in_leads_to_another_site(watch: Watch, elsewhere: str) -> None:
    """Whatever the link to the sign-in page says; those who are signed in are led nowhere else either."""
    watched = watch()
    async with watched.client() as client:
        data = {"secret": watched.built.sign_in_token, "next": elsewhere}
        by_form = await client.post("/sign-in", data=data)
        by_link = await client.get("/sign-in", params={"next": elsewhere})

    assert by_form.headers["location"] == by_link.headers["location"] == "/"


@pytest.mark.parametrize("path", ["/", "/profiles/orders", "/?q=a%2Fb", "/profiles/a.b-c/edit?x=//y"])
def test_a_path_of_ours_is_where_one_is_led(path: str) -> None:
    """With its query."""
    assert own_path(path) == path


@pytest.mark.parametrize("token", [None, "", "wrong", "\udc80", "ä"])
async def test_a_form_without_the_token_of_its_session_is_refused(watch: Watch, token: str | None) -> None:
    """Cross-site request forgery: the browser adds the cookie, and does not know the token."""
    watched = watch()
    async with watched.client() as client:
        await watched.sign_in(client)
        body = b"" if token is None else b"csrf_token=" + token.encode(errors="surrogateescape")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post("/sign-out", content=body, headers=headers)

    assert answer.status_code == 403
    assert "Load it again" in answer.text


async def test_the_token_of_another_session_is_refused(watch: Watch) -> None:
    """Whoever has a session of their own has no token for anybody else's."""
    watched = watch()
    async with watched.client() as client, watched.client() as other:
        await watched.sign_in(client)
        foreign = await watched.sign_in(other)
        answer = await client.post("/sign-out", data={"csrf_token": foreign})

    assert answer.status_code == 403


async def test_a_script_of_ours_sends_the_token_in_a_field(watch: Watch) -> None:
    """`X-CSRF-Token`."""
    watched = watch()
    async with watched.client() as client:
        token = await watched.sign_in(client)
        assert (await client.post("/sign-out", headers={"X-CSRF-Token": token})).status_code == 303


async def test_a_form_that_comes_after_the_session_leads_to_the_sign_in(watch: Watch) -> None:
    """And from there to the page where it stood; nothing was done."""
    async with watch().client() as client:
        headers = {"Referer": f"{OWN}/profiles/orders?x=1"}
        answer = await client.post("/profiles/orders/tokens/forget", headers=headers)

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fprofiles%2Forders")


async def test_a_file_in_the_place_of_the_secret_is_none(watch: Watch) -> None:
    """Nothing of it is kept."""
    async with watch().client() as client:
        assert (await client.post("/sign-in", files={"secret": b"x"})).status_code == 400


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_without_end_is_not_read(watch: Watch, is_announced: bool) -> None:
    """Nobody has to sign in to send one."""

    async def body() -> Any:
        for _ in range(40):
            yield b"a" * 65536

    content: Any = b"a" * (2 * 1024 * 1024) if is_announced else body()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with watch().client() as client:
        answer = await client.post("/sign-in", content=content, headers=headers)

    assert answer.status_code == 413


def probed(watched: Any) -> Any:
    """The console with a route of its API that does nothing else."""
    inner = watched.application._application
    inner.add_api_route(
        "/api/probe",
        lambda: {"ok": True},
        methods=["GET", "POST"],
        dependencies=[Depends(watched.built.console.access.api)],
    )
    return watched


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        (None, 'Bearer realm="grantproxy"'),
        ("Basic YTpi", 'Bearer realm="grantproxy"'),
        ("Bearer wrong", 'Bearer realm="grantproxy", error="invalid_token"'),
        ("bearer", 'Bearer realm="grantproxy", error="invalid_token"'),
    ],
    ids=["nothing", "basic", "wrong", "empty"],
)
async def test_the_api_says_how_it_is_signed_in_to(
    watch: Watch, authorization: str | None, challenge: str
) -> None:
    """RFC 6750 section 3, with a problem document."""
    watched = probed(watch())
    async with watched.client() as client:
        headers = {"Authorization": authorization} if authorization else {}
        answer = await client.get("/api/probe", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == challenge
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["slug"] == "not_signed_in"


async def test_a_bearer_token_needs_nothing_else(watch: Watch) -> None:
    """No browser adds it by itself."""
    watched = probed(watch())
    headers = {"Authorization": f"Bearer {watched.built.sign_in_token}"}
    async with watched.client() as client:
        answers = [
            (await client.request(method, "/api/probe", headers=headers)) for method in ("GET", "POST")
        ]

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_a_session_changes_nothing_by_the_api_without_its_token(watch: Watch) -> None:
    """The browser adds the cookie by itself, and only a page of ours knows the token."""
    watched = probed(watch())
    async with watched.client() as client:
        token = await watched.sign_in(client)
        read = await client.get("/api/probe")
        without = await client.post("/api/probe")
        foreign = await client.post(
            "/api/probe", headers={"X-CSRF-Token": token, "Origin": "https://attacker.example"}
        )
        with_it = await client.post("/api/probe", headers={"X-CSRF-Token": token})

    assert (read.status_code, without.status_code, with_it.status_code) == (200, 403, 200)
    assert without.json()["slug"] == "csrf_token_wrong"
    assert foreign.json()["slug"] == "cross_site"


async def test_wrong_bearer_tokens_are_failed_sign_ins(watch: Watch) -> None:
    """Those who are signed in go on."""
    secret = secrets.token_hex(8)
    watched = probed(watch(console_secret=secret))
    async with watched.client() as client, watched.client() as signed_in:
        await signed_in.post("/sign-in", data={"secret": secret})
        for _ in range(MOST_FAILURES):
            await client.get("/api/probe", headers={"Authorization": "Bearer wrong"})
        headers = {"Authorization": f"Bearer {secret}"}
        refused = await client.get("/api/probe", headers=headers)
        still_in = await signed_in.get("/api/probe")

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert refused.json()["slug"] == "too_many_attempts"
    assert still_in.status_code == 200
