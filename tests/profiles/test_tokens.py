"""The tokens of one process, as a lane sees them."""

from __future__ import annotations

import asyncio
import gc

import pytest

from profiles.errors import TokenEndpointUnreachable, TokenRequestRejected
from profiles.held_tokens import TokenResponse
from profiles.stores.memory import MemoryStore
from profiles.tokens import TokenEvent, Tokens
from tests.profiles.token_ground import (
    KEY,
    THROTTLED,
    UNREACHABLE,
    WRONG,
    Clock,
    Server,
    refusal_of,
    renewed,
    subject_with,
    until,
)

pytestmark = pytest.mark.usefixtures("task_factory")


async def test_past_soft_expiry_one_renewal_runs_beside(tokens, subject, server, clock):
    """Requests go on with the valid token, and find the new one when it is there."""
    old = (await tokens.obtain(subject)).token
    clock.now = old.soft_at
    server.gate.clear()

    given = [tokens.current(subject) for _ in range(50)]
    await server.begun.wait()
    given += [(await tokens.obtain(subject)).token for _ in range(50)]
    server.gate.set()
    await renewed(tokens, subject)

    assert set(given) == {old}
    assert tokens.current(subject).access_token == "at2"
    assert server.asked == ["password", "refresh"]


async def test_a_server_that_is_down_is_invisible_until_hard_expiry_hazard_9(
    tokens, subject, server, clock, caplog
):
    """The valid token goes on; renewals are tried ever more rarely."""
    token = (await tokens.obtain(subject)).token
    server.lifetime = 100.0
    server.say(*[UNREACHABLE] * 1000)
    clock.now = token.soft_at
    seen = []
    while clock.now < token.expires_at:
        seen.append(tokens.current(subject))
        await renewed(tokens, subject)
        clock.now += 0.1

    assert set(seen) == {token}
    assert server.asked == ["password"] + ["refresh"] * 4  # after 0, 1, 3 and 7 seconds of the 10
    assert {record.getMessage() for record in caplog.records} == {
        "profile orders: the renewal failed: token_endpoint_unreachable"
    }
    await refusal_of(tokens.obtain(subject), TokenEndpointUnreachable)


async def test_a_background_renewal_honours_retry_after(tokens, subject, server, clock):
    """No request before the time has come."""
    server.lifetime = 1000.0
    token = (await tokens.obtain(subject)).token
    clock.now = token.soft_at
    server.say(THROTTLED)
    for _ in range(420):
        tokens.current(subject)
        await renewed(tokens, subject)
        clock.now += 0.1 - 1e-9

    assert server.asked == ["password", "refresh"]
    clock.now += 1
    tokens.current(subject)
    await renewed(tokens, subject)
    assert server.asked == ["password", "refresh", "refresh"]


async def test_an_unforeseen_failure_beside_does_not_repeat_with_every_request(
    tokens, subject, server, clock, caplog
):
    """It is named by its type alone, and the next try waits."""
    token = (await tokens.obtain(subject)).token
    clock.now = token.soft_at
    server.say(RuntimeError("secret"), RuntimeError("secret"))
    for _ in range(10):
        tokens.current(subject)
        await renewed(tokens, subject)

    assert server.asked == ["password", "refresh"]
    assert [record.getMessage() for record in caplog.records] == [
        "profile orders: the renewal failed: RuntimeError"
    ]


async def test_cold_requests_share_one_token_request_hazard_1(tokens, subject, server):
    """A hundred at once: one asks, the others wait for it."""
    server.gate.clear()
    requests = [asyncio.create_task(tokens.obtain(subject)) for _ in range(100)]
    await server.begun.wait()
    server.gate.set()

    obtained = await asyncio.gather(*requests)

    assert server.asked == ["password"]
    assert len({outcome.token for outcome in obtained}) == 1
    assert [outcome.event for outcome in obtained] == [TokenEvent.PASSWORD] + [TokenEvent.WAITED] * 99


