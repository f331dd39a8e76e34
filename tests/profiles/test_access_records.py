"""A line of the access log: its members, and that it stays one."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.access_records import AccessRecord, json_line, readable_line
from profiles.subjects import TokenEvent

AT = dt.datetime(2000, 1, 1, 12, 34, 56, 789_000, tzinfo=dt.UTC).timestamp()

RECORD = AccessRecord(
    client="127.0.0.1",
    profile="orders",
    origin="https://a.example",
    method="GET",
    path="/x",
    status=200,
    refusal=None,
    token=TokenEvent.CACHED,
    replayed=False,
    duration=0.01234,
)

ODD_TEXTS = st.text() | st.sampled_from(
    ['"', "\\", "\n{}\x1b[2J", "\x00\x7f\x85", "é\u2028", "\U0001f600", "\ud83d"]
)


def test_a_line_has_these_members():
    """Programs can rely on each, in every line and in this order."""
    line = json_line(RECORD, AT)

    assert line == (
        '{"time":"2000-01-01T12:34:56.789+00:00","client":"127.0.0.1","profile":"orders",'
        '"origin":"https://a.example","method":"GET","path":"/x","status":200,"refusal":null,'
        '"token":"cached","replayed":false,"duration":0.0123}'
    )


@given(
    at=st.integers(0, 4_000_000_000_000_000),
    texts=st.tuples(ODD_TEXTS, ODD_TEXTS, ODD_TEXTS),
    maybe=st.tuples(*[st.none() | ODD_TEXTS] * 4),
    status=st.none() | st.integers(100, 599),
    replayed=st.booleans(),
    duration=st.floats(0, 1e9),
)
def test_a_line_reads_back_as_what_was_recorded(at, texts, maybe, status, replayed, duration):
    """Whatever a client puts into its request: one line of ASCII, the object that a library would write."""
    record = AccessRecord(maybe[0], maybe[1], *texts, status, maybe[2], maybe[3], replayed, duration)
    instant = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at)
    expected = {
        "time": instant.isoformat(timespec="milliseconds"),
        **dataclasses.asdict(record),
        "duration": round(duration, 4),
    }

    line = json_line(record, at / 1_000_000)

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == expected
    assert line == json.dumps(expected, separators=(",", ":"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, "12:34:56 200 GET https://a.example/x [orders: cached] 12 ms", id="authorized"),
        pytest.param(
            {"replayed": True, "token": "refreshed"},
            "12:34:56 200 GET https://a.example/x [orders: refreshed] replayed 12 ms",
            id="replayed",
        ),
        pytest.param({"profile": None}, "12:34:56 200 GET https://a.example/x 12 ms", id="unowned"),
        pytest.param(
            {"status": 502, "token": None, "refusal": "origin_unreachable"},
            "12:34:56 502 GET https://a.example/x [orders: no token] origin_unreachable 12 ms",
            id="refused",
        ),
        pytest.param(
            {"status": None}, "12:34:56 --- GET https://a.example/x [orders: cached] 12 ms", id="failed"
        ),
    ],
)
def test_a_readable_line(changes, expected):
    """The same on one line of a terminal."""
    assert readable_line(dataclasses.replace(RECORD, **changes), AT) == expected
