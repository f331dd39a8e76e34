"""How long rejections pass straight through after an origin rejected a fresh token."""

from __future__ import annotations

import pytest

from profiles.cooldown import Cooldown
from profiles.held_tokens import TokenResponse
from tests.profiles.token_ground import WRONG, renewed, subject_with


@pytest.fixture
def cooldown():
    return Cooldown(10.0)


def test_nothing_cools_before_a_replay_was_rejected(cooldown):
    """A new cooldown does not hold."""
    assert not cooldown.holds(0.0)


def test_each_rejected_replay_doubles_up_to_five_minutes(cooldown):
    """10 s, then twice as long each time, never more than 300 s."""
    now, lengths = 0.0, []
    for _ in range(7):
        cooldown.replay_rejected(now)
        lengths.append(cooldown.until - now)
        now = cooldown.until

    assert lengths == [10, 20, 40, 80, 160, 300, 300]


def test_replays_rejected_side_by_side_count_once(cooldown):
    """A hundred rejections of one renewed token are one failure."""
    for _ in range(100):
        cooldown.replay_rejected(5.0)

    assert cooldown.until == 15.0


def test_an_accepted_replay_resets_once_the_time_is_over(cooldown):
    """After an accepted replay the next cooldown starts from the shortest again."""
    cooldown.replay_rejected(0.0)
    cooldown.replay_rejected(10.0)
    cooldown.replay_accepted(30.0)

    cooldown.replay_rejected(31.0)

    assert cooldown.until == 41.0


def test_an_accepted_replay_does_not_end_a_cooldown_that_holds(cooldown):
    """A resource that accepts the token says nothing about the one that rejects it."""
    cooldown.replay_rejected(0.0)

    cooldown.replay_accepted(1.0)

    assert cooldown.holds(9.9)


async def test_an_origin_that_rejects_fresh_tokens_causes_one_renewal_a_cooldown_hazard_6(
    tokens, subject, server, clock
):
    """10, 20, 40 ... 300 seconds between token requests, however many rejections there are."""
    asked_at = []
    for second in range(700):
        clock.now = 1000.0 + second
        before = len(server.asked)
        server.lifetime = 10_000.0
        token = (await tokens.obtain(subject)).token
        if not tokens.cooling(subject):
            replay = await tokens.renew_rejected(subject, token)
            tokens.replay_rejected(subject, replay.token)
        assert await tokens.renew_rejected(subject, token) is None
        if len(server.asked) > before:
            asked_at.append(second)

    assert asked_at == [0, 10, 30, 70, 150, 310, 610]
    assert server.asked == ["password"] + ["refresh"] * 7


async def test_requests_go_on_with_the_token_while_the_key_cools_down(tokens, subject):
    """The token that one resource rejected is good enough for the others."""
    old = (await tokens.obtain(subject)).token
    new = (await tokens.renew_rejected(subject, old)).token

    tokens.replay_rejected(subject, new)
    tokens.reject_and_renew(subject, new)

    assert tokens.current(subject) is new


async def test_a_late_rejection_of_a_replaced_token_starts_no_cooldown(tokens, subject):
    """It says nothing about the token that is current now."""
    old = (await tokens.obtain(subject)).token
    await tokens.renew_rejected(subject, old)

    tokens.replay_rejected(subject, old)

    assert not tokens.cooling(subject)


async def test_large_bodies_that_are_always_rejected_cost_one_renewal_a_cooldown_hazard_6(
    tokens, subject, server, clock
):
    """They are not sent twice, so no replay tells that the origin rejects fresh tokens: their number does."""
    server.lifetime = 10_000.0
    asked_at = []
    for second in range(100):
        clock.now = 1000.0 + second
        token = (await tokens.obtain(subject)).token
        before = len(server.asked)
        tokens.reject_and_renew(subject, token)
        await renewed(tokens, subject)
        if len(server.asked) > before:
            asked_at.append(second)

    assert asked_at == [0, 11, 32, 73]


