"""Tokens are found where they are mapped, in every content type and however it is labelled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from profiles.content_types import decode, encode
from profiles.held_tokens import TokenResponse
from profiles.model import ContentType, ResponseSettings
from profiles.token_response import TokenAnswer, compile_response_plan, parse_token_response

TOKEN = "eyJ-token.9f3"
FLAT = {"access_token": TOKEN, "expires_in": "3599", "refresh_token": "r-1", "scope": "a b"}
FORM = f"access_token={TOKEN}&expires_in=3599&refresh_token=r-1&scope=a+b".encode()
JSON = json.dumps(FLAT).encode()
MEMBERS = "".join(f"<{key}>{value}</{key}>" for key, value in FLAT.items())
PRETTY = "".join(f"\n    <{key}>\n      {value}\n    </{key}>" for key, value in FLAT.items())
XML = f"<response>{MEMBERS}</response>".encode()
RSS = f'<rss version="2.0"><channel><title>t</title><item>{MEMBERS}</item></channel></rss>'.encode()
CSV = f"access_token,expires_in,refresh_token,scope\r\n{TOKEN},3599,r-1,a b\r\n".encode()
LINES = "".join(f"{key}={value}\n" for key, value in FLAT.items()).encode()
PARTS = (
    "".join(
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in FLAT.items()
    ).encode()
    + b"--b--\r\n"
)
RELATED = (
    b"--b\r\nContent-Type: text/plain\r\nContent-ID: <note>\r\n\r\nhello\r\n"
    b"--b\r\nContent-Type: application/json\r\nContent-ID: <root>\r\n\r\n" + JSON + b"\r\n--b--\r\n"
)
RELATED_TYPE = 'multipart/related; boundary=b; type="application/json"; start="<root>"'
ADF = "application/vnd.oracle.adf."


def parsed(
    body: bytes, media_type: str | None, content_type: str, response: dict[str, str] | None = None
) -> TokenResponse:
    """The answer as the token client reads it."""
    headers = (("Content-Type", media_type),) if media_type else ()
    plan = compile_response_plan(ResponseSettings(**(response or {})), "seconds")
    return parse_token_response(plan, TokenAnswer(200, headers, body), ContentType(content_type), now=0)


@pytest.mark.parametrize("profile", ContentType)
@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        pytest.param("application/json", JSON, id="json"),
        pytest.param("application/json;charset=UTF-8", JSON, id="json-with-charset"),
        pytest.param("application/vnd.example+json", JSON, id="json-suffix"),
        pytest.param("application/x-www-form-urlencoded", FORM, id="quirk-3-urlencoded"),
        pytest.param("application/xml", XML, id="quirk-6-xml"),
        pytest.param("text/xml", XML, id="text-xml"),
        pytest.param("application/vnd.example+xml", XML, id="xml-suffix"),
        pytest.param("application/rss+xml", RSS, id="rss"),
        pytest.param("text/csv", CSV, id="csv"),
        pytest.param("text/csv; charset=utf-8; header=present", CSV.replace(b",", b";"), id="csv-semicolons"),
        pytest.param("text/tab-separated-values", CSV.replace(b",", b"\t"), id="csv-tabs"),
        pytest.param("multipart/form-data; boundary=b", PARTS, id="form-data"),
        pytest.param(RELATED_TYPE, RELATED, id="related"),
        pytest.param(ADF + "resourceitem+json", JSON, id="oracle-adf-item"),
        pytest.param(ADF + "actionresult+json", b'{"result":' + JSON + b"}", id="oracle-adf-result"),
    ],
)
def test_specific_media_type_is_believed_over_the_profile(
    profile: ContentType, media_type: str, body: bytes
) -> None:
    """A flat answer of any type needs no mapping, whatever the request was written in."""
    found = parsed(body, media_type, profile)

    assert (found.access_token, found.lifetime, found.refresh_token) == (TOKEN, 3599, "r-1")
    assert found.scope == "a b"


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "text/html; charset=utf-8", "application/octet-stream", "nonsense", "image/png"],
)
@pytest.mark.parametrize(
    ("profile", "body"),
    [
        pytest.param("urlencoded", FORM, id="quirk-3-urlencoded"),
        pytest.param("json", JSON, id="json"),
        pytest.param("xml", XML, id="xml"),
        pytest.param("rss", RSS, id="rss"),
        pytest.param("csv", CSV, id="csv"),
        pytest.param("text", LINES, id="text"),
        pytest.param("twitter", FORM.replace(b"+", b"%20"), id="twitter"),
        pytest.param("form-data", PARTS, id="form-data"),
        pytest.param("related", RELATED.partition(b"hello\r\n")[2], id="related"),
        pytest.param("oracle-adf", b'{"result":' + JSON + b"}", id="oracle-adf"),
    ],
)
def test_generic_media_type_is_read_as_the_profile_says(
    profile: str, body: bytes, media_type: str | None
) -> None:
    """Missing, generic and foreign ones tell nothing."""
    found = parsed(body, media_type, profile)

    assert (found.access_token, found.lifetime) == (TOKEN, 3599)


@pytest.mark.parametrize("profile", ["urlencoded", "json", "xml", "csv", "text", "form-data", "oracle-adf"])
@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/xml",
        "text/csv",
        "application/x-www-form-urlencoded",
        "text/html",
        "multipart/form-data; boundary=x",
        "multipart/related",
        ADF + "resourceitem+json",
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(FORM, id="form"),
        pytest.param(JSON, id="json"),
        pytest.param(json.dumps(FLAT, indent=2).encode(), id="json-in-lines"),
        pytest.param(XML, id="xml"),
        pytest.param(f'<?xml version="1.0"?>\n<response>{PRETTY}\n</response>\n'.encode(), id="xml-in-lines"),
    ],
)
def test_wrong_media_type_is_seen_through(body: bytes, media_type: str, profile: str) -> None:
    """What is plainly a form, JSON or XML is read as such whatever its label and the profile say."""
    assert parsed(body, media_type, profile).access_token == TOKEN


@pytest.mark.parametrize(
    ("profile", "media_type", "body", "response"),
    [
        pytest.param(
            "json",
            "application/json",
            {"data": {"token": {"access_token": TOKEN}}},
            {"access_token": "data.token.access_token"},
            id="quirk-5-nested",
        ),
        pytest.param(
            "json",
            "application/json",
            {"authed_user": {"access_token": TOKEN}},
            {"access_token": "authed_user.access_token"},
            id="quirk-5-authed-user",
        ),
        pytest.param(
            "json",
            "application/json",
            {"SessionId": TOKEN},
            {"access_token": "SessionId"},
            id="quirk-5-named",
        ),
        pytest.param(
            "json", "application/json", [{"jwt": TOKEN}], {"access_token": "[0].jwt"}, id="json-list"
        ),
        pytest.param("json", "application/json", TOKEN, {"access_token": "@"}, id="quirk-6-json-string"),
        pytest.param(
            "urlencoded", "text/plain", TOKEN.encode(), {"access_token": "@"}, id="quirk-6-bare-word"
        ),
        pytest.param(
            "json", "application/json", TOKEN.encode(), {"access_token": "@"}, id="quirk-6-word-as-json"
        ),
        pytest.param("text", "text/plain", TOKEN.encode() + b"\r\n", {}, id="quirk-6-text"),
        pytest.param("text", "text/html", b"\xef\xbb\xbf" + TOKEN.encode(), {}, id="quirk-6-text-with-mark"),
        pytest.param("text", "text/plain", FORM, {}, id="quirk-3-form-as-text"),
        pytest.param(
            "text", "text/plain", f"Token: {TOKEN}\nType: x".encode(), {"access_token": "Token"}, id="colons"
        ),
        pytest.param(
            "text", "text/plain", f'token = "{TOKEN}"'.encode(), {"access_token": "token"}, id="quotes"
        ),
        pytest.param("xml", "text/xml", XML, {"access_token": "response.access_token"}, id="xml-by-root"),
        pytest.param(
            "xml",
            "application/xml",
            f"<r><data><Token>{TOKEN}</Token></data></r>".encode(),
            {"access_token": "data.Token"},
            id="quirk-6-xml",
        ),
        pytest.param(
            "xml", "text/xml", f"<string>{TOKEN}</string>".encode(), {"access_token": "string"}, id="xml-root"
        ),
        pytest.param(
            "xml",
            "text/xml",
            f'<s:Envelope xmlns:s="urn:s" xmlns:i="urn:i"><s:Body><LoginResponse xmlns="urn:x">'
            f'<sessionId i:type="t">{TOKEN}</sessionId></LoginResponse></s:Body></s:Envelope>'.encode(),
            {"access_token": "Body.LoginResponse.sessionId"},
            id="soap",
        ),
        pytest.param(
            "xml",
            "text/xml",
            f'<session token="{TOKEN}"/>'.encode(),
            {"access_token": '"@token"'},
            id="attribute",
        ),
        pytest.param(
            "xml",
            "text/xml",
            f'<r><t kind="x">{TOKEN}</t></r>'.encode(),
            {"access_token": 't."#text"'},
            id="text-beside",
        ),
        pytest.param(
            "rss", "application/rss+xml", RSS, {"access_token": "channel.item.access_token"}, id="rss-nested"
        ),
        pytest.param(
            "rss",
            "application/rss+xml",
            RSS.replace(b"<item>", b"<item><a/></item><item>"),
            {"access_token": "rss.channel.item[1].access_token"},
            id="rss-second-item",
        ),
        pytest.param(
            "form-data",
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="answer"\r\nContent-Type: application/json\r\n\r\n'
            + JSON
            + b"\r\n--b--\r\n",
            {"access_token": "answer.access_token"},
            id="json-part",
        ),
        pytest.param(
            "form-data",
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="answer"\r\nContent-Type: application/json\r\n\r\n'
            + JSON
            + b"\r\n--b--\r\n",
            {},
            id="only-part-is-flat-too",
        ),
        pytest.param(
            "related",
            'multipart/related; boundary="b"; type="application/xml"',
            b"preamble\r\n--b\r\n\r\n" + XML + b"\r\n--b--\r\nepilogue",
            {},
            id="related-type-of-whole",
        ),
        pytest.param(
            "related", "multipart/mixed; boundary=b", b"--b\n\n" + JSON + b"\n--b--", {}, id="mixed-bare-lf"
        ),
        pytest.param(
            "oracle-adf",
            ADF + "actionresult+json",
            {"result": TOKEN},
            {"access_token": "result"},
            id="adf-text",
        ),
        pytest.param(
            "oracle-adf",
            ADF + "resourcecollection+json",
            {"items": [{"Token": TOKEN}]},
            {"access_token": "items[0].Token"},
            id="adf-collection",
        ),
    ],
)
def test_token_is_found_where_it_is_mapped(
    profile: str, media_type: str, body: Any, response: dict[str, str]
) -> None:
    """Every shape has a place that a mapping can name."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    assert parsed(content, media_type, profile, response).access_token == TOKEN


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        pytest.param(
            "application/json", "{'k': 'é€'}".replace("'", '"').encode("utf-16"), id="json-utf-16-mark"
        ),
        pytest.param("application/json", '{"k": "é€"}'.encode("utf-16-le"), id="json-utf-16-without-mark"),
        pytest.param("application/json", '{"k": "é€"}'.encode("utf-8-sig"), id="json-utf-8-mark"),
        pytest.param("application/json; charset=cp1252", '{"k": "é€"}'.encode("cp1252"), id="json-charset"),
        pytest.param("application/json; charset=utf-16", '{"k": "é€"}'.encode(), id="json-wrong-charset"),
        pytest.param("application/json; charset=no-such", '{"k": "é€"}'.encode(), id="json-unknown-charset"),
        pytest.param("text/xml; charset=cp1252", "<r><k>é€</k></r>".encode("cp1252"), id="xml-charset"),
        pytest.param(
            "text/xml",
            '<?xml version="1.0" encoding="windows-1252"?><r><k>é€</k></r>'.encode("cp1252"),
            id="xml-declared",
        ),
        pytest.param(
            "text/xml", '<?xml version="1.0" encoding="big5"?><r><k>é€</k></r>'.encode(), id="xml-wrongly"
        ),
        pytest.param("text/csv;charset=cp1252", "k\né€".encode("cp1252"), id="csv-charset"),
        pytest.param("text/csv", "\ufeffk;b\né€;1".encode(), id="csv-mark"),
        pytest.param(
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="k"\r\n'
            b"Content-Type: text/plain; charset=cp1252\r\n\r\n\xe9\x80\r\n--b--",
            id="part-charset",
        ),
        pytest.param(
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="k"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\nw6nigqw=\r\n--b--",
            id="part-base64",
        ),
    ],
)
def test_charset_is_the_one_that_holds(media_type: str, body: bytes) -> None:
    """A byte order mark, the parameter, the XML declaration, else UTF-8."""
    assert decode(body, media_type, ContentType.URLENCODED)["k"] == "é€"


