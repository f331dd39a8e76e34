"""Reads WWW-Authenticate fields: which scheme a server wants, and what it says was wrong (RFC 9110 section
11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_ITEM = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+')
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*)(?:\s+|$)(?![\s=])")
_PARAMETER = re.compile(r'\s*([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"=][^\s"]*)?))\s*')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme with its parameters; their names are in lower case. `scheme` is in the server's own."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(fields: Iterable[str]) -> list[Challenge]:
    """The challenges of all *fields*, in order. What cannot be read is left out: real ones are careless."""
    found: list[tuple[str, dict[str, str]]] = []
    for item in (item for field in fields for item in _ITEM.findall(field)):
        scheme = _SCHEME.match(item)
        if scheme is not None:
            found.append((scheme[1], {}))
        parameter = _PARAMETER.fullmatch(item, scheme.end() if scheme is not None else 0)
        if parameter is not None and found:
            quoted, plain = parameter[2], parameter[3]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            found[-1][1].setdefault(parameter[1].lower(), value)
    return [Challenge(scheme, parameters) for scheme, parameters in found]
