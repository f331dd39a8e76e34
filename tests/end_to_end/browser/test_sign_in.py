"""Signing in and out of the console, as people do it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from proxy.console.attempts import MOST_FAILURES
from tests.end_to_end.browser.axe import axe
from tests.end_to_end.browser.chromium import ChromiumThread
from tests.end_to_end.browser.console_ground import ConsoleGround
from tests.end_to_end.browser.strictness import Strictness
from tests.end_to_end.browser.visitors import Visitor
from tests.end_to_end.browser.widths import check_width, on_all_widths


def test_the_printed_link_signs_in(browser: ChromiumThread, page: Page, console: ConsoleGround) -> None:
    """And the token does not stay in the address, which the browser remembers and shows."""
    console.open(page, f"/?token={console.token}")

    expect(page).to_have_url(f"{console.url}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert console.token not in page.content()


def test_the_form_signs_in_and_leads_on(
    browser: ChromiumThread, visitor: Visitor, console: ConsoleGround
) -> None:
    """To the page that was asked for."""
    added = console.add()
    console.open(visitor.page, f"/profiles/{added.name}")
    expect(visitor.page).to_have_url(re.compile("/sign-in"))
    visitor.enter("Token", console.token)
    visitor.activate("button", "Sign in")

    expect(visitor.page).to_have_url(f"{console.url}/profiles/{added.name}")


def test_a_wrong_token_is_told_apart(
    browser: ChromiumThread, visitor: Visitor, console: ConsoleGround, strictness: Strictness
) -> None:
    """In words, beside the form, and the next attempt may be right."""
    strictness.expect_status(403)
    console.open(visitor.page, "/sign-in")
    visitor.enter("Token", "not-the-token")
    visitor.activate("button", "Sign in")
    expect(visitor.page.get_by_text("That is not the token of this console.")).to_be_visible()
    visitor.enter("Token", console.token)
    visitor.activate("button", "Sign in")

    expect(visitor.page).to_have_url(f"{console.url}/")


def test_a_link_with_a_wrong_token_asks_for_the_right_one(
    browser: ChromiumThread, page: Page, console: ConsoleGround, strictness: Strictness
) -> None:
    """As one from before a restart has it."""
    strictness.expect_status(403)
    console.open(page, "/?token=of-yesterday")

    expect(page.get_by_text("That is not the token of this console.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert "of-yesterday" not in page.content()


def test_after_signing_out_the_back_button_shows_nothing(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """Neither from the browser's memory nor from the console."""
    added = console.add()
    page = operator.page
    console.open(page, f"/profiles/{added.name}")
    expect(page.get_by_role("heading", name=added.name)).to_be_visible()
    operator.activate("button", "Sign out")
    expect(page).to_have_url(f"{console.url}/sign-in")
    page.go_back()

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text(added.name)).to_have_count(0)


@on_all_widths
def test_the_sign_in_page_is_accessible(browser: ChromiumThread, page: Page, console: ConsoleGround) -> None:
    """In light and dark, and on a telephone."""
    console.open(page, "/sign-in")

    axe(page)
    check_width(page)


def test_whoever_tries_many_tokens_is_told_to_wait(
    browser: ChromiumThread, page: Page, console: ConsoleGround, strictness: Strictness
) -> None:
    """And does not shut out who has the right one, which is not found by trying. The last test: for the next
    minute every wrong one is answered so."""
    strictness.expect_status(403, 429)
    console.open(page, "/sign-in")
    too_many = page.get_by_text("Too many failed sign-ins from your address.")
    for _ in range(MOST_FAILURES + 1):
        enter(page, "not-the-token")
    expect(too_many).to_be_visible()
    enter(page, console.token)

    expect(page).to_have_url(f"{console.url}/")


def enter(page: Page, token: str) -> None:
    """And waits for the page that answers, which looks much like the one before."""
    with page.expect_navigation():
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
