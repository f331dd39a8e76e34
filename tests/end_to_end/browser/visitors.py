"""Two ways of using a page: with a pointer, and with the keys alone.

A control is named by its role and its accessible name, as a screen reader tells them: what has no name cannot
be used here either. Where several have the same, `within` is the group that is meant.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from playwright.sync_api import Locator, Page, expect

TABS = 250
"""More than any page has controls."""


class Visitor(Protocol):
    """Somebody at a page."""

    page: Page

    def activate(self, role: Any, name: str | re.Pattern[str]) -> None:
        """Follows a link, presses a button."""

    def enter(self, label: str, text: str, within: Locator | None = None) -> None:
        """Replaces what stands in a field."""

    def choose(self, label: str, option: str, within: Locator | None = None) -> None:
        """Chooses from a list, by what is shown."""

    def tick(self, label: str, within: Locator | None = None) -> None:
        """Ticks a checkbox or a radio button that is not ticked."""

    def unfold(self, summary: Locator) -> None:
        """Opens what is folded away behind a line of text."""

    def focus(self, wanted: Locator) -> None:
        """Goes there without doing anything yet."""


def control(page: Page, role: Any, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role(role, name=name, exact=isinstance(name, str))


def field(scope: Page | Locator, label: str) -> Locator:
    """Whether it may be left out stands in its label, or that it may not."""
    return scope.get_by_label(re.compile(rf"^\s*{re.escape(label)}( \((optional|required)\))?\s*$"))


class Pointer:
    """Clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def activate(self, role: Any, name: str | re.Pattern[str]) -> None:
        control(self.page, role, name).click()

    def enter(self, label: str, text: str, within: Locator | None = None) -> None:
        field(within or self.page, label).fill(text)

    def choose(self, label: str, option: str, within: Locator | None = None) -> None:
        field(within or self.page, label).select_option(label=option)

    def tick(self, label: str, within: Locator | None = None) -> None:
        field(within or self.page, label).check()

    def unfold(self, summary: Locator) -> None:
        summary.click()

    def focus(self, wanted: Locator) -> None:
        wanted.hover()


class Keyboard:
    """Tab, Enter, space and letters; never a click, and the focus goes where Tab takes it.

    *tabs* is how often it is pressed at most to come to a control.
    """

    def __init__(self, page: Page, tabs: int = TABS) -> None:
        self.page = page
        self._tabs = tabs

    def activate(self, role: Any, name: str | re.Pattern[str]) -> None:
        self.focus(control(self.page, role, name))
        self.page.keyboard.press("Enter")

    def enter(self, label: str, text: str, within: Locator | None = None) -> None:
        self.focus(field(within or self.page, label))
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(text)

    def choose(self, label: str, option: str, within: Locator | None = None) -> None:
        listed = field(within or self.page, label)
        self.focus(listed)
        self.page.keyboard.type(option)
        expect(listed.locator("option:checked")).to_have_text(option)

    def tick(self, label: str, within: Locator | None = None) -> None:
        box = field(within or self.page, label)
        self.focus(box)
        if not box.is_checked():
            self.page.keyboard.press("Space")
        expect(box).to_be_checked()

    def unfold(self, summary: Locator) -> None:
        self.focus(summary)
        self.page.keyboard.press("Enter")

    def focus(self, wanted: Locator) -> None:
        expect(wanted).to_have_count(1)
        focused = wanted.and_(self.page.locator(":focus"))
        for _ in range(self._tabs):
            if focused.count():
                assert is_focus_visible(self.page), "the control that has the focus does not show it"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not come to {wanted}")


def is_focus_visible(page: Page) -> bool:
    """Whether the focused element differs by an outline or a shadow."""
    return bool(
        page.evaluate(
            """() => {
                const style = getComputedStyle(document.activeElement);
                const hasOutline = style.outlineStyle !== "none" && style.outlineWidth !== "0px";
                return hasOutline || style.boxShadow !== "none";
            }"""
        )
    )
