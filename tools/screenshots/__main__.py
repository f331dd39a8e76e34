"""Takes the pictures in docs/console: `make screenshots`. Run again, it takes the same ones."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # the script's own folder is there already

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402
from scene import Scene, playing_scene  # noqa: E402
from story import invitation, play  # noqa: E402

from tests.end_to_end.browser.chromium import NoChromium, chromium_program  # noqa: E402

PICTURES = ROOT / "docs" / "console"
SIZES = {"": {"width": 1280, "height": 800}, "-360": {"width": 360, "height": 740}}
SCHEMES = ("light", "dark")
TALLEST = 1600
"""Pixels; of what goes on beyond, the page itself is the better picture."""

FLAGS = [
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    # What is painted anew in parts differs from what is painted at once, by one in a colour.
    "--disable-partial-raster",
    "--disable-skia-runtime-opts",
]
NORMALISE = """([replacements]) => {
    const fixed = text => replacements.reduce(
        (result, [pattern, replacement]) => result.replace(new RegExp(pattern, "g"), replacement), text);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = fixed(walker.currentNode.data);
        if (text !== walker.currentNode.data) walker.currentNode.data = text;
    }
    for (const field of document.querySelectorAll("input, textarea")) field.value = fixed(field.value);
}"""

FROM_THE_TOP = """() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
    for (const element of document.querySelectorAll("*")) element.scrollTop = 0;
}"""


def sign_in(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/sign-in")


def overview(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/")
    expect(page.get_by_text("Live")).to_be_visible()


def profile(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/profiles/orders")


def locked(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/profiles/billing")


def trial(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/profiles/reports/test")
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_text("Auth Test Failed")).to_be_visible(timeout=30_000)


def authorize(page: Page, scene: Scene) -> None:
    page.goto(invitation(scene, "grace"))
    page.get_by_label("User name").fill("grace")


def new_profile(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/new-profile")
    page.get_by_role("group", name="Name", exact=True).get_by_label("Name").fill("invoices")
    page.get_by_label("Description").fill("Invoices of Example Corp")
    page.get_by_role("group", name="Entry 1").get_by_label("Host").fill("invoices.example.com")
    for number, value in enumerate(("bot", "${env:BOT_PASSWORD}"), 1):
        page.get_by_role("group", name=f"Credential {number}").get_by_label("Value").fill(value)
    page.locator("id=field-grant.token_endpoint").fill("https://login.example.com/oauth/token")
    page.locator("id=explain_url").fill("https://invoices.example.com/api/2026")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_label("Explanation")).to_contain_text("invoices")


def edit(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/profiles/orders/edit")
    page.get_by_role("button", name="Preview and check").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text("orders.example.com")


def api(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/api")


PAGES: dict[str, Callable[[Page, Scene], None]] = {
    "sign-in": sign_in,
    "overview": overview,
    "profile": profile,
    "locked": locked,
    "test": trial,
    "authorize": authorize,
    "new-profile": new_profile,
    "edit": edit,
    "api": api,
}
SIGNED_OUT = ("sign-in", "authorize")


def take_all(browser: Browser, scene: Scene) -> None:
    for name, show in PAGES.items():
        for suffix, size in SIZES.items():
            for scheme in SCHEMES:
                page = new_page(browser, scene, size, scheme)
                if name not in SIGNED_OUT:
                    page.goto(f"{scene.url}/?token={scene.token}")
                show(page, scene)
                take(page, scene, PICTURES / f"{name}-{scheme}{suffix}.png")
                page.context.close()


def new_page(browser: Browser, scene: Scene, size: Any, scheme: Any) -> Page:
    context = browser.new_context(
        viewport=size, color_scheme=scheme, reduced_motion="reduce", locale="en-GB", timezone_id="UTC"
    )
    page = context.new_page()
    page.clock.set_fixed_time(scene.now)
    return page


def take(page: Page, scene: Scene, file: Path) -> None:
    """Takes a picture without what differs from one time, or machine, to the next."""
    folder, listener = str(scene.proxy.config_file.parent), f"{scene.proxy.host}:{scene.proxy.port}"
    replacements = [
        (re.escape(folder), "/etc/grantproxy"),
        (re.escape(listener), "127.0.0.1:8080"),
        (re.escape(scene.url.removeprefix("http://")), "127.0.0.1:8082"),
        (r"\b\d+(\.\d+)? ms\b", "12 ms"),
        (r"\w+, \d+ \w+ \d{4} [\d:]+ GMT", formatdate(scene.now, usegmt=True)),
        (r"Werkzeug/\S+ Python/\S+", "Werkzeug"),
    ]
    page.evaluate(NORMALISE, [replacements])
    width = page.viewport_size["width"]
    height = min(TALLEST, page.evaluate("() => document.documentElement.scrollHeight"))
    # What is beside a form is as high as the window at most: the window is made as high as the picture.
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(FROM_THE_TOP)
    page.screenshot(path=file, animations="disabled")
    print(file.relative_to(ROOT))


def main() -> int:
    try:
        program = chromium_program()
    except NoChromium as error:
        print(error, file=sys.stderr)
        return 1
    PICTURES.mkdir(exist_ok=True)
    with playing_scene() as scene, sync_playwright() as playwright:
        play(scene)
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        take_all(browser, scene)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
