"""Requests, rejections, expiry and outages in any order, against a server that rotates and detects reuse."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import Refusal, TokenEndpointUnreachable, TokenRequestRejected
from profiles.held_tokens import TokenKey, TokenResponse
from profiles.stores.memory import MemoryStore
from profiles.tokens import Subject, Tokens

LIFETIME = 100.0

STEPS = st.one_of(
    st.tuples(st.just("request"), st.integers(0, 1)),
    st.tuples(st.just("request"), st.integers(0, 1)),
    st.tuples(st.just("turns"), st.integers(1, 12)),
    st.tuples(st.just("answer"), st.just(0)),
    st.tuples(st.just("answer"), st.just(0)),
    st.tuples(st.just("origin"), st.just(0)),
    st.tuples(st.just("pass"), st.sampled_from([1, 5, 11, 85, 95, 400])),
    st.tuples(st.just("leave"), st.integers(0, 20)),
    st.tuples(
        st.sampled_from(["revoke", "kill", "password", "down", "throttle", "lose", "store", "clear"]),
        st.just(0),
    ),
)


class Server:
    """Keeps the rules that the proxy is to keep, and says when one is broken."""

    def __init__(self, clock, *, regenerate):
        self.clock = clock
        self.regenerate = regenerate
        self.password_was_used = False
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.password_is_right = True
        self.password_was_refused = False
        self.down = False
        self.throttled_until = 0.0
        self.valid = {}
        self.refresh_token = None
        self.spent = set()
        self.lost = set()
        self.in_flight = 0
        self.number = 0

    async def password(self):
        assert not self.password_was_refused, "a refused password was submitted again"
        assert self.regenerate or not self.password_was_used, "the password was used again"
        async with self._request():
            if not self.password_is_right:
                self.password_was_refused = True
                raise TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
            self.password_was_used = True
            return self._issue()

    async def refresh(self, refresh_token):
        assert refresh_token not in self.spent - self.lost, "a refresh token was used twice"
        async with self._request():
            if refresh_token in self.spent:
                # Reuse: somebody has stolen it, so the whole family dies (RFC 9700 section 4.14.2).
                self.refresh_token = None
                self.valid.clear()
            if refresh_token != self.refresh_token:
                raise TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
            self.spent.add(refresh_token)
            response = self._issue()
            if self.down == "lose":
                # The answer never arrives: the proxy cannot know that its refresh token is spent.
                self.lost.add(refresh_token)
                raise TokenEndpointUnreachable("the connection broke")
            return response

    @asynccontextmanager
    async def _request(self):
        assert self.clock.now >= self.throttled_until, "a Retry-After was not honoured"
        self.in_flight += 1
        assert self.in_flight == 1, "two token requests at once"
        try:
            await self.answer.wait()
            self.answer.clear()
            if self.down == "throttle":
                self.throttled_until = self.clock.now + 20
                raise TokenRequestRejected("slow", upstream_status=429, retry_after=20)
            if self.down == "down":
                raise TokenEndpointUnreachable("down")
            yield
        finally:
            self.in_flight -= 1

    def _issue(self):
        self.number += 1
        self.refresh_token = f"rt{self.number}"
        self.valid[f"at{self.number}"] = self.clock.now + LIFETIME
        return TokenResponse(f"at{self.number}", lifetime=LIFETIME, refresh_token=self.refresh_token)

    def accepts(self, access_token):
        return self.valid.get(access_token, 0) > self.clock.now


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class SharedStore(MemoryStore):
    """What processes share: its lease is a lock. Goes away on demand."""

    def __init__(self):
        super().__init__()
        self.lock = asyncio.Lock()
        self.down = False

    async def load(self, key):
        await self._reach()
        return await super().load(key)

    async def save(self, key, token):
        await self._reach()
        await super().save(key, token)

    async def load_guard(self, key):
        await self._reach()
        return await super().load_guard(key)

    async def save_guard(self, key, since):
        await self._reach()
        await super().save_guard(key, since)

    @asynccontextmanager
    async def lease(self, key):
        await self._reach()
        async with self.lock:
            yield

    async def _reach(self):
        await asyncio.sleep(0)
        if self.down:
            raise ConnectionError


class World:
    """One or two processes, their clients, the origin and the authorization server."""

    def __init__(self, processes, *, regenerate):
        self.clock = Clock()
        self.server = Server(self.clock, regenerate=regenerate)
        self.store = SharedStore()
        self.subject = Subject(
            key=TokenKey("orders"),
            grants=self.server,
            regenerate=regenerate,
            has_credentials=True,
            default_lifetime=3600.0,
            margin=30.0,
            renewal_cooldown=10.0,
        )
        self.processes = [Tokens(self.store, clock=self.clock, random=lambda: 0.5) for _ in range(processes)]
        self.rejected = [set() for _ in range(processes)]
        self.origin = asyncio.Event()
        self.clients = []
        self.broken = []

    async def client(self, process):
        """A request as a lane carries it: token, origin, and once more."""
        tokens = self.processes[process]
        try:
            token = tokens.current(self.subject) or (await tokens.obtain(self.subject)).token
            self.check(process, token)
            await self.origin.wait()
            if self.server.accepts(token.access_token) or tokens.cooling(self.subject):
                return
            self.rejected[process].add(token.access_token)
            renewed = await tokens.renew_rejected(self.subject, token)
            if renewed is None:
                return
            self.check(process, renewed.token)
            await self.origin.wait()
            if self.server.accepts(renewed.token.access_token):
                tokens.replay_accepted(self.subject)
            else:
                tokens.replay_rejected(self.subject, renewed.token)
        except Refusal:
            return

    def check(self, process, token):
        if self.clock.now >= token.expires_at:
            self.broken.append("an expired token was given")
        if token.access_token in self.rejected[process]:
            self.broken.append("a rejected token was given")

    async def step(self, name, argument):
        if name == "request":
            process = argument % len(self.processes)
            self.clients.append(asyncio.get_running_loop().create_task(self.client(process)))
        elif name == "turns":
            await turns(argument)
        elif name == "answer":
            self.server.answer.set()
            await turns(2)
        elif name == "origin":
            self.origin.set()
            await turns(1)
            self.origin.clear()
        elif name == "pass":
            self.clock.now += argument
        elif name == "leave" and self.clients:
            self.clients[argument % len(self.clients)].cancel()
        elif name == "revoke":
            self.server.valid.clear()
        elif name == "kill":
            self.server.refresh_token = None
        elif name == "password":
            self.server.password_is_right = not self.server.password_is_right
        elif name in ("down", "lose") or (name == "throttle" and len(self.processes) == 1):
            # A Retry-After is known to the process that got it; what is shared is the guard.
            self.server.down = False if self.server.down else name
        elif name == "store" and len(self.processes) == 1:
            self.store.down = not self.store.down
        elif name == "clear":
            await self.clear()

    async def clear(self):
        """The operator waits for what is under way to end, as far as the guard is concerned."""
        if self.server.in_flight or self.store.down:
            return
        for tokens in self.processes:
            await tokens.clear()
        self.server.password_was_refused = self.server.password_was_used = False
        self.server.throttled_until = 0.0

    async def settle(self):
        """Everything is well again: whoever still waits is served."""
        self.server.down = self.store.down = False
        self.server.password_is_right = True
        self.origin.set()
        for _ in range(200):
            self.server.answer.set()
            await turns(5)
            if all(client.done() for client in self.clients) and not self.server.in_flight:
                break
        await self.clear()
        self.clock.now += 1000

    def unforeseen(self):
        return [
            repr(client.exception())
            for client in self.clients
            if client.done() and not client.cancelled() and client.exception()
        ]


async def turns(number):
    for _ in range(number):
        await asyncio.sleep(0)


async def live(steps, processes, task_factory, *, regenerate):
    asyncio.get_running_loop().set_task_factory(task_factory)
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    world = World(processes, regenerate=regenerate)
    for name, argument in steps:
        await world.step(name, argument)
    await world.settle()
    world.server.answer.set()
    last = await world.processes[0].obtain(world.subject)
    for tokens in world.processes:
        await tokens.close()
    return world, last, complaints


@pytest.mark.parametrize("task_factory", [None, asyncio.eager_task_factory], ids=["usual", "eager"])
@pytest.mark.parametrize("processes", [1, 2], ids=["one-process", "two-processes"])
@given(steps=st.lists(STEPS, max_size=60), regenerate=st.booleans())
@settings(max_examples=300, deadline=None)
def test_in_any_order_the_rules_hold_hazards_1_2_3_4_6_7_9_10_11(steps, regenerate, processes, task_factory):
    """One token request at a time, no expired and no rejected token, no refused password and no spent refresh
    token submitted again, Retry-After honoured, nobody waiting for ever."""
    world, last, complaints = asyncio.run(live(steps, processes, task_factory, regenerate=regenerate))

    assert world.unforeseen() == []
    assert world.broken == []
    assert complaints == []
    assert all(client.done() for client in world.clients)
    assert world.server.accepts(last.token.access_token)
