"""Reads the PEM files with certificates and keys that a configuration names, and checks that they fit."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates
from pydantic import SecretStr

from profiles.own_tls import OwnTls, PrivateKey, TlsMaterial

LARGEST_FILE = 16 * 1024 * 1024
"""Bytes. The authorities of a whole system are below one mebibyte; what is larger is something else."""


class UnfitFile(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """What is wrong with the file that the setting *key* names; never what is in it."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def read_authorities(files: Sequence[tuple[str, Path]]) -> TlsMaterial:
    """The authorities in all of the files, each given with its setting. Raises UnfitFile."""
    digest = hashlib.sha256()
    for key, file in files:
        digest.update(_digest_of_authorities(key, file))
    return TlsMaterial(tuple(file for _, file in files), digest.hexdigest())


def read_material(own: OwnTls, shared: TlsMaterial) -> TlsMaterial:
    """What a profile has of its own beside what is *shared*. Raises UnfitFile with a key of the profile."""
    authorities, digest = shared.authorities, hashlib.sha256(shared.digest.encode())
    if own.trusted_ca is not None:
        authorities = (*authorities, own.trusted_ca)
        digest.update(_digest_of_authorities("trusted_ca", own.trusted_ca))
    if own.client_certificate is None:
        return TlsMaterial(authorities, digest.hexdigest())
    chain = _read_chain(own.client_certificate)
    for certificate in chain:
        digest.update(hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest())
    # The key needs no part in it, for there is one only that fits.
    return TlsMaterial(authorities, digest.hexdigest(), chain, _read_key(own, chain[0]))


def _digest_of_authorities(key: str, file: Path) -> bytes:
    content = _read(key, file)
    try:
        # OpenSSL itself: it takes some old authorities that stricter readers stumble over.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except (OSError, ValueError):
        raise UnfitFile(key, "holds no certificates in PEM") from None
    return hashlib.sha256(content).digest()


def _read_chain(file: Path) -> tuple[Certificate, ...]:
    key = "client_certificate"
    try:
        return tuple(load_pem_x509_certificates(_read(key, file)))
    except ValueError:
        raise UnfitFile(key, "holds no certificate in PEM") from None


def _read_key(own: OwnTls, certificate: Certificate) -> PrivateKey:
    assert own.client_certificate is not None
    in_own_file = own.client_key is not None
    key = "client_key" if in_own_file else "client_certificate"
    content = _read(key, own.client_key or own.client_certificate)
    if b"PRIVATE KEY-----" not in content:
        hint = "" if in_own_file else ": client_key names the file that does"
        raise UnfitFile(key, f"holds no private key in PEM{hint}")
    found = _decrypted(key, content, own.client_key_password)
    if not isinstance(found, PrivateKey):
        raise UnfitFile(key, "holds a private key of a kind that clients have no certificates for")
    if _spki(found.public_key()) != _spki(certificate.public_key()):
        raise UnfitFile(key, "holds a private key that does not fit the first certificate")
    return found


def _decrypted(key: str, content: bytes, password: SecretStr | None) -> PrivateKeyTypes:
    try:
        if password is None:
            return load_pem_private_key(content, None)
        try:
            return load_pem_private_key(content, password.get_secret_value().encode())
        except ValueError:
            raise UnfitFile("client_key_password", "does not decrypt the private key") from None
    except TypeError:
        # What cryptography raises where a password is given and not needed, or the other way round.
        if password is None:
            raise UnfitFile(key, "holds an encrypted private key: give client_key_password") from None
        raise UnfitFile("client_key_password", "is not needed: the private key is not encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnfitFile(key, "holds a private key that cannot be read") from None


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read(key: str, file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UnfitFile(key, "names no file") from None
    except IsADirectoryError:
        raise UnfitFile(key, "names a folder, not a file") from None
    except PermissionError:
        raise UnfitFile(key, "names a file that is not readable for this user") from None
    # ValueError is open's for a NUL in the name.
    except (OSError, ValueError):
        raise UnfitFile(key, "names a file that cannot be read") from None
    if len(content) > LARGEST_FILE:
        raise UnfitFile(key, "names a file that is too large to hold certificates")
    return content
