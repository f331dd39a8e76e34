"""A URL's query and what stands before its host: shown with what may be a secret hidden, and put back."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.display import MASK
from proxy.editing.secret_texts import HOLE, is_secret, without_holes
from proxy.setting_keys import KeyPath

URLS: frozenset[KeyPath] = frozenset(
    {("tenancy", "base_url"), ("grant", "token_endpoint"), ("grant", "refresh_endpoint"), ("check_url",)}
)
"""Settings of a profile that are URLs. No encrypted secret may stand in one, so that what is hidden here
stays in the clear in the file."""
_NO_NAME = ("", 0)

_CAPTURE = re.compile(r"\{[^{}]+\}")
_USER = re.compile(r"\A[^/?]*//([^/?]*)@")


def with_hidden_query(url: str) -> str:
    """*url* with MASK for each value of its query that is no reference and no placeholder, for parts of it
    that have no name, and for a user name and a password."""
    return "".join(MASK if is_hidden else part for part, _, is_hidden in _parts(url))


def with_query_of(url: str, other: str) -> str | None:
    """*url* with what *other* has in the place of each MASK: the value of the same name, and of several the
    one of the same number. None where it has none."""
    hidden = {name: part for part, name, is_hidden in _parts(other) if is_hidden}
    result = []
    for part, name, _ in _parts(url):
        is_kept = part == MASK and name != _NO_NAME
        if is_kept and name not in hidden:
            return None
        result.append(hidden[name] if is_kept else part)
    return "".join(result)


def _parts(url: str) -> Iterator[tuple[str, tuple[str, int], bool]]:
    """The parts of *url*, which together are all of it: each with a name and a number for those of the same
    name, and whether it is to be hidden."""
    holes = without_holes(url)
    start, question, _ = holes.partition("?")
    user = _USER.match(start)
    at = 0
    if user is not None:
        yield url[: user.start(1)], _NO_NAME, False
        yield url[user.start(1) : user.end(1)], ("@", 0), bool(user[1].replace(HOLE, "").strip(":"))
        at = user.end(1)
    yield url[at : len(start) + len(question)], _NO_NAME, False
    at = len(start) + len(question)
    numbers: dict[str, int] = {}
    for index, pair in enumerate(holes[at:].split("&") if holes[at:] else ()):
        before = "&" if index else ""
        name, equals, _ = pair.partition("=")
        end = at + len(before) + len(pair)
        value_at = at + len(before) + (len(name) + len(equals) if equals else 0)
        named = url[at + len(before) : value_at]
        yield url[at:value_at], _NO_NAME, False
        numbers[named] = numbers.get(named, -1) + 1
        value = url[value_at:end]
        yield value, (f"={named}", numbers[named]), is_secret(value) and not _CAPTURE.fullmatch(value)
        at = end
