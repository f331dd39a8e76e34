"""Secrets by name, stored in plain or as argon2 hashes, and the comparing that tells nothing by its time."""

from __future__ import annotations

import asyncio
import hmac
import secrets as randomness
from collections.abc import Callable, Mapping

from cachetools import LRUCache

from profiles.secret_hashes import is_secret_hash, verify_secret

REMEMBERED_REFUSALS = 1024
"""Wrong secrets whose check is not repeated: a program that has the wrong one does not stop trying."""

_NOBODYS = bytes(32)


class StoredSecrets:
    """Each secret is compared by a keyed digest, which a hashed one has from its first check on.

    Where one of them is hashed, whatever is wrong costs the check of a hash, once: the time taken tells
    nobody which names exist, or how they are stored. The repr shows names at most. *compare* takes a time
    that tells nothing of what it compares; *verify* takes a hash and a secret, and runs in a thread.
    """

    def __init__(
        self,
        stored: Mapping[str, str],
        *,
        compare: Callable[[bytes, bytes], bool] = hmac.compare_digest,
        verify: Callable[[str, bytes], bool] = verify_secret,
    ) -> None:
        self._key = randomness.token_bytes(32)
        self._hashes = {name: text for name, text in stored.items() if is_secret_hash(text)}
        # Digests are of one length: how long a secret is does not show either.
        self._digests = {
            name: self._digest(text.encode()) for name, text in stored.items() if name not in self._hashes
        }
        self._names = tuple(stored)
        self._refused: LRUCache[bytes, None] = LRUCache(REMEMBERED_REFUSALS)
        self._compare = compare
        self._verify = verify
        # A check takes 64 MiB and a core: a flood of wrong secrets gets one of each.
        self._checking = asyncio.Lock()

    def __repr__(self) -> str:
        return f"StoredSecrets({', '.join(self._names)})"

    def __len__(self) -> int:
        return len(self._names)

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def matches_at_once(self, name: str, secret: bytes) -> bool | None:
        """Whether *secret* is the one of *name*; None where a hash has to be checked to know."""
        return self._look_up(name, self._digest(secret))

    async def matches(self, name: str, secret: bytes) -> bool:
        """Whether *secret* is the one of *name*, beside the event loop where a hash has to be checked."""
        digest = self._digest(secret)
        known = self._look_up(name, digest)
        if known is not None:
            return known
        async with self._checking:
            # The second look: who waited may have waited for this very check.
            known = self._look_up(name, digest)
            if known is not None:
                return known
            stored = self._hashes.get(name)
            anybodys = next(iter(self._hashes.values()))
            is_right = await asyncio.to_thread(self._verify, stored or anybodys, secret)
            if stored is not None and is_right:
                self._digests[name] = digest
                return True
            self._refused[self._refusal(name, digest)] = None
            return False

    def _look_up(self, name: str, digest: bytes) -> bool | None:
        known = self._digests.get(name)
        # The comparison is made for an unknown name too.
        is_right = self._compare(digest, known or _NOBODYS)
        if known is not None and is_right:
            return True
        if not self._hashes or self._refusal(name, digest) in self._refused:
            return False
        return None

    def _digest(self, secret: bytes) -> bytes:
        return hmac.digest(self._key, secret, "sha256")

    def _refusal(self, name: str, digest: bytes) -> bytes:
        return hmac.digest(self._key, digest + name.encode(errors="surrogatepass"), "sha256")
