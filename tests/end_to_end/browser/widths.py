"""The widths that the console has to fit into, and whether it does."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

WIDE = {"width": 1280, "height": 800}
TELEPHONE = {"width": 360, "height": 740}
"""The narrowest that is in use."""

on_all_widths = pytest.mark.parametrize(
    "viewport", [pytest.param(WIDE, id="wide"), pytest.param(TELEPHONE, id="360-px")]
)


def check_width(page: Page) -> None:
    """Raises AssertionError where the page has to be scrolled sideways, and names what stands out."""
    assert is_within_width(page), overflowing(page)


def is_within_width(page: Page) -> bool:
    return bool(page.evaluate("() => document.scrollingElement.scrollWidth <= innerWidth"))


def overflowing(page: Page) -> list[str]:
    """The innermost elements that stand out to the right."""
    found: list[str] = page.evaluate(
        """() => {
            const standsOut = element => element.getBoundingClientRect().right > innerWidth + 1;
            return [...document.querySelectorAll("body *")]
                .filter(element => standsOut(element) && ![...element.children].some(standsOut))
                .map(element => element.outerHTML.slice(0, 120));
        }"""
    )
    return found
