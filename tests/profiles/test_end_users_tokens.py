"""The life of an end user's token: entered, refreshed, regenerated with consent, and asked for again."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from profiles.errors import (
    AuthorizationRequired,
    TokenEndpointUnreachable,
    TokenRequestRejected,
    TooManyEntries,
)
from profiles.held_tokens import Entry, TokenKey, TokenResponse
from profiles.tokens import TokenEvent, Tokens
from tests.profiles.token_ground import (
    INVALID,
    THROTTLED,
    UNREACHABLE,
    WRONG,
    refusal_of,
    subject_with,
    until,
)

ALICE = TokenKey("orders", (), "alice", "f1")
BOB = TokenKey("orders", (), "bob", "f1")
PASSWORD = secrets.token_hex()
CONSENT = Entry(
    {"username": "a", "password": PASSWORD}, {"username": "a", "password": PASSWORD}, regenerates=True
)
ANOTHER = Entry({"username": "a", "password": "another"}, {"username": "a"})
LOCAL = TokenRequestRejected("a value cannot stand in the token request")
NO_CONSENT = Entry({"username": "a", "password": PASSWORD}, {"username": "a"})


class UserServer:
    """The grants of each end user; `submitted` is what each was bound to when it was asked."""

    def __init__(self, server):
        self.server = server
        self.submitted = []

    def with_entered(self, entered):
        outer = self

        class Bound:
            async def password(self):
                outer.submitted.append(dict(entered))
                return await outer.server.password()

            async def refresh(self, refresh_token):
                outer.submitted.append(dict(entered))
                return await outer.server.refresh(refresh_token)

        return Bound()


@pytest.fixture
def users(server):
    return UserServer(server)


@pytest.fixture
def alice(users, server):
    return subject_with(server, ALICE, has_credentials=False, grants_with=users.with_entered)


@pytest.fixture
def bob(users, server):
    return subject_with(server, BOB, has_credentials=False, grants_with=users.with_entered)


async def test_before_an_end_user_has_entered_anything_nothing_is_asked_for(tokens, alice, server):
    """Not even where the profile could regenerate."""
    required = await refusal_of(tokens.obtain(alice), AuthorizationRequired)

    assert required.profile == "orders"
    assert server.asked == []


async def test_what_an_end_user_enters_gives_their_token(tokens, alice, bob):
    """To them, and to nobody else."""
    obtained = await tokens.authorize(alice, NO_CONSENT)

    assert obtained.event is TokenEvent.ENTERED
    assert tokens.current(alice) is obtained.token
    assert (await tokens.obtain(alice)).token is obtained.token
    assert tokens.current(bob) is None
    await refusal_of(tokens.obtain(bob), AuthorizationRequired)


async def test_a_token_is_refreshed_with_what_is_kept_of_the_entry(tokens, alice, users, clock):
    """The password is not among it where they did not consent."""
    await tokens.authorize(alice, NO_CONSENT)
    clock.now += 99

    assert (await tokens.obtain(alice)).event is TokenEvent.REFRESHED
    assert users.submitted[-1] == {"username": "a"}
    assert tokens.current(alice).entered == {"username": "a"}


async def test_a_dead_refresh_token_is_replaced_by_the_password_where_they_consent(
    tokens, alice, server, users, clock
):
    """As Auto-Refresh Token Regeneration says, and again after that."""
    await tokens.authorize(alice, CONSENT)
    for _ in range(2):
        clock.now += 99
        server.live_refresh_token = None
        assert (await tokens.obtain(alice)).event is TokenEvent.PASSWORD

    assert users.submitted[-1]["password"] == PASSWORD


@pytest.mark.parametrize(
    ("entry", "regenerate"),
    [
        pytest.param(NO_CONSENT, True, id="no-consent"),
        pytest.param(CONSENT, False, id="profile-does-not-regenerate"),
    ],
)
async def test_a_dead_refresh_token_without_consent_asks_the_end_user_again(
    entry, regenerate, tokens, users, server, clock
):
    """The password is not submitted, though it may still be known."""
    subject = subject_with(
        server, ALICE, regenerate=regenerate, has_credentials=False, grants_with=users.with_entered
    )
    await tokens.authorize(subject, entry)
    clock.now += 99
    server.live_refresh_token = None

    await refusal_of(tokens.obtain(subject), AuthorizationRequired)

    assert server.asked == ["password", "refresh"]


async def test_a_server_that_gives_no_refresh_token_asks_the_end_user_again(tokens, alice, server, clock):
    """There is nothing else to have a token by."""
    server.say(TokenResponse("at", lifetime=100.0))
    await tokens.authorize(alice, NO_CONSENT)
    clock.now += 99

    await refusal_of(tokens.obtain(alice), AuthorizationRequired)


async def test_a_regenerating_password_that_is_refused_is_submitted_once(tokens, alice, server, clock):
    """Then it is for the end user to enter another, and the guard shows."""
    await tokens.authorize(alice, CONSENT)
    clock.now += 99
    server.live_refresh_token = None
    server.say(WRONG, WRONG)

    for _ in range(3):
        await refusal_of(tokens.obtain(alice), AuthorizationRequired)
        clock.now += 1000

    assert server.asked.count("password") == 2
    (state,) = tokens.overview()
    assert state.locked_since is not None


async def test_entering_again_opens_the_guard(tokens, alice, server, clock):
    """Other credentials are other credentials."""
    await tokens.authorize(alice, CONSENT)
    clock.now += 99
    server.live_refresh_token = None
    server.say(WRONG, WRONG)
    await refusal_of(tokens.obtain(alice), AuthorizationRequired)

    await tokens.authorize(alice, Entry({"password": "another"}, {}))

    assert tokens.current(alice) is not None
    assert tokens.overview()[0].locked_since is None


async def test_a_refused_entry_leaves_what_was_held(tokens, alice, server):
    """Somebody mistyped; their requests go on."""
    before = (await tokens.authorize(alice, NO_CONSENT)).token
    server.say(WRONG)

    await refusal_of(tokens.authorize(alice, Entry({"password": "x"}, {})), TokenRequestRejected)

    assert tokens.current(alice) is before
    assert tokens.overview()[0].locked_since is None


@pytest.mark.parametrize(
    ("said", "kind", "submitted"),
    [
        pytest.param(WRONG, TokenRequestRejected, 5, id="refused"),
        pytest.param(UNREACHABLE, TokenEndpointUnreachable, 10, id="unclear"),
        pytest.param(LOCAL, TokenRequestRejected, 15, id="never-sent"),
    ],
)
async def test_entries_are_bounded_by_what_is_said_of_them(said, kind, submitted, tokens, alice, server):
    """Five that were refused, ten of which nobody knows."""
    server.say(*[said] * 15)
    for number in range(15):
        expected = kind if number < submitted else TooManyEntries
        await refusal_of(tokens.authorize(alice, Entry({"n": number}, {})), expected)

    assert len(server.asked) == submitted


@pytest.mark.parametrize("said", [INVALID, THROTTLED], ids=["a-page", "throttled"])
async def test_a_server_that_asks_for_patience_gets_it(said, tokens, alice, server, clock):
    """A page may be its no, and 429 says so: the next entry waits, and is not counted for it."""
    server.say(said)
    await refusal_of(tokens.authorize(alice, NO_CONSENT), type(said))
    for _ in range(20):
        await refusal_of(tokens.authorize(alice, CONSENT), type(said))
    assert server.asked == ["password"]
    clock.now += 60

    assert (await tokens.authorize(alice, CONSENT)).event is TokenEvent.ENTERED


async def test_a_typo_does_not_hold_up_what_is_held(tokens, alice, server, clock):
    """The server answers it with a page, or asks for patience: the token goes on being refreshed."""
    await tokens.authorize(alice, NO_CONSENT)
    clock.now += 99
    server.say(THROTTLED)
    await refusal_of(tokens.authorize(alice, ANOTHER), TokenRequestRejected)

    assert (await tokens.obtain(alice)).event is TokenEvent.REFRESHED


async def test_of_two_right_entries_at_once_the_later_holds(tokens, alice, server):
    """Two tabs, and neither is told that it came to nothing."""
    server.gate.clear()
    both = [asyncio.ensure_future(tokens.authorize(alice, entry)) for entry in (CONSENT, ANOTHER)]
    await until(lambda: len(server.asked) == 2)
    server.gate.set()

    first, second = [item.token for item in await asyncio.gather(*both)]

    assert first is not second
    assert tokens.current(alice) in (first, second)


async def test_what_was_refused_by_itself_is_not_entered_again(tokens, alice, server, clock):
    """The end user does not know that it was tried."""
    await tokens.authorize(alice, CONSENT)
    clock.now += 99
    server.live_refresh_token = None
    server.say(WRONG, WRONG)
    await refusal_of(tokens.obtain(alice), AuthorizationRequired)
    asked = len(server.asked)

    await refusal_of(tokens.authorize(alice, CONSENT), TooManyEntries)

    assert len(server.asked) == asked


@pytest.mark.parametrize("refused", ["refresh", "password"])
async def test_a_refusal_that_comes_late_says_nothing_of_what_was_entered_meanwhile(
    refused, tokens, alice, server, store, clock
):
    """The former refresh token is dead, or the former password wrong: the new ones are neither."""
    await tokens.authorize(alice, CONSENT)
    clock.now += 99
    server.live_refresh_token = "rt1" if refused == "refresh" else None
    said = [WRONG] if refused == "refresh" else [WRONG, WRONG]
    server.say(*said)
    server.gate.clear()
    waiting = asyncio.ensure_future(tokens.obtain(alice))
    await until(lambda: len(server.asked) == 2)
    if refused == "password":
        server.gate.set()
        await until(lambda: len(server.asked) == 3)
        server.gate.clear()
    late = server._said
    server._said = []
    entering = asyncio.ensure_future(tokens.authorize(alice, ANOTHER))
    await until(lambda: entering.done() or len(server.asked) > len(said) + 1)
    server.gate.set()
    entered = (await entering).token
    del late
    await asyncio.wait([waiting])

    assert tokens.current(alice) is entered
    assert (await store.load(ALICE)) is entered
    (state,) = tokens.overview()
    assert (state.has_refresh_token, state.locked_since) == (True, None)


async def test_what_an_operator_has_forgotten_meanwhile_is_not_kept(tokens, alice, server, store):
    """Neither in memory nor in the store; the end user hears of it."""
    server.gate.clear()
    entering = asyncio.ensure_future(tokens.authorize(alice, CONSENT))
    await until(lambda: server.asked)

    assert await tokens.clear("orders") == 1
    server.gate.set()

    await refusal_of(entering, AuthorizationRequired)
    assert tokens.current(alice) is None
    assert await store.load(ALICE) is None


async def test_a_token_that_was_rejected_is_believed_once_it_is_entered_again(tokens, alice, server):
    """The server gives out the same again: asking the end user for ever is no help."""
    server.say(TokenResponse("same", lifetime=100.0), TokenResponse("same", lifetime=100.0))
    first = (await tokens.authorize(alice, NO_CONSENT)).token
    tokens.reject(alice, first)
    await refusal_of(tokens.obtain(alice), AuthorizationRequired)

    second = (await tokens.authorize(alice, ANOTHER)).token

    assert (await tokens.obtain(alice)).token is second


async def test_a_renewal_under_way_does_not_come_after_what_was_entered(tokens, alice, server, clock):
    """It stands on the entry before."""
    await tokens.authorize(alice, CONSENT)
    clock.now += 99
    server.gate.clear()
    waiting = asyncio.ensure_future(tokens.obtain(alice))
    await until(lambda: server.asked[-1] == "refresh")
    entering = asyncio.ensure_future(tokens.authorize(alice, NO_CONSENT))
    await until(lambda: server.asked[-1] == "password")
    server.gate.set()

    entered = (await entering).token
    await asyncio.wait([waiting])

    assert tokens.current(alice) is entered


async def test_what_was_entered_outlives_the_process_with_the_token(tokens, alice, store, clock):
    """Through the store, for the refreshes to come."""
    await tokens.authorize(alice, CONSENT)
    other = Tokens(store, clock=clock, random=lambda: 0.5)

    obtained = await other.obtain(alice)

    assert obtained.event is TokenEvent.STORED
    assert (obtained.token.entered, obtained.token.regenerates) == (CONSENT.kept, True)


async def test_no_repr_shows_what_was_entered(tokens, alice):
    """Neither the token's, the subject's nor a failed entry's."""
    token = (await tokens.authorize(alice, CONSENT)).token

    shown = f"{token!r} {alice!r} {CONSENT!r} {tokens.overview()!r}"

    assert PASSWORD not in shown
    assert token.access_token not in shown


