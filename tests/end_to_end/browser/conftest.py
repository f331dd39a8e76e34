"""The ground of the tests in a browser: Chromium, the console, and pages that are watched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.end_to_end.browser.chromium import ChromiumThread, chromium_thread
from tests.end_to_end.browser.console_ground import ConsoleGround, run_console
from tests.end_to_end.browser.strictness import Strictness
from tests.end_to_end.browser.visitors import Keyboard, Pointer, Visitor
from tests.end_to_end.browser.widths import WIDE

WAYS = ("pointer", "keyboard", "no-script")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that has to do with the browser runs in the browser's thread."""
    browser = pyfuncitem.funcargs.get("browser")
    if not isinstance(browser, ChromiumThread):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    browser.run(lambda: pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(scope="session")
def browser() -> Iterator[ChromiumThread]:
    with chromium_thread() as running:
        yield running


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    """Of the module's proxy, besides what each has."""
    return {}


@pytest.fixture(scope="module")
def console(
    tmp_path_factory: pytest.TempPathFactory,
    proxy_defaults: dict[str, Any],
    test_ca: Path,
    configuration: dict[str, Any],
) -> Iterator[ConsoleGround]:
    """One for each module; a test adds the profiles that it is about."""
    folder = tmp_path_factory.mktemp("console")
    with run_console(folder, proxy_defaults, test_ca, **configuration) as ground:
        yield ground


@pytest.fixture
def page_options() -> dict[str, Any]:
    """Of the context in which `page` is: a module may have it come through the proxy."""
    return {}


@pytest.fixture
def viewport() -> dict[str, int]:
    """Pixels; `on_all_widths` has a test run on a telephone, too."""
    return WIDE


@pytest.fixture
def strictness() -> Strictness:
    """What the pages of a test must not do; `console` adds itself to what they may ask."""
    return Strictness(set())


@pytest.fixture(scope="module")
def open_pages(browser: ChromiumThread) -> Iterator[dict[str, Page]]:
    """By the options of their contexts: to open one takes as long as many a test."""
    pages: dict[str, Page] = {}
    yield pages
    for opened in pages.values():
        browser.run(opened.context.close)


@pytest.fixture
def page(
    browser: ChromiumThread,
    open_pages: dict[str, Page],
    page_options: dict[str, Any],
    viewport: Any,
    strictness: Strictness,
    request: pytest.FixtureRequest,
) -> Iterator[Page]:
    """A page of a visitor whom nobody knows yet; the test fails for whatever `strictness` finds."""
    if "console" in request.fixturenames:
        strictness.hosts.add(request.getfixturevalue("console").host)
    key = repr(page_options)
    if key not in open_pages:
        open_pages[key] = browser.run(lambda: browser.page(**page_options))
    opened = open_pages[key]

    def prepare() -> None:
        opened.context.clear_cookies()
        opened.set_viewport_size(viewport)
        opened.emulate_media(color_scheme="light", reduced_motion="no-preference")
        strictness.watch(opened.context)

    def leave() -> None:
        opened.goto("about:blank")
        strictness.leave(opened.context)

    browser.run(prepare)
    yield opened
    browser.run(leave)
    strictness.check()


@pytest.fixture
def signed_in(browser: ChromiumThread, page: Page, console: ConsoleGround) -> Page:
    """A page of somebody who is signed in; it shows nothing yet."""
    browser.run(lambda: console.sign_in(page))
    return page


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the pages are used. Whatever asks for a visitor is tried in each of the ways."""
    return str(request.param)


@pytest.fixture
def visitor(browser: ChromiumThread, way: str, page_options: dict[str, Any], request: Any) -> Visitor:
    """Somebody whom the console does not know yet."""
    page_options["java_script_enabled"] = way != "no-script"
    page = request.getfixturevalue("page")
    return Keyboard(page) if way == "keyboard" else Pointer(page)


@pytest.fixture
def operator(browser: ChromiumThread, visitor: Visitor, console: ConsoleGround) -> Visitor:
    """A visitor who is signed in, and at no page yet."""
    browser.run(lambda: console.sign_in(visitor.page))
    return visitor
