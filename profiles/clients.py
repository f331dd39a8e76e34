"""Who may use the proxy: the clients of the configuration, told apart by proxy authentication."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from profiles.errors import ProxyAuthenticationRequired


class Clients:
    """Names and secrets of the clients; no secrets, no demands. The repr shows names at most."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = {name: secret.encode() for name, secret in secrets.items()}

    def __repr__(self) -> str:
        return f"Clients({', '.join(self._secrets)})"

    @property
    def are_demanded(self) -> bool:
        """Whether a request has to name its client."""
        return bool(self._secrets)

    def authenticate(self, proxy_authorization: str | None) -> str:
        """The client's name from Basic credentials (RFC 7617). Raises ProxyAuthenticationRequired."""
        name, secret = parse_basic_credentials(proxy_authorization or "")
        expected = self._secrets.get(name)
        # The comparison is made for an unknown name too: the time taken tells nobody which names exist.
        if not hmac.compare_digest(secret, expected if expected is not None else b"\0") or expected is None:
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
    except (binascii.Error, UnicodeDecodeError):
        return "", b""
