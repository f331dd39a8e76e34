"""A token that is had without a look-up is the one that a look-up would give."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.errors import Refusal
from profiles.held_tokens import TokenKey, TokenResponse
from profiles.stores.memory import MemoryStore
from profiles.tokens import Tokens
from tests.profiles.token_ground import KEY, UNREACHABLE, Clock, Server, renewed, subject_with

pytestmark = pytest.mark.usefixtures("task_factory")

OTHER = KEY._replace(profile="stock")


class CountedKey(TokenKey):
    """Counts how often it is looked up."""

    lookups = 0

    def __hash__(self):
        type(self).lookups += 1
        return super().__hash__()


@pytest.fixture
def at_hand(tokens, subject):
    return tokens.at_hand(subject)


async def test_it_is_there_once_it_has_been_obtained(tokens, subject, at_hand):
    """And not before."""
    assert at_hand.current() is None

    token = (await tokens.obtain(subject)).token

    assert at_hand.current() is token


async def test_the_steady_state_has_no_look_up(tokens, server):
    """The key is looked up once, for however many requests."""
    subject = subject_with(server, key=CountedKey(*KEY))
    at_hand = tokens.at_hand(subject)
    token = (await tokens.obtain(subject)).token
    at_hand.current()
    CountedKey.lookups = 0

    given = {at_hand.current() for _ in range(100)}

    assert given == {token}
    assert CountedKey.lookups == 0


async def test_a_rejected_token_is_not_given_again_hazard_2(tokens, subject, at_hand):
    """Not even to the request that comes next, before there is a new one."""
    old = (await tokens.obtain(subject)).token
    assert at_hand.current() is old

    tokens.reject(subject, old)
    between = at_hand.current()
    new = (await tokens.obtain(subject)).token
    tokens.reject(subject, old)

    assert between is None
    assert at_hand.current() is new


async def test_a_cleared_token_is_not_given_again(tokens, subject, server, at_hand):
    """Whether or not a renewal is under way, and nothing that this brings."""
    await tokens.obtain(subject)
    assert at_hand.current() is not None

    await tokens.clear("orders")
    cleared = at_hand.current()
    server.gate.clear()
    request = asyncio.create_task(tokens.obtain(subject))
    await server.begun.wait()
    await tokens.clear()
    server.gate.set()
    await request

    assert cleared is None
    assert at_hand.current() is None


async def test_a_key_that_memory_has_no_room_for_is_not_given_again(server, store, clock):
    """What is rejected later, when it has come back from the store, is rejected for all."""
    tokens = Tokens(store, clock=clock, maximum=1)
    subject = subject_with(server)
    at_hand = tokens.at_hand(subject)
    token = (await tokens.obtain(subject)).token
    assert at_hand.current() is token

    await tokens.obtain(subject_with(Server(), key=OTHER))
    dropped = at_hand.current()
    back = (await tokens.obtain(subject)).token
    tokens.reject(subject, back)

    assert dropped is None
    assert back.access_token == token.access_token
    assert at_hand.current() is None


async def test_a_key_that_was_dropped_while_it_was_renewed_is_back(server, store, clock):
    """With what its renewal brought."""
    tokens = Tokens(store, clock=clock, maximum=1)
    subject = subject_with(server)
    at_hand = tokens.at_hand(subject)
    old = (await tokens.obtain(subject)).token
    clock.now = old.soft_at
    server.gate.clear()
    assert at_hand.current() is old
    await server.begun.wait()
    await tokens.obtain(subject_with(Server(), key=OTHER))
    dropped = at_hand.current()

    server.gate.set()
    await renewed(tokens, subject)

    assert dropped is None
    assert at_hand.current().access_token == "at2"


async def test_a_key_in_use_is_not_the_one_that_makes_room(server, store, clock):
    """Although its requests look nothing up."""
    tokens = Tokens(store, clock=clock, maximum=2)
    at_hand = tokens.at_hand(subject_with(server))
    token = (await tokens.obtain(subject_with(server))).token
    for profile in ("stock", "third", "fourth"):
        at_hand.current()
        await tokens.obtain(subject_with(Server(), key=KEY._replace(profile=profile)))

    assert at_hand.current() is token


async def test_past_soft_expiry_one_renewal_runs_beside(tokens, subject, server, clock, at_hand):
    """Requests go on with the valid token, and have the new one when it is there."""
    old = (await tokens.obtain(subject)).token
    assert at_hand.current() is old
    clock.now = old.soft_at
    server.gate.clear()

    given = {at_hand.current() for _ in range(50)}
    await server.begun.wait()
    given |= {at_hand.current() for _ in range(50)}
    server.gate.set()
    await renewed(tokens, subject)

    assert given == {old}
    assert at_hand.current().access_token == "at2"
    assert server.asked == ["password", "refresh"]


async def test_an_expired_token_is_not_given(tokens, subject, server, clock, at_hand):
    """Up to its hard expiry it is, although nobody can renew it."""
    token = (await tokens.obtain(subject)).token
    server.say(*[UNREACHABLE] * 10)
    clock.now = token.expires_at - 0.1
    last = at_hand.current()
    await renewed(tokens, subject)
    clock.now = token.expires_at

    assert last is token
    assert at_hand.current() is None


async def test_a_token_rejected_while_it_is_renewed_is_not_given_hazard_3(
    tokens, subject, server, clock, at_hand
):
    """Nor when the renewal brings the same one back."""
    old = (await tokens.obtain(subject)).token
    clock.now = old.soft_at
    server.gate.clear()
    server.say(TokenResponse(old.access_token, lifetime=100, refresh_token="rt1"))
    at_hand.current()
    await server.begun.wait()

    tokens.reject(subject, old)
    between = at_hand.current()
    server.gate.set()
    await renewed(tokens, subject)

    assert between is None
    assert at_hand.current().access_token == "at2"


KEYS = [KEY._replace(profile=name) for name in ("a", "b", "c")]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["look", "look", "obtain", "reject", "renew", "clear", "wait", "expire"]),
        st.integers(0, len(KEYS) - 1),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 3))
def test_it_is_always_what_a_look_up_gives(steps, maximum):
    """After anything that can become of a key, with room for all keys or for fewer."""

    async def play():
        clock, server = Clock(), Server()
        tokens = Tokens(MemoryStore(), clock=clock, random=lambda: 0.5, maximum=maximum)
        subjects = [subject_with(server, key=key) for key in KEYS]
        hands = [tokens.at_hand(subject) for subject in subjects]
        last = [None] * len(KEYS)
        for step, number in steps:
            subject = subjects[number]
            match step:
                case "obtain":
                    with contextlib.suppress(Refusal):
                        last[number] = (await tokens.obtain(subject)).token
                case "reject" if last[number] is not None:
                    tokens.reject(subject, last[number])
                case "renew" if last[number] is not None:
                    tokens.reject_and_renew(subject, last[number])
                case "clear":
                    await tokens.clear(subject.key.profile)
                case "wait":
                    for each in subjects:
                        await renewed(tokens, each)
                case "expire":
                    clock.now += 30.0
            looked_up = [each.current() for each in (hands[number], hands[number - 1])]
            assert looked_up == [tokens.current(each) for each in (subject, subjects[number - 1])]
        await tokens.close()

    asyncio.run(play())
