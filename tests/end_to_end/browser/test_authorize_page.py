"""The page on which end users authorize a per-user profile, as their browsers come to it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.browser.axe import axe
from tests.end_to_end.browser.chromium import ChromiumThread
from tests.end_to_end.browser.console_ground import AddedProfile, ConsoleGround
from tests.end_to_end.browser.strictness import Strictness
from tests.end_to_end.browser.visitors import Visitor
from tests.end_to_end.browser.widths import check_width, on_all_widths
from tests.end_to_end.configurations import profile
from tests.end_to_end.servers.authlib_server import PASSWORD, USERNAME

ADA, GRACE = ("ada", "secret-of-ada"), ("grace", "secret-of-grace")
NOWHERE = "http://127.0.0.1:1/oauth/token"
ALL_KINDS = [
    {"key": "username", "title": "User name", "help": "As printed on the badge"},
    {"key": "password", "title": "Password", "type": "password"},
    {"key": "pin", "title": "PIN", "type": "password", "data_type": "number", "help": "On the back"},
    {"key": "seats", "title": "Seats", "data_type": "number"},
    {"key": "mail", "title": "E-mail", "data_type": "email", "required": False},
    {"key": "since", "title": "Since", "data_type": "date", "required": False},
    {"key": "paid", "title": "Paid", "data_type": "boolean"},
    {"key": "region", "title": "Region", "visibility": "read_only"},
    {"key": "channel", "title": "Channel", "visibility": "hidden"},
]


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    return {"clients": {name: {"secret": secret} for name, secret in (ADA, GRACE)}}


@pytest.fixture
def page_options(console: ConsoleGround) -> dict[str, Any]:
    """Ada's browser: it goes through the proxy, and says who she is."""
    return browser_of(ADA, console)


def grant_of(console: ConsoleGround, **settings: Any) -> dict[str, Any]:
    return profile(console.server, console.origin)["grant"] | settings


def browser_of(person: tuple[str, str], console: ConsoleGround) -> dict[str, Any]:
    name, secret = person
    return {"proxy": {"server": console.proxy.url, "username": name, "password": secret}}


@pytest.fixture
def orders(console: ConsoleGround, strictness: Strictness) -> AddedProfile:
    """A profile that each end user authorizes for themselves; its origin may be asked."""
    return per_user(console, strictness)


def per_user(console: ConsoleGround, strictness: Strictness, **settings: Any) -> AddedProfile:
    added = console.add(
        **{"mode": "per_user", "credentials": {}, "description": "Orders of Example", **settings}
    )
    strictness.hosts.add(f"{added.host}:{console.origin.port}")
    strictness.expect_status(422)
    return added


def go_to_origin(page: Page, console: ConsoleGround, added: AddedProfile) -> str:
    """Where the browser gets to, which a script or a bookmark led to the origin."""
    page.goto(console.origin.url("/protected/echo?page=2", added.host))
    return page.url


def enter(visitor: Visitor, password: str) -> None:
    visitor.enter("User name", USERNAME)
    visitor.enter("Password", password)
    visitor.activate("button", "Authorize")


def test_a_browser_is_led_to_the_page_and_back(
    browser: ChromiumThread, visitor: Visitor, console: ConsoleGround, orders: AddedProfile
) -> None:
    """A wrong password is told in plain words and kept from the page; what else was typed is kept on it."""
    page = visitor.page
    go_to_origin(page, console, orders)
    expect(page).to_have_url(re.compile(rf"^{re.escape(console.url)}/authorize/{orders.name}\?link="))
    expect(page.get_by_role("heading", level=1)).to_have_text("Authorize Orders of Example")
    expect(page.get_by_role("main")).to_contain_text("This is for ada.")
    visitor.tick("Renew without asking me")
    enter(visitor, "wrong-password")
    expect(page.get_by_role("alert")).to_contain_text("The server did not accept what you entered.")
    expect(page.get_by_label("User name")).to_have_value(USERNAME)
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Renew without asking me")).to_be_checked()
    assert "wrong-password" not in page.content()
    visitor.enter("Password", PASSWORD)
    visitor.activate("button", "Authorize")
    expect(page.get_by_role("status")).to_contain_text("Requests of ada are let through from now on.")
    visitor.activate("link", "Go on to where you came from")

    expect(page).to_have_url(console.origin.url("/protected/echo?page=2", orders.host))
    assert console.server.accepts(console.origin.last.bearer_token)


