"""URLs with placeholders: where a token request or a check goes, whatever the values in it hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from profiles.escaping import escape_host_label, escape_path_segment, escape_query
from profiles.origins import parse_authority
from profiles.placeholders import Template, compile_template

STAND_IN = "x"
"""A placeholder's value where only the text around it is looked at."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL in its parts, because a value is escaped by the part it lands in."""

    scheme: str
    authority: Template
    path: Template
    query: Template

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in it."""
        return self.authority.names | self.path.names | self.query.names

    @property
    def host(self) -> str | None:
        """The host where it is fixed."""
        literal = self.authority.literal
        return None if literal is None else parse_authority(literal, self.scheme)[0]

    def render(self, values: Mapping[str, Any]) -> str:
        """The URL. Raises MissingValue, and ValueError for a value that may not stand where it would."""
        authority = self.authority.render(values, escape_host_label)
        if self.authority.literal is None:
            # Each label is harmless by itself; together they still have to be a host.
            parse_authority(authority, self.scheme)
        path = self.path.render(values, escape_path_segment)
        query = self.query.render(values, escape_query)
        return f"{self.scheme}://{authority}{path}" + (f"?{query}" if query else "")


def compile_endpoint(
    text: str, *, base_url: str | None, known: Collection[str], captured: Collection[str] = ()
) -> Endpoint:
    """Compiles a URL, or a path under *base_url*; `{name}` and `{{name}}` mean the same in it.

    *known* are the placeholders that something provides, *captured* those whose values clients choose.
    Raises ValueError; the message continues the name of the key.
    """
    if text.startswith("/"):
        text = _resolved(text, base_url)
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in ("http", "https"):
        raise ValueError("must be an http or https URL, or a path under tenancy.base_url")
    if "#" in rest:
        raise ValueError("holds a fragment, which is never sent")
    authority, slash, rest = rest.partition("/")
    path, _, query = (slash + rest).partition("?")
    parts = [compile_template(part, single=True) for part in (authority, path, query)]
    endpoint = Endpoint(scheme, *parts)
    unknown = sorted(endpoint.names - set(known))
    if unknown:
        raise ValueError(f"holds a placeholder, and nothing provides the placeholder {', '.join(unknown)}")
    _check_authority(endpoint, captured)
    return endpoint


def _resolved(path: str, base_url: str | None) -> str:
    if base_url is None:
        raise ValueError("is relative, and tenancy.base_url is not set")
    if "?" in base_url or "#" in base_url:
        raise ValueError("is relative, and tenancy.base_url holds a query or a fragment")
    return base_url.rstrip("/") + path


_SPECIAL_USE = frozenset({"example", "internal", "invalid", "lan", "local", "localhost", "test"})
"""Top-level names below which nobody can register one (RFC 6761 and its kin)."""


def _is_somebodys(domain: str) -> bool:
    """Whether what stands below *domain* belongs to whoever has it: nobody has com."""
    return "." in domain or domain in _SPECIAL_USE


def _check_authority(endpoint: Endpoint, captured: Collection[str]) -> None:
    """Raises ValueError unless a host stands there that no client can replace."""
    parts = endpoint.authority.parts
    stand_in = "".join(STAND_IN if index % 2 else part for index, part in enumerate(parts))
    try:
        parse_authority(stand_in, endpoint.scheme)
    except ValueError:
        raise ValueError("is not a URL of an endpoint") from None
    chosen = [index for index, part in enumerate(parts) if index % 2 and part in captured]
    if chosen:
        # What follows the last value that a client chooses says whose host it is, as in `match.host`.
        # A placeholder that is the profile's own may be any domain.
        end = "".join("x.x" if at % 2 else part for at, part in enumerate(parts) if at > chosen[-1])
        if not _is_somebodys(end.partition(":")[0].partition(".")[2]):
            raise ValueError(
                f"lets {parts[chosen[-1]]} choose the host: "
                "it needs a fixed end, as in https://{tenant}.example.com"
            )
