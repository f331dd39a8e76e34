"""The Test page: a form that works without a script, what came of the test, and nothing that is secret."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from profiles.errors import TokenRequestRejected
from proxy.console.rendering import Failure
from proxy.console.trials import TrialOrder, Trials
from tests.proxy.console.conftest import profile_settings
from tests.proxy.console.servers_behind import ServersBehind, servers_behind

Watch = Callable[..., Any]
Tester = Callable[..., Awaitable[httpx.Response]]

PAGE = "/profiles/orders/test"
PER_USER = {
    "mode": "per_user",
    "credentials": {"area": "north"},
    "form_fields": [
        {"key": "username", "title": "User <b>name</b>", "help": "As on the badge"},
        {"key": "password", "title": "Password", "type": "password"},
        {"key": "born", "title": "Born", "data_type": "date", "required": False},
        {"key": "area", "title": "Area", "visibility": "read_only"},
        {
            "key": "hidden",
            "required": False,
            "visibility": "visible",
            "title": "Subscribed",
            "data_type": "boolean",
        },
    ],
}


@pytest.fixture
def behind() -> Iterator[ServersBehind]:
    with servers_behind() as servers:
        yield servers


@pytest.fixture
async def tester(watch: Watch, behind: ServersBehind) -> AsyncIterator[Tester]:
    """Presses the button on the page of `orders`, signed in; gives the page that comes."""
    clients = []

    async def press(
        data: dict[str, str] | None = None, *, watched: Any = None, **profile: Any
    ) -> httpx.Response:
        if not clients:
            watched = watched or watch(behind.profile(**profile))
            client = watched.client()
            clients.append((client, await watched.sign_in(client)))
        client, csrf_token = clients[0]
        return await client.post(PAGE, data={"csrf_token": csrf_token, **(data or {})})

    yield press
    for client, _ in clients:
        await client.aclose()


def text_of(answer: httpx.Response) -> str:
    """What people read of a page."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text)))


async def test_the_page_shows_what_it_will_call(watch: Watch) -> None:
    """The check URL under the tenancy URL, an input for what would be captured, and the button."""
    watched = watch(
        {
            "match": [{"host": "{tenant}.localhost", "path": "/{section}/**"}],
            "tenancy": {"base_url": "http://{tenant}.localhost:9000", "tenant": "acme"},
            "check_url": "/api/me?key=sentinel-key",
            "grant": {"token_endpoint": "/token"},
        }
    )
    async with watched.client() as client:
        await watched.sign_in(client)
        page = await client.get(PAGE)

    assert page.status_code == 200
    assert "http://{tenant}.localhost:9000/api/me?key=••••" in page.text
    assert 'name="capture.tenant"' in page.text
    assert 'value="acme"' in page.text
    assert "capture.section" not in page.text
    assert "insists" not in page.text
    assert "sentinel" not in page.text


async def test_a_test_that_passes_says_what_was_granted(tester: Tester, behind: ServersBehind) -> None:
    """Beside the button; the token went into the check and is nowhere on the page."""
    page = await tester()

    assert page.status_code == 200
    assert "passed The origin answered 200." in text_of(page)
    assert "Token Bearer Lifetime 1h 0m Refresh token no" in text_of(page)
    assert f"GET {behind.url}/api/me" in page.text
    assert "Auth Test Failed" not in page.text
    assert behind.checks[0]["authorization"] == f"Bearer {behind.token}"
    assert behind.token not in page.text
    assert behind.password not in html.unescape(page.text)


async def test_a_test_that_fails_shows_headers_response_and_proposal(
    tester: Tester, behind: ServersBehind
) -> None:
    """Under the source's own heading; what the origin repeats is masked, and its HTML is text."""
    hostile = f'<script>alert("x")</script><img src=x onerror=y> {behind.token}'
    fields = [("X-Echo", behind.token), ("X-Page", "<b>bold</b>"), ("Content-Type", "text/html")]
    behind.origin_answer = ("403 Forbidden", fields, hostile.encode())

    page = await tester()

    assert page.status_code == 200
    assert re.search(r"<h2[^>]*>Auth Test Failed</h2>", page.text)
    assert "<title>Auth Test Failed: Test orders" in page.text
    assert [re.search(rf"<h3[^>]*>{name}</h3>", page.text) is not None for name in ("Headers", "Response")]
    read = text_of(page)
    assert "403 Forbidden" in read
    assert "Set auth_error to [401, 403]" in read
    assert 'href="/profiles/orders/edit#field-auth_error"' in page.text
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "<b>bold</b>" not in page.text
    assert "&lt;script&gt;alert" in page.text
    assert behind.token not in page.text
    assert "••••" in page.text