def test_a_link_works_once(
    browser: ChromiumThread,
    visitor: Visitor,
    console: ConsoleGround,
    orders: AddedProfile,
    strictness: Strictness,
) -> None:
    """Neither its page nor a form that is still open lets anybody in a second time."""
    strictness.expect_status(403)
    link = go_to_origin(visitor.page, console, orders)
    enter(visitor, PASSWORD)
    expect(visitor.page.get_by_role("status")).to_be_visible()
    visitor.page.goto(link)

    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("This link does not hold")
    expect(visitor.page.get_by_role("alert")).to_contain_text("has been used already")
    expect(visitor.page.get_by_role("textbox")).to_have_count(0)


def test_another_end_user_is_asked_for_themselves(
    browser: ChromiumThread, page: Page, console: ConsoleGround, orders: AddedProfile, strictness: Strictness
) -> None:
    """What one has authorized is of no use to another, nor does a console's session take part in it."""
    go_to_origin(page, console, orders)
    page.get_by_label("User name").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("status")).to_be_visible()
    of_grace = browser.context(**browser_of(GRACE, console))
    strictness.watch(of_grace)
    hers = of_grace.new_page()
    go_to_origin(hers, console, orders)

    expect(hers.get_by_role("main")).to_contain_text("This is for grace.")
    hosts = {request.value("host") for request in console.origin.requests}
    assert f"{orders.host}:{console.origin.port}" not in hosts
    of_grace.close()


def test_a_server_that_cannot_be_reached_is_told_apart_from_a_wrong_password(
    browser: ChromiumThread, page: Page, console: ConsoleGround, strictness: Strictness
) -> None:
    """Nobody begins to doubt their password for it."""
    strictness.expect_status(503)
    added = per_user(console, strictness, grant=grant_of(console, token_endpoint=NOWHERE))
    go_to_origin(page, console, added)
    page.get_by_label("User name").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Authorize").click()

    expect(page.get_by_role("alert")).to_contain_text("Your password was not refused.")
    expect(page.get_by_label("User name")).to_have_value(USERNAME)


def test_fields_of_every_kind_are_asked_for(
    browser: ChromiumThread, visitor: Visitor, console: ConsoleGround, strictness: Strictness
) -> None:
    """What is wrong is said beside its field, and nothing that was typed is lost but passwords."""
    credentials = {"region": "north", "channel": "bot", "seats": "3"}
    sent_keys = ("username", "password", "pin", "seats", "paid", "region", "channel")
    body = {"grant_type": "password", **{key: f"{{{{{key}}}}}" for key in sent_keys}}
    added = per_user(
        console,
        strictness,
        form_fields=ALL_KINDS,
        credentials=credentials,
        grant=grant_of(console, body=body),
    )
    page = visitor.page
    go_to_origin(page, console, added)
    expect(page.get_by_label("Region")).to_have_value("north")
    expect(page.get_by_label("Channel")).to_have_count(0)
    expect(page.get_by_label("User name")).to_have_accessible_description("As printed on the badge")
    visitor.enter("User name", USERNAME)
    visitor.enter("Password", PASSWORD)
    visitor.enter("PIN", "not-a-number")
    visitor.choose("Paid", "Yes")
    visitor.activate("button", "Authorize")
    expect(page.get_by_label("PIN")).to_have_accessible_description(re.compile("is not a number"))
    expect(page.get_by_label("Paid")).to_have_value("true")
    visitor.enter("Password", PASSWORD)
    visitor.enter("PIN", "0042")
    visitor.activate("button", "Authorize")

    expect(page.get_by_role("status")).to_contain_text("Requests of ada are let through from now on.")
    sent = console.server.token_requests[-1].parameters
    assert (sent["pin"], sent["seats"], sent["region"], sent["channel"]) == ("0042", "3", "north", "bot")


@on_all_widths
def test_the_pages_for_end_users_are_accessible(
    browser: ChromiumThread, page: Page, console: ConsoleGround, strictness: Strictness
) -> None:
    """The form, with problems and without, its end, and a link that does not hold; in light and dark."""
    strictness.expect_status(403)
    added = per_user(console, strictness, form_fields=ALL_KINDS[:5] + ALL_KINDS[6:7])

    link = go_to_origin(page, console, added)
    look_at(page)
    page.get_by_label("User name").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("PIN").fill("x")
    page.get_by_label("Seats").fill("2")
    page.get_by_label("Paid").select_option("true")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("PIN").fill("1")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("status")).to_be_visible()
    look_at(page)
    page.goto(link)
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page)


def look_at(page: Page) -> None:
    axe(page)
    check_width(page)