async def test_a_refusal_reaches_all_who_wait(tokens, subject, server):
    """One request, one outcome, and no complaint about an exception that nobody saw."""
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    server.gate.clear()
    server.say(UNREACHABLE)
    requests = [asyncio.create_task(tokens.obtain(subject)) for _ in range(5)]
    await server.begun.wait()
    requests[0].cancel()
    server.gate.set()

    outcomes = await asyncio.gather(*requests, return_exceptions=True)
    gc.collect()

    assert [type(outcome) for outcome in outcomes[1:]] == [TokenEndpointUnreachable] * 4
    assert (server.asked, complaints) == (["password"], [])


async def test_a_client_that_leaves_harms_nobody_hazard_4(tokens, subject, server):
    """The first of those who wait is gone: the others get their token."""
    server.gate.clear()
    first, second = (asyncio.create_task(tokens.obtain(subject)) for _ in range(2))
    await server.begun.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    server.gate.set()

    assert (await second).token.access_token == "at1"
    assert server.asked == ["password"]


async def test_a_token_is_kept_although_all_clients_left_hazard_4(tokens, subject, server):
    """The next request finds it."""
    server.gate.clear()
    only = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    server.gate.set()
    await renewed(tokens, subject)

    assert tokens.current(subject).access_token == "at1"


async def test_a_slow_key_does_not_hold_up_another_hazard_8(tokens, subject, server):
    """Each key has a run of its own."""
    server.gate.clear()
    slow = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    quick = subject_with(Server(), key=KEY._replace(profile="stock"))

    assert (await tokens.obtain(quick)).token.access_token == "at1"
    assert not slow.done()
    server.gate.set()
    await slow


async def test_a_rejected_token_is_renewed_by_its_refresh_token(tokens, subject, server):
    """Its refresh token is kept for that."""
    old = (await tokens.obtain(subject)).token

    obtained = await tokens.renew_rejected(subject, old)

    assert (obtained.token.access_token, obtained.event) == ("at2", TokenEvent.REFRESHED)
    assert server.asked == ["password", "refresh"]


async def test_many_rejections_of_one_token_cause_one_renewal_hazard_1_2(tokens, subject, server):
    """However many answers bring it back, early or late."""
    old = (await tokens.obtain(subject)).token
    early = await asyncio.gather(*(tokens.renew_rejected(subject, old) for _ in range(50)))
    late = await tokens.renew_rejected(subject, old)

    assert {outcome.token.access_token for outcome in (*early, late)} == {"at2"}
    assert late.event is TokenEvent.CACHED
    assert server.asked == ["password", "refresh"]


async def test_a_late_rejection_leaves_the_newer_token_alone_hazard_2(tokens, subject):
    """Only the token that was rejected is forgotten."""
    old = (await tokens.obtain(subject)).token
    new = (await tokens.renew_rejected(subject, old)).token

    tokens.reject(subject, old)

    assert tokens.current(subject) is new


async def test_a_renewal_in_flight_does_not_bring_a_rejected_token_back_hazard_3(
    tokens, subject, server, clock
):
    """A server that answers with the token it knows, rejected meanwhile: the ladder goes on."""
    old = (await tokens.obtain(subject)).token
    clock.now = old.soft_at
    server.gate.clear()
    server.say(TokenResponse(old.access_token, lifetime=100, refresh_token="rt1"))
    tokens.current(subject)
    await server.begun.wait()

    renewing = asyncio.create_task(tokens.renew_rejected(subject, old))
    await asyncio.sleep(0)
    server.gate.set()
    obtained = await renewing

    assert obtained.token.access_token == "at2"
    assert server.asked == ["password", "refresh", "password"]


async def test_a_rejected_token_is_not_at_hand_while_the_ladder_goes_on_hazard_3(tokens, subject, server):
    """The refresh grant repeated it; until the password grant has answered there is none."""
    old = (await tokens.obtain(subject)).token
    server.say(TokenResponse(old.access_token, lifetime=100, refresh_token="rt1"))
    renewing = asyncio.create_task(tokens.renew_rejected(subject, old))
    await until(lambda: server.asked == ["password", "refresh"])
    server.gate.clear()
    await until(lambda: server.asked == ["password", "refresh", "password"])

    assert tokens.current(subject) is None
    server.gate.set()
    await renewing


