"""Which texts of a profile are secrets, and how they are written: as references, or encrypted."""

from __future__ import annotations

import re
from collections.abc import Callable

from proxy.references import REFERENCE, SCHEMES, is_encrypted, without_references

Seal = Callable[[str], str]
"""Makes of a text the reference that stands for it."""

_PLACEHOLDER = re.compile(r"\{\{\s*[A-Za-z_][A-Za-z0-9_.-]*\s*\}\}")
_SCHEME = re.compile(r"\A[A-Za-z][A-Za-z-]{0,19}(?= )")
_NAMED = re.compile(r"[\w.-]+=[\"']?(?=\x00)")
_HOLE = "\x00"
_LOOKS_LIKE_REFERENCE = re.compile(r"\$\{(\w+):[^{}]+\}")


def is_secret(text: str) -> bool:
    """Whether *text* says something itself that is not to be shown.

    References and placeholders are no secrets, nor is a scheme before them (`Bearer {{access_token}}`), nor a
    name that one of them is the value of (`SID={{access_token}}`).
    """
    if _HOLE in text:
        return True
    holes = _PLACEHOLDER.sub(_HOLE, REFERENCE.sub(_hole_of, text))
    if _HOLE not in holes:
        return bool(holes)
    return re.search(r"\w", _NAMED.sub("", _SCHEME.sub("", holes))) is not None


def is_secret_connector(text: str) -> bool:
    """The same for a proxy's URL, where the password alone is one."""
    scheme, separator, rest = text.partition("://")
    if not separator or not scheme.isalnum():
        return is_secret(text)
    return bool(without_references(rest).rpartition("@")[0].partition(":")[2])


def is_kept(text: str) -> bool:
    """Whether *text* may stand in a form, hidden, for a secret that is not shown: it is encrypted."""
    return is_encrypted(text) and not is_secret(text)


def sealed_text(text: str, seal: Seal) -> str:
    """A text of the configuration with all that is written out in it encrypted; references stay.

    What is decrypted is not looked at for references again, so each part is encrypted by itself.
    """
    parts: list[str] = []
    literal, end = "", 0
    for found in REFERENCE.finditer(text):
        literal += text[end : found.start()]
        if found["scheme"] in SCHEMES:
            parts += [_sealed(literal, seal), found[0]]
            literal = ""
        else:
            literal += "${" if found["escaped"] else found[0]
        end = found.end()
    return "".join([*parts, _sealed(literal + text[end:], seal)])


def typed_secret(text: str, seal: Seal) -> str:
    """What somebody typed where a secret belongs: with a reference in it as a configuration has it, else as
    it is. Raises ValueError where it looks like a reference of a kind that there is not."""
    if without_references(text) != text:
        return sealed_text(text, seal)
    if _LOOKS_LIKE_REFERENCE.fullmatch(text):
        raise ValueError(f"looks like a reference of an unknown kind; known are {', '.join(SCHEMES)}")
    return seal(text)


def _sealed(literal: str, seal: Seal) -> str:
    return seal(literal) if literal else ""


def _hole_of(found: re.Match[str]) -> str:
    return _HOLE if found["scheme"] in SCHEMES else found[0]
