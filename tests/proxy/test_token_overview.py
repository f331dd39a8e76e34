"""The table of held tokens."""

import pytest

from proxy.token_overview import COLUMNS, columns, duration, records, rows

NOW = 1_000_000.0


def state(**changes):
    return {
        "profile": "orders",
        "captures": [["tenant", "acme"]],
        "user": "",
        "obtained_at": NOW - 60,
        "expires_at": NOW + 3600,
        "has_refresh_token": True,
        "locked_since": None,
        "cooling_until": None,
        "renewing": False,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, ("valid", "1m", "in 1h 0m", "yes", "open"), id="valid"),
        pytest.param({"expires_at": NOW - 1}, ("expired", "1m", "expired", "yes", "open"), id="expired"),
        pytest.param({"renewing": True}, ("renewing", "1m", "in 1h 0m", "yes", "open"), id="renewing"),
        pytest.param(
            {"obtained_at": None, "expires_at": None, "has_refresh_token": False, "locked_since": NOW - 120},
            ("none", "", "", "no", "locked for 2m"),
            id="locked",
        ),
        pytest.param(
            {"cooling_until": NOW + 9}, ("valid", "1m", "in 1h 0m", "yes", "cooling for 9s"), id="cooling"
        ),
    ],
)
def test_a_state_is_one_row(changes, expected):
    """Whose it is, how old, how long, and how its guard stands."""
    (row,) = rows([state(**changes)], ["orders"], NOW)

    assert row[:3] == ("orders", "tenant=acme", "")
    assert row[3:] == expected
    assert len(row) == len(COLUMNS)


def test_a_profile_without_a_token_has_its_row():
    """So that nobody wonders where it is."""
    found = rows([state()], ["billing", "orders"], NOW)

    assert [row[0] for row in found] == ["billing", "orders"]
    assert found[0][3] == "none yet"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h 0m"), (90_000, "1d 1h")],
)
def test_durations_are_short(seconds, text):
    """Two units at most."""
    assert duration(seconds) == text


CONNECTORS = {
    "billing": {"address": "http://a:1", "available": None, "reason": ""},
    "orders": {"address": "http://b:1", "available": False, "reason": "refuses connections"},
    "reports": {"address": "http://c:1", "available": True, "reason": ""},
}


def test_connectors_have_a_column_where_there_are_some():
    """With what their last use has shown; a profile without one has nothing there."""
    found = rows([state()], ["billing", "orders", "plain", "reports"], NOW, CONNECTORS)

    assert {row[0]: row[-1] for row in found} == {
        "billing": "http://a:1: not tried yet",
        "orders": "http://b:1: unavailable, it refuses connections",
        "plain": "",
        "reports": "http://c:1: available",
    }
    assert {len(row) for row in found} == {len(columns(CONNECTORS))}
    assert columns({}) == COLUMNS


def test_records_name_the_connector():
    """For programs, and before the first token as well: what watches it need not send a request."""
    found = records([state(), state(profile="plain")], CONNECTORS)

    assert {item["profile"]: item["connector"] for item in found} == {**CONNECTORS, "plain": None}
    assert {item["profile"]: item["expires_at"] for item in found}["billing"] is None
    assert {tuple(item["captures"].items()) for item in found} == {(("tenant", "acme"),), ()}
    assert {frozenset(item) for item in found} == {frozenset({*state(), "connector"})}