async def test_the_store_does_not_bring_a_rejected_token_back_hazard_3(tokens, subject, server, store, clock):
    """What another process stored is the same token by its text, whatever object it is."""
    token = (await tokens.obtain(subject)).token
    other = Tokens(store, clock=clock)
    same = (await other.obtain(subject)).token
    await other.clear("nothing")
    other.reject(subject, same)

    obtained = await other.obtain(subject)

    assert obtained.token.access_token != token.access_token
    assert obtained.event is TokenEvent.REFRESHED


async def test_a_token_rejected_before_those_who_wait_wake_up_is_not_given_hazard_3(tokens, subject, server):
    """They look a second time, and wait for the next one."""
    server.gate.clear()
    request = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    server.gate.set()
    await until(lambda: tokens.current(subject) is not None)
    tokens.reject(subject, tokens.current(subject))

    assert (await request).token.access_token == "at2"


async def test_another_process_renewed_the_rejected_token_already(tokens, subject, server, store, clock):
    """Its token is taken from the store, without a request (I8)."""
    other = Tokens(store, clock=clock)
    mine, others = (await tokens.obtain(subject)).token, (await other.obtain(subject)).token
    await other.renew_rejected(subject, others)

    obtained = await tokens.renew_rejected(subject, mine)

    assert (obtained.token.access_token, obtained.event) == ("at2", TokenEvent.STORED)
    assert server.asked == ["password", "refresh"]


async def test_what_another_process_stored_counts_whatever_its_clock_says(
    tokens, subject, server, store, clock
):
    """A machine whose clock is behind rotates the refresh token: the old one is not sent again."""
    mine = (await tokens.obtain(subject)).token
    behind = Clock()
    behind.now = clock.now - 50
    other = Tokens(store, clock=behind)
    await other.renew_rejected(subject, (await other.obtain(subject)).token)

    obtained = await tokens.renew_rejected(subject, mine)

    assert obtained.token.access_token == "at2"
    assert server.asked == ["password", "refresh"]


async def test_a_rejection_without_replay_has_a_token_ready_for_the_next_request(tokens, subject, server):
    """The renewal runs beside."""
    old = (await tokens.obtain(subject)).token

    tokens.reject_and_renew(subject, old)
    tokens.reject_and_renew(subject, old)
    await renewed(tokens, subject)

    assert tokens.current(subject).access_token == "at2"
    assert server.asked == ["password", "refresh"]


async def test_what_is_learnt_of_a_key_under_way_survives_a_full_cache_hazard_3(server, store, clock):
    """The cache drops the key while its token is renewed: a rejection that comes meanwhile still counts."""
    tokens = Tokens(store, clock=clock, maximum=1)
    subject = subject_with(server)
    old = (await tokens.obtain(subject)).token
    clock.now = old.soft_at
    server.gate.clear()
    server.say(TokenResponse(old.access_token, lifetime=100, refresh_token="rt1"))
    tokens.current(subject)
    await server.begun.wait()
    await tokens.obtain(subject_with(Server(), key=KEY._replace(profile="stock")))

    tokens.reject(subject, old)
    server.gate.set()
    obtained = await tokens.obtain(subject)

    assert obtained.token.access_token == "at2"


async def test_a_token_is_at_hand_although_the_cache_was_full_meanwhile(server, store, clock):
    """The key that was dropped while its token request ran is back with its token."""
    tokens = Tokens(store, clock=clock, maximum=1)
    subject = subject_with(server)
    server.gate.clear()
    request = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    await tokens.obtain(subject_with(Server(), key=KEY._replace(profile="stock")))
    server.gate.set()

    token = (await request).token

    assert tokens.current(subject) is token


async def test_clearing_reaches_a_key_under_way_that_memory_had_no_room_for(server, store, clock):
    """What its renewal gets is not kept."""
    tokens = Tokens(store, clock=clock, maximum=1)
    subject = subject_with(server)
    server.gate.clear()
    request = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    await tokens.obtain(subject_with(Server(), key=KEY._replace(profile="stock")))

    cleared = await tokens.clear("orders")
    server.gate.set()
    await request

    assert cleared == 1
    assert tokens.current(subject) is None
    assert await store.load(KEY) is None


