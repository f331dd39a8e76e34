"""The overview: how every profile stands, and what changes while somebody looks at it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.end_to_end.browser.axe import axe
from tests.end_to_end.browser.chromium import ChromiumThread
from tests.end_to_end.browser.console_ground import AddedProfile, ConsoleGround
from tests.end_to_end.browser.visitors import Visitor
from tests.end_to_end.browser.widths import check_width, on_all_widths
from tests.end_to_end.servers.authlib_server import CLIENT_SECRET, PASSWORD


def row(page: Page, added: AddedProfile) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=added.name))


def wrong_password() -> dict[str, str]:
    return {"username": "bot", "password": "wrong"}


def test_a_request_shows_without_a_reload(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround
) -> None:
    """By server-sent events: the state, the count and the chart change on the page that is open."""
    added = console.add()
    console.open(signed_in, "/")
    expect(row(signed_in, added)).to_contain_text("never used")
    signed_in.evaluate("() => { window.isStillThere = true; }")
    status = console.ask(added).status

    expect(row(signed_in, added)).to_contain_text("valid")
    expect(row(signed_in, added).get_by_role("cell").nth(2)).to_have_text("1")
    expect(row(signed_in, added).get_by_role("cell").nth(3)).to_have_text("1")
    assert status == 200
    assert signed_in.evaluate("() => window.isStillThere")


def test_a_refusal_shows_as_something_to_look_at(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround
) -> None:
    """A locked password, with a link to the profile whose it is."""
    added = console.add(credentials=wrong_password())
    console.open(signed_in, "/")
    expect(row(signed_in, added)).to_contain_text("never used")
    console.ask(added)

    expect(row(signed_in, added)).to_contain_text("locked")
    warnings = signed_in.get_by_role("region", name="To look at")
    warnings.get_by_role("link", name=added.name).click()
    expect(signed_in.get_by_role("heading", level=1)).to_have_text(added.name)


def test_the_reload_link_does_without_a_script(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """What the events would have brought, whoever has none asks for."""
    added = console.add()
    console.open(operator.page, "/")
    expect(row(operator.page, added)).to_contain_text("never used")
    console.ask(added)
    operator.activate("link", "Reload")

    expect(row(operator.page, added)).to_contain_text("valid")


def test_profiles_are_found_by_name_and_by_state(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """The choice is in the address: it can be kept and passed on."""
    needle = f"Needle {console.new_name()}"
    used, unused = console.add(description=needle), console.add(description=needle)
    console.ask(used)
    page = operator.page
    console.open(page, "/")
    operator.enter("Name or description has", needle.upper())
    operator.activate("button", "Filter")
    expect(page.locator("tbody").get_by_role("row").filter(has_text=needle)).to_have_count(2)
    console.open(page, f"/?q={needle}&state=unused")

    expect(row(page, unused)).to_be_visible()
    expect(row(page, used)).to_have_count(0)


def test_an_overview_in_another_tab_ends_with_the_session(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround
) -> None:
    """It says so, and shows nothing new to whoever comes to that tab."""
    console.open(signed_in, "/")
    expect(signed_in.get_by_text("Live", exact=True)).to_be_visible()
    other = signed_in.context.new_page()
    console.open(other, "/")
    other.get_by_role("button", name="Sign out").click()
    expect(other).to_have_url(f"{console.url}/sign-in")

    expect(signed_in.get_by_text("You are signed out, or the proxy has ended.")).to_be_visible()
    other.close()


@on_all_widths
def test_the_overview_is_accessible(browser: ChromiumThread, signed_in: Page, console: ConsoleGround) -> None:
    """With all that may stand on it, in light and dark; nothing has to be scrolled sideways."""
    console.ask(console.add(description="In use " * 8))
    console.ask(console.add(credentials=wrong_password()))
    console.add(allow_cleartext=True)
    console.open(signed_in, "/")
    signed_in.get_by_text("The numbers by minute").click()

    axe(signed_in)
    check_width(signed_in)
    content = signed_in.content()
    assert [secret for secret in (PASSWORD, CLIENT_SECRET, console.token) if secret in content] == []
