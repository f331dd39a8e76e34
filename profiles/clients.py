"""Who may use the proxy: the clients of the configuration, told apart by proxy authentication."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

from profiles.errors import ProxyAuthenticationRequired


class Clients:
    """Names and secrets of the clients; no secrets, no demands. The repr shows names at most.

    *compare* takes a time that tells nothing of what it compares.
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        *,
        compare: Callable[[bytes, bytes], bool] = hmac.compare_digest,
    ) -> None:
        # Digests are of one length: how long a secret is does not show either.
        self._digests = {name: _digest(secret.encode()) for name, secret in secrets.items()}
        self._compare = compare

    def __repr__(self) -> str:
        return f"Clients({', '.join(self._digests)})"

    @property
    def are_demanded(self) -> bool:
        """Whether a request has to name its client."""
        return bool(self._digests)

    def authenticate(self, proxy_authorization: str | None) -> str:
        """The client's name from Basic credentials (RFC 7617). Raises ProxyAuthenticationRequired."""
        name, secret = parse_basic_credentials(proxy_authorization or "")
        expected = self._digests.get(name)
        # The comparison is made for an unknown name too: the time taken tells nobody which names exist.
        is_right = self._compare(_digest(secret), expected or _NOBODYS)
        if expected is None or not is_right:
            raise ProxyAuthenticationRequired("Proxy-Authorization names no client of this proxy")
        return name


_NOBODYS = bytes(32)


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


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