@pytest.mark.parametrize("moment", ["at rest", "under way"])
async def test_clearing_forgets_that_a_large_body_was_rejected(moment, tokens, subject, server):
    """After an operator's reset the next rejection renews again."""
    tokens.reject_and_renew(subject, (await tokens.obtain(subject)).token)
    if moment == "at rest":
        await renewed(tokens, subject)
    else:
        server.gate.clear()
        await server.begun.wait()
    await tokens.clear()
    server.gate.set()
    await renewed(tokens, subject)

    tokens.reject_and_renew(subject, (await tokens.obtain(subject)).token)
    await renewed(tokens, subject)

    assert not tokens.cooling(subject)
    assert tokens.current(subject) is not None


async def test_a_token_that_was_good_for_a_while_is_renewed_without_delay(tokens, subject, server, clock):
    """Two large bodies meet two revocations: each time the next request finds a new token."""
    server.lifetime = 10_000.0
    for _ in range(2):
        tokens.reject_and_renew(subject, (await tokens.obtain(subject)).token)
        await renewed(tokens, subject)
        clock.now += 11

    assert server.asked == ["password", "refresh", "refresh"]
    assert not tokens.cooling(subject)


async def test_late_rejections_of_large_bodies_start_no_cooldown_hazard_2(tokens, subject, server):
    """Ten uploads went out with one token; that it is rejected ten times says nothing of the next."""
    token = (await tokens.obtain(subject)).token
    for _ in range(10):
        tokens.reject_and_renew(subject, token)
        await renewed(tokens, subject)

    assert server.asked == ["password", "refresh"]
    assert not tokens.cooling(subject)


async def test_a_cooldown_of_zero_never_holds(tokens, server, clock):
    """`renewal_cooldown: 0` has every rejection renewed."""
    subject = subject_with(server, renewal_cooldown=0.0)
    for _ in range(3):
        token = (await tokens.obtain(subject)).token
        tokens.replay_rejected(subject, token)
        assert await tokens.renew_rejected(subject, token) is not None

    assert server.asked == ["password"] + ["refresh"] * 3


async def test_an_accepted_replay_resets_a_cooldown_that_is_over(tokens, subject, clock):
    """The next one is 10 seconds again, not 20."""
    for accepted in (False, True, False):
        token = (await tokens.obtain(subject)).token
        replay = (await tokens.renew_rejected(subject, token)).token
        if accepted:
            tokens.replay_accepted(subject)
        else:
            tokens.replay_rejected(subject, replay)
            cooling_until = tokens.overview()[0].cooling_until
            began, clock.now = clock.now, cooling_until

    assert cooling_until - began == 10


async def test_an_accepted_replay_does_not_end_a_cooldown_hazard_6(tokens, subject):
    """Of two resources one rejects every token: the other's success feeds no loop."""
    old = (await tokens.obtain(subject)).token
    new = (await tokens.renew_rejected(subject, old)).token
    tokens.replay_rejected(subject, new)

    tokens.replay_accepted(subject)

    assert tokens.cooling(subject)


@pytest.mark.parametrize("grant", ["refresh and password", "password"])
async def test_a_server_that_has_but_the_rejected_token_is_not_asked_for_each_request_hazard_5_6(
    grant, tokens, subject, server, clock
):
    """It insists on the token: the answer passes through, the token stays for the cooldown."""
    refresh_token = None if grant == "password" else "rt"
    server.say(*[TokenResponse("same", lifetime=10_000, refresh_token=refresh_token)] * 20)
    token = (await tokens.obtain(subject)).token
    climb = grant.split(" and ")

    for _ in range(10):
        assert await tokens.renew_rejected(subject, token) is None
        assert (await tokens.obtain(subject)).token.access_token == "same"
    asked = list(server.asked)
    clock.now += 10
    assert await tokens.renew_rejected(subject, token) is None

    assert asked == ["password", *climb]
    assert server.asked == ["password", *climb, *climb]
    assert tokens.cooling(subject)


async def test_a_reissued_token_is_kept_where_the_password_is_refused(tokens, subject, server):
    """The refresh grant insists on the rejected token, the password is wrong: no refresh for each request."""
    same = TokenResponse("same", lifetime=10_000, refresh_token="rt")
    server.say(same, same, WRONG)
    token = (await tokens.obtain(subject)).token

    for _ in range(5):
        assert await tokens.renew_rejected(subject, token) is None

    assert server.asked == ["password", "refresh", "password"]
    assert tokens.current(subject).access_token == "same"
