"""The bytes of a token request in each content type, as the table of the contract says."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.content_types import encode
from profiles.model import ContentType

PLAIN = {"username": "bot", "password": "a&b c+é"}


@pytest.mark.parametrize(
    ("content_type", "media_type", "body"),
    [
        ("urlencoded", "application/x-www-form-urlencoded", "username=bot&password=a%26b+c%2B%C3%A9"),
        ("twitter", "application/x-www-form-urlencoded", "username=bot&password=a%26b%20c%2B%C3%A9"),
        ("json", "application/json", '{"username": "bot", "password": "a&b c+é"}'),
        (
            "oracle-adf",
            "application/vnd.oracle.adf.action+json",
            '{"username": "bot", "password": "a&b c+é"}',
        ),
        ("csv", "text/csv; charset=utf-8", "username,password\r\nbot,a&b c+é\r\n"),
        ("text", "text/plain; charset=utf-8", "username=bot\npassword=a&b c+é\n"),
        (
            "xml",
            "application/xml",
            (
                '<?xml version="1.0" encoding="utf-8"?>\n'
                "<request><username>bot</username><password>a&amp;b c+é</password></request>"
            ),
        ),
        (
            "rss",
            "application/rss+xml",
            (
                '<?xml version="1.0" encoding="utf-8"?>\n'
                '<rss version="2.0"><channel><title>request</title><link></link>'
                "<description></description>"
                "<item><username>bot</username><password>a&amp;b c+é</password></item></channel></rss>"
            ),
        ),
        (
            "form-data",
            "multipart/form-data; boundary=grantproxy-0",
            (
                '--grantproxy-0\r\nContent-Disposition: form-data; name="username"\r\n\r\nbot\r\n'
                '--grantproxy-0\r\nContent-Disposition: form-data; name="password"\r\n\r\na&b c+é\r\n'
                "--grantproxy-0--\r\n"
            ),
        ),
        (
            "related",
            'multipart/related; boundary=grantproxy-0; type="application/json"; start="<request>"',
            (
                "--grantproxy-0\r\nContent-Type: application/json\r\nContent-ID: <request>\r\n\r\n"
                '{"username": "bot", "password": "a&b c+\\u00e9"}\r\n--grantproxy-0--\r\n'
            ),
        ),
    ],
    ids=[
        f"quirk-12-{name}"
        for name in [
            "urlencoded",
            "twitter",
            "json",
            "oracle-adf",
            "csv",
            "text",
            "xml",
            "rss",
            "form-data",
            "related",
        ]
    ],
)
def test_request_is_written_as_the_table_says(content_type: str, media_type: str, body: str) -> None:
    """Byte for byte, for this is what a server was configured for."""
    assert encode(PLAIN, ContentType(content_type)) == (body.encode(), media_type)


def test_twitter_encodes_what_browsers_leave() -> None:
    """All but RFC 3986's unreserved characters, upper-case hexadecimal."""
    body, _ = encode({"p": "!*'() ~-._/"}, ContentType.TWITTER)

    assert body == b"p=%21%2A%27%28%29%20~-._%2F"


@pytest.mark.parametrize(
    ("parameters", "inside"),
    [
        pytest.param({"a": {"b": {"c": 1}}}, "<a><b><c>1</c></b></a>", id="nested"),
        pytest.param({"a": [1, True, None]}, "<a>1</a><a>true</a><a></a>", id="list"),
        pytest.param({"a": [[1, 2], 3]}, "<a><item>1</item><item>2</item></a><a>3</a>", id="list-in-list"),
        pytest.param({"a": [], "b": {}}, "<a></a><b></b>", id="empty"),
        pytest.param({"a": {"@id": 7, "#text": "x<"}}, '<a id="7">x&lt;</a>', id="attribute"),
        pytest.param({"a": {"@q": '"\r\n'}}, "<a q='\"&#13;&#10;'></a>", id="attribute-with-line-break"),
        pytest.param({"s:a": {"@xmlns:s": "urn:s"}}, '<s:a xmlns:s="urn:s"></s:a>', id="prefix"),
        pytest.param({"größe": "\r\n"}, "<größe>&#13;\n</größe>", id="non-ascii-name"),
    ],
)
def test_nested_values_are_elements(parameters: dict[str, Any], inside: str) -> None:
    """A list repeats its element; `@` makes an attribute, `#text` the text beside it."""
    body, _ = encode(parameters, ContentType.XML)

    assert body.decode() == f'<?xml version="1.0" encoding="utf-8"?>\n<request>{inside}</request>'


def test_attributes_of_the_root_can_be_set() -> None:
    """A schema may demand a namespace of the request."""
    body, _ = encode({"@xmlns": "urn:x", "a": 1}, ContentType.XML)

    assert b'<request xmlns="urn:x"><a>1</a></request>' in body


def test_action_that_the_url_does_not_name_is_a_body() -> None:
    """Oracle ADF's other shape is written down as it is."""
    action = {"name": "login", "parameters": [{"user": "bot"}, {"password": "p"}]}

    body, _ = encode(action, ContentType.ORACLE_ADF)

    assert body == b'{"name": "login", "parameters": [{"user": "bot"}, {"password": "p"}]}'


def test_value_with_line_break_is_quoted_in_text() -> None:
    """As .env files have it; a value that only looks quoted is quoted too, others stay as they are."""
    body, _ = encode({"a": "1\r\n2", "b": '"x"', "c": 'a"b\\', "d": "é"}, ContentType.TEXT)

    assert body.decode() == 'a="1\\r\\n2"\nb="\\"x\\""\nc=a"b\\\nd=é\n'


def test_boundary_does_not_occur_in_the_values() -> None:
    """Nor in the names."""
    body, media_type = encode(
        {"a": "grantproxy-0", "grantproxy-1": "x\r\n--grantproxy-2"}, ContentType.FORM_DATA
    )

    assert media_type.endswith("boundary=grantproxy-3")
    assert body.count(b"grantproxy-3") == 3
