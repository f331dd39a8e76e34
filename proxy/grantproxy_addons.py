"""Our addons in their order, with one snapshot of the profiles that a reload replaces."""

from __future__ import annotations

import asyncio

from addons.authorization import Authorization
from addons.interception import Interception
from addons.masking import Masking
from addons.origin_tls import OriginTls
from addons.proxy_authentication import ProxyAuthentication
from proxy.composition import Composition
from proxy.connector_checks import note_unavailable


class GrantproxyAddons:
    """The addons that every tool runs; `addons` is what mitmproxy walks for children."""

    def __init__(self, composition: Composition, masking: Masking | None = None) -> None:
        self.composition = composition
        self._proxy_authentication = ProxyAuthentication(composition.clients)
        self._interception = Interception(composition.authorizer)
        self._authorization = Authorization(composition.authorizer)
        self._origin_tls = OriginTls(composition.origin_trust.materials)
        first = [masking] if masking is not None else []
        self.addons = [
            *first,
            self._proxy_authentication,
            self._interception,
            self._authorization,
            self._origin_tls,
        ]
        self._checks: set[asyncio.Task[None]] = set()

    def running(self) -> None:
        """Has the connectors looked at beside the start, which does not wait for them."""
        self._check_connectors()

    def done(self) -> None:
        for check in self._checks:
            check.cancel()

    def _check_connectors(self) -> None:
        if self.composition.connectors:
            check = asyncio.get_running_loop().create_task(note_unavailable(self.composition))
            self._checks.add(check)
            check.add_done_callback(self._checks.discard)

    def adopt(self, composition: Composition) -> None:
        """Swaps the references; requests under way keep the snapshot that they began with."""
        self._origin_tls.adopt(composition.origin_trust.materials)
        self.composition = composition
        self._proxy_authentication.clients = composition.clients
        self._interception.authorizer = composition.authorizer
        self._authorization.authorizer = composition.authorizer
        self._check_connectors()
