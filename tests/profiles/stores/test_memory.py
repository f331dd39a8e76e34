"""The store of one process."""

from __future__ import annotations

import pytest

from profiles.held_tokens import HeldToken, KeyChoice, TokenKey
from profiles.stores.memory import MemoryStore

ORDERS = TokenKey("orders", (("tenant", "acme"),), "", "f1")
STOCK = TokenKey("stock", (), "ann", "f2")


def held(access_token="at"):
    return HeldToken(access_token, "Bearer", "rt", None, {}, obtained_at=0.0, soft_at=80.0, expires_at=90.0)


def key(number):
    return TokenKey("orders", (("tenant", str(number)),))


@pytest.fixture
def store():
    return MemoryStore()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ORDERS._replace(profile="orders2"), id="profile"),
        pytest.param(ORDERS._replace(captures=(("tenant", "other"),)), id="captures"),
        pytest.param(ORDERS._replace(user="ann"), id="user"),
        pytest.param(ORDERS._replace(fingerprint="f9"), id="hazard-12-changed-credentials"),
    ],
)
async def test_another_key_finds_nothing(store, other):
    """Token and guard belong to profile, captures, user and fingerprint together."""
    await store.save(ORDERS, held())
    await store.save_guard(ORDERS, 7.0)

    assert await store.load(other) is None
    assert await store.load_guard(other) is None


async def test_the_last_token_saved_is_the_one_that_is_found(store):
    """Saving replaces."""
    await store.save(ORDERS, held("old"))
    await store.save(ORDERS, held("new"))

    assert (await store.load(ORDERS)).access_token == "new"


async def test_removing_a_token_leaves_its_guard(store):
    """A guard is opened by clearing only."""
    await store.save(ORDERS, held())
    await store.save_guard(ORDERS, 7.0)

    await store.remove(ORDERS)
    await store.remove(STOCK)

    assert await store.load(ORDERS) is None
    assert await store.load_guard(ORDERS) == 7.0


@pytest.mark.parametrize(
    ("profile", "cleared", "orders_left", "stock_left"),
    [
        pytest.param("orders", 1, None, 8.0, id="one-profile"),
        pytest.param(None, 2, None, None, id="all"),
        pytest.param("unknown", 0, 7.0, 8.0, id="none"),
    ],
)
async def test_clearing_forgets_tokens_and_guards(store, profile, cleared, orders_left, stock_left):
    """It says how many keys that were."""
    await store.save(ORDERS, held())
    await store.save_guard(ORDERS, 7.0)
    await store.save_guard(STOCK, 8.0)

    assert await store.clear(KeyChoice(profile)) == cleared
    assert await store.load_guard(ORDERS) == orders_left
    assert (await store.load(ORDERS) is None) is (orders_left is None)
    assert await store.load_guard(STOCK) == stock_left


async def test_tokens_do_not_grow_with_what_clients_send_hazard_17():
    """Captures come from clients: the least used tokens are dropped."""
    store = MemoryStore(maximum=10)
    for number in range(100):
        await store.save(key(number), held())

    kept = [number for number in range(100) if await store.load(key(number)) is not None]

    assert kept == list(range(90, 100))


async def test_no_guard_is_ever_dropped_hazard_7():
    """However many keys there are: to forget one is to submit a refused password again."""
    store = MemoryStore(maximum=10)
    for number in range(100):
        await store.save_guard(key(number), 1.0)
        await store.save(key(number), held())

    assert {await store.load_guard(key(number)) for number in range(100)} == {1.0}


async def test_a_lease_keeps_nobody_waiting(store):
    """Within one process the single flight is the lease."""
    async with store.lease(ORDERS), store.lease(ORDERS):
        entered = True

    assert entered
    assert await store.close() is None