async def test_nothing_leads_to_an_editor_that_is_off(
    watch: Watch, tester: Tester, behind: ServersBehind
) -> None:
    """The proposal is told all the same."""
    behind.origin_answer = ("403 Forbidden", [], b"")

    page = await tester(watched=watch(behind.profile(), console_editing=False))

    assert "Set auth_error to [401, 403]" in text_of(page)
    assert "/edit" not in page.text


async def test_a_wrong_password_is_not_submitted_twice_by_accident(
    tester: Tester, behind: ServersBehind
) -> None:
    """The button is easily pressed again; a box that says what may happen has to be ticked for that."""
    behind.refusal = {"error": "invalid_grant", "error_description": f"no {behind.password}"}
    first = await tester()
    again = await tester()
    insisting = await tester({"insists": "true"})

    assert "which is how servers answer a wrong user name or password" in text_of(first)
    assert behind.password not in html.unescape(first.text)
    assert again.status_code == 409
    assert "not tried The authorization server has refused the credentials." in text_of(again)
    assert 'name="insists"' in again.text
    assert insisting.status_code == 200
    assert behind.passwords == [behind.password] * 2


async def test_a_locked_password_is_not_submitted(
    watch: Watch, tester: Tester, behind: ServersBehind
) -> None:
    """What the proxy knows to be refused; the box is there from the beginning."""
    watched = watch(behind.profile())
    watched.grants.refusal = TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
    with pytest.raises(TokenRequestRejected):
        await watched.use()
    async with watched.client() as client:
        await watched.sign_in(client)
        shown = await client.get(PAGE)

    refused = await tester(watched=watched)
    insisting = await tester({"insists": "true"})

    assert 'name="insists"' in shown.text
    assert refused.status_code == 409
    assert "passed" in text_of(insisting)
    assert behind.passwords == [behind.password]


async def test_nothing_of_a_test_is_kept(watch: Watch, tester: Tester, behind: ServersBehind) -> None:
    """Requests go on with the token they have, or get one of their own."""
    watched = watch(behind.profile())

    page = await tester(watched=watched)

    assert "passed" in text_of(page)
    assert watched.composition.tokens.overview() == []


async def test_each_tenant_is_tried_by_its_name(watch: Watch, tester: Tester, behind: ServersBehind) -> None:
    """A profile that names its tenants has them chosen from, and tells a foreign one."""
    watched = watch(
        behind.profile(
            match=[{"host": "127.0.0.1", "port": behind.port, "path": "/api/{tenant}/**"}],
            tenancy={"tenants": {"acme": {}, "globex": {"credentials": {"password": "sentinel-globex"}}}},
            check_url=f"{behind.url}/api/{{tenant}}/me",
        )
    )

    unknown = await tester({"capture.tenant": "umbrella"}, watched=watched)
    globex = await tester({"capture.tenant": "globex"})

    assert unknown.status_code == 422
    assert '<option value="acme"' in unknown.text
    assert "there is no tenant umbrella, one of acme, globex" in text_of(unknown)
    assert "passed" in text_of(globex)
    assert behind.passwords == ["sentinel-globex"]
    assert behind.checks[0]["path"] == "/api/globex/me"


async def test_a_capture_that_is_missing_is_asked_for_at_its_input(
    tester: Tester, behind: ServersBehind
) -> None:
    """No password is submitted for a check that cannot be made."""
    page = await tester(
        match=[{"host": "127.0.0.1", "port": behind.port, "path": "/api/{section}/**"}],
        check_url=f"{behind.url}/api/{{section}}/me",
    )

    assert page.status_code == 422
    assert 'href="#capture.section"' in page.text
    assert re.search(r'role="alert" id="result"', page.text)
    assert 'aria-invalid="true"' in page.text
    assert behind.passwords == []


async def test_a_per_user_profile_asks_for_its_form_fields(watch: Watch) -> None:
    """Those that are seen, with title, help, type and requirement; what is read-only cannot be entered."""
    watched = watch(PER_USER)
    async with watched.client() as client:
        await watched.sign_in(client)
        page = await client.get(PAGE)

    assert "User &lt;b&gt;name&lt;/b&gt;" in page.text
    assert "As on the badge" in page.text
    assert re.search(r'<input type="password"[^>]*name="entry.password" required', page.text)
    assert re.search(r'<input type="date"[^>]*name="entry.born"(?! required)', page.text)
    assert re.search(r"<select[^>]*name=\"entry.hidden\"", page.text)
    assert 'name="entry.area"' not in page.text
    assert 'value="north"' in page.text


