"""The page that documents the HTTP API for people."""

from __future__ import annotations

import re
import shlex
import subprocess

from playwright.sync_api import Page, expect

from tests.end_to_end.browser.axe import axe
from tests.end_to_end.browser.chromium import ChromiumThread
from tests.end_to_end.browser.console_ground import IN_MAIN_FILE, ConsoleGround
from tests.end_to_end.browser.visitors import Visitor
from tests.end_to_end.browser.widths import check_width, on_all_widths


def test_an_operation_is_found_and_its_example_works(
    browser: ChromiumThread, operator: Visitor, console: ConsoleGround, curl: str
) -> None:
    """The line for curl is one that can be copied: the token comes from the environment."""
    page = operator.page
    console.open(page, "/api")
    operator.activate("link", "The profiles with their states")
    expect(page).to_have_url(re.compile("/api#listProfiles$"))
    example = page.get_by_label("With curl: The profiles with their states").inner_text()
    environment = {"TOKEN": console.token, "PATH": "/nowhere", "NO_PROXY": "*"}
    done = subprocess.run(
        ["/bin/sh", "-c", example.replace("curl", f"{shlex.quote(curl)} -s", 1)],
        env=environment,
        capture_output=True,
        timeout=20,
        text=True,
    )

    assert IN_MAIN_FILE in done.stdout
    assert console.token not in page.content()


@on_all_widths
def test_the_documentation_is_accessible(
    browser: ChromiumThread, signed_in: Page, console: ConsoleGround
) -> None:
    """In light and dark; what is too wide scrolls by itself."""
    console.open(signed_in, "/api")

    axe(signed_in)
    check_width(signed_in)
