"""How a secret may be spelt where a server repeats it: character by character, each in a way of its own.

Servers mix ways: one escapes a quotation mark and leaves the ampersand, another writes `%2f` in lower case.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache

_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
"""The entities that HTML and XML share (`&apos;` is XML's)."""

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
"""What nobody escapes."""


@lru_cache(maxsize=256)
def patterns_of(secret: str) -> tuple[re.Pattern[str], ...]:
    """Find *secret* as it is, percent- or form-encoded, escaped as in JSON, JavaScript, HTML, XML, or mixed.

    A backslash is one, or two where strings are escaped; in one pattern, a run of them could be divided in so
    many ways that a search would not end.
    """
    if _PLAIN.issuperset(secret):
        return (re.compile(secret),)
    ways = ([re.escape("\\")], [re.escape("\\\\")]) if "\\" in secret else ([],)
    return tuple(
        re.compile("".join(_one_of(character, backslash) for character in secret)) for backslash in ways
    )


def _one_of(character: str, backslash: list[str]) -> str:
    if character in _PLAIN:
        return character
    ways = (
        backslash + _escaped(character) if character == "\\" else [re.escape(character), *_escaped(character)]
    )
    return f"(?:{'|'.join(ways)})"


def base64_of(secret: str) -> set[str]:
    """Both alphabets, without padding."""
    encoded = _utf_8(secret)
    texts = {base64.b64encode(encoded).decode(), base64.urlsafe_b64encode(encoded).decode()}
    return {text.rstrip("=") for text in texts}


def _escaped(character: str) -> list[str]:
    """All ways but the character itself, each with another beginning."""
    ways = ["".join(f"%{_any_case(f'{byte:02x}')}" for byte in _utf_8(character))]
    units = character.encode("utf-16-be", "surrogatepass")
    ways.append("".join(rf"\\u{_any_case(units[at : at + 2].hex())}" for at in range(0, len(units), 2)))
    number = ord(character)
    ways.append(f"&#0*(?:{number}|[xX]0*{_any_case(f'{number:x}')});")
    if number < 256:
        ways.append(rf"\\x{_any_case(f'{number:02x}')}")
    if character in _NAMED:
        ways.append(f"&{_NAMED[character]};")
    if character == " ":
        ways.append(r"\+")
    if character in "\"'/":
        ways.append(re.escape("\\" + character))
    if character in _CONTROLS:
        ways.append(re.escape(_CONTROLS[character]))
    return ways


_CONTROLS = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}


def _any_case(digits: str) -> str:
    return "".join(f"[{digit.lower()}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _utf_8(text: str) -> bytes:
    # JSON can hold half a surrogate pair, and a server may send it as a token.
    return text.encode(errors="surrogatepass")
