"""Valid token, refresh grant, password grant, refusal: one rung after the other."""

from __future__ import annotations

import asyncio

import pytest

from profiles.errors import TokenRequestRejected, TokenResponseInvalid
from profiles.held_tokens import TokenResponse
from profiles.stores.memory import MemoryStore
from profiles.tokens import TokenEvent, Tokens
from tests.profiles.token_ground import (
    INVALID,
    KEY,
    THROTTLED,
    UNREACHABLE,
    WRONG,
    refusal_of,
    subject_with,
)

pytestmark = pytest.mark.usefixtures("task_factory")


async def test_the_first_token_is_had_by_password(tokens, subject, server):
    """Then it is in memory, without any further request."""
    first = await tokens.obtain(subject)
    second = await tokens.obtain(subject)

    assert (first.event, second.event) == (TokenEvent.PASSWORD, TokenEvent.CACHED)
    assert first.token is second.token is tokens.current(subject)
    assert server.asked == ["password"]


async def test_an_expired_token_is_refreshed(tokens, subject, server, clock):
    """With the refresh token that came with it."""
    await tokens.obtain(subject)
    clock.now += 90

    obtained = await tokens.obtain(subject)

    assert (obtained.token.access_token, obtained.event) == ("at2", TokenEvent.REFRESHED)
    assert server.asked == ["password", "refresh"]


async def test_a_stored_token_is_used_by_the_next_process(tokens, subject, server, store, clock):
    """Without a token request (I8)."""
    await tokens.obtain(subject)

    obtained = await Tokens(store, clock=clock).obtain(subject)

    assert (obtained.token.access_token, obtained.event) == ("at1", TokenEvent.STORED)
    assert server.asked == ["password"]


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param(WRONG, id="invalid_grant"),
        pytest.param(TokenRequestRejected("no", upstream_status=401), id="a-bare-401"),
        pytest.param(TokenRequestRejected("no", error="x", upstream_status=200), id="200-with-an-error"),
        pytest.param(INVALID, id="a-page"),
    ],
)
async def test_the_password_takes_over_from_a_dead_refresh_token_hazard_10(
    dead, tokens, subject, server, clock
):
    """At once, in the same request."""
    await tokens.obtain(subject)
    clock.now += 90
    server.say(dead)

    obtained = await tokens.obtain(subject)

    assert (obtained.token.access_token, obtained.event) == ("at2", TokenEvent.PASSWORD)
    assert server.asked == ["password", "refresh", "password"]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(UNREACHABLE, id="unreachable"),
        pytest.param(THROTTLED, id="429"),
        pytest.param(
            TokenRequestRejected("no", error="invalid_client", upstream_status=401), id="invalid_client"
        ),
    ],
)
async def test_a_refresh_that_says_nothing_of_the_token_keeps_it(failure, tokens, subject, server, clock):
    """No password is submitted then, and the refresh token goes on when the time has come."""
    await tokens.obtain(subject)
    clock.now += 90
    server.say(failure)
    await refusal_of(tokens.obtain(subject), type(failure))
    clock.now += 60

    obtained = await tokens.obtain(subject)

    assert obtained.event is TokenEvent.REFRESHED
    assert server.asked == ["password", "refresh", "refresh"]


async def test_without_regenerate_a_dead_refresh_token_is_the_end(tokens, server, clock, store):
    """It is refused with a hint, stays so without further requests, and after a restart too."""
    subject = subject_with(server, regenerate=False)
    await tokens.obtain(subject)
    clock.now += 90
    server.say(WRONG)

    refusal = await refusal_of(tokens.obtain(subject), TokenRequestRejected)
    await refusal_of(tokens.obtain(subject), TokenRequestRejected)
    await refusal_of(Tokens(store, clock=clock).obtain(subject), TokenRequestRejected)

    assert "regenerate" in refusal.detail
    assert refusal.profile == "orders"
    assert server.asked == ["password", "refresh"]


async def test_without_regenerate_clearing_lets_the_password_be_used_once(tokens, server, clock):
    """As the hint says."""
    subject = subject_with(server, regenerate=False)
    await tokens.obtain(subject)
    clock.now += 90
    server.say(WRONG)
    await refusal_of(tokens.obtain(subject), TokenRequestRejected)

    await tokens.clear("orders")

    assert (await tokens.obtain(subject)).event is TokenEvent.PASSWORD


async def test_without_refresh_tokens_the_password_is_used_each_time(tokens, server, clock):
    """Also without regenerate: no refresh token was ever held that could have died."""
    subject = subject_with(server, regenerate=False)
    for number in range(3):
        server.say(TokenResponse(f"bare{number}", lifetime=100))
        await tokens.obtain(subject)
        clock.now += 90

    assert server.asked == ["password"] * 3


