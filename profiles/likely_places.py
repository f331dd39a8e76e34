"""Where an answer is likely to have a token or a lifetime, by what its parts are called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from profiles.token_answer import TokenAnswer

DEEPEST = 5
TOKENS = ("access_token", "accesstoken", "token", "jwt", "authtoken", "sessionid", "session_id")
LIFETIMES = ("expires_in", "expiresin", "expires", "expires_at", "expiresat", "expiration", "exp")
HEADERS = ("x-token", "x-auth-token", "x-access-token", "x-session-token", "authorization", "token")

_LIKE_A_TOKEN = re.compile(r"token|jwt|session|ticket|bearer", re.IGNORECASE)
_ANOTHER_TOKEN = re.compile(
    r"refresh|csrf|xsrf|id_?token|type|expir|endpoint|ur[il]$|scope|status|valid", re.IGNORECASE
)
_LIKE_A_COOKIE = re.compile(r"[\w.-]*(?:sess|token|auth|jwt)[\w.-]*|[\w.-]*sid", re.IGNORECASE)
_TOKEN = re.compile(r"(?:Bearer +)?[\x21-\x7e]+", re.IGNORECASE)
_LONG_WORD = re.compile(r"[A-Za-z0-9._~+/=-]{16,}")


class _Member(NamedTuple):
    """A member anywhere in the data, with the keys that lead to it."""

    path: str
    keys: tuple[str, ...]
    value: Any


def path_of_token(data: Any) -> str | None:
    """The JMESPath of what is most likely the access token: by its exact name, by what its name is like,
    then the only text there is, if it looks like a token."""
    if isinstance(data, str):
        return "@" if _TOKEN.fullmatch(data) else None
    members = [item for item in _members(data) if not any(map(_ANOTHER_TOKEN.search, item.keys))]
    found = _called(members, TOKENS, _is_token)
    if found is None:
        found = next(
            (item.path for item in members if _LIKE_A_TOKEN.search(item.keys[-1]) and _is_token(item.value)),
            None,
        )
    if found is None:
        leaves = [item for item in _members(data) if not isinstance(item.value, (Mapping, list))]
        # XML has a lone root under its name and nowhere else, so one leaf is one token.
        if len(leaves) == 1 and isinstance(leaves[0].value, str) and _LONG_WORD.fullmatch(leaves[0].value):
            found = leaves[0].path
    return found


def path_of_lifetime(data: Any) -> str | None:
    """The JMESPath of what is most likely the lifetime, or the instant at which it is over."""
    members = [item for item in _members(data) if not any("refresh" in key.lower() for key in item.keys)]
    return _called(members, LIFETIMES, lambda value: isinstance(value, (int, float, str)) and bool(value))


def headers_like_a_token(answer: TokenAnswer) -> list[str]:
    """The names of header fields that are called like a token and hold something."""
    return [name for name, value in answer.headers if name.lower() in HEADERS and value]


def cookies_like_a_token(answer: TokenAnswer) -> list[str]:
    """The names of cookies that are called like a session or a token and are being set."""
    pairs = (text.partition(";")[0].partition("=") for text in answer.field_values("set-cookie"))
    names = (name.strip() for name, _, value in pairs if value.strip())
    return [name for name in names if _LIKE_A_COOKIE.fullmatch(name)]


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _called(members: list[_Member], names: tuple[str, ...], fits: Callable[[Any], bool]) -> str | None:
    """The first by depth, then by the order of *names*."""
    found = [
        (len(item.keys), names.index(item.keys[-1].lower()), item.path)
        for item in members
        if item.keys[-1].lower() in names and fits(item.value)
    ]
    return min(found)[2] if found else None


def _members(data: Any) -> Iterator[_Member]:
    """Every member, the nearest to the root first; of a list its first item."""
    level: list[tuple[str, tuple[str, ...], Any]] = [("", (), data)]
    for _ in range(DEEPEST):
        below = []
        for path, keys, node in level:
            if isinstance(node, list) and node:
                below.append((f"{path}[0]", keys, node[0]))
            elif isinstance(node, Mapping):
                for key, value in node.items():
                    here = f"{path}.{_quoted(str(key))}" if path else _quoted(str(key))
                    yield _Member(here, (*keys, str(key)), value)
                    below.append((here, (*keys, str(key)), value))
        level = below


def _quoted(key: str) -> str:
    """A key as JMESPath writes it."""
    return key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) else '"' + key.replace('"', '\\"') + '"'
