"""Digests of credentials that tell whether they changed, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
import secrets


class Fingerprints:
    """Keyed, so that a digest cannot be tried against a list of passwords. The repr shows no key."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def __call__(self, *parts: bytes) -> str:
        """The same string for the same parts; their lengths go in, so that none can borrow from the next."""
        digest = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in parts:
            digest.update(len(part).to_bytes(8))
            digest.update(part)
        return digest.hexdigest()
