"""How each content type writes the parameters of a token request."""

import email
import json
import secrets
from urllib.parse import parse_qsl, unquote

import pytest
from defusedxml.ElementTree import fromstring

from profiles.content_types import encode
from profiles.model import ContentType

AWKWARD = "p&ss+w%rd=<\"'>; ,\\ü\u2028\U0001f511 \r\n\tend "
PARAMETERS = {"grant_type": "password", "username": "bot", "password": AWKWARD}


def written(content_type: str, parameters: object = PARAMETERS) -> tuple[bytes, str]:
    return encode(parameters, ContentType(content_type))


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        ("urlencoded", "application/x-www-form-urlencoded"),
        ("json", "application/json"),
        ("xml", "application/xml"),
        ("rss", "application/rss+xml"),
        ("csv", "text/csv; charset=utf-8"),
        ("text", "text/plain; charset=utf-8"),
        ("twitter", "application/x-www-form-urlencoded"),
        ("form-data", "multipart/form-data; boundary="),
        ("related", "multipart/related; "),
        ("oracle-adf", "application/vnd.oracle.adf.action+json"),
    ],
)
def test_each_content_type_says_its_media_type(content_type: str, media_type: str) -> None:
    """The names of DESIGN section 5; parts have a boundary besides."""
    _, named = written(content_type)

    assert named == media_type or (media_type[-1] in "= " and named.startswith(media_type))


@pytest.mark.parametrize("content_type", ["urlencoded", "twitter"])
def test_forms_are_read_back_by_anybody(content_type: str) -> None:
    """The standard library's parser finds every value as it was."""
    body, _ = written(content_type)

    assert dict(parse_qsl(body.decode("ascii"), strict_parsing=True)) == PARAMETERS


def test_twitter_leaves_nothing_but_unreserved_characters() -> None:
    """RFC 3986 section 2.3: no plus sign for a space, and !*'() are encoded."""
    body, _ = written("twitter", {"a b": "!*'()~ +"})

    assert body == b"a%20b=%21%2A%27%28%29~%20%2B"
    assert unquote(body.decode()) == "a b=!*'()~ +"


def test_urlencoded_writes_nested_values_as_json() -> None:
    """The source calls the type "URL Encoded JSON"."""
    body, _ = written("urlencoded", {"claims": {"id": [1, True]}, "n": 7, "yes": True})

    pairs = dict(parse_qsl(body.decode()))
    assert json.loads(pairs["claims"]) == {"id": [1, True]}
    assert (pairs["n"], pairs["yes"]) == ("7", "true")


@pytest.mark.parametrize("content_type", ["json", "oracle-adf"])
def test_json_keeps_types(content_type: str) -> None:
    """Numbers, booleans, null and nested values are what they are."""
    parameters = {**PARAMETERS, "pin": 42, "sure": True, "none": None, "deep": {"a": [1.5]}}

    body, _ = written(content_type, parameters)

    assert json.loads(body) == parameters


def test_xml_has_an_element_for_each_parameter_under_request() -> None:
    """Any value survives another parser, carriage returns included."""
    body, _ = written("xml", {**PARAMETERS, "scope": ["a", "b"], "deep": {"x": 1}, "none": None})

    root = fromstring(body)
    assert root.tag == "request"
    assert {child.tag: child.text for child in root if not len(child)} | {"scope": None} == {
        **PARAMETERS,
        "scope": None,
        "none": None,
    }
    assert [child.text for child in root.findall("scope")] == ["a", "b"]
    assert root.findtext("deep/x") == "1"


def test_rss_has_one_item_in_a_valid_channel() -> None:
    """RSS 2.0 demands title, link and description of a channel."""
    body, _ = written("rss")

    root = fromstring(body)
    (item,) = root.findall("channel/item")
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    assert {child.tag for child in root.find("channel")} >= {"title", "link", "description"}
    assert {child.tag: child.text for child in item} == PARAMETERS


