"""How long a token lives: what servers write, and what is believed of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.lifetimes import (
    LONGEST_LIFETIME,
    duration_of,
    instant_of,
    instant_of_http_date,
    lifetime_of_jwt,
    time_left,
)
from tests.profiles.tokens_made import jwt_of

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param(3599, 3599, id="quirk-1-number"),
        pytest.param("3599", 3599, id="quirk-1-string"),
        pytest.param(" 3599\n", 3599, id="quirk-1-string with space"),
        pytest.param(3599.5, 3599.5, id="quirk-1-fraction"),
        pytest.param("3.6e3", 3600, id="quirk-1-exponent"),
        pytest.param(0, None, id="quirk-1-zero"),
        pytest.param("0", None, id="quirk-1-zero as a string"),
        pytest.param(-1, None, id="quirk-1-negative"),
        pytest.param("-3600", None, id="quirk-1-negative string"),
        pytest.param(None, None, id="quirk-1-null"),
        pytest.param(True, None, id="quirk-1-boolean"),
        pytest.param([3600], None, id="quirk-1-list"),
        pytest.param("soon", None, id="quirk-1-word"),
        pytest.param("", None, id="quirk-1-empty"),
        pytest.param("inf", None, id="quirk-1-infinity"),
        pytest.param(float("nan"), None, id="quirk-1-NaN"),
        pytest.param(10**12, LONGEST_LIFETIME, id="quirk-1-absurd, hazard-19"),
        pytest.param(10**400, None, id="quirk-1-beyond a float"),
        pytest.param("9" * 400, None, id="quirk-1-beyond a float as a string"),
    ],
)
def test_a_duration(value, seconds) -> None:
    """Seconds, or nothing where it means nothing; ten years at most."""
    assert duration_of(value) == seconds


def test_a_duration_in_milliseconds() -> None:
    """quirk-2: the unit says how many seconds one is."""
    assert duration_of("3600000", 0.001) == 3600


@pytest.mark.parametrize(
    ("value", "at"),
    [
        pytest.param(1_800_003_600, NOW + 3600, id="quirk-2-epoch"),
        pytest.param("1800003600", NOW + 3600, id="quirk-2-epoch as a string"),
        pytest.param(1_800_003_600_000, NOW + 3600, id="quirk-2-epoch in milliseconds"),
        pytest.param("2027-01-15T09:00:00Z", NOW + 3600, id="quirk-2-ISO 8601"),
        pytest.param("2027-01-15T10:00:00+01:00", NOW + 3600, id="quirk-2-ISO 8601 with an offset"),
        pytest.param("2027-01-15T09:00:00", NOW + 3600, id="quirk-2-ISO 8601 without a zone"),
        pytest.param("2027-01-15T09:00:00.1234567Z", NOW + 3600.123456, id="quirk-2-seven digits"),
        pytest.param(" 2027-01-15 09:00:00Z ", NOW + 3600, id="quirk-2-a space in the place of T"),
        pytest.param("Fri, 15 Jan 2027 09:00:00 GMT", NOW + 3600, id="quirk-2-HTTP date"),
        pytest.param(0, None, id="zero"),
        pytest.param(-1, None, id="negative"),
        pytest.param("tomorrow", None, id="word"),
        pytest.param(None, None, id="null"),
        pytest.param({"at": 1}, None, id="mapping"),
    ],
)
def test_an_instant(value, at) -> None:
    """Seconds since the epoch; what names no zone is in UTC."""
    assert instant_of(value) == pytest.approx(at)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", 784111777, id="IMF-fixdate"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", 784111777, id="RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", 784111777, id="asctime"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 -0000", 784111777, id="no zone"),
        pytest.param("soon", None, id="word"),
        pytest.param("", None, id="empty"),
        pytest.param("Sun, 06 Nov 999999 08:49:37 GMT", None, id="year out of range"),
        pytest.param("Sun, 66 Nov 1994 08:49:37 GMT", None, id="no such day"),
    ],
)
def test_an_http_date(text, at) -> None:
    """RFC 9110 section 5.6.7 has three forms of it."""
    assert instant_of_http_date(text) == at


@pytest.mark.parametrize(
    ("clocks", "left"),
    [
        pytest.param((NOW,), 3600, id="ours alone"),
        pytest.param((NOW, NOW), 3600, id="agreed"),
        pytest.param((NOW - 7200, NOW), 3600, id="quirk-22-ours is behind"),
        pytest.param((NOW + 7200, NOW), 3600, id="quirk-22-ours is ahead of the end"),
        pytest.param((NOW, 0.0), 3600, id="theirs has stopped"),
        pytest.param((NOW, None), 3600, id="theirs is unknown"),
        pytest.param((NOW + 3600,), None, id="over"),
        pytest.param((0.0,), LONGEST_LIFETIME, id="absurd"),
        pytest.param((), None, id="no clock"),
    ],
)
def test_time_left_is_the_least_that_a_clock_leaves(clocks, left) -> None:
    """A clock by which a token that has just come is over is a wrong clock."""
    assert time_left(NOW + 3600, *clocks) == left


@pytest.mark.parametrize(
    ("token", "seconds"),
    [
        pytest.param(jwt_of({"exp": NOW + 600}), 600, id="exp without iat"),
        pytest.param(jwt_of({"exp": NOW + 600, "iat": NOW}), 600, id="exp with iat"),
        pytest.param(jwt_of({"exp": str(NOW + 600)}), 600, id="exp as a string"),
        pytest.param(
            jwt_of({"exp": NOW - 6600, "iat": NOW - 7200}), 600, id="quirk-22-their clock is behind"
        ),
        pytest.param(jwt_of({"exp": NOW + 7800, "iat": NOW + 7200}), 600, id="quirk-22-their clock is ahead"),
        pytest.param(jwt_of({"exp": NOW + 60, "iat": NOW - 3540}), 60, id="a token that was issued before"),
        pytest.param(jwt_of({"exp": NOW + 600, "iat": 0}), 600, id="iat that means nothing"),
        pytest.param(jwt_of({"exp": NOW + 600, "iat": NOW + 900}), 600, id="iat after exp"),
        pytest.param(jwt_of({"exp": NOW + 600, "iat": "x"}), 600, id="iat that is none"),
        pytest.param(jwt_of({"exp": NOW + 600, "nbf": NOW + 300}), 600, id="quirk-22-nbf in the future"),
        pytest.param(jwt_of({"exp": NOW - 600}), None, id="over by every clock"),
        pytest.param(jwt_of({"exp": None}), None, id="exp null"),
        pytest.param(jwt_of({"exp": True}), None, id="exp a boolean"),
        pytest.param(jwt_of({"exp": "never"}), None, id="exp a word"),
        pytest.param(jwt_of({"iat": NOW}), None, id="no exp"),
        pytest.param(jwt_of({"exp": 10**15}), LONGEST_LIFETIME, id="hazard-19-exp absurd"),
        pytest.param(jwt_of([1]), None, id="no claims"),
        pytest.param("opaque", None, id="malformed: opaque"),
        pytest.param("a.b", None, id="malformed: two parts"),
        pytest.param("a.b.c", None, id="malformed: no Base64"),
        pytest.param("e30.bm8ganNvbg.s", None, id="malformed: no JSON"),
        pytest.param("e30._w.s", None, id="malformed: no UTF-8"),
        pytest.param("e30.é.s", None, id="malformed: no ASCII"),
        pytest.param("a.b.c.d.e", None, id="an encrypted one"),
        pytest.param(f"e30.{'W1tb' * 4000}.s", None, id="malformed: nested for ever"),
        pytest.param(jwt_of({"exp": NOW + 600, "x": "y" * 20_000}), None, id="too long to be read"),
    ],
)
def test_what_a_jwt_says_of_itself(token, seconds) -> None:
    """RFC 7519 section 4.1.4, unverified; what is no JWT says nothing."""
    assert lifetime_of_jwt(token, NOW) == seconds


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_whatever_is_written_is_a_bounded_lifetime_or_none(value) -> None:
    """Property: neither raises, and neither is nothing or for ever."""
    duration, at = duration_of(value), instant_of(value)

    assert duration is None or 0 < duration <= LONGEST_LIFETIME
    assert at is None or isinstance(at, float)
