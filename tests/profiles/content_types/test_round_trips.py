"""Whatever a parameter holds, a reader of the content type that is not ours finds it, and so do we."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import example, given, settings
from hypothesis import strategies as st
from python_multipart.multipart import parse_form

from profiles.content_types import decode, encode
from profiles.model import ContentType

ODD = "p&q+r%41=s;t,u<v>\"w'x\\y{z}|\t : é€😀"
NAMES = st.sampled_from(["grant_type", "username", "password", "PIN", "x-y.z", "_1", "contraseña"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PRINTABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\r\n\t"), max_size=30
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=6,
)
Read = Callable[[bytes, str], Any]


def read_multipart(body: bytes, media_type: str) -> dict[str, str]:
    """The fields as python-multipart sees them."""
    fields = {}

    def found(field: Any) -> None:
        fields[field.field_name.decode()] = (field.value or b"").decode()

    parse_form({"Content-Type": media_type.encode()}, io.BytesIO(body), found, lambda _: None)
    return fields


def read_related(body: bytes, media_type: str) -> Any:
    """The root part as the standard library's mail parser sees it."""
    message = BytesParser().parsebytes(b"Content-Type: " + media_type.encode() + b"\r\n\r\n" + body)
    (root,) = message.get_payload()
    assert root["Content-ID"] == message.get_param("start")
    assert root.get_content_type() == message.get_param("type") == "application/json"
    return json.loads(root.get_payload(decode=True))


def read_elements(path: str) -> Read:
    """The texts of the elements below *path*."""

    def read(body: bytes, _: str) -> dict[str, str]:
        parent = fromstring(body).find(path)
        assert parent is not None
        return {child.tag: child.text or "" for child in parent}

    return read


def read_csv(body: bytes, _: str) -> dict[str, str]:
    names, values = csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
    return dict(zip(names, values, strict=True))


def read_twitter(body: bytes, _: str) -> dict[str, str]:
    """Percent-decoding alone: a plus would stay one (RFC 3986)."""
    pairs = (pair.split("=") for pair in body.decode("ascii").split("&"))
    return {unquote(name): unquote(value) for name, value in pairs}


def read_form(body: bytes, _: str) -> dict[str, str]:
    return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True))


def read_lines(body: bytes, _: str) -> dict[str, str]:
    """As the documentation says: a line for each, a value in quotes is JSON."""
    pairs = (line.split("=", 1) for line in body.decode().split("\n")[:-1])
    return {
        name: json.loads(value) if len(value) > 1 and value[0] == value[-1] == '"' else value
        for name, value in pairs
    }


def read_json(body: bytes, _: str) -> Any:
    return json.loads(body)


FLAT = [
    pytest.param(ContentType.URLENCODED, read_form, id="quirk-14-urlencoded"),
    pytest.param(ContentType.TWITTER, read_twitter, id="quirk-14-twitter"),
    pytest.param(ContentType.CSV, read_csv, id="quirk-14-csv"),
    pytest.param(ContentType.TEXT, read_lines, id="quirk-14-text"),
    pytest.param(ContentType.FORM_DATA, read_multipart, id="quirk-14-form-data"),
]
NESTED = [
    pytest.param(ContentType.JSON, read_json, id="quirk-14-json"),
    pytest.param(ContentType.RELATED, read_related, id="quirk-14-related"),
    pytest.param(ContentType.ORACLE_ADF, read_json, id="quirk-14-oracle-adf"),
]
MARKUP = [
    pytest.param(ContentType.XML, read_elements("."), id="quirk-14-xml"),
    pytest.param(ContentType.RSS, read_elements("channel/item"), id="quirk-14-rss"),
]


