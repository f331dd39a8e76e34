"""text/plain as lines of `key=value`, or as one bare word that is the token."""

from __future__ import annotations

import json
import re
from typing import Any

from profiles.content_types import forms
from profiles.content_types.bare_words import is_word
from profiles.content_types.documents import Document
from profiles.content_types.parameters import Parameters, texts, unwritable

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_NO_NAME = re.compile(r"""[\x00-\x1f\x7f=<>{}\[\]"']|: """)
_FORM_ON_ONE_LINE = re.compile(r"[\w.-]+=[^&\s]*(?:&[\w.-]+=[^&\s]*)+")


def encode(parameters: Parameters) -> tuple[bytes, str]:
    """A line for each parameter, the value as it is.

    A value that holds a line break, and one that begins and ends with a quote, is written as a JSON string
    (`key="two\\nlines"`), as .env files have it: without that, it would be read as something else. A name
    that cannot be told from its value raises ValueError.
    """
    for key in parameters:
        if not key or key != key.strip() or _NO_NAME.search(key) or _has_line_break(key):
            raise unwritable(key, "has a name that cannot stand in a line of text")
    lines = [f"{key}={_quoted(value)}\n" for key, value in texts(parameters).items()]
    return "".join(lines).encode(), "text/plain; charset=utf-8"


def decode(document: Document) -> Any:
    """Texts by key, from `key=value` or `key: value`; one bare word stands under `access_token`.

    Also a form on one line, for that is often served as text/plain.
    """
    text = document.text.strip()
    if is_word(text):
        return {"access_token": text}
    if _FORM_ON_ONE_LINE.fullmatch(text):
        return forms.decode(document)
    if not text:
        raise ValueError("is empty")
    return dict(_pair(line) for line in _LINE_BREAK.split(text) if line.strip())


def decode_word(document: Document) -> str:
    """The bare word, for whom `@` is mapped to. Raises ValueError for any other text."""
    text = document.text.strip()
    if not is_word(text):
        raise ValueError("is not one word")
    return text


def _quoted(value: str) -> str:
    looks_quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return json.dumps(value) if looks_quoted or _has_line_break(value) else value


def _has_line_break(text: str) -> bool:
    """Whether some reader sees a line end in it: Python's own sees ten kinds."""
    return len(f"x{text}x".splitlines()) > 1


def _pair(line: str) -> tuple[str, str]:
    name, found, value = line.partition("=")
    if ": " in name or not found:
        name, found, value = line.partition(": ")
    name, value = name.strip(), value.strip()
    if not found or not name or _NO_NAME.search(name):
        raise ValueError("is not made of lines with a key and a value")
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = str(json.loads(value))
    return name, value
