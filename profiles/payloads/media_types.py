"""Media types with their parameters (RFC 9110 section 8.3.1), read strictly.

Whoever reads the body after us must see the same charset and the same boundary, so a parameter that is
given twice, or in the extended syntax of RFC 8187, is refused instead of chosen from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from profiles.payloads.unfit import BodyUnfit

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105  -- RFC 9110's word
_NAME = re.compile(rf"[ \t]*({_TOKEN}/{_TOKEN})[ \t]*")
# Unquoted values hold more than a token has in the wild: Java's boundaries have "=" and "/" in them.
_PARAMETER = re.compile(rf';[ \t]*(?:({_TOKEN})=("(?:[^"\\]|\\.)*"|[^\s;"\\]+)[ \t]*)?')


@dataclass(frozen=True, slots=True)
class MediaType:
    """`name` and the names of the parameters are in lower case."""

    name: str
    parameters: Mapping[str, str]

    @property
    def charset(self) -> str | None:
        """The charset parameter, as the client spells it."""
        return self.parameters.get("charset")

    def is_kind(self, suffix: str, *names: str) -> bool:
        """Whether it is one of *names*, or has the structured syntax *suffix* (RFC 6839)."""
        return self.name in names or self.name.endswith(suffix)


def parse_media_type(text: str) -> MediaType:
    """Reads a Content-Type. Raises BodyUnfit."""
    found = _NAME.match(text)
    if found is None:
        raise BodyUnfit("has a Content-Type that is no media type")
    parameters: dict[str, str] = {}
    at = found.end()
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None:
            raise BodyUnfit("has a Content-Type that is no media type")
        at = parameter.end()
        if parameter[1] is None:
            continue
        name = parameter[1].lower()
        if name in parameters or "*" in name:
            raise BodyUnfit("has a Content-Type with ambiguous parameters")
        parameters[name] = unquoted(parameter[2])
    return MediaType(found[1].lower(), parameters)


def unquoted(text: str) -> str:
    """A parameter's value without quotes and quoted pairs (RFC 9110 section 5.6.4)."""
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
