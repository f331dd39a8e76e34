"""The Test page of a profile: the result beside the button, and of a failure what was answered."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.browser.axe import axe
from tests.end_to_end.browser.chromium import ChromiumThread
from tests.end_to_end.browser.console_ground import AddedProfile, ConsoleGround
from tests.end_to_end.browser.strictness import Strictness
from tests.end_to_end.browser.visitors import Visitor
from tests.end_to_end.browser.widths import check_width, on_all_widths
from tests.end_to_end.servers.authlib_server import CLIENT_SECRET, PASSWORD, USERNAME


@pytest.fixture
def checked(console: ConsoleGround) -> AddedProfile:
    """A profile whose Authorization Check URL takes the token."""
    return with_check(console, "/protected/echo")


def with_check(console: ConsoleGround, path: str) -> AddedProfile:
    name = console.new_name()
    return console.add(name=name, check_url=console.origin.url(path, f"{name}.localhost"))


def test_a_profile_that_works_passes(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround, checked: AddedProfile
) -> None:
    """The grant and the check are really performed, and nothing of it is kept for the proxy's requests."""
    before = console.server.count("password")
    console.open(operator.page, f"/profiles/{checked.name}")
    operator.activate("link", "Test")
    expect(operator.page.get_by_role("heading", level=1)).to_have_text(f"Test {checked.name}")
    operator.activate("button", "Test")
    expect(operator.page.get_by_role("status")).to_contain_text("passed")
    tried = console.origin.last
    console.ask(checked)

    assert tried.value("host") == f"{checked.host}:{console.origin.port}"
    assert console.server.count("password") - before == 2
    assert tried.bearer_token not in operator.page.content()


def test_a_check_that_fails_shows_headers_and_response(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround, way: str
) -> None:
    """As tabs where there is a script, one below the other where there is none."""
    added = with_check(console, "/always-401")
    page = operator.page
    console.open(page, f"/profiles/{added.name}/test")
    operator.activate("button", "Test")
    expect(page.get_by_role("heading", name="Auth Test Failed")).to_be_visible()
    expect(page.get_by_text("www-authenticate")).to_be_visible()
    if way == "no-script":
        expect(page.get_by_role("heading", name="Headers")).to_be_visible()
        expect(page.get_by_text("never", exact=True)).to_be_visible()
        return
    expect(page.get_by_role("tab", name="Headers", selected=True)).to_be_visible()
    expect(page.get_by_text("never", exact=True)).to_be_hidden()
    choose_tab(operator, way, "Response")

    expect(page.get_by_role("tabpanel", name="Response")).to_contain_text("never")
    expect(page.get_by_text("www-authenticate")).to_be_hidden()


def choose_tab(operator: Visitor, way: str, name: str) -> None:
    """By arrows, once the focus is on the one that is chosen."""
    tab = operator.page.get_by_role("tab", name=name)
    if way == "keyboard":
        operator.focus(operator.page.get_by_role("tab", selected=True))
        operator.page.keyboard.press("ArrowRight")
        expect(tab).to_be_focused()
    else:
        tab.click()


def test_a_token_in_another_place_brings_a_proposal(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """With the setting to change and a link to where that is done; the token itself is not shown."""
    token = secrets.token_urlsafe(24)
    added = console.add()
    console.server.answer_with(200, {"status": "ok", "data": {"token": token}}, times=1)
    page = operator.page
    console.open(page, f"/profiles/{added.name}/test")
    operator.activate("button", "Test")
    expect(page.get_by_role("heading", name="Auth Test Failed")).to_be_visible()

    proposal = page.get_by_role("region", name="Proposal")
    expect(proposal).to_contain_text("Set grant.response.access_token to data.token")
    expect(proposal.get_by_role("link", name="Edit")).to_have_attribute(
        "href", f"/profiles/{added.name}/edit#field-grant.response.access_token"
    )
    assert token not in page.content()


def test_a_refused_password_is_tried_again_only_if_that_is_insisted_on(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround, strictness: Strictness
) -> None:
    """Whoever presses Test twice locks nobody's account."""
    strictness.expect_status(409)
    user = console.new_name()
    added = console.add(credentials={"username": user, "password": PASSWORD})
    page = operator.page
    console.open(page, f"/profiles/{added.name}/test")
    operator.activate("button", "Test")
    expect(page.get_by_role("heading", name="Auth Test Failed")).to_be_visible()
    asked = console.server.requests
    operator.activate("button", "Test")
    expect(page.get_by_role("status")).to_contain_text("not tried")
    assert console.server.requests == asked
    console.server.state.users[user] = PASSWORD
    operator.tick("Try it all the same")
    operator.activate("button", "Test")

    expect(page.get_by_role("status")).to_contain_text("passed")


def test_a_per_user_profile_is_tried_with_what_is_entered(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """And nobody is authorized by it."""
    added = console.add(mode="per_user", credentials={})
    page = operator.page
    console.open(page, f"/profiles/{added.name}/test")
    operator.enter("End user", "ada")
    operator.enter("User name", USERNAME)
    operator.enter("Password", PASSWORD)
    operator.activate("button", "Test")
    expect(page.get_by_role("status")).to_contain_text("passed")

    assert PASSWORD not in page.content()
    console.open(page, f"/profiles/{added.name}")
    expect(page.get_by_role("main")).to_contain_text("0 end users have authorized")


@on_all_widths
def test_the_test_page_is_accessible(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround, checked: AddedProfile
) -> None:
    """Before and after, passed and failed, in light and dark; and no secret is on it."""
    failing = with_check(console, "/always-401?" + "long=" * 60)
    per_user = console.add(mode="per_user", credentials={})
    console.open(signed_in, f"/profiles/{per_user.name}/test")
    look_at(signed_in)
    console.open(signed_in, f"/profiles/{checked.name}/test")
    signed_in.get_by_role("button", name="Test").click()
    expect(signed_in.get_by_role("status")).to_contain_text("passed")
    look_at(signed_in)
    console.open(signed_in, f"/profiles/{failing.name}/test")
    signed_in.get_by_role("button", name="Test").click()
    expect(signed_in.get_by_role("heading", name="Auth Test Failed")).to_be_visible()
    look_at(signed_in)

    content = signed_in.content()
    assert [secret for secret in (PASSWORD, CLIENT_SECRET, console.token) if secret in content] == []


def look_at(page: Page) -> None:
    axe(page)
    check_width(page)
