"""A profile's connector: the proxy that is its way to origin and authorization server."""

from __future__ import annotations

import base64
import errno
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from profiles.errors import ConnectorUnavailable
from profiles.origins import parse_authority
from profiles.placeholders import NAME

logger = logging.getLogger(__name__)

DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443, "socks5": 1080}
"""The schemes a connector may have."""

_PLACEHOLDER = re.compile(r"\{\{?\s*" + NAME + r"\s*\}")


@dataclass(slots=True)
class Condition:
    """What its last use has shown: `available` is None before the first, `reason` says why it is False."""

    available: bool | None = None
    reason: str = ""
    was_down: bool = False
    """Whether that was about the connector itself, and not about the one host that was wanted."""
    _told: set[str] = field(default_factory=set)

    def reached(self) -> None:
        if self.was_down:
            self._told.clear()
        self.available, self.reason, self.was_down = True, "", False

    def failed(self, failure: ConnectorUnavailable) -> bool:
        """Notes why; says whether that is news, for a log that many failing requests do not fill."""
        self.available, self.reason = False, failure.reason
        self.was_down = failure.is_about_itself
        is_news = failure.reason not in self._told
        self._told.add(failure.reason)
        return is_news


@dataclass(frozen=True, slots=True)
class Connector:
    """A forward proxy. Neither its repr nor its text shows the credentials, which tell two of them apart.

    `host` is spelt as `origins.normalize_host` leaves it, without brackets.
    """

    scheme: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)
    condition: Condition = field(default_factory=Condition, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def proxy_authorization(self) -> bytes | None:
        """The value of the Proxy-Authorization field (RFC 7617), for the connector and nobody else."""
        if self.username is None:
            return None
        return b"Basic " + base64.b64encode(f"{self.username}:{self.password}".encode())

    def needs_tunnel(self, scheme: str, *, upgrades: bool) -> bool:
        """Whether a request goes through it by a tunnel; else it is asked for the whole URL (RFC 9112 section
        3.2.2). RFC 6455 section 4.1: a WebSocket goes through a proxy by CONNECT, whatever its scheme."""
        return scheme == "https" or self.scheme == "socks5" or upgrades

    def reached(self) -> None:
        """Notes that a way through it was had."""
        if self.condition.available is not True:
            if self.condition.was_down:
                logger.warning("connector %s is available again", self)
            self.condition.reached()

    def failed(self, failure: ConnectorUnavailable) -> None:
        """Notes why there was none; the log says so once for each reason, until it was available again."""
        if self.condition.failed(failure):
            logger.warning("connector %s is unavailable: it %s", self, failure.reason)


def parse_connector(text: str) -> Connector:
    """Parses `http://user:secret@gateway:3128`, `https://...` or `socks5://...`.

    User name and password are percent-decoded; only the last `@` ends them, so that other delimiters may
    stand in a password that comes from elsewhere. Raises ValueError, without the text.
    """
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in DEFAULT_PORTS:
        raise ValueError(
            "must be the URL of a proxy: http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT"
        )
    if _PLACEHOLDER.search(rest):
        raise ValueError("may hold no placeholder: all requests of a profile go the same way")
    userinfo, at, authority = rest.rpartition("@")
    host, port = _parse_authority(authority.removesuffix("/"), scheme)
    username, password = _parse_userinfo(userinfo, scheme) if at else (None, "")
    return Connector(scheme, host, port, username, password)


def overview_of(connector: Connector) -> dict[str, Any]:
    """What an operator may know of it, for JSON."""
    condition = connector.condition
    return {"address": str(connector), "available": condition.available, "reason": condition.reason}


def reason_of(text: str) -> str:
    """Why a connection failed, as it continues "the connector"; *text*, of whoever tried, is not shown."""
    text = text.lower()
    if "certificate" in text:
        return "has a certificate that is not accepted"
    if "ssl" in text or "tls" in text:
        return "does not speak TLS with us"
    if "name" in text or "nodename" in text or "getaddrinfo" in text:
        return "has a host name that is not known"
    if any(sign in text for sign in ("refused", "attempts failed", f"[errno {errno.ECONNREFUSED}]")):
        return "refuses connections"
    return "cannot be reached"


def _parse_authority(text: str, scheme: str) -> tuple[str, int]:
    if any(character in text for character in "/?#\\"):
        raise ValueError("has a path or a query, and the URL of a proxy has none")
    _, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        text = f"{text}:{DEFAULT_PORTS[scheme]}"
    elif not port:
        raise ValueError("has no port after its colon")
    try:
        host, number = parse_authority(text, "http")
    except ValueError as error:
        raise ValueError(f"names no proxy: its host {error}") from None
    if number == 0:
        raise ValueError("has a port that is no port")
    return host, number


def _parse_userinfo(text: str, scheme: str) -> tuple[str, str]:
    name, _, secret = text.partition(":")
    try:
        username, password = unquote(name, errors="strict"), unquote(secret, errors="strict")
        lengths = [len(part.encode()) for part in (username, password)]
    except UnicodeError:
        raise ValueError("has credentials that are not UTF-8") from None
    if any(ord(character) < 32 or ord(character) == 127 for character in username + password):
        raise ValueError("has credentials with control characters in them")
    if ":" in username:
        # RFC 7617 section 2: the first colon ends the user-id.
        raise ValueError("has a user name with a colon in it")
    if scheme == "socks5" and not all(1 <= length <= 255 for length in lengths):
        # RFC 1929 section 2: each length is one byte, and not zero.
        raise ValueError("needs a user name and a password of 1 to 255 bytes each, as SOCKS has them")
    return username, password
