"""One request on its way: what is written into it, and what its answers lead to."""

from __future__ import annotations

import json

import pytest

from profiles.authorization import Authorizer
from profiles.errors import CredentialsLocked, PayloadNotInjectable, TokenRequestRejected
from profiles.exchange import Verdict
from profiles.selection import ProfileIndex
from tests.profiles.profile_ground import compiled, head
from tests.profiles.token_ground import WRONG, renewed, subject_with

LIMIT = 1000
BODY_RULE = {"status": 200, "body": "expired"}


@pytest.fixture
def authorize(tokens, subject):
    """Gives exchanges of a profile, each with the token that is current by then."""
    authorizers = {}

    async def authorize(*, body=0, **changes):
        settings = {"replay_limit": LIMIT, "auth_error": [401, BODY_RULE]} | changes
        name = repr(changes)
        if name not in authorizers:
            profile = compiled(**settings)
            index = ProfileIndex((profile.name, rule, profile) for rule in profile.rules)
            authorizers[name] = Authorizer(index, tokens, lambda *_: subject)
        authorizer = authorizers[name]
        selection = authorizer.select(head(), sni=None, host_fields=())
        exchange = await authorizer.authorize(selection, head())
        exchange.keep(b"x" * body)
        return exchange

    return authorize


@pytest.mark.parametrize(
    ("status", "body", "cooling", "verdict", "asked", "cools"),
    [
        pytest.param(200 + 4, 0, False, Verdict.FORWARD, 0, False, id="accepted"),
        pytest.param(500, 0, False, Verdict.FORWARD, 0, False, id="another-error"),
        pytest.param(403, 0, False, Verdict.FORWARD, 0, False, id="a-status-that-no-rule-names"),
        pytest.param(200, 0, False, Verdict.INSPECT, 0, False, id="the-body-decides"),
        pytest.param(401, 0, False, Verdict.RENEW, 0, False, id="rejected"),
        pytest.param(401, LIMIT, False, Verdict.RENEW, 0, False, id="rejected-body-at-the-limit"),
        pytest.param(401, LIMIT + 1, False, Verdict.FORWARD, 1, False, id="rejected-body-too-large"),
        pytest.param(401, 0, True, Verdict.FORWARD, 0, True, id="hazard-6-rejected-while-cooling"),
        pytest.param(401, LIMIT + 1, True, Verdict.FORWARD, 0, True, id="hazard-6-too-large-while-cooling"),
        pytest.param(204, 0, True, Verdict.FORWARD, 0, True, id="accepted-while-cooling"),
    ],
)
async def test_the_first_answer(
    status, body, cooling, verdict, asked, cools, authorize, tokens, subject, server
):
    """Passed on, looked into, or kept back for one more sending; a body that was not kept renews beside."""
    exchange = await authorize(body=body)
    if cooling:
        tokens.replay_rejected(subject, exchange.token)
    before = len(server.asked)

    found = exchange.judge_head(status, ())
    await renewed(tokens, subject)

    assert found is verdict
    assert (len(server.asked) - before, tokens.cooling(subject)) == (asked, cools)
    assert (tokens.current(subject) is exchange.token) is (asked == 0)


@pytest.mark.parametrize(
    ("status", "body", "cools"),
    [
        pytest.param(200 + 4, 0, False, id="accepted"),
        pytest.param(500, 0, False, id="another-error"),
        pytest.param(401, 0, True, id="hazard-6-rejected-again"),
        pytest.param(401, LIMIT + 1, True, id="rejected-again-and-the-body-grew-too-large"),
    ],
)
async def test_the_second_answer_is_passed_on_as_it_is(
    status, body, cools, authorize, tokens, subject, server
):
    """There is no third sending, and no renewal for a fresh token that is rejected: the key cools down."""
    exchange = await authorize()
    assert await exchange.renew()
    exchange.keep(b"x" * body)
    before = len(server.asked)

    found = exchange.judge_head(status, ())
    await renewed(tokens, subject)

    assert found is Verdict.FORWARD
    assert (len(server.asked) - before, tokens.cooling(subject)) == (0, cools)
    assert tokens.current(subject) is exchange.token


@pytest.mark.parametrize(
    ("body", "first", "second"),
    [
        pytest.param(b"token expired", Verdict.RENEW, Verdict.FORWARD, id="pattern-found"),
        pytest.param(b"all is well", Verdict.FORWARD, Verdict.FORWARD, id="pattern-not-found"),
    ],
)
async def test_a_body_is_judged_like_a_head(body, first, second, authorize, tokens, subject):
    """By the pattern of its status; the second time it starts the cooldown."""
    exchange = await authorize()

    assert exchange.judge_body(200, (), body) is first
    await exchange.renew()
    assert exchange.judge_head(200, ()) is Verdict.INSPECT
    assert exchange.judge_body(200, (), body) is second
    assert tokens.cooling(subject) is (first is Verdict.RENEW)


async def test_an_accepted_replay_starts_the_cooldowns_over(authorize, tokens, subject, clock):
    """After it the next rejected one costs 10 seconds, not 20."""
    for status in (401, 204, 401):
        exchange = await authorize()
        await exchange.renew()
        exchange.judge_head(status, ())
        clock.now += 9.9
        cooled = tokens.cooling(subject)
        clock.now += 0.1

    assert cooled
    assert not tokens.cooling(subject)


