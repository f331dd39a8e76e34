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
HOLE = "\x00"
"""In the place of what stands elsewhere, or comes later."""

_LONG_RUN = re.compile(r"[A-Za-z0-9]{16,}")
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=-]{16,}")
_CHANGE = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_LEAST_CHANGES = 3
_LOOKS_LIKE_REFERENCE = re.compile(r"\$\{(\w+):[^{}]+\}")


def is_secret(text: str) -> bool:
    """Whether *text* says something itself that is not to be shown.

    References and placeholders are no secrets, nor is a scheme before them (`Bearer {{access_token}}`), nor a
    name that one of them is the value of (`SID={{access_token}}`).
    """
    if HOLE in text:
        return True
    holes = _PLACEHOLDER.sub(HOLE, REFERENCE.sub(_hole_of, text))
    if HOLE not in holes:
        return bool(holes)
    return re.search(r"\w", _NAMED.sub("", _SCHEME.sub("", holes))) is not None


def is_secret_connector(text: str) -> bool:
    """The same for a proxy's URL, where the password is one, and a user name without any: many a service has
    its key there."""
    scheme, separator, rest = text.partition("://")
    if not separator or not scheme.isalnum():
        return is_secret(text)
    user, _, password = without_holes(rest).rpartition("@")[0].partition(":")
    return bool(password.replace(HOLE, "")) or bool(user.replace(HOLE, "") and not password)


def looks_like_secret(text: str) -> bool:
    """Whether something in *text* looks like a key or a token, wherever it stands: long, and letters and
    digits through one another. An address is none, nor is a name in words."""
    holes = without_holes(text)
    return "://" not in holes and not holes.startswith("urn:") and secret_looking(holes) is not None


def secret_looking(text: str) -> re.Match[str] | None:
    """The first part that looks like a secret of *text*, which is one without references and placeholders."""
    for found in _LONG_WORD.finditer(text):
        runs = (run[0] for run in _LONG_RUN.finditer(found[0]))
        if len(_CHANGE.findall(found[0])) >= _LEAST_CHANGES or any(re.search(r"\d", run) for run in runs):
            return found
    return None


def without_holes(text: str) -> str:
    """*text* with each reference and placeholder blotted out; what is said by itself stays in its place."""

    def filled(found: re.Match[str]) -> str:
        is_hole = found.re is _PLACEHOLDER or found["scheme"] in SCHEMES
        return HOLE * len(found[0]) if is_hole else found[0]

    return _PLACEHOLDER.sub(filled, REFERENCE.sub(filled, text))


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
    return HOLE if found["scheme"] in SCHEMES else found[0]
