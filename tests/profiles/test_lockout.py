"""The guard of refused credentials."""

from __future__ import annotations

import pytest

from profiles.errors import CredentialsLocked, TokenRequestRejected
from profiles.held_tokens import KeyChoice, TokenKey
from profiles.lockout import Lockout, is_refusal_of_grant
from profiles.stores.memory import MemoryStore
from profiles.stores.outages import ReachableStore
from profiles.tokens import TokenEvent, Tokens
from tests.profiles.token_ground import WRONG, refusal_of, subject_with

KEY = TokenKey("orders", (("tenant", "acme"),), "ann", "f1")


class FailingStore(MemoryStore):
    down = False

    async def load_guard(self, key):
        return await self._unless_down(super().load_guard(key))

    async def save_guard(self, key, since):
        await self._unless_down(super().save_guard(key, since))

    async def _unless_down(self, use):
        if self.down:
            use.close()
            raise ConnectionError
        return await use


@pytest.fixture
def store():
    return FailingStore()


@pytest.fixture
def lockout(store):
    return Lockout(ReachableStore(store), 100)


@pytest.mark.parametrize(
    ("status", "error", "refusal"),
    [
        pytest.param(400, "invalid_grant", True, id="invalid_grant"),
        pytest.param(400, "invalid_request", True, id="invalid_request-for-a-wrong-password"),
        pytest.param(401, None, True, id="a-bare-401"),
        pytest.param(403, None, True, id="403"),
        pytest.param(404, None, True, id="404"),
        pytest.param(200, "invalid_grant", True, id="200-with-an-error-member"),
        pytest.param(200, "temporarily_unavailable", False, id="200-about-the-server"),
        pytest.param(400, "temporarily_unavailable", True, id="400-whatever-it-says"),
        pytest.param(400, "invalid_client", False, id="400-invalid_client"),
        pytest.param(401, "invalid_client", False, id="401-invalid_client"),
        pytest.param(408, None, False, id="408"),
        pytest.param(429, "invalid_grant", False, id="429-whatever-it-says"),
        pytest.param(503, "temporarily_unavailable", False, id="503"),
        pytest.param(302, None, False, id="a-redirect"),
        pytest.param(None, None, False, id="our-own-refusal"),
    ],
)
def test_which_answers_refuse_what_was_submitted(status, error, refusal):
    """Every 4xx but those about the client and the pace (DESIGN section 5)."""
    assert is_refusal_of_grant(TokenRequestRejected("x", error=error, upstream_status=status)) is refusal


async def test_locked_credentials_are_refused_with_advice(lockout):
    """The refusal tells which command opens the guard, and asks to wait."""
    await lockout.check(KEY)
    await lockout.lock(KEY, 7.0)

    with pytest.raises(CredentialsLocked, match="grantproxy tokens clear orders") as raised:
        await lockout.check(KEY)

    assert (raised.value.profile, raised.value.retry_after) == ("orders", 300)
    assert lockout.known() == {KEY: 7.0}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(KEY._replace(fingerprint="f2"), id="changed-credentials"),
        pytest.param(KEY._replace(captures=(("tenant", "other"),)), id="another-tenant"),
        pytest.param(KEY._replace(user="bob"), id="another-end-user"),
        pytest.param(KEY._replace(profile="stock"), id="another-profile"),
    ],
)
async def test_other_credentials_are_free(other, lockout):
    """The guard is about profile, captures, end user and fingerprint together."""
    await lockout.lock(KEY, 7.0)

    assert await lockout.check(other) is None


async def test_the_guard_is_shared_and_outlives_the_process_hazard_7(store, lockout):
    """Whoever uses the same store does not submit the password either."""
    await lockout.lock(KEY, 7.0)

    with pytest.raises(CredentialsLocked):
        await Lockout(ReachableStore(store), 100).check(KEY)


