"""The guard that keeps a refused password from being submitted until the account is locked."""

from __future__ import annotations

from cachetools import LRUCache

from profiles.errors import CredentialsLocked, TokenRequestRejected
from profiles.held_tokens import KeyChoice, TokenKey
from profiles.stores.outages import ReachableStore

RETRY_AFTER = 300
"""Seconds that a client is told to wait; only changed credentials or an operator really help."""

_ABOUT_THE_SERVER = frozenset({"server_error", "temporarily_unavailable", "slow_down"})


def is_refusal_of_grant(rejection: TokenRequestRejected) -> bool:
    """Whether the no is about the password or refresh token that was submitted (RFC 6749 section 5.2).

    Servers answer a wrong password with `invalid_grant`, `invalid_request` or a 200 with an error member,
    so every 4xx counts, but for what is about the client (`invalid_client`) or the pace (408, 429). In a 200
    the code alone tells, and some codes are about the server.
    """
    status = rejection.upstream_status
    if status is None or rejection.error == "invalid_client" or status in (408, 429):
        return False
    return 400 <= status < 500 or (200 <= status < 300 and rejection.error not in _ABOUT_THE_SERVER)


class Lockout:
    """Which credentials were refused, here or in any process that shares the store.

    Guarded is the whole key. Its fingerprint makes changed credentials other credentials. Its captures
    keep tenants apart: they have user tables of their own, and the password that one tenant refuses is
    right for the next; a password shared by many tenants is submitted once to each.
    """

    def __init__(self, store: ReachableStore, maximum: int) -> None:
        self._store = store
        self._saved: LRUCache[TokenKey, float] = LRUCache(maximum)
        # Refused while the store was away. Nobody else knows of these, so they are never dropped.
        self._unsaved: dict[TokenKey, float] = {}

    def known(self) -> dict[TokenKey, float]:
        """What is locked, and since when in seconds since the epoch, as far as one knows without asking."""
        return {**dict(self._saved), **self._unsaved}

    async def check(self, key: TokenKey) -> None:
        """Raises CredentialsLocked. Asked right before a password is submitted, under the key's lease."""
        if await self._since(key) is not None:
            raise CredentialsLocked(
                "the authorization server refused the credentials; change them, or run "
                f"`grantproxy tokens clear {key.profile}`",
                profile=key.profile,
                retry_after=RETRY_AFTER,
            )

    async def lock(self, key: TokenKey, now: float) -> None:
        """The authorization server has just refused the password of *key*."""
        # In memory first: the store may take its time, or never answer.
        self._unsaved[key] = now
        await self._save(key, now)

    def forget(self, choice: KeyChoice) -> set[TokenKey]:
        """Opens the guards of some keys; says which. The store is cleared by its owner."""
        keys = {key for key in self.known() if choice.takes(key)}
        for key in keys:
            self._saved.pop(key, None)
            self._unsaved.pop(key, None)
        return keys

    async def _since(self, key: TokenKey) -> float | None:
        answer = await self._store.ask(lambda store: store.load_guard(key))
        unsaved = self._unsaved.get(key)
        if answer is None:
            return unsaved if unsaved is not None else self._saved.get(key)
        if answer.value is not None:
            self._unsaved.pop(key, None)
            self._saved[key] = answer.value
            return answer.value
        # Not locked, as the store says: an operator opened it, or the store was away when it was locked.
        self._saved.pop(key, None)
        if unsaved is not None:
            await self._save(key, unsaved)
        return unsaved

    async def _save(self, key: TokenKey, since: float) -> None:
        saved = await self._store.ask(lambda store: store.save_guard(key, since))
        if saved is not None and self._unsaved.pop(key, None) is not None:
            self._saved[key] = since
