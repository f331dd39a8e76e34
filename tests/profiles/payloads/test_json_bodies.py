"""Fields in JSON: where they go, and that nothing else changes."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import PayloadNotInjectable

JSON = "application/json"

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@pytest.mark.parametrize(
    ("content", "key", "expected"),
    [
        pytest.param("{}", "k", '{"k":"v"}', id="into-empty-object"),
        pytest.param("", "k", '{"k":"v"}', id="empty-body"),
        pytest.param(" \r\n", "a.k", '{"a":{"k":"v"}}', id="white-space-body"),
        pytest.param('{"k": 1}', "k", '{"k": "v"}', id="replaced-in-place"),
        pytest.param('{"a": 1 }', "k", '{"a": 1,"k":"v" }', id="beside-another"),
        pytest.param('{"a": {"b": 2}}', "a.k", '{"a": {"b": 2,"k":"v"}}', id="nested"),
        pytest.param('{"a": null}', "a.k", '{"a": {"k":"v"}}', id="null-becomes-object"),
        pytest.param('{"a.b": 1}', r"a\.b", '{"a.b": "v"}', id="escaped-dot"),
        pytest.param('[{"k":1}, {}]', "1.k", '[{"k":1}, {"k":"v"}]', id="list-index"),
        pytest.param("[1, 2]", "/-", '[1, 2,"v"]', id="pointer-appends"),
        pytest.param("[ ]", "/-/k", '[{"k":"v"} ]', id="pointer-appends-object"),
        pytest.param('{"a/b": 1, "m~n": 2}', "/a~1b", '{"a/b": "v", "m~n": 2}', id="pointer-slash"),
        pytest.param('{"m~n": 2}', "/m~0n", '{"m~n": "v"}', id="pointer-tilde"),
        pytest.param('{"~1": 2}', "/~01", '{"~1": "v"}', id="pointer-tilde-first"),
        pytest.param('{"": 2}', "/", '{"": "v"}', id="pointer-empty-name"),
        pytest.param('{"k":1,"k":2}', "k", '{"k":"v","k":"v"}', id="every-double"),
        pytest.param(r'{"\u006b":1}', "k", r'{"\u006b":"v"}', id="escaped-name"),
        pytest.param('{"k":{"x":[1]},"y":0}', "k", '{"k":"v","y":0}', id="object-replaced"),
    ],
)
def test_field_is_written_at_its_path(inject, content: str, key: str, expected: str) -> None:
    """The value stands at the path; what is missing on the way is made."""
    assert inject(JSON, content.encode(), (key, "v")).decode() == expected


@pytest.mark.parametrize(
    "rest",
    [
        "12345678901234567890123",
        "9" * 5000,
        "1.0",
        "1e400",
        "0.1000000000000000055511151231257827",
        "-0",
        r'"\u00e9\/\ud800"',
        '"é😀"',
        '{"b":1,"b":2}',
        "[ 1 ,\t2 ]",
    ],
    ids=lambda rest: rest[:12],
)
def test_rest_of_the_document_stays_as_written(inject, rest: str) -> None:
    """Numbers beyond a float, escapes, doubles and white space are not read and written anew."""
    content = f'{{ "rest" : {rest} , "k" : 1 }}'

    assert inject(JSON, content.encode(), ("k", "v")).decode() == f'{{ "rest" : {rest} , "k" : "v" }}'


@pytest.mark.parametrize(
    ("content", "key"),
    [
        pytest.param('{"a": 1}', "a.k", id="through-number"),
        pytest.param('{"a": "x"}', "a.k", id="through-text"),
        pytest.param('{"a": 1, "a": {"k": 2}}', "a.k", id="through-one-of-doubles"),
        pytest.param("[1]", "1", id="index-out-of-range"),
        pytest.param("[1]", "01", id="index-with-leading-zero"),
        pytest.param("[1]", "²", id="index-that-is-no-number"),
        pytest.param("[1]", "k", id="name-in-list"),
        pytest.param('"text"', "k", id="document-is-text"),
        pytest.param("{}", ".", id="key-is-a-dot"),
        pytest.param("{}", "a..b", id="empty-step"),
        pytest.param("{}", "a\\", id="escape-without-character"),
        pytest.param("{}", "/a~2", id="broken-pointer"),
        pytest.param('{"a": NaN}', "k", id="nan"),
        pytest.param('{"a": -Infinity}', "k", id="infinity"),
        pytest.param("{} {}", "k", id="two-documents"),
        pytest.param('{"a": 1,}', "k", id="trailing-comma"),
        pytest.param("{'a': 1}", "k", id="single-quotes"),
        pytest.param('{"a": "\n"}', "k", id="bare-line-break"),
        pytest.param("[" * 200_000, "k", id="unclosed-depth-bomb"),
        pytest.param("[" * 200_000 + "]" * 200_000, "0", id="depth-bomb"),
    ],
)
def test_document_without_the_place_is_refused(inject, content: str, key: str) -> None:
    """What cannot take the field, or is no JSON, is not forwarded."""
    with pytest.raises(PayloadNotInjectable):
        inject(JSON, content.encode(), (key, "v"), limit=1_000_000)


@pytest.mark.parametrize(
    ("charset", "codec", "mark"),
    [
        pytest.param("", "utf-8", b"", id="utf-8"),
        pytest.param("", "utf-8", codecs.BOM_UTF8, id="utf-8-mark"),
        pytest.param("utf-8", "utf-8", codecs.BOM_UTF8, id="charset-and-mark"),
        pytest.param('"UTF-8"', "utf-8", b"", id="quoted"),
        pytest.param("", "utf-16-le", codecs.BOM_UTF16_LE, id="utf-16-mark"),
        pytest.param("", "utf-16-be", b"", id="utf-16-by-zeros"),
        pytest.param("utf-16", "utf-16-le", b"", id="utf-16-charset"),
        pytest.param("utf-16", "utf-16-be", codecs.BOM_UTF16_BE, id="utf-16-be-mark"),
        pytest.param("", "utf-32-le", codecs.BOM_UTF32_LE, id="utf-32-mark"),
        pytest.param("", "utf-32-be", b"", id="utf-32-by-zeros"),
        pytest.param("iso-8859-1", "latin-1", b"", id="latin-1"),
    ],
)
def test_charset_is_kept(inject, charset: str, codec: str, mark: bytes) -> None:
    """The document is written in the charset that it came in, byte order mark included."""
    media_type = JSON + (f"; charset={charset}" if charset else "")

    written = inject(media_type, mark + '{"é":1}'.encode(codec), ("k", "ü"))

    assert written == mark + '{"é":1,"k":"ü"}'.encode(codec)


@pytest.mark.parametrize("charset", ["us-ascii", "iso-8859-1"])
def test_value_beyond_the_charset_is_escaped(inject, charset: str) -> None:
    """JSON can escape what the charset cannot hold."""
    assert inject(f"{JSON}; charset={charset}", b"{}", ("k", "€")) == b'{"k":"\\u20ac"}'


@pytest.mark.parametrize("value", [1, 1.5, True, [1, "a"], {"b": None}, "text", "\ud800", "\x00"])
def test_value_keeps_its_type(inject, value: Any) -> None:
    """Numbers, booleans, lists and objects are written as such."""
    assert json.loads(inject(JSON, b"{}", ("k", value))) == {"k": value}


@pytest.mark.parametrize("media_type", ["application/problem+json", "APPLICATION/JSON", "application/json ;"])
def test_json_has_other_names(inject, media_type: str) -> None:
    """The structured syntax suffix, and names in any case, are JSON."""
    assert inject(media_type, b"{}", ("k", 1)) == b'{"k":1}'


@settings(deadline=None)
@given(st.dictionaries(st.text(), documents, max_size=4), st.text(), documents, st.booleans())
def test_value_reads_back_and_the_rest_is_the_clients(
    inject, document: dict[str, Any], name: str, value: Any, spaced: bool
) -> None:
    """Read by another parser, the document is the client's with the field set."""
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    content = json.dumps(document, indent=2 if spaced else None).encode()

    written = json.loads(inject(JSON, content, (pointer, value)))

    assert written == {**document, name: value}
    assert list(written) == list({**document, name: value})
