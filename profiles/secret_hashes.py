"""Secrets stored as argon2 hashes (RFC 9106, in the PHC string format): made, recognized, compared."""

from __future__ import annotations

import re

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

PREFIX = "$argon2"

# The library's defaults are the second choice of RFC 9106 section 4: 64 MiB, three passes, tens of ms.
_hasher = argon2.PasswordHasher()

_PARAMETERS = re.compile(r"=\d+,t=\d+,p=\d+")


def hash_secret(secret: str) -> str:
    """A salted hash to store in the place of *secret*."""
    return _hasher.hash(secret)


def is_secret_hash(stored: str) -> bool:
    """Whether *stored* is a hash, and not a secret in plain."""
    return stored.startswith(PREFIX)


def verify_secret(stored: str, secret: bytes) -> bool:
    """Whether *secret* is the one that was hashed. Takes tens of ms, and what memory the hash names."""
    try:
        return _hasher.verify(stored, secret)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def check_stored_secret(stored: str) -> None:
    """Raises ValueError for a hash that no secret can match, without quoting it."""
    if is_secret_hash(stored):
        try:
            argon2.extract_parameters(stored)
        except InvalidHashError:
            raise ValueError("is no whole argon2 hash: make one with `grantproxy secret hash`") from None
    elif _PARAMETERS.search(stored):
        # A shell takes `$argon2id$v` in double quotes for its variables, and the rest would be a secret.
        raise ValueError("is an argon2 hash without its beginning: in a shell, put it in single quotes")
