"""A store that goes away costs no request anything."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest

from profiles.held_tokens import TokenKey
from profiles.stores.memory import MemoryStore
from profiles.stores.outages import ReachableStore, Reached
from profiles.tokens import TokenEvent, Tokens
from tests.profiles.token_ground import Server, subject_with

KEY = TokenKey("orders")


class FailingStore(MemoryStore):
    """Fails while it is down, with a text that nobody is to see; hangs if told so."""

    def __init__(self):
        super().__init__()
        self.down = False
        self.hangs = False

    async def load_guard(self, key):
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise ConnectionError("redis://:secret@host")
        return await super().load_guard(key)

    @asynccontextmanager
    async def lease(self, key):
        if self.down:
            raise ConnectionError("redis://:secret@host")
        yield
        if self.down:
            raise ConnectionError("redis://:secret@host")


async def guard(store):
    return await store.ask(lambda inner: inner.load_guard(KEY))


async def test_an_answer_of_nothing_is_an_answer():
    """None within says that the store holds nothing; None says that it could not be asked."""
    inner = FailingStore()
    store = ReachableStore(inner)
    present = await guard(store)
    inner.down = True

    assert present == Reached(None)
    assert await guard(store) is None


async def test_an_outage_is_logged_once_and_without_foreign_text(caplog):
    """One line when it goes, one when it is back, for each outage."""
    inner = FailingStore()
    store = ReachableStore(inner)
    with caplog.at_level(logging.WARNING):
        for down in (True, True, False, False, True):
            inner.down = down
            await guard(store)

    assert [record.getMessage() for record in caplog.records] == [
        "the token store is away (ConnectionError): going on in memory",
        "the token store is back",
        "the token store is away (ConnectionError): going on in memory",
    ]


async def test_a_store_that_hangs_is_away():
    """Whoever asks waits for its patience and goes on."""
    inner = FailingStore()
    inner.hangs = True

    assert await guard(ReachableStore(inner, patience=0)) is None


@pytest.mark.parametrize("goes", ["before", "meanwhile"])
async def test_a_renewal_goes_on_without_a_lease(goes):
    """Whether the store is away when the lease is taken or when it is given back."""
    inner = FailingStore()
    inner.down = goes == "before"

    async with ReachableStore(inner).lease(KEY):
        inner.down = True
        entered = True

    assert entered


async def test_what_fails_under_a_lease_fails_as_itself():
    """The lease changes no exception."""
    with pytest.raises(ZeroDivisionError):
        async with ReachableStore(FailingStore()).lease(KEY):
            raise ZeroDivisionError


async def test_no_request_fails_for_the_store(tokens, subject, server, store, clock, caplog):
    """Cold, refreshed, rejected: all goes on in memory, and one line says so."""
    store.down = True
    with caplog.at_level(logging.WARNING):
        first = await tokens.obtain(subject)
        clock.now += 90
        second = await tokens.obtain(subject)
        third = await tokens.renew_rejected(subject, second.token)

    assert [first.event, second.event, third.event] == ["password", "refreshed", "refreshed"]
    assert [record.getMessage() for record in caplog.records] == [
        "the token store is away (ConnectionError): going on in memory"
    ]


async def test_a_store_that_comes_back_gets_what_it_missed_and_gives_nothing_old_hazard_11(
    tokens, subject, server, store, clock
):
    """A token of before the outage would bring back a refresh token that has been used."""
    await tokens.obtain(subject)
    store.down = True
    clock.now += 90
    await tokens.obtain(subject)
    store.down = False
    clock.now += 90

    obtained = await tokens.obtain(subject)

    assert obtained.event is TokenEvent.REFRESHED
    assert [token.refresh_token for token in store.saved] == ["rt1", "rt2", "rt3"]
    assert server.asked == ["password", "refresh", "refresh"]


async def test_a_key_forgotten_through_another_process_is_forgotten_here(tokens, subject, store, clock):
    """Its refresh token is not used any more once the token in memory has expired."""
    await tokens.obtain(subject)
    await Tokens(store, clock=clock).clear("orders")
    clock.now += 90

    assert (await tokens.obtain(subject)).event is TokenEvent.PASSWORD


async def test_a_key_that_memory_had_no_room_for_is_found_in_the_store_hazard_17(
    subject, server, store, clock
):
    """The cache is bounded; what falls out costs a look into the store and no token request."""
    tokens = Tokens(store, clock=clock, maximum=2)
    await tokens.obtain(subject)
    for number in range(5):
        await tokens.obtain(subject_with(Server(), key=KEY._replace(user=str(number))))

    assert len(tokens.overview()) == 2
    assert (await tokens.obtain(subject)).event is TokenEvent.STORED
