"""Secrets that a configuration holds encrypted: `${encrypted:...}`, by AES-GCM."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from functools import cached_property
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.secret_key import SecretKey, SecretKeySource

PURPOSE = "configuration"

_VERSION = b"\x01"
_NAME_LENGTH = 4
_NONCE_LENGTH = 12
_TAG_LENGTH = 16
_BLOCK = 32

# RFC 4648 section 5; Python's decoder passes over whatever else there is.
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class Unsealable(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """An encrypted text that cannot be opened; says why, and nothing of what is in it."""


class SealedSecrets:
    """Seals and unseals with the key of *source*, which is asked for it when it is needed and not before.

    What is sealed is version, name of the key, nonce, and ciphertext with its tag, in base64url.
    """

    def __init__(self, source: SecretKeySource) -> None:
        self._source = source

    def seal(self, text: str) -> str:
        """*text* as a reference `${encrypted:...}`, another one each time. Raises SecretKeyUnavailable."""
        subkeys = self._subkeys
        head = _VERSION + subkeys.name
        # NIST SP 800-38D section 8.2.2: random 96-bit nonces, for at most 2^32 texts under one key.
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        ciphertext = subkeys.cipher.encrypt(nonce, _padded(text.encode(errors="surrogatepass")), head)
        return "${encrypted:" + base64.urlsafe_b64encode(head + nonce + ciphertext).decode().rstrip("=") + "}"

    def unseal(self, sealed: str) -> str:
        """What was sealed; *sealed* is what stands after the colon.

        Raises Unsealable, and SecretKeyUnavailable.
        """
        data = _decoded(sealed)
        head, rest = data[: 1 + _NAME_LENGTH], data[1 + _NAME_LENGTH :]
        if len(rest) < _NONCE_LENGTH + _TAG_LENGTH or not head.startswith(_VERSION):
            raise Unsealable("is damaged: a part of it is missing, or it was made by something else")
        subkeys = self._existing_subkeys
        if head[1:] != subkeys.name:
            raise Unsealable("was encrypted with another key")
        nonce, ciphertext = rest[:_NONCE_LENGTH], rest[_NONCE_LENGTH:]
        try:
            padded = subkeys.cipher.decrypt(nonce, ciphertext, head)
            return padded.rstrip(b"\0")[:-1].decode(errors="surrogatepass")
        except (InvalidTag, UnicodeDecodeError):
            raise Unsealable("is damaged: its text is not what was written") from None

    @cached_property
    def _subkeys(self) -> _Subkeys:
        return _subkeys_of(self._source.key())

    @cached_property
    def _existing_subkeys(self) -> _Subkeys:
        return _subkeys_of(self._source.existing())


class _Subkeys(NamedTuple):
    """What is made of the key, once for many secrets. `name` tells one key from another, so that a wrong one
    is not taken for damage."""

    cipher: AESGCM
    name: bytes


def _subkeys_of(key: SecretKey) -> _Subkeys:
    return _Subkeys(AESGCM(key.subkey(PURPOSE)), key.subkey(f"{PURPOSE} name")[:_NAME_LENGTH])


def _padded(text: bytes) -> bytes:
    """*text*, a byte that ends it, and zeros: how long a PIN or a password is does not show."""
    return text + b"\x80" + bytes(-(len(text) + 1) % _BLOCK)


def _decoded(sealed: str) -> bytes:
    try:
        if _BASE64URL.fullmatch(sealed):
            return base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    except binascii.Error:
        pass
    raise Unsealable("is damaged: it is no base64url")
