"""What a number means is told by how round it is in each unit."""

import pytest

from profiles.likely_lifetimes import is_in_milliseconds, is_in_seconds, is_instant

DAY = 86_400


@pytest.mark.parametrize(
    "value",
    [
        *(pytest.param(minutes * 60_000, id=f"{minutes}-minutes") for minutes in (5, 10, 15, 20, 30, 45, 90)),
        *(
            pytest.param(hours * 3_600_000, id=f"{hours}-hours")
            for hours in (1, 2, 3, 4, 6, 8, 10, 12, 24, 36)
        ),
        *(pytest.param(days * DAY * 1000, id=f"{days}-days") for days in (2, 7, 14, 30, 60)),
        pytest.param(3_599_000, id="an-hour-less-a-second"),
        pytest.param("3600000", id="text"),
    ],
)
def test_round_times_in_milliseconds_are_known(value):
    """As seconds they would be no round time."""
    assert is_in_milliseconds(value)


@pytest.mark.parametrize(
    "value",
    [
        *(pytest.param(seconds, id=str(seconds)) for seconds in (0, -1, 300, 3600, 7200, 86_400, 100_000)),
        *(
            pytest.param(days * DAY, id=f"{days}-days")
            for days in (7, 10, 14, 15, 25, 30, 31, 60, 90, 100, 180)
        ),
        *(pytest.param(years * 365 * DAY, id=f"{years}-years") for years in (1, 2, 5, 10)),
        pytest.param(366 * DAY, id="a-leap-year"),
        pytest.param(31_556_926, id="a-tropical-year"),
        pytest.param(31_556_952, id="a-gregorian-year"),
        pytest.param(31_557_600, id="a-julian-year"),
        pytest.param(2_628_000, id="a-twelfth-of-a-year"),
        pytest.param(365 * DAY - 1, id="a-year-less-a-second"),
        pytest.param(2**31 - 1, id="for-ever"),
        pytest.param(1_900_000_000, id="an-instant"),
        pytest.param(True, id="no-number"),
        pytest.param("soon", id="no-number-either"),
        pytest.param("nan", id="not-a-number"),
        pytest.param(None, id="nothing"),
    ],
)
def test_lifetimes_in_seconds_are_believed(value):
    """A year is what Laravel Passport gives, whatever that would be in milliseconds."""
    assert not is_in_milliseconds(value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(1_700_000_000, True, id="epoch"),
        pytest.param("1700000000.5", True, id="epoch-as-text"),
        pytest.param(1_700_000_000_000, True, id="epoch-in-milliseconds"),
        pytest.param("2031-01-31T12:00:00Z", True, id="ISO-8601"),
        pytest.param("Fri, 31 Jan 2031 12:00:00 GMT", True, id="HTTP-date"),
        pytest.param(3600, False, id="an-hour"),
        pytest.param(30 * DAY * 1000, False, id="30-days-in-milliseconds"),
        pytest.param(2**31 - 1, False, id="for-ever"),
        pytest.param(2**63 - 1, False, id="for-ever-and-a-day"),
        pytest.param("never", False, id="a-word"),
        pytest.param([], False, id="a-list"),
    ],
)
def test_an_instant_is_told_from_a_lifetime(value, told):
    """By its size, and for dates by their form."""
    assert is_instant(value) is told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(3600, True, id="an-hour"),
        pytest.param(86_399, True, id="nearly-a-day"),
        pytest.param(60_000, False, id="a-minute-in-milliseconds"),
        pytest.param(3_600_000, False, id="an-hour-in-milliseconds"),
        pytest.param(0, False, id="nothing"),
    ],
)
def test_seconds_are_known_where_milliseconds_are_expected(value, told):
    """A token that lives for some seconds is hardly meant."""
    assert is_in_seconds(value) is told
