"""Literal text beside placeholders: the scheme shows, and nothing that could be a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.fields import compile_fields
from profiles.model import FieldSettings
from profiles.shown_literals import shown_literal


def described(value: str) -> str:
    settings = FieldSettings.model_validate({"in": "header", "key": "Authorization", "value": value})
    return compile_fields([settings], payload_limit=1).describe()[0].value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("Bearer {{access_token}}", "Bearer ***", id="scheme"),
        pytest.param("{{token_type}} {{access_token}}", "*** ***", id="no-literal-word"),
        pytest.param("Key abc123 {{access_token}}", "Key *** ***", id="key-before"),
        pytest.param("Bearer {{access_token}} abcdef", "Bearer *** ***", id="key-after"),
        pytest.param("{{access_token}} Bearer x", "*** *** ***", id="scheme-is-at-the-start-only"),
        pytest.param('Token token="{{access_token}}"', 'Token ***"', id="parameter"),
        pytest.param("abcdef:{{access_token}}", "***", id="key-without-space"),
        pytest.param("abcdef{{access_token}}", "***", id="key-that-touches"),
        pytest.param("k3y4711 {{access_token}}", "*** ***", id="first-word-with-digits"),
        pytest.param("QWxhZGRpbjpvcGVuc2VzYW1l {{access_token}}", "*** ***", id="first-word-too-long"),
        pytest.param("fixed", "***", id="no-placeholder"),
    ],
)
def test_words_beside_a_placeholder_are_hidden(value: str, shown: str) -> None:
    """What `web` and a dump show of an injected field (invariant I4)."""
    assert described(value) == shown


@given(st.text(), st.text("abcdefgh0123456789", min_size=1), st.text(), st.booleans())
def test_no_word_with_a_digit_survives(before: str, word: str, after: str, begins: bool) -> None:
    """Whatever stands around it, and whether or not it begins the value."""
    assert word + "7" not in shown_literal(before + word + "7" + after, "***", begins=begins)