async def test_what_is_entered_for_a_test_is_used_and_not_shown_again(
    tester: Tester, behind: ServersBehind
) -> None:
    """But for what is no password, so that nobody has to type all of it anew."""
    behind.refusal = {"error": "invalid_grant", "error_description": f"{behind.password} of anna-sentinel"}
    entered = {"user": "anna", "entry.username": "anna-sentinel", "entry.password": behind.password}

    page = await tester(entered, **PER_USER)

    read = html.unescape(page.text)
    assert "Auth Test Failed" in page.text
    assert behind.passwords == [behind.password]
    assert behind.password not in read
    assert re.findall(r"anna-sentinel", read) == ["anna-sentinel"]
    assert '"error_description": "•••• of ••••"' in read


async def test_an_entry_that_does_not_fit_is_told_at_its_field(tester: Tester, behind: ServersBehind) -> None:
    """Nothing is submitted."""
    page = await tester({"user": "anna", "entry.username": "a", "entry.born": "31.1."}, **PER_USER)

    assert page.status_code == 422
    assert 'href="#entry.password"' in page.text
    assert "is no date like 2031-01-31" in text_of(page)
    assert behind.passwords == []


@pytest.mark.parametrize("user", ["", "x" * 257, "a\0b"], ids=["none", "too-long", "control-character"])
async def test_an_end_user_who_cannot_be_is_told(tester: Tester, behind: ServersBehind, user: str) -> None:
    """A name as the proxy would take it from a request."""
    page = await tester({"user": user, "entry.username": "a", "entry.password": "b"}, **PER_USER)

    assert page.status_code == 422
    assert "1 to 256 printable characters" in text_of(page)
    assert behind.passwords == []


async def test_one_test_of_a_profile_runs_at_a_time(tester: Tester, behind: ServersBehind) -> None:
    """Whoever presses the button again meanwhile is told so."""
    behind.let_go.clear()
    first = asyncio.create_task(tester())
    await asyncio.to_thread(behind.arrived.wait, 10)

    second = await tester()
    behind.let_go.set()

    assert second.status_code == 409
    assert "A test of this profile is running" in text_of(second)
    assert "passed" in text_of(await first)
    assert len(behind.passwords) == 1


async def test_a_test_does_not_run_for_ever(watch: Watch, behind: ServersBehind) -> None:
    """A server that does not answer has the test broken off, and the next one may begin."""
    composition = watch(behind.profile()).composition
    profile = composition.profiles["orders"]
    trials = Trials(seconds=0.2)
    behind.let_go.clear()

    with pytest.raises(Failure) as raised:
        await trials.run(composition, profile, TrialOrder({}), by="a test")
    behind.let_go.set()

    assert (raised.value.status_code, raised.value.slug) == (504, "test_timed_out")
    assert (await trials.run(composition, profile, TrialOrder({}), by="a test")).ok


async def test_whoever_is_not_signed_in_tests_nothing(watch: Watch, behind: ServersBehind) -> None:
    """The page leads to the sign-in, and a form of another session is refused."""
    watched = watch(behind.profile())
    async with watched.client() as client, watched.client() as other:
        page = await client.get(PAGE)
        form = await client.post(PAGE)
        await watched.sign_in(other)
        forged = await other.post(PAGE, data={"csrf_token": "x"})
        foreign = await other.post(PAGE, headers={"Origin": "https://attacker.example"})

    assert (page.status_code, form.status_code) == (303, 303)
    assert (forged.status_code, foreign.status_code) == (403, 403)
    assert behind.passwords == []


async def test_a_profile_that_is_not_there_is_not_found(watch: Watch) -> None:
    """Signed in or not known: the page says so."""
    watched = watch(profiles={"other": profile_settings(match=[{"host": "localhost"}])})
    async with watched.client() as client:
        csrf_token = await watched.sign_in(client)
        answers = [
            await client.get("/profiles/nothing/test"),
            await client.post("/profiles/nothing/test", data={"csrf_token": csrf_token}),
        ]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_a_check_that_is_not_the_profiles_is_told_beside_the_button(
    tester: Tester, behind: ServersBehind
) -> None:
    """I1: the credentials go nowhere, and the page says why."""
    page = await tester(check_url="https://attacker.example/api/me")

    assert page.status_code == 422
    assert "not tried check_url goes to https://attacker.example/api/me, and no profile owns it" in text_of(
        page
    )
    assert behind.passwords == []
