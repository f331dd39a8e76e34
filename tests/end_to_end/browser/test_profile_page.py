"""The page of a profile: what is known of it, and what is done with its tokens by its buttons."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.end_to_end.browser.axe import axe
from tests.end_to_end.browser.chromium import ChromiumThread
from tests.end_to_end.browser.console_ground import ConsoleGround
from tests.end_to_end.browser.strictness import Strictness
from tests.end_to_end.browser.visitors import Visitor
from tests.end_to_end.browser.widths import check_width, on_all_widths
from tests.end_to_end.servers.authlib_server import CLIENT_SECRET, PASSWORD, USERNAME

OF_THE_PROFILE = "the token of the profile"


def test_a_token_is_had_before_the_first_request(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """Then the first request finds it: there is one token request in all."""
    added = console.add()
    before = console.server.requests
    console.open(operator.page, f"/profiles/{added.name}")
    operator.activate("button", "Get one now")
    expect(operator.page.get_by_role("status")).to_contain_text("A new token was had.")
    status = console.ask(added).status

    assert (status, console.server.requests - before) == (200, 1)


def test_a_token_is_renewed_while_it_is_valid(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """The next request goes out with the new one."""
    added = console.add()
    console.ask(added)
    first = console.origin.last.bearer_token
    console.open(operator.page, f"/profiles/{added.name}")
    operator.activate("button", f"Renew now {OF_THE_PROFILE}")
    expect(operator.page.get_by_role("status")).to_contain_text("A new token was had.")
    console.ask(added)

    assert console.origin.last.bearer_token != first
    assert console.server.accepts(console.origin.last.bearer_token)


def test_a_token_is_forgotten(browser: ChromiumThread, operator: Visitor, console: ConsoleGround) -> None:
    """The page says that there is none, and the next request gets one by the password."""
    added = console.add()
    console.ask(added)
    before = console.server.count("password")
    console.open(operator.page, f"/profiles/{added.name}")
    operator.activate("button", f"Forget {OF_THE_PROFILE}")
    expect(operator.page.get_by_role("status")).to_contain_text("One token was forgotten.")
    expect(operator.page.get_by_text("There is none.")).to_be_visible()
    status = console.ask(added).status

    assert (status, console.server.count("password") - before) == (200, 1)


def test_a_locked_password_is_tried_again_once_it_is_unlocked(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """The authorization server has refused it, and has been put right since."""
    user = console.new_name()
    added = console.add(credentials={"username": user, "password": PASSWORD})
    refused = [console.ask(added).slug for _ in range(2)]
    asked = console.server.requests
    console.server.state.users[user] = PASSWORD
    still_refused = console.ask(added).slug
    console.open(operator.page, f"/profiles/{added.name}")
    expect(operator.page.get_by_role("cell", name="locked since")).to_be_visible()
    operator.activate("button", f"Unlock {OF_THE_PROFILE}")
    expect(operator.page.get_by_role("status")).to_contain_text("Unlocked")
    status = console.ask(added).status

    assert refused == ["token_request_rejected", "credentials_locked"]
    assert still_refused == "credentials_locked"
    assert (status, console.server.requests - asked) == (200, 1)


def test_a_renewal_that_fails_says_why(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """In words, and without what the authorization server wrote."""
    added = console.add()
    refusal = {"error": "invalid_client", "error_description": "sentinel-of-theirs"}
    console.server.answer_with(400, refusal, times=1)
    console.open(operator.page, f"/profiles/{added.name}")
    operator.activate("button", "Get one now")

    expect(operator.page.get_by_role("alert")).to_contain_text("No new token was had.")
    expect(operator.page.get_by_role("alert")).to_contain_text("invalid_client")
    assert "sentinel-of-theirs" not in operator.page.content()


def test_all_tokens_are_forgotten_at_once(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """Behind a fold: it takes two steps."""
    added = console.add()
    console.ask(added)
    console.open(operator.page, f"/profiles/{added.name}")
    summary = operator.page.get_by_text(f"Forget all tokens of {added.name}")
    operator.unfold(summary)
    operator.activate("button", "Forget all tokens")

    expect(operator.page.get_by_role("status")).to_contain_text("One token was forgotten.")


def test_the_page_tells_tenants_and_recent_requests_apart(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround
) -> None:
    """A token for each tenant; a request, its replay and a refusal with what became of them."""
    name = console.new_name()
    server = console.server
    added = console.add_text(
        name,
        f"""
match: [{{host: "{{tenant}}.localhost", port: {console.origin.port}, path: "/{name}/**"}}]
credentials: {{username: {USERNAME}, password: "{PASSWORD}"}}
grant: {{token_endpoint: "{server.token_endpoint}", client_id: bot-client, client_secret: "{CLIENT_SECRET}"}}
""",
    )
    for tenant in ("acme", "globex"):
        console.send(
            "httpx", console.proxy, "GET", console.origin.url(f"/{name}/echo", f"{tenant}.localhost")
        )
    console.open(signed_in, f"/profiles/{added.name}")

    tokens = signed_in.get_by_role("table", name="2 tokens")
    assert tokens.get_by_role("rowheader").all_inner_texts() == ["tenant = acme", "tenant = globex"]
    recent = signed_in.get_by_role("table", name="The last 2 requests")
    expect(recent.get_by_role("rowheader").first).to_contain_text(f"globex.localhost:{console.origin.port}")
    expect(recent.get_by_role("cell", name="200").first).to_be_visible()


def test_settings_are_shown_without_secrets(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround
) -> None:
    """Neither password nor client secret, in the text or anywhere in the page's source."""
    added = console.add(check_url=console.origin.url("/protected/echo?check=1"))
    console.ask(added)
    console.open(signed_in, f"/profiles/{added.name}")

    expect(signed_in.get_by_text(console.server.token_endpoint)).to_be_visible()
    token = console.origin.last.bearer_token
    content = signed_in.content()
    assert [secret for secret in (PASSWORD, CLIENT_SECRET, token) if secret in content] == []


def test_a_profile_that_there_is_not_has_a_page_that_says_so(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround, strictness: Strictness
) -> None:
    """With a way back."""
    strictness.expect_status(404)
    console.open(signed_in, "/profiles/nobody")

    expect(signed_in.get_by_role("main")).to_contain_text("There is no profile of that name.")
    signed_in.get_by_role("link", name="To the overview").click()
    expect(signed_in).to_have_url(f"{console.url}/")


@on_all_widths
def test_the_page_of_a_profile_is_accessible(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround
) -> None:
    """Locked and in use, in light and dark; nothing has to be scrolled sideways."""
    for added in (console.add(), console.add(credentials={"username": "bot", "password": "wrong"})):
        console.ask(added, "/protected/echo?" + "long=" * 40)
        console.open(signed_in, f"/profiles/{added.name}")

        axe(signed_in)
        check_width(signed_in)