async def test_forgetting_one_end_user_leaves_the_others(tokens, alice, bob):
    """By profile and user; the forgotten one has to enter anew."""
    await tokens.authorize(alice, CONSENT)
    await tokens.authorize(bob, CONSENT)

    assert await tokens.clear("orders", user="alice") == 1

    assert tokens.current(bob) is not None
    await refusal_of(tokens.obtain(alice), AuthorizationRequired)


async def test_unlocking_keeps_the_token(tokens, subject, server, clock):
    """An operator says that the password is right now: it is tried once more."""
    await tokens.obtain(subject)
    clock.now += 99
    server.live_refresh_token = None
    server.say(WRONG, WRONG)
    await refusal_of(tokens.obtain(subject), TokenRequestRejected)

    assert await tokens.unlock("orders", captures=subject.key.captures, user="") == 1
    assert await tokens.unlock("orders") == 0

    assert (await tokens.obtain(subject)).event is TokenEvent.PASSWORD


async def test_an_operator_renews_a_token_that_is_valid(tokens, subject, server):
    """All who want it at once cause one token request; the next request has the new one."""
    before = (await tokens.obtain(subject)).token

    renewed = await asyncio.gather(tokens.renew(subject), tokens.renew(subject))

    assert server.asked == ["password", "refresh"]
    assert tokens.current(subject) is renewed[0].token is not before


async def test_a_renewal_that_fails_leaves_the_valid_token(tokens, subject, server):
    """Who pressed the button hears of it, and requests do not."""
    before = (await tokens.obtain(subject)).token
    server.say(UNREACHABLE)

    await refusal_of(tokens.renew(subject), TokenEndpointUnreachable)

    assert tokens.current(subject) is before
