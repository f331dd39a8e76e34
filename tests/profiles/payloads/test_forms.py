"""Fields in urlencoded forms: ours once, the client's never, the rest byte for byte."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import PayloadNotInjectable

FORM = "application/x-www-form-urlencoded"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", b"k=v", id="empty"),
        pytest.param(b"a=1", b"a=1&k=v", id="beside-another"),
        pytest.param(b"k=evil&a=1&k=evil", b"a=1&k=v", id="every-occurrence"),
        pytest.param(b"%6B=evil&%6b", b"k=v", id="percent-encoded"),
        pytest.param(b"a=%7e+%20&&b\xff", b"a=%7e+%20&&b\xff&k=v", id="rest-byte-for-byte"),
    ],
)
def test_form_field_replaces_the_clients(inject, content: bytes, expected: bytes) -> None:
    """Ours is there once, the client's own is not, however it was spelt."""
    assert inject(FORM, content, ("k", "v")) == expected


def test_charset_is_honoured(inject) -> None:
    """Ours is written in the form's charset, and the client's own is found in it and in UTF-8."""
    written = inject(f"{FORM}; charset=iso-8859-1", b"%E4=evil&%C3%A4=evil&a=%E4", ("ä", "ö"))

    assert written == b"a=%E4&%E4=%F6"


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "cp037", "hex", "idna", "undefined", "no-such"])
def test_charset_in_which_ascii_is_something_else_is_refused(inject, charset: str) -> None:
    """Readers would disagree on the fields' names, and the client's own could survive in one reading."""
    with pytest.raises(PayloadNotInjectable, match="charset"):
        inject(f"{FORM}; charset={charset}", b"k=evil", ("k", "v"))


def test_value_beyond_the_charset_is_refused_without_showing_it(inject) -> None:
    """A form has no escape for it; the refusal does not quote it."""
    with pytest.raises(PayloadNotInjectable) as refused:
        inject(f"{FORM}; charset=us-ascii", b"", ("k", "pä"))

    assert "ä" not in refused.value.detail
    assert "xe4" not in refused.value.detail


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["k", "a", "K", "k "]), texts), max_size=5), texts)
def test_value_reads_back_and_the_rest_is_the_clients(
    inject, items: list[tuple[str, str]], value: str
) -> None:
    """Another reader finds the client's other fields and ours, and no other of our name."""
    content = "&".join(f"{quote_plus(key)}={quote_plus(text)}" for key, text in items).encode()

    written = inject(FORM, content, ("k", value)).decode()

    others = [item for item in items if item[0] != "k"]
    assert parse_qsl(written, keep_blank_values=True) == [*others, ("k", value)]
