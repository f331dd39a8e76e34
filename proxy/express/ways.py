"""The ways to origins: directly or through a connector, and whom TLS believes on it."""

from __future__ import annotations

import ssl
from collections.abc import Hashable
from dataclasses import dataclass, field

from profiles.connectors import Connector
from profiles.profile import Profile
from proxy.origin_trust import OriginTrust


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Compared by identity: connections are shared by those whose way is the same object."""

    connector: Connector | None
    has_tunnel: bool
    """Through the connector; else it is asked for the whole URL (RFC 9112 section 3.2.2)."""
    trust: ssl.SSLContext = field(repr=False)
    connector_trust: ssl.SSLContext = field(repr=False)


class Ways:
    """The ways of one snapshot of the profiles, each made once."""

    def __init__(self, trust: OriginTrust) -> None:
        self._trust = trust
        self._known: dict[Hashable, Way] = {}
        self._plain: dict[tuple[Profile | None, str], Way] = {}
        self.direct = self.way_of(None, "http", upgrades=False)

    def way_of(self, profile: Profile | None, scheme: str, *, upgrades: bool) -> Way:
        """The way of a request that *profile* owns, or nobody."""
        if upgrades:
            return self._make(profile, scheme, upgrades=True)
        way = self._plain.get((profile, scheme))
        if way is None:
            way = self._plain[profile, scheme] = self._make(profile, scheme, upgrades=False)
        return way

    def _make(self, profile: Profile | None, scheme: str, *, upgrades: bool) -> Way:
        connector = profile.connector if profile is not None else None
        has_tunnel = connector is not None and connector.needs_tunnel(scheme, upgrades=upgrades)
        key = (connector, has_tunnel, self._trust.key_for(profile))
        way = self._known.get(key)
        if way is None:
            way = Way(connector, has_tunnel, self._trust.context_for(profile), self._trust.context_for(None))
            self._known[key] = way
        return way
