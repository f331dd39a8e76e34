"""Who may use the proxy: the clients of the configuration, told apart by proxy authentication."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping

from profiles.errors import ProxyAuthenticationRequired
from profiles.stored_secrets import StoredSecrets


class Clients:
    """Names and secrets of the clients, in plain or hashed; no secrets, no demands.

    The repr shows names at most. *compare* takes a time that tells nothing of what it compares.
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        *,
        compare: Callable[[bytes, bytes], bool] = hmac.compare_digest,
    ) -> None:
        self._secrets = StoredSecrets(secrets, compare=compare)

    def __repr__(self) -> str:
        return f"Clients({', '.join(self._secrets.names)})"

    @property
    def are_demanded(self) -> bool:
        """Whether a request has to name its client."""
        return len(self._secrets) > 0

    def check_tunnel(self, name: str | None) -> None:
        """Raises ProxyAuthenticationRequired for a tunnel that was opened before clients were demanded."""
        if self.are_demanded and name is None:
            raise ProxyAuthenticationRequired("the tunnel is older than the demand for a client's name")

    def authenticate_at_once(self, proxy_authorization: str | None) -> str | None:
        """The steady state: the client's name from Basic credentials (RFC 7617), or None where a hash has
        to be checked, for which there is `authenticate`. Raises ProxyAuthenticationRequired."""
        name, secret = parse_basic_credentials(proxy_authorization or "")
        is_right = self._secrets.matches_at_once(name, secret)
        if is_right is None:
            return None
        return _admitted(name, is_right=is_right)

    async def authenticate(self, proxy_authorization: str | None) -> str:
        """The client's name, however its secret is stored. Raises ProxyAuthenticationRequired."""
        name, secret = parse_basic_credentials(proxy_authorization or "")
        return _admitted(name, is_right=await self._secrets.matches(name, secret))


def _admitted(name: str, *, is_right: bool) -> str:
    if not is_right:
        raise ProxyAuthenticationRequired("Proxy-Authorization names no client of this proxy")
    return name


def parse_basic_credentials(field_value: str) -> tuple[str, bytes]:
    """User name and password of a Basic credentials field; both empty where it holds none."""
    scheme, _, encoded = field_value.strip().partition(" ")
    if scheme.lower() != "basic":
        return "", b""
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return name.decode(), secret
    except ValueError:  # no base64, not even ASCII, or a name that is no UTF-8
        return "", b""
