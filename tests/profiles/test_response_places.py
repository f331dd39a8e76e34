"""Where a member of the answer is looked for, and what is there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.model import ResponseSettings
from profiles.response_places import compile_response_plan
from profiles.token_answer import TokenAnswer

ANSWER = TokenAnswer(200, (("X-Token", "from header"), ("Set-Cookie", "SID=from-cookie; Path=/")), b"")

DATA = {"a": {"b": [{"c": "deep"}, 1, None]}, "odd key": "x", "n": 7}


def found(place: str, data: object = DATA) -> object:
    plan = compile_response_plan(ResponseSettings(access_token=place), "seconds")
    return plan.find("access_token", ANSWER, data)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param("a.b[0].c", "deep", id="JMESPath"),
        pytest.param('"odd key"', "x", id="quoted"),
        pytest.param("nothing || n", 7, id="or"),
        pytest.param("nothing.at.all", None, id="nothing"),
        pytest.param("@", DATA, id="the whole"),
        pytest.param("header:x-token", "from header", id="header"),
        pytest.param("header: X-Token ", "from header", id="header with space"),
        pytest.param("header:X-Other", None, id="no such header"),
        pytest.param("cookie:SID", "from-cookie", id="cookie"),
        pytest.param("cookie:sid", None, id="no such cookie"),
    ],
)
def test_a_place(place, value) -> None:
    """JMESPath into the body, or a header field, or a cookie."""
    assert found(place) == value


def test_a_member_without_a_place_is_not_there() -> None:
    """`expires_at` is looked for only where it is mapped."""
    plan = compile_response_plan(ResponseSettings(), "seconds")

    assert plan.find("expires_at", ANSWER, {"expires_at": 1, "None": 2}) is None


@pytest.mark.parametrize("place", ["header:X-Token", "cookie:SID"])
@pytest.mark.parametrize("data", [None, [], "text", 7, {}])
def test_header_and_cookie_need_no_body(place, data) -> None:
    """quirk-6: whatever became of the body."""
    assert str(found(place, data)).startswith("from")


@pytest.mark.parametrize(
    "place",
    [
        *("length(@)", "abs(n)", "sort(@)", "max_by(a.b, &c)", "join(',', a.b)", "to_number(n)", "keys(n)"),
        *("a.b[?c > `1`]", "contains(n, 'x')", "merge(n)", "sort_by(a.b, &c)", "map(&c, n)", "sum(a.b)"),
    ],
)
@settings(deadline=None, max_examples=25)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_an_expression_finds_something_or_nothing(place, value) -> None:
    """Property: a function that meets what it does not take finds nothing, and never fails."""
    found(place, {"n": value, "a": {"b": value}})


@pytest.mark.parametrize(
    ("place", "message"),
    [
        pytest.param("a..b", "not a JMESPath", id="syntax"),
        pytest.param("", "not a JMESPath", id="empty"),
        pytest.param("header:", "names no header", id="header without a name"),
        pytest.param("header:X Token", "names no header", id="header with a space in its name"),
        pytest.param("cookie:", "names no cookie", id="cookie without a name"),
        pytest.param("cookie:a=b", "names no cookie", id="cookie that is no name"),
    ],
)
def test_what_is_no_place_is_refused_when_it_is_loaded(place, message) -> None:
    """With the key that has to be changed."""
    with pytest.raises(
        ValueError, match=rf"response\.access_token .*{message}|response\.access_token {message}"
    ):
        found(place)