async def test_many_rejections_cause_one_renewal_and_each_request_is_sent_once_more(authorize, server):
    """The later ones find the token that the first one got (hazards 1, 2)."""
    exchanges = [await authorize() for _ in range(20)]

    verdicts = {exchange.judge_head(401, ()) for exchange in exchanges}
    for exchange in exchanges:
        assert await exchange.renew()

    assert verdicts == {Verdict.RENEW}
    assert {exchange.token.access_token for exchange in exchanges} == {"at2"}
    assert server.asked == ["password", "refresh"]


async def test_the_second_sending_carries_the_renewed_token(authorize):
    """And says so: `replayed`, and how the token was had."""
    exchange = await authorize()
    first, _ = exchange.authorize_head(head())

    renewed = await exchange.renew()
    second, _ = exchange.authorize_head(head())

    assert (first, second) == (
        ((b"Authorization", b"Bearer at1"),),
        ((b"Authorization", b"Bearer at2"),),
    )
    assert (renewed, exchange.replayed, exchange.event) == (True, True, "refreshed")


async def test_without_another_token_the_answer_is_passed_on(authorize, tokens, subject):
    """While the key cools down: nothing is sent once more, and the exchange stays what it was."""
    exchange = await authorize()
    tokens.replay_rejected(subject, exchange.token)

    assert not await exchange.renew()
    assert not exchange.replayed
    assert exchange.authorize_head(head())[0] == ((b"Authorization", b"Bearer at1"),)


async def test_a_refused_renewal_is_a_refusal(authorize, tokens, subject, server):
    """The client hears why no token is to be had (hazards 7, 10)."""
    exchange, other = await authorize(), await authorize()
    server.say(WRONG, WRONG)

    with pytest.raises(TokenRequestRejected):
        await exchange.renew()
    with pytest.raises(CredentialsLocked):
        await other.renew()

    assert server.asked == ["password", "refresh", "password"]


async def test_the_body_is_kept_chunk_by_chunk_hazard_5(authorize):
    """What was kept is what came, and each chunk is given back to be sent."""
    exchange = await authorize()
    chunks = [b"a" * 10, b"", b"\x00\xff" * 5, b"c"]

    given = [exchange.keep(chunk) for chunk in chunks]

    assert given == chunks
    assert exchange.replayable
    assert exchange.kept_body() == b"".join(chunks)


async def test_a_body_without_a_byte_can_be_sent_once_more_hazard_5(authorize):
    """Nothing was kept because nothing came."""
    exchange = await authorize()

    assert (exchange.replayable, exchange.kept_body()) == (True, b"")


@pytest.mark.parametrize(
    ("chunks", "replayable"),
    [
        pytest.param([LIMIT], True, id="at-the-limit"),
        pytest.param([LIMIT + 1], False, id="over-it-at-once"),
        pytest.param([LIMIT - 1, 1], True, id="at-the-limit-in-two"),
        pytest.param([LIMIT - 1, 1, 1], False, id="over-it-by-the-last-byte"),
        pytest.param([LIMIT + 1, 1], False, id="over-it-and-more-comes"),
    ],
)
async def test_no_more_is_kept_than_the_replay_limit(chunks, replayable, authorize):
    """One byte more and nothing of it is kept, nor is what comes after (hazard 17)."""
    exchange = await authorize()
    for size in chunks:
        assert len(exchange.keep(b"x" * size)) == size

    assert exchange.replayable is replayable
    assert len(exchange.kept_body()) == (sum(chunks) if replayable else 0)


async def test_a_replay_limit_of_zero_keeps_no_body(authorize):
    """A request without a body is sent once more all the same."""
    exchange = await authorize(replay_limit=0)

    assert exchange.replayable
    exchange.keep(b"x")
    assert not exchange.replayable


async def test_a_given_up_replay_has_a_token_ready_for_the_next_request(authorize, tokens, subject):
    """The lane found that it cannot send it once more."""
    exchange = await authorize()

    exchange.give_up()
    await renewed(tokens, subject)

    assert tokens.current(subject).access_token == "at2"


async def test_a_payload_field_goes_into_the_body(authorize):
    """Which then has to be whole, and fit to take it."""
    exchange = await authorize(fields=[{"in": "payload", "key": "a.token", "value": "{{access_token}}"}])
    headers = ((b"Content-Type", b"application/json"),)

    content, _ = exchange.authorize_payload(b'{"a": {}}', headers)

    assert json.loads(content) == {"a": {"token": "at1"}}
    assert (exchange.needs_payload, exchange.payload_limit) == (True, 10 * 1024 * 1024)
    with pytest.raises(PayloadNotInjectable):
        exchange.authorize_payload(b"\x89PNG", ((b"Content-Type", b"image/png"),))


async def test_what_is_shown_holds_no_token_hazard_16(authorize):
    """For display every value is hidden."""
    exchange = await authorize()

    assert exchange.masked().apply(head())[0] == ((b"Authorization", b"Bearer ***"),)
    assert "at1" not in repr((exchange, exchange.token, exchange.profile))


async def test_changed_credentials_do_not_touch_an_exchange_under_way_hazard_12(authorize, tokens, server):
    """A rejection under the old credentials says nothing about the token of the new ones."""
    exchange = await authorize()
    changed = subject_with(server, key=exchange._binding.subject.key._replace(fingerprint="f2"))
    new = (await tokens.obtain(changed)).token

    exchange.judge_head(401, ())
    exchange.give_up()
    await renewed(tokens, exchange._binding.subject)

    assert tokens.current(changed) is new
