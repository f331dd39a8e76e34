"""WWW-Authenticate is read as servers write it, which is not always as RFC 9110 has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.challenges import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("fields", "challenges"),
    [
        pytest.param(["Bearer"], [("Bearer", {})], id="scheme-alone"),
        pytest.param(['Bearer realm="a, b=c"'], [("Bearer", {"realm": "a, b=c"})], id="comma-in-quotes"),
        pytest.param(
            ['bearer Error="invalid_token" , error_description="The \\"token\\""'],
            [("bearer", {"error": "invalid_token", "error_description": 'The "token"'})],
            id="quoted-pair",
        ),
        pytest.param(["Bearer error=invalid_token"], [("Bearer", {"error": "invalid_token"})], id="unquoted"),
        pytest.param(
            ['Basic realm="x", Bearer realm = "y", error="z"'],
            [("Basic", {"realm": "x"}), ("Bearer", {"realm": "y", "error": "z"})],
            id="two-in-one-field",
        ),
        pytest.param(["Negotiate", "NTLM"], [("Negotiate", {}), ("NTLM", {})], id="two-fields"),
        pytest.param(["Negotiate YII=="], [("Negotiate", {})], id="token68"),
        pytest.param(['Bearer realm="open'], [("Bearer", {})], id="quote-without-end"),
        pytest.param(["", ",", '"x"', "=a"], [], id="nothing"),
    ],
)
def test_challenges_are_read_in_order(fields, challenges):
    """With their parameters, whose names have no case."""
    assert parse_challenges(fields) == [Challenge(*item) for item in challenges]


@given(st.lists(st.text(alphabet='aB =,"\\\t', max_size=40), max_size=3))
def test_no_field_is_too_odd(fields):
    """What cannot be read is left out."""
    assert all(challenge.scheme for challenge in parse_challenges(fields))
