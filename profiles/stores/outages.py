"""A store that may go away without a request failing for it: whoever asks goes on with what is in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from profiles.held_tokens import TokenKey
from profiles.stores import TokenStore

logger = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds for one answer of the store."""

LEASE_PATIENCE = 200.0
"""Seconds to wait for another process's token request: three tries of a minute each, and some."""

SHARE_WHILE_AWAY = 0.1
"""Of the patience with a store that did not answer the last time: a renewal asks it four times."""


class Reached[T](NamedTuple):
    """What the store said."""

    value: T


class ReachableStore:
    """Asks *store*; logs the beginning and the end of an outage, once each, and never with foreign text."""

    def __init__(
        self, store: TokenStore, *, patience: float = PATIENCE, lease_patience: float = LEASE_PATIENCE
    ) -> None:
        self._store = store
        self._patience = patience
        self._lease_patience = lease_patience
        self._is_away = False

    async def ask[T](self, use: Callable[[TokenStore], Awaitable[T]]) -> Reached[T] | None:
        """The store's answer, or None where it gives none."""
        patience = self._patience * SHARE_WHILE_AWAY if self._is_away else self._patience
        try:
            async with asyncio.timeout(patience):
                answer = Reached(await use(self._store))
        except Exception as error:
            self._note_outage(error)
            return None
        if self._is_away:
            self._is_away = False
            logger.warning("the token store is back")
        return answer

    @asynccontextmanager
    async def lease(self, key: TokenKey) -> AsyncIterator[None]:
        """The store's lease on *key*, or none where the store is away or another holds it for too long."""
        patience = self._patience * SHARE_WHILE_AWAY if self._is_away else self._lease_patience
        stack = AsyncExitStack()
        try:
            async with asyncio.timeout(patience):
                await stack.enter_async_context(self._store.lease(key))
        except TimeoutError:
            if not self._is_away:
                logger.warning("profile %s: another process renews for too long: going on", key.profile)
        except Exception as error:
            self._note_outage(error)
        try:
            yield
        finally:
            try:
                await stack.aclose()
            except Exception as error:
                self._note_outage(error)

    def _note_outage(self, error: Exception) -> None:
        if not self._is_away:
            logger.warning("the token store is away (%s): going on in memory", type(error).__name__)
        self._is_away = True
