"""Where tokens and guards are kept behind each process's own cache."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from profiles.held_tokens import HeldToken, KeyChoice, TokenKey


class TokenStore(Protocol):
    """A store may fail with any exception: whoever uses it goes on with what is in memory."""

    async def load(self, key: TokenKey) -> HeldToken | None:
        """The token held under *key*, expired or not, for its refresh token."""

    async def save(self, key: TokenKey, token: HeldToken) -> None:
        """Keeps *token* in the place of what was held; it outlives the process once this returns."""

    async def remove(self, key: TokenKey) -> None:
        """Forgets the token held under *key*, and leaves its guard."""

    async def load_guard(self, key: TokenKey) -> float | None:
        """Since when the credentials of *key* are locked, in seconds since the epoch."""

    async def save_guard(self, key: TokenKey, since: float) -> None:
        """Locks the credentials of *key*."""

    async def unlock(self, choice: KeyChoice) -> int:
        """Forgets the guards of some keys, and leaves their tokens; says how many that were."""

    async def clear(self, choice: KeyChoice) -> int:
        """Forgets tokens and guards of some keys; says how many keys that were."""

    def lease(self, key: TokenKey) -> AbstractAsyncContextManager[None]:
        """Held by one process at a time while it renews."""

    async def close(self) -> None:
        """Lets go of what the store holds open."""
