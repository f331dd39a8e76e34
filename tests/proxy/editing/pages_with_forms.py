"""The forms in a page, as a browser without a script has them and sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class PageForm:
    """One form: what each control holds, and the attributes of every element with an id."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[dict[str, str | None]] = field(default_factory=list)

    def submitted(self, **entered: str) -> dict[str, str]:
        """What is sent once *entered* is entered (`__` for a dot): line breaks are CRLF (WHATWG HTML)."""
        values = {**self.values, **{name.replace("__", "."): value for name, value in entered.items()}}
        return {name: value.replace("\r\n", "\n").replace("\n", "\r\n") for name, value in values.items()}


class Page(HTMLParser):
    """Reads a page; `forms` are those in it, `elements` all with an id, `text` what is there to be read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.elements: dict[str, dict[str, str | None]] = {}
        self.texts: dict[str, str] = {}
        self._select: str | None = None
        self._textarea: str | None = None
        self._open: list[str] = []
        self.feed(html)

    @property
    def editing(self) -> PageForm:
        """The form of a profile."""
        return next(form for form in self.forms if "digest" in form.values)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        identity = attributes.get("id")
        if identity:
            assert identity not in self.elements, f"{identity} is there twice"
            self.elements[identity] = attributes
            self._open.append(identity)
        if tag == "form":
            self.forms.append(PageForm(str(attributes.get("action"))))
        name = attributes.get("name") or ""
        if tag == "button" and self.forms:
            self.forms[-1].buttons.append(attributes)
        elif tag == "input" and name:
            if attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes:
                self.forms[-1].values[name] = attributes.get("value") or ""
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select:
            value = attributes.get("value") or ""
            if "selected" in attributes or self._select not in self.forms[-1].values:
                self.forms[-1].values[self._select] = value
        elif tag == "textarea" and name:
            self._textarea = name
            self.forms[-1].values[name] = ""

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self.forms[-1].values[self._textarea] += data
        if self._open:
            self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea is not None:
            values = self.forms[-1].values
            # The first line break in it is not part of its value.
            values[self._textarea] = values[self._textarea].removeprefix("\n")
            self._textarea = None
        elif tag == "select":
            self._select = None
