"""Our addons in their order, with one snapshot of the profiles that a reload replaces."""

from __future__ import annotations

from addons.authorization import Authorization
from addons.interception import Interception
from addons.masking import Masking
from addons.proxy_authentication import ProxyAuthentication
from proxy.composition import Composition


class GrantproxyAddons:
    """The addons that every tool runs; `addons` is what mitmproxy walks for children."""

    def __init__(self, composition: Composition, masking: Masking | None = None) -> None:
        self.composition = composition
        self._proxy_authentication = ProxyAuthentication(composition.clients)
        self._interception = Interception(composition.authorizer)
        self._authorization = Authorization(composition.authorizer)
        first = [masking] if masking is not None else []
        self.addons = [*first, self._proxy_authentication, self._interception, self._authorization]

    def adopt(self, composition: Composition) -> None:
        """Swaps the references; requests under way keep the snapshot that they began with."""
        self.composition = composition
        self._proxy_authentication.clients = composition.clients
        self._interception.authorizer = composition.authorizer
        self._authorization.authorizer = composition.authorizer
