"""Escaping: a value read back at its place is the value, and nothing else has changed."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.escaping import (
    escape_form,
    escape_host_label,
    escape_path_segment,
    escape_query,
    field_value,
)


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_path_segment_reads_back(value: str) -> None:
    """Whatever the value holds, it stays one segment of the path."""
    path = urlsplit(f"https://example.com/a/{escape_path_segment(value)}/b").path

    assert [unquote(segment) for segment in path.split("/")] == ["", "a", value, "b"]


@settings(deadline=None)
@given(st.text(), st.text())
def test_query_reads_back(key: str, value: str) -> None:
    """Key and value come back from a query as they went in, beside another field."""
    query = urlsplit(f"https://example.com/?x=1&{escape_query(key)}={escape_query(value)}").query

    assert parse_qsl(query, keep_blank_values=True) == [("x", "1"), (key, value)]


@settings(deadline=None)
@given(st.text(), st.text())
def test_form_reads_back(key: str, value: str) -> None:
    """Key and value come back from a form as they went in."""
    assert parse_qsl(f"{escape_form(key)}={escape_form(value)}", keep_blank_values=True) == [(key, value)]


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_segment_that_changes_the_path_is_refused(value: str) -> None:
    """Dot segments and an empty segment would name another resource."""
    with pytest.raises(ValueError, match="path segment"):
        escape_path_segment(value)


@pytest.mark.parametrize("escape", [escape_path_segment, escape_query, escape_form])
def test_half_a_surrogate_pair_is_refused_in_our_own_words(escape) -> None:
    """JSON can hold what UTF-8 cannot; the error does not quote it as Python's own would."""
    with pytest.raises(ValueError, match="UTF-8 does not have") as refused:
        escape("secret\ud800")

    assert type(refused.value) is ValueError


@pytest.mark.parametrize(
    "value",
    ["a\r\nX: y", "a\rb", "a\nb", "a\x00b", "a\x7fb", "a\x1bb", " a", "a ", "\ta", "a\t", "€", "\ud800"],
)
def test_header_value_that_may_not_stand_is_refused(value: str) -> None:
    """RFC 9110 section 5.5: no control but an inner tab, no space at the ends, nothing beyond Latin-1."""
    with pytest.raises(ValueError, match="header field may not hold") as refused:
        field_value(value)

    assert type(refused.value) is ValueError


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=255)))
def test_header_value_is_sent_as_it_is_or_refused(value: str) -> None:
    """What is let through is the value to the byte and cannot end its line."""
    try:
        sent = field_value(value)
    except ValueError:
        return

    assert sent.decode("latin-1") == value
    assert not set(sent) & set(b"\r\n\0")


@pytest.mark.parametrize("value", ["a.b", "a/b", "a:1", "a@b", "", "-a", "a-", "a b", "ä", "a%2e"])
def test_host_label_cannot_name_another_host(value: str) -> None:
    """A captured value stays one label of the host."""
    with pytest.raises(ValueError, match="host"):
        escape_host_label(value)


def test_host_label_is_lower_case() -> None:
    """Hosts are compared in lower case."""
    assert escape_host_label("Acme-1") == "acme-1"
