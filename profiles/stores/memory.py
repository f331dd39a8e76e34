"""The store of one process: nothing outlives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from profiles.held_tokens import HeldToken, TokenKey


class MemoryStore:
    """Dictionaries. Single flight within the process is what the lease would be for elsewhere."""

    def __init__(self) -> None:
        self._tokens: dict[TokenKey, HeldToken] = {}
        self._guards: dict[TokenKey, float] = {}

    async def load(self, key: TokenKey) -> HeldToken | None:
        return self._tokens.get(key)

    async def save(self, key: TokenKey, token: HeldToken) -> None:
        self._tokens[key] = token

    async def load_guard(self, key: TokenKey) -> float | None:
        return self._guards.get(key)

    async def save_guard(self, key: TokenKey, since: float) -> None:
        self._guards[key] = since

    async def clear(self, profile: str | None) -> int:
        keys = {key for key in (*self._tokens, *self._guards) if profile in (None, key.profile)}
        for key in keys:
            self._tokens.pop(key, None)
            self._guards.pop(key, None)
        return len(keys)

    @asynccontextmanager
    async def lease(self, key: TokenKey) -> AsyncIterator[None]:  # noqa: ARG002
        yield

    async def close(self) -> None:
        return
