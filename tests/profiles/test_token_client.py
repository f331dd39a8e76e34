"""What may pass is tried three times, a no is a no at once; clock, sleep and chance are the test's."""

from __future__ import annotations

import json

import pytest

from profiles.content_types import decode, encode
from profiles.errors import TokenEndpointUnreachable, TokenRequestRejected, TokenResponseInvalid
from profiles.grants import TokenRequest
from profiles.tallies import Tallies
from profiles.token_answer import TokenAnswer
from profiles.token_client import FIRST_DELAY, TRIES, TokenClient
from tests.profiles.grant_building import CONTENT_TYPES, grant_of
from tests.profiles.tokens_made import path_of

VALUES = {"username": "bot", "password": "p"}
NOW = 1_800_000_000.0


def answer(status: int, body: object = b"", *headers: tuple[str, str]) -> TokenAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return TokenAnswer(status, (("Content-Type", "application/json"), *headers), content)


GOOD = answer(200, {"access_token": "t-1", "expires_in": 60})
EMPTY = answer(200)
TIME_OUT = TokenEndpointUnreachable("in time", timed_out=True)
BROKEN = TokenEndpointUnreachable("broke")


class Script:
    """A token endpoint that answers in turn, the last answer for ever; and the time that passes meanwhile."""

    def __init__(self, *answers: TokenAnswer | Exception, random: float = 1.0) -> None:
        self.answers = list(answers)
        self.requests: list[TokenRequest] = []
        self.timeouts: list[float] = []
        self.slept: list[float] = []
        self.client = TokenClient(
            self, clock=lambda: NOW + sum(self.slept), sleep=self.sleep, random=lambda: random
        )

    async def fetch(self, request: TokenRequest, *, timeout: float) -> TokenAnswer:
        self.requests.append(request)
        self.timeouts.append(timeout)
        given = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def password(self, **settings: object):
        return await self.client.password(grant_of(**settings), VALUES)


async def test_each_request_that_was_sent_is_observed() -> None:
    """By profile, grant and outcome, and with its own time: the pauses between tries are nobody's latency."""
    seen, times = Tallies(), iter([0.0, 2.0, 10.0, 10.5, 20.0, 20.25])
    script = Script(BROKEN, EMPTY, GOOD)
    client = TokenClient(script, sleep=script.sleep, observer=seen, timer=lambda: next(times))

    await client.password(grant_of(), VALUES)

    (profile,) = {profile for profile, _, _ in seen.token_requests}
    assert seen.token_requests == {
        (profile, "password", "token_endpoint_unreachable"): 1,
        (profile, "password", "token_response_invalid"): 1,
        (profile, "password", "granted"): 1,
    }
    assert seen.token_request_seconds[profile].sum == 2.75


async def test_a_refused_refresh_is_observed_as_that() -> None:
    """The slug of the refusal is the outcome."""
    seen = Tallies()
    script = Script(answer(400, {"error": "invalid_grant"}))

    with pytest.raises(TokenRequestRejected):
        await TokenClient(script, observer=seen).refresh(grant_of(), VALUES, "r-1")

    assert [key[1:] for key in seen.token_requests] == [("refresh", "token_request_rejected")]


async def test_a_good_answer_needs_one_request() -> None:
    """With the profile's time-out, and the token that came."""
    script = Script(GOOD)

    response = await script.password()

    assert (response.access_token, response.lifetime) == ("t-1", 60)
    assert (len(script.requests), script.timeouts, script.slept) == (1, [5], [])


PASSING = [
    pytest.param(answer(500), id="500"),
    pytest.param(answer(502, b"<html>"), id="502"),
    pytest.param(answer(503), id="503"),
    pytest.param(answer(408), id="quirk-21-408"),
    pytest.param(EMPTY, id="quirk-4-empty 200"),
    pytest.param(answer(200, b" \n"), id="quirk-4-blank 200"),
    pytest.param(answer(204), id="quirk-4-204"),
    pytest.param(TIME_OUT, id="time-out"),
    pytest.param(BROKEN, id="quirk-22-connection closed"),
]


@pytest.mark.parametrize("failure", PASSING)
async def test_what_may_pass_is_tried_again(failure) -> None:
    """The very same request, and the second try has a token."""
    script = Script(failure, GOOD)

    response = await script.password()

    assert response.access_token == "t-1"
    assert script.requests[0] is script.requests[1]


@pytest.mark.parametrize("failure", PASSING)
async def test_it_is_tried_three_times_and_no_more(failure) -> None:
    """Then the last failure is the refusal."""
    script = Script(failure)

    with pytest.raises((TokenEndpointUnreachable, TokenResponseInvalid)) as refused:
        await script.password()

    assert (len(script.requests), len(script.slept)) == (TRIES, TRIES - 1)
    assert refused.value.__cause__ is None
    if isinstance(failure, Exception):
        assert refused.value is failure


