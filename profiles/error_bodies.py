"""Finds errors about the token in an answer's body, and the patterns for `auth_error` that know them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from profiles.html_pages import is_html

_TELLS_OF_TOKENS = re.compile(
    r"token|unauth|authenti|authori[sz]|_auth\b|authed|session|api[ _-]?key"
    r"|log(?:ged)?[ _-]?in|sign(?:ed)?[ _-]?in",
    re.IGNORECASE,
)
_CODES = ("error", "code", "errcode", "error_code", "errorcode", "errortype", "status", "statuscode", "type")
_TEXTS = (*_CODES, "error_description", "message", "msg", "errmsg", "error_message", "errormessage")
_TEXTS_TOO = ("detail", "title", "reason", "description", "faultstring")
_BELOW = ("error", "errors", "fault", "status", "meta", "response", "result")
_FAILED = frozenset({"error", "fail", "failed", "failure", "unauthorized", "ko"})
_NAME = re.compile(r"[A-Za-z]+(?:[_. -][A-Za-z]+){0,5}")
"""A code as it may be repeated in a proposal: words, so that no token is taken for one."""

_PHRASE = re.compile(
    r"(?:invalid|expired|missing|no|bad)[ _-](?:access[ _-]?)?token|token (?:is |has )?(?:expired|invalid)"
    r"|session (?:is |has )?expired|unauthori[sz]ed|not (?:logged|signed) in",
    re.IGNORECASE,
)
_LONGEST_PHRASE = 4096


def token_error_pattern(text: str) -> str | None:
    """The pattern by which `auth_error` would know *text*, the body, as one that does not accept the token.

    None where it says nothing of the kind. The pattern is found in *text*.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return _phrase_in(text)
    if not has_error(data) or not any(map(_TELLS_OF_TOKENS.search, _texts_in(data))):
        return None
    return next((pattern for pattern in _patterns(data) if re.search(pattern, text)), None)


def has_error(data: Any) -> bool:
    """Whether decoded JSON says of itself that it is an error."""
    return any(_is_error(node) for node in _nodes(data))


def _phrase_in(text: str) -> str | None:
    if is_html(text) or len(text) > _LONGEST_PHRASE:
        return None
    found = _PHRASE.search(text)
    return f"(?i){found[0].lower()}" if found else None


def _nodes(data: Any) -> Iterator[Mapping[str, Any]]:
    """The root, and what errors are usually wrapped in."""
    if not isinstance(data, Mapping):
        return
    yield data
    for key, value in data.items():
        below = value[0] if isinstance(value, list) and value else value
        if key.lower() in _BELOW and isinstance(below, Mapping):
            yield below


def _is_error(node: Mapping[str, Any]) -> bool:
    members = {key.lower(): value for key, value in node.items()}
    if members.get("error") or members.get("errors") or members.get("fault"):
        return True
    if members.get("success") is False or members.get("ok") is False:
        return True
    if str(members.get("status", "")).lower() in _FAILED:
        return True
    return any(_is_error_code(key, members.get(key)) for key in _CODES[1:])


def _is_error_code(key: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return value != 0 if key.startswith("err") else value >= 400


def _texts_in(data: Any) -> Iterator[str]:
    for node in _nodes(data):
        for key, value in node.items():
            if isinstance(value, str) and key.lower() in (*_TEXTS, *_TEXTS_TOO):
                yield value


def _patterns(data: Any) -> Iterator[str]:
    """A code that speaks of tokens, then a number, then the words of the message that do."""
    members = [(key, value) for node in _nodes(data) for key, value in node.items() if _NAME.fullmatch(key)]
    codes = [(key, value) for key, value in members if key.lower() in _CODES]
    for key, value in codes:
        if isinstance(value, str) and _NAME.fullmatch(value) and _TELLS_OF_TOKENS.search(value):
            yield f'"{re.escape(key)}": *"{_plain(value)}"'
    for key, value in codes:
        if _is_error_code(key.lower(), value):
            yield f'"{re.escape(key)}": *{value}\\b'
    for key, value in members:
        if isinstance(value, str) and key.lower() in (*_TEXTS, *_TEXTS_TOO):
            found = _TELLS_OF_TOKENS.search(value)
            if found is not None:
                yield f'(?i)"{re.escape(key)}": *"[^"]*{found[0].lower()}'


def _plain(words: str) -> str:
    return re.escape(words).replace("\\ ", " ").replace("\\-", "-")
