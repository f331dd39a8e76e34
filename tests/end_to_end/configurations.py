"""Configurations as the tests of the suite need them: profiles for the servers that run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tests.end_to_end.servers.authlib_server import CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME


class HasTokenEndpoint(Protocol):
    @property
    def token_endpoint(self) -> str: ...


class HasPort(Protocol):
    port: int


def profile(
    server: HasTokenEndpoint, owned: HasPort | Mapping[str, Any], host: str = "127.0.0.1", **more: Any
) -> dict[str, Any]:
    """A profile that owns *owned*, an origin at *host* or an entry of `match`; *more* are its settings."""
    entry = dict(owned) if isinstance(owned, Mapping) else {"host": host, "port": owned.port}
    return {
        "match": [entry],
        "credentials": {"username": USERNAME, "password": PASSWORD},
        "grant": {
            "token_endpoint": server.token_endpoint,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        },
        **more,
    }


def one_profile(
    server: HasTokenEndpoint, owned: HasPort | Mapping[str, Any], host: str = "127.0.0.1", **more: Any
) -> dict[str, Any]:
    """A configuration with the profile `orders` alone."""
    return {"profiles": {"orders": profile(server, owned, host, **more)}}