async def test_the_overview_tells_the_state_and_no_token(tokens, subject, clock):
    """Whose, since when, until when."""
    token = (await tokens.obtain(subject)).token
    tokens.replay_rejected(subject, token)

    (state,) = tokens.overview()

    assert (state.profile, state.captures, state.user) == ("orders", (("tenant", "acme"),), "")
    assert (state.obtained_at, state.expires_at) == (1000, 1090)
    assert (state.has_refresh_token, state.locked_since, state.cooling_until) == (True, None, 1010)
    assert not state.renewing
    assert "at1" not in repr(state)
    assert "rt1" not in repr((state, subject, token, tokens._standings[KEY]))


async def test_the_overview_tells_of_a_lock_and_of_a_renewal(tokens, subject, server):
    """Also where there is no token."""
    server.say(WRONG)
    server.gate.clear()
    request = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    (before,) = tokens.overview()
    server.gate.set()
    await refusal_of(request, TokenRequestRejected)
    (after,) = tokens.overview()

    assert (before.renewing, before.locked_since) == (True, None)
    assert (after.renewing, after.locked_since, after.expires_at) == (False, 1000.0, None)


async def test_the_overview_tells_of_a_lock_that_memory_had_no_room_for(server, store, clock):
    """What an operator has to know of is there, whatever fell out of the cache."""
    tokens = Tokens(store, clock=clock, maximum=1)
    locked = subject_with(server)
    server.say(WRONG)
    await refusal_of(tokens.obtain(locked), TokenRequestRejected)
    await tokens.obtain(subject_with(Server(), key=KEY._replace(profile="stock")))

    states = {state.profile: state for state in tokens.overview()}

    assert (states["orders"].locked_since, states["orders"].obtained_at) == (1000.0, None)
    assert (states["stock"].locked_since, states["stock"].obtained_at) == (None, 1000.0)


async def test_the_overview_leaves_former_credentials_out(tokens, subject, server):
    """After a reload with another password the lock of the old one is nobody's concern."""
    server.say(WRONG)
    await refusal_of(tokens.obtain(subject), TokenRequestRejected)
    await tokens.obtain(subject_with(server, key=KEY._replace(fingerprint="f2")))

    (state,) = tokens.overview()

    assert (state.locked_since, state.obtained_at) == (None, 1000.0)


@pytest.mark.parametrize(
    ("profile", "cleared"),
    [
        pytest.param("orders", 1, id="one"),
        pytest.param(None, 2, id="all"),
        pytest.param("x", 0, id="unknown"),
    ],
)
async def test_clearing_forgets_a_profile_or_all(profile, cleared, tokens, subject, server, store):
    """In memory and in the store; it says how many keys that were."""
    stock = subject_with(Server(), key=KEY._replace(profile="stock"))
    await tokens.obtain(subject)
    await tokens.obtain(stock)

    assert await tokens.clear(profile) == cleared
    assert len(tokens.overview()) == 2 - cleared
    assert (await store.load(KEY) is None) is (profile in ("orders", None))
    assert (await store.load(stock.key) is None) is (profile is None)
    assert (tokens.current(subject) is None) is (profile in ("orders", None))


@pytest.mark.parametrize("when", ["while the server answers", "while it is stored"])
async def test_what_a_renewal_under_way_gets_is_not_kept_after_clearing(when, tokens, subject, server, store):
    """Who waits is served; the next request starts from nothing."""
    saving, go = asyncio.Event(), asyncio.Event()

    async def save(key, token):
        saving.set()
        await go.wait()
        await MemoryStore.save(store, key, token)

    store.save = save
    server.gate.clear()
    request = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    if when == "while it is stored":
        server.gate.set()
        await saving.wait()
    await tokens.clear()
    server.gate.set()
    go.set()

    assert (await request).token.access_token == "at1"
    assert tokens.current(subject) is None
    assert await store.load(KEY) is None


async def test_closing_waits_for_a_token_under_way_hazard_11(tokens, subject, server, store):
    """So that a rotated refresh token is not lost at the end."""
    server.gate.clear()
    request = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    closing = asyncio.create_task(tokens.close())
    await asyncio.sleep(0)
    server.gate.set()
    await closing
    await request

    assert (await store.load(KEY)).refresh_token == "rt1"
