"""What a profile has of its own for TLS with its origin and its token endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509 import Certificate
from pydantic import SecretStr

from profiles.model import ProfileSettings

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | Ed448PrivateKey
"""The kinds that clients have certificates for."""


@dataclass(frozen=True, slots=True)
class OwnTls:
    """Where it is kept, as the settings name it. Compared by that; its repr shows no password."""

    trusted_ca: Path | None
    client_certificate: Path | None = None
    client_key: Path | None = None
    client_key_password: SecretStr | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class TlsMaterial:
    """What was found there and fits together, beside what everybody's connections are made of."""

    authorities: tuple[Path, ...]
    """PEM files of all the authorities that are believed, the usual ones included."""
    digest: str
    """Of all certificates: equal where connections may be taken for each other."""
    chain: tuple[Certificate, ...] = field(default=(), repr=False)
    """The certificate that is presented and those that lead to its authority; empty where there is none."""
    key: PrivateKey | None = field(default=None, repr=False)


def own_tls_of(settings: ProfileSettings) -> OwnTls | None:
    """What the profile has of its own, or None where its origins are met as all others are."""
    if settings.trusted_ca is None and settings.client_certificate is None:
        return None
    return OwnTls(
        settings.trusted_ca,
        settings.client_certificate,
        settings.client_key,
        settings.client_key_password,
    )