def test_csv_is_a_header_row_and_a_value_row() -> None:
    """RFC 4180: quoted, quotation marks doubled, rows ended by CRLF."""
    body, _ = written("csv", {"user": 'a"b', "pass,word": "x\ny", "empty": ""})

    assert body == b'"user","pass,word","empty"\r\n"a""b","x\ny",""\r\n'


@pytest.mark.parametrize(
    ("value", "line"),
    [
        pytest.param("p&s=s\\w ", "p&s=s\\w ", id="as-it-is"),
        pytest.param("a\nb", '"a\\nb"', id="line-break-as-json"),
        pytest.param('"q', '"\\"q"', id="quotation-mark-as-json"),
        pytest.param("", "", id="empty"),
        pytest.param(True, "true", id="boolean"),
    ],
)
def test_text_writes_a_line_for_each_parameter(value: object, line: str) -> None:
    """Only what a line cannot hold is written otherwise."""
    body, _ = written("text", {"user": "bot", "value": value})

    assert body.decode() == f"user=bot\nvalue={line}\n"


@pytest.mark.parametrize("content_type", ["form-data", "related"])
def test_parts_are_read_back_by_anybody(content_type: str) -> None:
    """The standard library's parser finds the parts and their values, byte for byte."""
    body, media_type = written(content_type)

    message = email.message_from_bytes(b"Content-Type: " + media_type.encode() + b"\r\n\r\n" + body)
    parts = message.get_payload()
    payloads = [part.get_payload(decode=True) for part in parts]
    if content_type == "form-data":
        names = [part.get_param("name", header="content-disposition") for part in parts]
        assert dict(zip(names, payloads, strict=True)) == {
            key: value.encode() for key, value in PARAMETERS.items()
        }
        assert not any(part.get_filename() for part in parts)
    else:
        assert [part.get_content_type() for part in parts] == ["application/json"]
        assert message.get_param("type") == "application/json"
        assert json.loads(payloads[0]) == PARAMETERS


@pytest.mark.parametrize("content_type", ["form-data", "related"])
def test_boundary_is_not_in_the_parts(content_type: str) -> None:
    """Whatever a value looks like, the parts end where they should."""
    first, media_type = written(content_type)
    boundary = email.message_from_string(f"Content-Type: {media_type}\n\n").get_boundary()

    second, _ = written(content_type, {"password": f"--{boundary}--\r\n"})

    assert first.count(boundary.encode()) == (4 if content_type == "form-data" else 2)
    assert second.count(boundary.encode()) <= 1


@pytest.mark.parametrize(
    ("content_type", "parameters", "message"),
    [
        pytest.param("xml", {"a b": "x"}, "a b is no name of an XML element", id="xml-name"),
        pytest.param("xml", {"1a": "x"}, "1a is no name", id="xml-name-digit"),
        pytest.param("rss", {"a": {"": "x"}}, "is no name", id="rss-nested-name"),
        pytest.param("xml", {"a": "x\0"}, "a holds a character that XML cannot hold", id="xml-nul"),
        pytest.param("rss", {"a": "\x1b"}, "a holds a character", id="rss-control"),
        pytest.param("xml", {"a": "\ud800"}, "a holds a character", id="xml-surrogate"),
        pytest.param("text", {"a=b": "x"}, "a=b cannot stand before =", id="text-key"),
        pytest.param("text", {"a\nb": "x"}, "cannot stand before =", id="text-key-line-break"),
        pytest.param("form-data", {'a"b': "x"}, "cannot be the name of a part", id="part-name"),
        pytest.param("form-data", {"a\r\nb": "x"}, "cannot be the name of a part", id="part-name-line-break"),
    ],
)
def test_what_cannot_be_written_is_refused_by_its_key(
    content_type: str, parameters: dict, message: str
) -> None:
    """No value is quoted: it may be the password."""
    secret = secrets.token_urlsafe()
    parameters = {
        key: value + secret
        if isinstance(value, str)
        else {inner: text + secret for inner, text in value.items()}
        for key, value in parameters.items()
    }

    with pytest.raises(ValueError, match=message) as refused:
        written(content_type, parameters)

    assert secret not in str(refused.value)
