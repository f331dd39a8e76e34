"""A profile in the making: settings without a secret in them, and what has to be said about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from profiles.model import PROFILE_NAME
from profiles.origins import is_loopback

HARMLESS = frozenset(
    {"audience", "client_id", "connection", "format", "grant_type", "lang", "language", "locale", "provider"}
    | {"realm", "resource", "response_type", "scope", "tenant", "token_type", "ui_locales", "version"}
)
"""Parameters whose values are written out, in lower case. Of any other one nobody knows what it holds."""

_OUR_NAMESPACE = "GRANTPROXY_"


class NothingToImport(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """The source can be read and holds no password grant; the text says what it holds."""


class UnreadableSource(Exception):  # noqa: N818
    """The source is not what it was taken for. The text quotes nothing of it but names."""


@dataclass
class Draft:
    """One profile as it is imported.

    `variables` maps the name of each environment variable that is to be set to the setting it is for,
    `missing` says what the source did not tell, `not_carried_over` what it told in vain.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    variables: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    not_carried_over: list[str] = field(default_factory=list)

    @property
    def grant(self) -> dict[str, Any]:
        grant: dict[str, Any] = self.settings.setdefault("grant", {})
        return grant

    def reference(self, setting: str, variable: str | None = None) -> str:
        """A reference in the place of a value that is a secret or unknown; *setting* is a dotted key."""
        name = variable_name(variable or f"{self.name}_{setting.rpartition('.')[2]}")
        if self.variables.get(name, setting) != setting and variable is None:
            name = variable_name(f"{self.name}_{setting}")
        self.variables.setdefault(name, setting)
        return f"${{env:{name}}}"

    def value(self, setting: str, value: Any) -> Any:
        """*value* as the profile may hold it: as it is where it is harmless, else a reference."""
        if setting.rpartition(".")[2].lower() not in HARMLESS:
            return self.reference(setting)
        if isinstance(value, str) and ("{{" in value or "}}" in value):
            self.not_carried(f"{setting}: double braces in it would read as a placeholder")
            return ""
        return literal(value) if isinstance(value, str) else value

    def not_carried(self, what: str) -> None:
        if (said := one_line(what)) not in self.not_carried_over:
            self.not_carried_over.append(said)

    def lacks(self, what: str) -> None:
        if (said := one_line(what)) not in self.missing:
            self.missing.append(said)

    def say_if_cleartext(self, url: str) -> None:
        """A token endpoint over http that is not loopback is refused by `check`; that is told beforehand."""
        try:
            parts = urlsplit(url)
        except ValueError:
            self.lacks("grant.token_endpoint: what stands there is no URL")
            return
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            self.lacks("the token endpoint has no TLS: use https, or set allow_cleartext: true")


def profile_name(text: str) -> str:
    """A name for the profile out of a title or a host: lower case, hyphens for what a name may not hold."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name if PROFILE_NAME.fullmatch(name) else "imported"


def variable_name(text: str) -> str:
    """A name for an environment variable, outside the namespace in which every name is a setting."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_") or "VALUE"
    return f"MY_{name}" if name[0].isdigit() or name.startswith(_OUR_NAMESPACE) else name


def literal(text: str) -> str:
    """*text* with nothing in it that reads as a reference."""
    return text.replace("${", "$${")


def one_line(text: str) -> str:
    """*text* for a comment or a message: names in it come from a file of somebody else's."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def as_mapping(value: Any) -> Mapping[str, Any]:
    """*value* where it is a mapping, else an empty one: a document of somebody else's has any shape."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> Sequence[Any]:
    """*value* where it is a list, else an empty one."""
    return value if isinstance(value, list) else []