async def test_without_credentials_there_is_a_clear_refusal(tokens, server):
    """And no request."""
    refusal = await refusal_of(
        tokens.obtain(subject_with(server, has_credentials=False)), TokenRequestRejected
    )

    assert "no credentials" in refusal.detail
    assert server.asked == []


async def test_an_expired_refresh_token_is_not_sent(tokens, subject, server, clock):
    """`refresh_expires_in` is honoured."""
    server.say(TokenResponse("at", lifetime=100, refresh_token="rt", refresh_lifetime=80))
    await tokens.obtain(subject)
    clock.now += 90

    obtained = await tokens.obtain(subject)

    assert obtained.event is TokenEvent.PASSWORD
    assert server.asked == ["password", "password"]


async def test_an_answer_without_refresh_token_keeps_the_old_one_and_its_end(tokens, subject, server, clock):
    """Keeping it does not make it last longer."""
    server.say(TokenResponse("a", lifetime=100, refresh_token="rt", refresh_lifetime=250))
    server.say(TokenResponse("b", lifetime=100), TokenResponse("c", lifetime=100))
    first = (await tokens.obtain(subject)).token
    clock.now += 90
    second = (await tokens.obtain(subject)).token
    clock.now += 90
    third = (await tokens.obtain(subject)).token
    clock.now += 90
    fourth = await tokens.obtain(subject)

    assert [token.refresh_token for token in (first, second, third)] == ["rt"] * 3
    assert first.refresh_expires_at == second.refresh_expires_at == third.refresh_expires_at == 1250
    assert fourth.event is TokenEvent.PASSWORD


async def test_a_rotated_refresh_token_is_stored_before_its_access_token_is_used_hazard_11(
    tokens, subject, server, store, clock
):
    """Nobody gets the new access token while the new refresh token is in memory only."""
    await tokens.obtain(subject)
    clock.now += 90
    saving, go = asyncio.Event(), asyncio.Event()

    async def save(key, token):
        saving.set()
        await go.wait()
        await MemoryStore.save(store, key, token)

    store.save = save
    request = asyncio.create_task(tokens.obtain(subject))
    await saving.wait()

    assert tokens.current(subject) is None
    assert not request.done()
    go.set()
    await request
    assert (await store.load(KEY)).refresh_token == server.live_refresh_token


async def test_a_process_that_dies_leaves_the_rotated_refresh_token_hazard_11(
    tokens, subject, server, store, clock
):
    """The next one refreshes with it."""
    await tokens.obtain(subject)
    clock.now += 90
    await tokens.obtain(subject)
    clock.now += 90

    obtained = await Tokens(store, clock=clock).obtain(subject)

    assert obtained.event is TokenEvent.REFRESHED
    assert server.asked == ["password", "refresh", "refresh"]


@pytest.mark.parametrize(
    ("lifetime", "soft", "hard"),
    [
        pytest.param(None, 2880, 3570, id="unknown-the-default-not-for-ever"),
        pytest.param(600, 480, 570, id="expires_in-beats-the-default"),
        pytest.param(0, 2880, 3570, id="zero"),
        pytest.param(-5, 2880, 3570, id="negative"),
        pytest.param(2, 1.6, 1.8, id="two-seconds"),
    ],
)
async def test_lifetimes_are_as_the_answer_says_hazard_19(lifetime, soft, hard, tokens, subject, server):
    """Unknown ones are the profile's default."""
    server.say(TokenResponse("at", lifetime=lifetime))

    token = (await tokens.obtain(subject)).token

    assert token.soft_at - token.obtained_at == pytest.approx(soft)
    assert token.expires_at - token.obtained_at == pytest.approx(hard)


async def test_an_expired_token_is_never_given_hazard_9(tokens, subject, clock):
    """Neither at hand nor from the store: from hard expiry on it is gone."""
    token = (await tokens.obtain(subject)).token
    clock.now = token.expires_at

    assert tokens.current(subject) is None
    assert (await tokens.obtain(subject)).token is not token


async def test_a_token_that_expired_while_it_was_stored_is_not_given(tokens, subject, server, store, clock):
    """It is renewed again, and if no token ever lasts, refused."""

    async def save(key, token):
        clock.now += 5
        await MemoryStore.save(store, key, token)

    store.save = save
    server.lifetime = 4.0

    for _ in range(5):
        await refusal_of(tokens.obtain(subject), TokenResponseInvalid)

    assert len(server.asked) == 3
