"""Which host a text names, and whether connection, SNI and Host name the same origin."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

import idna

from profiles.errors import HostsDisagree
from profiles.requests import Origin

DEFAULT_PORTS = {"http": 80, "https": 443}

LONGEST = 1000
"""Characters of a host with its port. Names are shorter, but nothing else bounds leading zeros of a port, nor
characters that IDNA ignores; and what clients send is remembered here by the ten thousand."""

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


@lru_cache(maxsize=10_000)
def normalize_host(host: str) -> str:
    """The one spelling of *host*: lower case, no trailing dot, IDN in A-labels, IPv6 compressed, no brackets.

    Raises ValueError, without the text, for what is no host name and no IP address.
    """
    if len(host) > LONGEST:
        raise ValueError("is not a host")
    if host.startswith("["):
        if not host.endswith("]"):
            raise ValueError("is not a host")
        return _compressed(host[1:-1])
    if ":" in host:
        return _compressed(host)
    name = host.lower().removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise ValueError("is not a host name") from None
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("is not a host name")
    if name.rpartition(".")[2].isdigit():
        # Only an IPv4 address may end in a number (WHATWG URL, ends-in-a-number checker).
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise ValueError("is not an IPv4 address") from None
    return name


def _compressed(address: str) -> str:
    try:
        return ipaddress.IPv6Address(address).compressed
    except ValueError:
        raise ValueError("is not an IPv6 address") from None


@lru_cache(maxsize=10_000)
def parse_authority(text: str, scheme: str) -> tuple[str, int]:
    """Host and port of `host[:port]` (RFC 9110 section 7.2); the scheme's port where none is named."""
    if len(text) > LONGEST:
        raise ValueError("is not a host")
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return normalize_host(text), DEFAULT_PORTS[scheme]
    if port == "":
        return normalize_host(host), DEFAULT_PORTS[scheme]
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError("has a port that is no port")
    if ":" in host and not host.startswith("["):
        raise ValueError("is not a host")
    return normalize_host(host), int(port)


@lru_cache(maxsize=10_000)
def is_loopback(host: str) -> bool:
    """Whether *host* can only be this machine: localhost (RFC 6761) or a loopback address."""
    name = host.strip("[]").lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


@dataclass(frozen=True, slots=True)
class Cleartext:
    """Where credentials may travel without TLS (invariant I5): anywhere if `allowed`, else to loopback, which
    through a connector elsewhere is not this machine any more."""

    allowed: bool = False
    loopback_is_here: bool = True

    def permits(self, host: str) -> bool:
        """Whether a credential may go to *host* over http."""
        return self.allowed or (self.loopback_is_here and is_loopback(host))


@lru_cache(maxsize=10_000)
def check_agreement(connection: Origin, sni: str | None, host_field: str | None) -> None:
    """Raises HostsDisagree unless SNI and Host, as far as they are there, name the connection's origin."""
    scheme, host, port = connection
    try:
        expected = normalize_host(host)
        if sni is not None and sni != expected and normalize_host(sni) != expected:
            raise HostsDisagree(f"the connection goes to {expected}, SNI names another host")
        if host_field is None or (host == expected and _is_spelled(connection, host_field)):
            return
        if parse_authority(host_field, scheme) != (expected, port):
            raise HostsDisagree(f"the connection goes to {expected}:{port}, Host names another origin")
    except ValueError:
        raise HostsDisagree("the request names something that is no host") from None


def agree_at_sight(connection: Origin, sni: str | None, host_field: str | None) -> bool:
    """Whether SNI and Host are just what nearly every program says, so that nothing has to be parsed.

    The connection's host has to be as `normalize_host` leaves it. For all else there is `check_agreement`.
    """
    if sni is not None and sni != connection.host:
        return False
    return host_field is None or _is_spelled(connection, host_field)


def _is_spelled(origin: Origin, text: str) -> bool:
    """Whether *text* is what nearly every program sends as Host to the origin."""
    scheme, host, port = origin
    if DEFAULT_PORTS.get(scheme) == port and text == host:
        return True
    return text == f"{host}:{port}" and ":" not in host
