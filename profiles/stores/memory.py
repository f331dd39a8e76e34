"""The store of one process: nothing outlives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cachetools import LRUCache

from profiles.held_tokens import HeldToken, KeyChoice, TokenKey


class MemoryStore:
    """Single flight within the process is what the lease would be for elsewhere.

    *maximum* bounds the tokens, because the captures in a key come from clients; one that falls out costs a
    token request. Guards never fall out: each has cost a token request, and to forget one would be to
    submit a refused password again.
    """

    def __init__(self, maximum: int = 100_000) -> None:
        self._tokens: LRUCache[TokenKey, HeldToken] = LRUCache(maximum)
        self._guards: dict[TokenKey, float] = {}

    async def load(self, key: TokenKey) -> HeldToken | None:
        return self._tokens.get(key)

    async def save(self, key: TokenKey, token: HeldToken) -> None:
        self._tokens[key] = token

    async def remove(self, key: TokenKey) -> None:
        self._tokens.pop(key, None)

    async def load_guard(self, key: TokenKey) -> float | None:
        return self._guards.get(key)

    async def save_guard(self, key: TokenKey, since: float) -> None:
        self._guards[key] = since

    async def unlock(self, choice: KeyChoice) -> int:
        keys = [key for key in self._guards if choice.takes(key)]
        for key in keys:
            del self._guards[key]
        return len(keys)

    async def clear(self, choice: KeyChoice) -> int:
        keys = {key for key in (*self._tokens, *self._guards) if choice.takes(key)}
        for key in keys:
            self._tokens.pop(key, None)
            self._guards.pop(key, None)
        return len(keys)

    @asynccontextmanager
    async def lease(self, key: TokenKey) -> AsyncIterator[None]:  # noqa: ARG002
        yield

    async def close(self) -> None:
        return
