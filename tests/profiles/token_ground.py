"""The ground of the tests about tokens: a clock, an authorization server and a store."""

from __future__ import annotations

import asyncio

import pytest

from profiles.errors import TokenEndpointUnreachable, TokenRequestRejected, TokenResponseInvalid
from profiles.held_tokens import TokenKey, TokenResponse
from profiles.stores.memory import MemoryStore
from profiles.tokens import Subject

KEY = TokenKey("orders", (("tenant", "acme"),), "", "f1")
WRONG = TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
UNREACHABLE = TokenEndpointUnreachable("down")
THROTTLED = TokenRequestRejected("slow down", upstream_status=429, retry_after=42)
INVALID = TokenResponseInvalid("a page")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Server:
    """An authorization server that rotates refresh tokens; `say` puts other outcomes ahead of its own."""

    def __init__(self):
        self.asked = []
        self.live_refresh_token = None
        self.lifetime = 100.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self._said = []
        self._number = 0

    def say(self, *outcomes):
        self._said += outcomes

    async def password(self):
        return await self._answer("password")

    async def refresh(self, refresh_token):
        return await self._answer("refresh", refresh_token)

    async def _answer(self, grant, refresh_token=None):
        self.asked.append(grant)
        self.begun.set()
        await self.gate.wait()
        self.begun.clear()
        if self._said:
            outcome = self._said.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        if grant == "refresh" and refresh_token != self.live_refresh_token:
            raise TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
        self._number += 1
        self.live_refresh_token = f"rt{self._number}"
        return TokenResponse(
            f"at{self._number}", lifetime=self.lifetime, refresh_token=self.live_refresh_token
        )


class WatchedStore(MemoryStore):
    """Remembers what was saved and how often it was asked, and fails while it is down."""

    def __init__(self):
        super().__init__()
        self.saved = []
        self.uses = 0
        self.down = False

    async def load(self, key):
        self._use()
        return await super().load(key)

    async def save(self, key, token):
        self._use()
        await asyncio.sleep(0)
        self.saved.append(token)
        await super().save(key, token)

    async def save_guard(self, key, since):
        self._use()
        await super().save_guard(key, since)

    async def load_guard(self, key):
        self._use()
        return await super().load_guard(key)

    def lease(self, key):
        self._use()
        return super().lease(key)

    def _use(self):
        self.uses += 1
        if self.down:
            raise ConnectionError("secret")


def subject_with(server, key=KEY, **changes):
    settings = {
        "regenerate": True,
        "has_credentials": True,
        "default_lifetime": 3600.0,
        "margin": 30.0,
        "renewal_cooldown": 10.0,
    }
    return Subject(key=key, grants=server, **settings | changes)


async def until(condition):
    """Lets the others run until *condition* holds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to that")


async def renewed(tokens, subject):
    """The state after everything under way has landed."""
    await until(lambda: not tokens._flights.running(subject.key))


async def refusal_of(awaitable, kind):
    with pytest.raises(kind) as raised:
        await awaitable
    return raised.value