@pytest.mark.parametrize("profile", ContentType)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="quirk-4-empty"),
        pytest.param(b"   \r\n", id="space"),
        pytest.param(b"<html><head><title>x=y</title></head><body>log in</body></html>", id="quirk-4-html"),
        pytest.param(b"<!DOCTYPE html><html><body>\na=b\nc=d\n<br></body></html>", id="quirk-4-html-5"),
        pytest.param(b"<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>", id="quirk-4-xhtml"),
        pytest.param(b"Service temporarily unavailable", id="prose"),
        pytest.param(b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>', id="entity"),
        pytest.param(b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r>x</r>', id="external-dtd"),
        pytest.param(b"[" * 30_000, id="deep-json"),
        pytest.param(b'{"a":' * 500 + b"1" + b"}" * 500, id="json-too-deep-for-its-readers"),
        pytest.param(b"<a>" * 20_000, id="deep-xml"),
        pytest.param(b"<a>" * 5_000 + b"</a>" * 5_000, id="xml-too-deep-for-its-readers"),
        pytest.param(b"\x00\xff\xfe\x01" * 100, id="binary"),
    ],
)
def test_what_is_no_answer_is_a_value_error(profile: ContentType, body: bytes) -> None:
    """Error pages, bombs and noise, whatever the profile expects."""
    for media_type in (None, "text/html", "application/json", "text/xml", "text/csv", "multipart/related"):
        with pytest.raises(ValueError):
            decode(body, media_type, profile)


def test_error_of_a_200_is_data() -> None:
    """quirk-4: it is for the reader of the token response to see that it is none."""
    assert decode(b'{"error": "invalid_grant"}', None, ContentType.XML) == {"error": "invalid_grant"}


@pytest.mark.parametrize("token_type", ["", "bearer", "BearerToken", "User Access Token"])
@pytest.mark.parametrize("content_type", ContentType)
def test_token_type_is_read_as_it_is(content_type: ContentType, token_type: str) -> None:
    """quirk-7: missing, lower-case or odd, it costs no token in any content type."""
    body, media_type = encode({"access_token": TOKEN, "token_type": token_type}, content_type)

    found = parsed(body, media_type, content_type)

    assert (found.access_token, found.token_type or "") == (TOKEN, token_type)


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-Infinity", "NaN"])
def test_odd_numbers_do_no_harm(number: str) -> None:
    """Numbers that JSON or Python do not have are a value or a ValueError."""
    try:
        data = decode(f'{{"n": {number}, "t": "x"}}'.encode(), "application/json", ContentType.JSON)
    except ValueError:
        assert number.startswith("9")
        return

    assert data["t"] == "x"