@pytest.mark.parametrize(
    ("random", "slept"),
    [
        pytest.param(0.0, [0, 0], id="at once"),
        pytest.param(0.5, [FIRST_DELAY / 2, FIRST_DELAY], id="half"),
        pytest.param(1.0, [FIRST_DELAY, FIRST_DELAY * 2], id="at most"),
    ],
)
async def test_full_jitter_spreads_the_tries(random, slept) -> None:
    """From nothing to a bound that doubles: those who failed together do not come back together."""
    script = Script(answer(500), answer(500), GOOD, random=random)

    await script.password()

    assert script.slept == slept


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429])
async def test_a_4xx_is_a_no_at_once(status) -> None:
    """hazard-7: the password is submitted once."""
    script = Script(answer(status, {"error": "invalid_grant"}))

    with pytest.raises(TokenRequestRejected) as rejected:
        await script.password()

    assert (rejected.value.upstream_status, rejected.value.error) == (status, "invalid_grant")
    assert (len(script.requests), script.slept) == (1, [])


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(answer(200, {"error": "invalid_grant"}), id="quirk-4-200 with an error"),
        pytest.param(answer(200, b"<html>log in</html>"), id="quirk-4-HTML page"),
        pytest.param(answer(200, {}), id="no token"),
        pytest.param(answer(307, b"", ("Location", "https://evil.example/")), id="quirk-23-redirect"),
        pytest.param(TokenResponseInvalid("too large"), id="too large"),
    ],
)
async def test_an_answer_that_will_not_change_is_not_asked_for_again(given) -> None:
    """Neither a redirect nor a page is better the second time."""
    script = Script(given)

    with pytest.raises((TokenRequestRejected, TokenResponseInvalid)):
        await script.password()

    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("7", 7, id="quirk-21-seconds"),
        pytest.param("Fri, 15 Jan 2027 08:00:09 GMT", 9, id="quirk-21-date"),
        pytest.param("whenever", None, id="quirk-21-neither"),
    ],
)
async def test_429_tells_how_long_to_wait(value, seconds) -> None:
    """And is not tried again: the server has said when to come back."""
    script = Script(answer(429, b"", ("Retry-After", value)))

    with pytest.raises(TokenRequestRejected) as rejected:
        await script.password()

    assert (rejected.value.retry_after, len(script.requests)) == (seconds, 1)


async def test_503_with_retry_after_is_not_tried_again() -> None:
    """quirk-21: three quick tries are not what it asks for; the wait goes to whoever asked."""
    script = Script(answer(503, b"", ("Retry-After", "30")))

    with pytest.raises(TokenEndpointUnreachable) as refused:
        await script.password()

    assert (refused.value.retry_after, len(script.requests)) == (30, 1)


async def test_408_is_a_time_out() -> None:
    """The client is told 504, as when nothing had come at all."""
    script = Script(answer(408))

    with pytest.raises(TokenEndpointUnreachable) as refused:
        await script.password()

    assert refused.value.status_code == 504


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("place", ["header:X-Token", "cookie:X-Token"])
async def test_an_empty_body_is_nothing_odd_where_the_token_is_elsewhere(content_type, place) -> None:
    """quirk-6: one request, in every content type."""
    script = Script(answer(204, b"", ("X-Token", "t-2"), ("Set-Cookie", "X-Token=t-2; Path=/")))

    response = await script.password(content_type=content_type, response={"access_token": place})

    assert (response.access_token, len(script.requests)) == ("t-2", 1)


async def test_an_empty_body_without_the_mapped_header_may_pass() -> None:
    """quirk-4: the token was not elsewhere either."""
    script = Script(EMPTY, answer(200, b"", ("X-Token", "t-2")))

    response = await script.password(response={"access_token": "header:X-Token"})

    assert (response.access_token, len(script.requests)) == ("t-2", 2)


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
async def test_the_refresh_answer_is_expected_in_the_refresh_content_type(content_type) -> None:
    """quirk-15: where its media type says nothing, it is read as the refresh request says."""
    body, media_type = encode({"access_token": "t-3", "expires_in": 60}, content_type)
    if not media_type.startswith("multipart/"):
        media_type = "application/octet-stream"
    place = path_of(decode(body, media_type, content_type), "t-3")
    script = Script(TokenAnswer(200, (("Content-Type", media_type),), body))
    grant = grant_of(content_type="json", refresh_content_type=content_type, response={"access_token": place})

    response = await script.client.refresh(grant, VALUES, "r-1")

    assert response.access_token == "t-3"
    assert (script.requests[0].grant_type, script.requests[0].content_type) == ("refresh_token", content_type)


async def test_instants_are_read_by_the_clock_that_is_given() -> None:
    """The second try reads it anew."""
    script = Script(answer(500), answer(200, {"access_token": "t", "exp": NOW + 60}))

    response = await script.password(response={"expires_at": "exp"})

    assert response.lifetime == 60 - FIRST_DELAY
