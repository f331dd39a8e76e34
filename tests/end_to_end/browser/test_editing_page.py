"""Making and changing profiles: the source's dialog as a form, its check beside it, in force once saved."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.end_to_end.browser.axe import axe
from tests.end_to_end.browser.chromium import ChromiumThread
from tests.end_to_end.browser.console_ground import IN_MAIN_FILE, AddedProfile, ConsoleGround
from tests.end_to_end.browser.strictness import Strictness
from tests.end_to_end.browser.visitors import Visitor, field
from tests.end_to_end.browser.widths import check_width, on_all_widths
from tests.end_to_end.servers.authlib_server import CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME

BY_HAND = """\
# Orders, by hand.
match:
  - host: {name}.localhost   # only here
credentials:
  username: bot
  password: "{password}"     # rotated every quarter
grant:
  token_endpoint: {token_endpoint}
  client_id: bot-client
  client_secret: {client_secret}
# the end
"""


@pytest.fixture
def by_hand(console: ConsoleGround) -> AddedProfile:
    """A profile whose file somebody has written, with comments."""
    name = console.new_name()
    values = {"password": PASSWORD, "client_secret": CLIENT_SECRET, "name": name}
    return console.add_text(name, BY_HAND.format(token_endpoint=console.server.token_endpoint, **values))


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


def fill_in(operator: Visitor, console: ConsoleGround, name: str, token_url: str | None = None) -> None:
    """All that the smallest useful profile needs."""
    page = operator.page
    operator.enter("Name", name, group(page, "Name"))
    operator.enter("Host", f"{name}.localhost", group(page, "Entry 1"))
    operator.enter("Value", USERNAME, group(page, "Credential 1"))
    operator.enter("Value", PASSWORD, group(page, "Credential 2"))
    operator.enter("Token URL", console.server.token_endpoint if token_url is None else token_url)
    operator.enter("Client id", CLIENT_ID)
    operator.enter("Client secret", CLIENT_SECRET)


def test_a_new_profile_is_in_force_once_it_is_saved(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround
) -> None:
    """A request through the proxy gets its token; and no secret stands in the file in the clear."""
    name, page = console.new_name(), operator.page
    console.open(page, "/new-profile")
    fill_in(operator, console, name)
    operator.activate("button", "Save")
    expect(page).to_have_url(re.compile(rf"/profiles/{name}(#.*)?$"))
    expect(page.get_by_role("status")).to_contain_text(f"{name} is saved, and in force.")
    file = console.profiles_folder / f"{name}.yaml"
    answer = console.ask(AddedProfile(name, f"{name}.localhost", file))

    assert answer.status == 200
    text = file.read_text()
    assert [
        secret for secret in (PASSWORD, CLIENT_SECRET) if secret in text or secret in page.content()
    ] == []


def test_what_is_wrong_is_said_beside_its_field(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround, strictness: Strictness
) -> None:
    """Nothing is saved, nothing that was typed is lost, and a secret is kept without being shown."""
    strictness.expect_status(422)
    name, page = console.new_name(), operator.page
    password = secrets.token_urlsafe(16)
    console.server.state.users[name] = password
    console.open(page, "/new-profile")
    fill_in(operator, console, name, token_url="ftp://nowhere")
    operator.enter("Value", name, group(page, "Credential 1"))
    operator.enter("Value", password, group(page, "Credential 2"))
    operator.activate("button", "Save")
    expect(page.get_by_role("alert")).to_contain_text("not right yet")
    expect(field(page, "Token URL")).to_have_accessible_description(re.compile("Error: "))
    expect(field(page, "Token URL")).to_have_value("ftp://nowhere")
    assert password not in page.content()
    assert not (console.profiles_folder / f"{name}.yaml").exists()
    operator.enter("Token URL", console.server.token_endpoint)
    operator.activate("button", "Save")
    expect(page.get_by_role("status")).to_contain_text("is saved, and in force.")
    added = AddedProfile(name, f"{name}.localhost", Path())

    assert console.ask(added).status == 200


def test_an_edit_keeps_comments_and_the_version_before(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround, by_hand: AddedProfile
) -> None:
    """Secrets that were written in the clear are not shown, and go on working."""
    before, page = by_hand.file.read_text(), operator.page
    console.open(page, f"/profiles/{by_hand.name}")
    operator.activate("link", "Edit")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Edit {by_hand.name}")
    assert [secret for secret in (PASSWORD, CLIENT_SECRET) if secret in page.content()] == []
    operator.enter("Description", "Changed in the console")
    operator.activate("button", "Save")
    expect(page.get_by_role("main")).to_contain_text("Changed in the console")
    status = console.ask(by_hand).status

    after = by_hand.file.read_text()
    comments = [line.partition("#")[2] for line in before.splitlines() if "#" in line]
    assert [comment for comment in comments if comment not in after] == []
    assert "Changed in the console" in after
    kept = [file for file in by_hand.file.parent.iterdir() if file.name.startswith(by_hand.name)]
    assert before in [file.read_text() for file in kept if file != by_hand.file]
    assert status == 200


def test_rows_are_added_and_removed(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround, by_hand: AddedProfile
) -> None:
    """A form field and an authorization field more; the request carries what was added."""
    page = operator.page
    console.open(page, f"/profiles/{by_hand.name}/edit")
    operator.activate("button", "Add authorization field to Authorization fields")
    operator.choose("Field Type", "Header", group(page, "Authorization field 1"))
    operator.enter("Field Key", "X-Token", group(page, "Authorization field 1"))
    operator.enter("Field Value", "{{access_token}}", group(page, "Authorization field 1"))
    operator.activate("button", "Add status to Auth Error Status Code")
    operator.activate("button", "Remove status 1")
    operator.activate("button", "Save")
    expect(page.get_by_role("status")).to_contain_text("is saved, and in force.")
    console.ask(by_hand, "/echo")

    sent = console.origin.last
    assert console.server.accepts(sent.value("x-token"))
    assert sent.value("authorization") is None


def test_a_request_is_explained_beside_the_form(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround, by_hand: AddedProfile
) -> None:
    """By the form as it is, before it is saved."""
    page = operator.page
    console.open(page, f"/profiles/{by_hand.name}/edit")
    operator.enter("Path", "/only/**", group(page, "Entry 1"))
    aside = page.get_by_role("complementary")
    operator.enter("URL", f"http://{by_hand.host}/only/this", aside)
    operator.activate("button", "Explain")

    expect(page.get_by_label("Explanation")).to_contain_text(by_hand.name)
    expect(page.get_by_role("region", name="Preview")).to_contain_text("/only/**")
    assert "/only/" not in by_hand.file.read_text()


def test_the_preview_follows_what_is_typed(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround, by_hand: AddedProfile
) -> None:
    """Where there is a script; what is not right is told as well, and a secret is not repeated."""
    secret = secrets.token_urlsafe(16)
    console.open(signed_in, f"/profiles/{by_hand.name}/edit")
    preview = signed_in.get_by_role("region", name="Preview")
    live = signed_in.get_by_role("complementary").get_by_role("status")
    field(signed_in, "Client secret").fill(secret)
    field(signed_in, "Description").fill("Typed")
    expect(preview).to_contain_text("description: Typed")
    expect(live).to_have_text("Everything is right.")
    assert secret not in preview.inner_text()
    field(signed_in, "Token URL").fill("ftp://nowhere")

    expect(live).to_contain_text("Not right yet: Token URL")


def test_a_file_that_has_changed_meanwhile_is_not_overwritten(
    browser: ChromiumThread,
    operator: Visitor,
    console: ConsoleGround,
    by_hand: AddedProfile,
    strictness: Strictness,
) -> None:
    """Not without being told; what was entered is still there."""
    strictness.expect_status(409)
    page = operator.page
    console.open(page, f"/profiles/{by_hand.name}/edit")
    operator.enter("Description", "Mine")
    by_hand.file.write_text(by_hand.file.read_text() + "description: Theirs\n")
    operator.activate("button", "Save")
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed this profile")
    assert "Theirs" in by_hand.file.read_text()
    operator.activate("button", "Save over the other version")

    expect(page.get_by_role("main")).to_contain_text("Mine")


def test_a_profile_of_the_main_file_moves_to_a_file_of_its_own(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround
) -> None:
    """Which the page says before."""
    console.open(signed_in, f"/profiles/{IN_MAIN_FILE}/edit")

    expect(signed_in.get_by_role("main")).to_contain_text("When it is saved it moves to")


@on_all_widths
def test_the_editing_pages_are_accessible(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround, strictness: Strictness
) -> None:
    """New and with problems, edited with all that there is unfolded; in light and dark."""
    strictness.expect_status(422)
    added = console.add(
        form_fields=[{"key": "username"}, {"key": "password", "type": "password"}],
        fields=[{"in": "header", "key": "X-Token", "value": "{{access_token}}"}],
        auth_error=[401, {"status": 200, "body": "expired"}],
    )
    console.open(signed_in, "/new-profile")
    look_at(signed_in)
    signed_in.get_by_role("button", name="Save", exact=True).click()
    expect(signed_in.get_by_role("alert")).to_be_visible()
    look_at(signed_in)
    console.open(signed_in, f"/profiles/{added.name}/edit")
    signed_in.evaluate("() => document.querySelectorAll('details').forEach(item => { item.open = true; })")
    look_at(signed_in)


def look_at(page: Page) -> None:
    axe(page)
    check_width(page)
