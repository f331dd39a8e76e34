"""Where notations could be taken for each other, and what each one refuses to be."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.content_types import CODECS, decode
from profiles.content_types.bare_words import is_word
from profiles.content_types.documents import kind_of, parse_document
from profiles.model import ContentType


def decoded(content_type: str, body: bytes, media_type: str | None = None) -> Any:
    """The answer as this one codec reads it, without the others' help."""
    return CODECS[ContentType(content_type)].decode(parse_document(body, media_type))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("urlencoded", b"eyJhbGciOiJub2==", id="form-is-no-padded-token"),
        pytest.param("urlencoded", b"a=1\nb=2", id="form-is-no-lines"),
        pytest.param("urlencoded", b'{"a":"b=c"}', id="form-is-no-json"),
        pytest.param("urlencoded", b"<a b=c>", id="form-is-no-markup"),
        pytest.param("urlencoded", b"two words=x", id="form-name-has-no-space"),
        pytest.param("csv", b"access_token", id="csv-has-two-rows"),
        pytest.param("csv", b"a,b\n1\n", id="csv-rows-are-even"),
        pytest.param("csv", b'{"a": 1,\n"b": 2}', id="csv-is-no-json"),
        pytest.param("csv", b"a=1\nb=2", id="csv-is-no-lines"),
        pytest.param("csv", b"<a>\n<b>", id="csv-is-no-markup"),
        pytest.param("text", b'{"a": "b"}', id="text-is-no-json"),
        pytest.param("text", b'"word"', id="text-is-no-json-string"),
        pytest.param("text", b"<p class=x>", id="text-is-no-markup"),
        pytest.param("text", b"a=1\nprose", id="text-is-all-lines"),
        pytest.param("text", b'a="1" and "2"', id="text-quotes-are-json"),
        pytest.param("form-data", b"--b\r\n\r\nx\r\n--b--", id="part-has-a-name"),
        pytest.param("form-data", b"no boundary", id="parts-have-a-boundary"),
        pytest.param("xml", b"<a>", id="xml-is-well-formed"),
        pytest.param("xml", b"<a/><b/>", id="xml-has-one-root"),
    ],
)
def test_notation_refuses_what_is_another(content_type: str, body: bytes) -> None:
    """A reader that takes anything would hide the one that fits."""
    with pytest.raises(ValueError):
        decoded(content_type, body)


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        pytest.param("urlencoded", b" a=%C3%A9&b=&c=x+y\r\n", {"a": "é", "b": "", "c": "x y"}, id="form"),
        pytest.param("csv", b'a ; b\n"x;y";"2\r\n3"\n', {"a": "x;y", "b": "2\r\n3"}, id="csv-quoted"),
        pytest.param("csv", b"a|b\n1|2\n3|4", {"a": "1", "b": "2"}, id="csv-first-row"),
        pytest.param("csv", b"\r\na\n1", {"a": "1"}, id="csv-one-column"),
        pytest.param("text", b"a = 1 \r\n\r\nb: x=y\rc=", {"a": "1", "b": "x=y", "c": ""}, id="text"),
        pytest.param("text", b"a=x: y\nb=1", {"a": "x: y", "b": "1"}, id="text-colon-in-value"),
        pytest.param("text", b"Auth=abc==", {"Auth": "abc=="}, id="text-one-pair"),
        pytest.param(
            "text", b"YWJjZGVmZ2hpamtsbQ==", {"access_token": "YWJjZGVmZ2hpamtsbQ=="}, id="text-padded-word"
        ),
        pytest.param("text", b"access_token=", {"access_token": ""}, id="text-empty-value"),
        pytest.param(
            "xml",
            b"<a><b>1</b><b>2</b><c/></a>",
            {"a": {"b": ["1", "2"], "c": None}, "b": ["1", "2"], "c": None},
            id="xml-list",
        ),
        pytest.param("xml", b"<a><a>1</a></a>", {"a": "1"}, id="xml-child-wins-over-root"),
        pytest.param("xml", b"<a/>", {"a": None}, id="xml-empty"),
        pytest.param(
            "oracle-adf",
            b'{"result": {"a": 1, "b": 2}, "b": 3}',
            {"result": {"a": 1, "b": 2}, "a": 1, "b": 3},
            id="adf-own-member-wins",
        ),
        pytest.param(
            "form-data",
            b'--b\r\nContent-Disposition: form-data; name="\xc3\xa9"\r\n\r\nx\r\n--b--',
            {"é": "x"},
            id="part-with-non-ascii-name",
        ),
    ],
)
def test_notation_is_read(content_type: str, body: bytes, value: Any) -> None:
    """The shapes that the profile reference promises."""
    assert decoded(content_type, body) == value


def test_rss_1_has_its_items_beside_the_channel() -> None:
    """RDF feeds are read like the others."""
    body = (
        b"<r:RDF xmlns:r='u:r' xmlns='u:x'><channel><title>t</title></channel><item><k>v</k></item></r:RDF>"
    )

    assert decoded("rss", body)["k"] == "v"


def test_multipart_in_multipart_is_refused() -> None:
    """The mail parser takes quadratic time for them, even where nobody asks for the inner one."""
    inner = b"Content-Type:\r\n multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--"
    body = b"--b\r\n\r\n{}\r\n--b\r\n" + inner + b"\r\n--b--"

    with pytest.raises(ValueError):
        decode(body, "multipart/related; boundary=b", ContentType.RELATED)


def test_media_type_of_hostile_length_is_none() -> None:
    """The parser of its parameters takes quadratic time."""
    assert parse_document(b"", "application/json; x=" + "y" * 2000).media_type == ""


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("application/vnd.oracle.adf.resourceitem+json", "oracle-adf"),
        ("application/problem+json", "json"),
        ("application/atom+xml", "xml"),
        ("application/rss+xml", "rss"),
        ("multipart/form-data", "form-data"),
        ("multipart/mixed", "related"),
        ("text/plain", None),
        ("text/html", None),
        ("application/octet-stream", None),
        ("", None),
    ],
)
def test_specific_media_types_have_a_kind(media_type: str, kind: str | None) -> None:
    """Generic ones have none: then the profile decides."""
    assert kind_of(media_type) == kind


@pytest.mark.parametrize("text", ["a b", "", "a\n", "é", "a=b", "<a>", '"a"', "{}", "a&b", "abcd=", "\x00"])
def test_word_is_what_a_token_may_be(text: str) -> None:
    """Nothing that another notation is made of."""
    assert not is_word(text)
