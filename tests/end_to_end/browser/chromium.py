"""The Chromium that is installed, driven by Playwright in a thread of its own.

Playwright's plain interface keeps an event loop running in the thread that started it, and the main thread's
is pytest-asyncio's, for the tests that are coroutines. So the browser has a thread, and whatever touches it
runs there: see `pytest_pyfunc_call` in conftest.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT = 8_000
"""Milliseconds until what a page should do, and does not, fails a test."""


class NoChromium(Exception):  # noqa: N818  -- a state of affairs that is reported
    """There is no browser to try the console with."""


def chromium_program() -> str:
    """The path of the installed browser; raises NoChromium."""
    for program in PROGRAMS:
        path = shutil.which(program)
        if path is not None:
            return path
    raise NoChromium("no Chromium was found: run make test, which installs Debian's, or install one")


@dataclass
class ChromiumThread:
    """A headless Chromium; `run` has something done with it, in its thread."""

    _thread: ThreadPoolExecutor
    browser: Browser = field(init=False)

    def run[Result](self, work: Callable[[], Result]) -> Result:
        return self._thread.submit(work).result()

    def context(self, **options: Any) -> BrowserContext:
        """A visitor of its own, with cookies of its own. To be called in the thread."""
        context = self.browser.new_context(**{"locale": "en-GB", "timezone_id": "UTC", **options})
        context.set_default_timeout(TIMEOUT)
        return context

    def page(self, **options: Any) -> Page:
        return self.context(**options).new_page()


@contextmanager
def chromium_thread() -> Iterator[ChromiumThread]:
    """Starts the browser and ends it. Playwright does without the sandbox, which root may not have."""
    program = chromium_program()
    with ThreadPoolExecutor(1, "chromium") as thread:
        chromium = ChromiumThread(thread)
        playwright = chromium.run(sync_playwright().start)
        try:
            # A container's /dev/shm may be too small for what Chromium would put there.
            flags = ["--disable-dev-shm-usage", "--hide-scrollbars"]
            chromium.browser = chromium.run(
                lambda: playwright.chromium.launch(executable_path=program, args=flags, timeout=30_000)
            )
            expect.set_options(timeout=TIMEOUT)
            yield chromium
            chromium.run(chromium.browser.close)
        finally:
            chromium.run(playwright.stop)
