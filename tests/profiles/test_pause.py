"""How long no token request is sent after an answer that another would not better."""

from __future__ import annotations

import weakref

import pytest

from profiles.errors import Refusal, TokenEndpointUnreachable, TokenRequestRejected, TokenResponseInvalid
from profiles.pause import Pause
from profiles.tokens import TokenEvent
from tests.profiles.token_ground import INVALID, THROTTLED, UNREACHABLE, refusal_of


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        pytest.param(
            TokenRequestRejected("x", upstream_status=429, retry_after=42), 42, id="429-Retry-After"
        ),
        pytest.param(TokenRequestRejected("x", upstream_status=429), 10, id="429-without-a-time"),
        pytest.param(
            TokenRequestRejected("x", error="invalid_client", upstream_status=401), 10, id="invalid_client"
        ),
        pytest.param(TokenEndpointUnreachable("x", retry_after=7), 7, id="503-Retry-After"),
        pytest.param(TokenResponseInvalid("x"), 10, id="an-answer-without-a-token"),
    ],
)
def test_the_same_outcome_is_given_until_the_pause_is_over(failure, seconds):
    """Meanwhile everybody gets that refusal, and nobody the exception object with its frames."""
    pause = Pause()
    pause.note(failure, 10.0, 100.0)

    with pytest.raises(type(failure)) as raised:
        pause.check(100.0 + seconds - 0.5)
    pause.check(100.0 + seconds)

    assert raised.value is not failure
    assert raised.value.detail == failure.detail


def test_a_cooldown_of_zero_is_no_leave_to_submit_the_password_with_every_request():
    """`renewal_cooldown: 0` is about the origin: an answer without a token still is left alone."""
    pause = Pause()
    pause.note(TokenResponseInvalid("x"), 0.0, 100.0)

    with pytest.raises(TokenResponseInvalid):
        pause.check(100.9)


def test_a_time_named_later_does_not_shorten_a_pause():
    """Two grants, two answers: the longer wish counts."""
    pause = Pause()
    pause.note(TokenRequestRejected("x", upstream_status=429, retry_after=42), 10.0, 100.0)
    pause.note(TokenRequestRejected("x", upstream_status=429, retry_after=5), 10.0, 100.0)

    with pytest.raises(TokenRequestRejected):
        pause.check(141.0)


def test_what_raised_the_outcome_is_let_go_hazard_17():
    """The exception holds on to the frames of everybody who waited; a pause does not hold on to it."""
    pause, failure = Pause(), TokenResponseInvalid("x")
    pause.note(failure, 10.0, 100.0)

    held = weakref.ref(failure)
    del failure

    assert held() is None


def test_the_remaining_time_is_told():
    """Retry-After counts down, in whole seconds rounded up."""
    pause = Pause()
    pause.note(TokenRequestRejected("x", upstream_status=429, retry_after=42), 10.0, 100.0)

    with pytest.raises(Refusal) as raised:
        pause.check(110.5)

    assert raised.value.retry_after == 32


def test_an_unreachable_endpoint_is_not_remembered():
    """The next request may try at once."""
    pause = Pause()

    pause.note(TokenEndpointUnreachable("x"), 10.0, 100.0)

    pause.check(100.0)


def test_pauses_double_and_a_token_starts_them_over():
    """10, 20, 40 ... 300 seconds while it goes on; 10 again after a success."""
    pause, now, lengths = Pause(), 0.0, []
    for _ in range(6):
        pause.note(TokenResponseInvalid("x"), 10.0, now)
        lengths.append(_length(pause, now))
        now += lengths[-1]
    pause.end()
    pause.note(TokenResponseInvalid("x"), 10.0, now)

    assert [*lengths, _length(pause, now)] == [10, 20, 40, 80, 160, 300, 10]


def _length(pause, now):
    for seconds in range(1000):
        try:
            pause.check(now + seconds)
        except Refusal:
            continue
        return seconds
    raise AssertionError("the pause does not end")


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        pytest.param(THROTTLED, 42, id="429-with-Retry-After"),
        pytest.param(TokenEndpointUnreachable("x", retry_after=7), 7, id="503-with-Retry-After"),
        pytest.param(INVALID, 10, id="an-answer-that-took-the-password-and-gave-no-token"),
        pytest.param(
            TokenRequestRejected("x", error="invalid_client", upstream_status=401), 10, id="invalid_client"
        ),
    ],
)
async def test_no_request_is_sent_until_the_time_has_come_hazard_6_7(
    outcome, seconds, tokens, subject, server, clock
):
    """Everybody gets the same refusal meanwhile; the password is not submitted again."""
    server.say(outcome)
    for _ in range(seconds * 10):
        refusal = await refusal_of(tokens.obtain(subject), type(outcome))
        assert refusal.profile == "orders"
        clock.now += 0.1 - 1e-9

    assert server.asked == ["password"]
    clock.now += 1
    assert (await tokens.obtain(subject)).event is TokenEvent.PASSWORD


async def test_the_refusal_tells_how_long_to_wait(tokens, subject, server, clock):
    """The remaining seconds of the server's Retry-After."""
    server.say(THROTTLED)
    await refusal_of(tokens.obtain(subject), TokenRequestRejected)
    clock.now += 40.5

    refusal = await refusal_of(tokens.obtain(subject), TokenRequestRejected)

    assert (refusal.retry_after, refusal.upstream_status) == (2, 429)


async def test_an_unreachable_server_is_tried_by_the_next_request(tokens, subject, server):
    """No outcome outlives the requests that shared it."""
    server.say(UNREACHABLE)
    await refusal_of(tokens.obtain(subject), TokenEndpointUnreachable)

    assert (await tokens.obtain(subject)).event is TokenEvent.PASSWORD