@pytest.mark.parametrize(("content_type", "read"), FLAT)
@settings(deadline=None)
@given(parameters=st.dictionaries(NAMES, TEXTS, min_size=2, max_size=5))
@example(parameters={"password": ODD, "username": "two\r\nlines\n"})
@example(parameters={"password": " spaces ", "username": ""})
@example(parameters={"password": '"quoted"', "username": "\x00\u2028"})
@example(parameters={"password": "--grantproxy-0", "username": "\r\n--grantproxy-1--"})
def test_text_survives_in_flat_types(
    content_type: ContentType, read: Read, parameters: dict[str, str]
) -> None:
    """Separators, quotes, line breaks, controls, non-ASCII, spaces at the ends, nothing at all."""
    body, media_type = encode(parameters, content_type)

    assert read(body, media_type) == parameters
    found = decode(body, media_type, content_type)
    if content_type is ContentType.TEXT:
        # Our own reading is of answers, where space around a line's value means nothing.
        parameters, found = (
            {key: value.strip() for key, value in each.items()} for each in (parameters, found)
        )
    assert found == parameters


@pytest.mark.parametrize(("content_type", "read"), NESTED)
@settings(deadline=None)
@given(parameters=st.dictionaries(NAMES | TEXTS, VALUES, max_size=4))
@example(parameters={"password": ODD, "nested": {"a": [1, None, True, {"b": 1.5}]}})
@example(parameters={"password": "--grantproxy-0", "username": "\r\n--grantproxy-1--"})
def test_every_value_survives_in_json(
    content_type: ContentType, read: Read, parameters: dict[str, Any]
) -> None:
    """Kinds and nesting too."""
    body, media_type = encode(parameters, content_type)

    assert read(body, media_type) == parameters
    found = decode(body, media_type, content_type)
    assert {key: found[key] for key in parameters} == parameters


@pytest.mark.parametrize(("content_type", "read"), MARKUP)
@settings(deadline=None)
@given(parameters=st.dictionaries(NAMES, PRINTABLE, min_size=1, max_size=5))
@example(parameters={"password": ODD, "username": "two\r\nlines\r"})
@example(parameters={"password": "]]>", "username": "<!--&amp;-->"})
@example(parameters={"password": " spaces ", "username": ""})
def test_text_survives_in_markup(content_type: ContentType, read: Read, parameters: dict[str, str]) -> None:
    """A carriage return and spaces at the ends too, which an answer's are stripped of."""
    body, media_type = encode(parameters, content_type)

    assert read(body, media_type) == parameters
    found = decode(body, media_type, content_type)
    assert {key: found[key] for key in parameters} == {
        key: value.strip() or None for key, value in parameters.items()
    }


@pytest.mark.parametrize(("content_type", "read"), [*FLAT, *MARKUP])
def test_what_is_no_text_is_spelt_as_json_does(content_type: ContentType, read: Read) -> None:
    """Numbers and booleans as JSON spells them, null as no value at all."""
    body, media_type = encode({"n": 4711, "f": 1.5, "yes": True, "none": None, "t": "x"}, content_type)

    assert read(body, media_type) == {"n": "4711", "f": "1.5", "yes": "true", "none": "", "t": "x"}


@pytest.mark.parametrize(("content_type", "read"), FLAT)
def test_nested_values_are_json_text_in_flat_types(content_type: ContentType, read: Read) -> None:
    """The source calls this "URL Encoded JSON"; the other flat types do the same."""
    nested = {"b": ["é", 1, None], "c": {"d": "e\n"}}

    body, media_type = encode({"a": nested, "t": "x"}, content_type)

    assert json.loads(read(body, media_type)["a"]) == nested


@pytest.mark.parametrize("content_type", ContentType)
def test_same_parameters_give_the_same_bytes(content_type: ContentType) -> None:
    """Nothing random is in a request, and nothing in its media type tells of its values."""
    one, two = ({"username": "bot", "password": secret} for secret in ("one", "two"))

    assert encode(one, content_type) == encode(one, content_type)
    assert encode(one, content_type)[1] == encode(two, content_type)[1]


@pytest.mark.parametrize("content_type", ContentType)
def test_no_parameters_are_a_body_too(content_type: ContentType) -> None:
    """`body: {}` is odd, but not wrong."""
    body, media_type = encode({}, content_type)

    assert isinstance(body, bytes)
    assert media_type