async def test_a_guard_reset_elsewhere_is_open_here(store, lockout):
    """An operator clears once, for all processes."""
    await lockout.lock(KEY, 7.0)
    await store.clear(KeyChoice("orders"))

    assert await lockout.check(KEY) is None
    assert lockout.known() == {}


async def test_an_outage_of_the_store_opens_no_guard(store, lockout):
    """What was refused while the store was away stays refused when it is back, and gets stored then."""
    store.down = True
    await lockout.lock(KEY, 7.0)
    with pytest.raises(CredentialsLocked):
        await lockout.check(KEY)
    store.down = False
    with pytest.raises(CredentialsLocked):
        await lockout.check(KEY)

    assert await store.load_guard(KEY) == 7.0


async def test_a_stored_guard_holds_while_the_store_is_away(store, lockout):
    """What is in memory goes on."""
    await lockout.lock(KEY, 7.0)
    store.down = True

    with pytest.raises(CredentialsLocked):
        await lockout.check(KEY)


async def test_a_guard_that_the_store_knows_nothing_of_is_never_dropped_hazard_7(store):
    """Memory drops what is in the store as well; what was refused during an outage stays, however much."""
    lockout = Lockout(ReachableStore(store), maximum=2)
    keys = [KEY._replace(user=str(number)) for number in range(50)]
    store.down = True
    for key in keys:
        await lockout.lock(key, 7.0)
    store.down = False

    for key in keys:
        with pytest.raises(CredentialsLocked):
            await lockout.check(key)
    assert [await store.load_guard(key) for key in keys] == [7.0] * 50
    assert len(lockout.known()) == 2


async def test_more_locked_keys_than_memory_has_room_for_stay_locked_hazard_7(server):
    """With the store of one process as well: no password is submitted twice."""
    tokens = Tokens(MemoryStore(maximum=2), maximum=2)
    subjects = [subject_with(server, key=KEY._replace(user=str(number))) for number in range(20)]
    server.say(*[WRONG] * 20)
    for subject in subjects:
        await refusal_of(tokens.obtain(subject), TokenRequestRejected)
    for subject in subjects:
        await refusal_of(tokens.obtain(subject), CredentialsLocked)

    assert server.asked == ["password"] * 20


async def test_forgetting_says_what_was_locked(lockout):
    """By profile, or all."""
    await lockout.lock(KEY, 7.0)

    assert lockout.forget(KeyChoice("stock")) == set()
    assert lockout.forget(KeyChoice("orders")) == {KEY}
    assert lockout.forget(KeyChoice()) == set()


async def test_a_refused_password_is_submitted_once_hazard_7(tokens, subject, server, store, clock):
    """The first request gets the server's code, the others the guard, a restarted process too."""
    server.say(WRONG)
    first = await refusal_of(tokens.obtain(subject), TokenRequestRejected)
    for _ in range(20):
        clock.now += 1000
        locked = await refusal_of(tokens.obtain(subject), CredentialsLocked)
    await refusal_of(Tokens(store, clock=clock).obtain(subject), CredentialsLocked)

    assert (first.error, first.profile) == ("invalid_grant", "orders")
    assert locked.retry_after
    assert server.asked == ["password"]


@pytest.mark.parametrize("way", ["changed credentials", "an operator's reset"])
async def test_the_guard_opens_again_hazard_7_12(way, tokens, subject, server):
    """By changed credentials or by an operator."""
    server.say(WRONG)
    await refusal_of(tokens.obtain(subject), TokenRequestRejected)
    if way == "changed credentials":
        subject = subject_with(server, key=KEY._replace(fingerprint="f2"))
    else:
        assert await tokens.clear("orders") == 1

    assert (await tokens.obtain(subject)).event is TokenEvent.PASSWORD


async def test_changed_credentials_do_not_use_the_old_ones_token_hazard_12(tokens, subject, server):
    """Their key is another one."""
    old = (await tokens.obtain(subject)).token
    changed = subject_with(server, key=KEY._replace(fingerprint="f2"))

    assert tokens.current(changed) is None
    assert (await tokens.obtain(changed)).token is not old
