"""How token responses are read: by their own media type, by the profile's, or as what they look like."""

import json
import random
import secrets
from urllib.parse import quote

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.content_types import decode, encode
from profiles.model import ContentType

TOKEN = "eyJ0.b-_~+/0123456789xyz=="
ENCODED = quote(TOKEN, safe="")
JSON = json.dumps({"access_token": TOKEN})
RELATED = (
    b"--b\r\nContent-ID: <other>\r\nContent-Type: text/plain\r\n\r\nnothing\r\n"
    b'--b\r\nContent-ID: <root>\r\nContent-Type: application/json\r\n\r\n{"access_token": "%b"}\r\n--b--\r\n'
) % TOKEN.encode()
FORM_DATA = (
    b'--b\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n%b\r\n'
    b'--b\r\nContent-Disposition: form-data; name="expires_in"\r\n\r\n3600\r\n--b--\r\n'
) % TOKEN.encode()
RSS = (
    "<rss version='2.0'><channel><title>t</title>"
    f"<item><access_token>{TOKEN}</access_token></item><item><access_token>old</access_token></item>"
    "</channel></rss>"
)


def read(body: object, media_type: str | None, expected: str = "urlencoded") -> object:
    content = body if isinstance(body, bytes) else str(body).encode()
    return decode(content, media_type, ContentType(expected))


@pytest.mark.parametrize(
    ("body", "media_type", "expected", "place"),
    [
        pytest.param(JSON, "application/json", "xml", "access_token", id="json"),
        pytest.param(JSON, "Application/JSON; charset=UTF-8", "csv", "access_token",
                     id="case-and-parameter"),
        pytest.param(f'{{"d": {{"t": "{TOKEN}"}}}}', "application/vnd.oracle.adf.resourceitem+json",
                     "oracle-adf", "d.t", id="oracle-adf-resource-item"),
        pytest.param(JSON, "application/problem+json", "urlencoded", "access_token",
                     id="json-suffix"),
        pytest.param(f"access_token={ENCODED}&expires_in=3599",
                     "application/x-www-form-urlencoded", "json", "access_token", id="quirk-3-form"),
        pytest.param(f"access_token={ENCODED}", "text/plain", "urlencoded",
                     "access_token", id="quirk-3-form-as-text"),
        pytest.param(f"access_token={ENCODED}", "text/html", "json",
                     "access_token", id="quirk-3-form-as-html"),
        pytest.param(f"access_token={ENCODED}", "application/json", "json",
                     "access_token", id="form-that-says-json"),
        pytest.param(JSON, "text/html; charset=utf-8", "urlencoded", "access_token",
                     id="json-as-html"),
        pytest.param(JSON, None, "text", "access_token", id="json-without-type"),
        pytest.param(JSON, "application/x-www-form-urlencoded", "csv", "access_token",
                     id="json-that-says-form"),
        pytest.param("\ufeff" + JSON, "application/json", "json", "access_token", id="bom"),
        pytest.param(JSON.encode("utf-16"), "application/json; charset=utf-16",
                     "json", "access_token", id="utf-16"),
        pytest.param(JSON, "application/json; charset=none-such", "json",
                     "access_token", id="charset-nobody-knows"),
        pytest.param(f"<r><access_token>{TOKEN}</access_token></r>", "application/xml", "json",
                     "access_token", id="quirk-6-xml"),
        pytest.param(f"<r><access_token>{TOKEN}</access_token></r>", "text/xml", "json", "r.access_token",
                     id="xml-by-its-root"),
        pytest.param(f"<n:r xmlns:n='u'><n:auth><n:Token kind='x'>{TOKEN}</n:Token></n:auth></n:r>",
                     "application/soap+xml", "json", 'auth.Token."#text"',
                     id="xml-namespaces-and-attributes"),
        pytest.param(f"<auth token='{TOKEN}'/>", "application/xml", "json", '"@token"', id="xml-attribute"),
        pytest.param(f"<token>{TOKEN}</token>", "text/plain", "xml", "token", id="xml-as-text"),
        pytest.param(f"<token>{TOKEN}</token>", "text/html", "urlencoded", "token", id="xml-as-html"),
        pytest.param(f"<?xml version='1.0' encoding='utf-16'?><t>{TOKEN}</t>".encode("utf-16"),
                     "application/xml", "xml", "t", id="xml-declaration"),
        pytest.param(RSS, "application/rss+xml", "rss", "access_token", id="rss"),
        pytest.param(RSS, "application/xml", "rss", "rss.channel.item[0].access_token", id="rss-as-xml"),
        pytest.param(f"access_token,expires_in\r\n{TOKEN},3600\r\n", "text/csv", "json", "access_token",
                     id="csv"),
        pytest.param(f'"expires in";access_token\n3600;"{TOKEN}"', "text/plain", "csv", "access_token",
                     id="csv-semicolons"),
        pytest.param(f"a\taccess_token\n1\t{TOKEN}\n2\told\n", "text/tab-separated-values", "json",
                     "access_token", id="csv-tabs-first-row"),
        pytest.param(f"token_type=Bearer\naccess_token={TOKEN}\n", "text/plain", "text", "access_token",
                     id="text"),
        pytest.param(f"token_type=Bearer\r\naccess_token={TOKEN}", "text/plain", "text", "access_token",
                     id="text-crlf"),
        pytest.param(f" {TOKEN}\n", "text/plain", "text", "access_token", id="quirk-6-bare-word"),
        pytest.param(json.dumps(TOKEN), "application/json", "json", "@", id="quirk-6-json-string"),
        pytest.param(json.dumps(TOKEN), "text/plain", "text", "access_token", id="bare-word-quoted"),
        pytest.param(FORM_DATA, "multipart/form-data; boundary=b", "json", "access_token", id="form-data"),
        pytest.param(RELATED, 'multipart/related; boundary="b"; start="<root>"', "related", "access_token",
                     id="related-by-start"),
        pytest.param(f'{{"data": [{{"jwt": "{TOKEN}"}}]}}', "application/json", "json", "data[0].jwt",
                     id="quirk-5-nested"),
    ],
)  # fmt: skip
def test_token_is_found_at_the_mapped_place(
    body: object, media_type: str | None, expected: str, place: str
) -> None:
    """In each content type, whatever the answer says it is and the profile expects."""
    assert jmespath.search(place, read(body, media_type, expected)) == TOKEN


@pytest.mark.parametrize("expected", ContentType)
@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        pytest.param("<html><body><p>Log in<br></body></html>", "text/html", id="quirk-4-html-page"),
        pytest.param("<!DOCTYPE html><html><body/></html>", "text/html", id="doctype"),
        pytest.param('<!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>', "application/xml", id="entity"),
        pytest.param('<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>', "text/xml",
                     id="external-entity"),
        pytest.param("<a>" * 200 + "</a>" * 200, "application/xml", id="deep-xml"),
        pytest.param("[" * 30_000, "application/json", id="deep-json"),
        pytest.param("Service unavailable, try again later", "text/plain", id="prose"),
        pytest.param("{", "application/json", id="broken-json"),
        pytest.param("--b\r\n?\r\n", "multipart/form-data; boundary=b", id="no-part"),
        pytest.param("x y", 'multipart/form-data; boundary="', id="broken-boundary"),
    ],
)  # fmt: skip
def test_answer_that_is_nothing_of_it_is_refused(body: str, media_type: str, expected: ContentType) -> None:
    """A ValueError, and no entity was read."""
    with pytest.raises(ValueError, match="in no way"):
        decode(body.encode(), media_type, expected)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
XML_TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=40)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)


@pytest.mark.parametrize("content_type", ContentType)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_value_survives_the_round_trip(content_type: ContentType, data: st.DataObject) -> None:
    """What is written is read back, whatever the values are; XML alone knows characters it cannot hold."""
    is_xml = content_type in (ContentType.XML, ContentType.RSS)
    values = XML_TEXTS | st.sampled_from(["a\r\nb", "\r", "\n", "\t x ", "]]>", "&amp;"]) if is_xml else TEXTS
    names = NAMES.filter(lambda name: name not in ("request", "rss", "channel"))
    parameters = data.draw(st.dictionaries(names, values, min_size=1, max_size=5))

    body, media_type = encode(parameters, content_type)
    found = decode(body, media_type, content_type)

    assert {key: found[key] for key in parameters} == parameters


@pytest.mark.parametrize("content_type", ContentType)
def test_mutated_answer_is_read_or_refused_without_being_quoted(content_type: ContentType) -> None:
    """Hundreds of broken answers: each gives data or a ValueError, and no error holds what was in them."""
    secret = secrets.token_urlsafe()
    mutations = random.Random(content_type.value)
    whole, media_type = encode({"access_token": secret, "expires_in": "3600", "x": "é<&;"}, content_type)
    other_types = [
        media_type,
        None,
        "text/plain",
        "application/json",
        "multipart/related; boundary=q",
        "\x00;=",
    ]
    told = set()
    for _ in range(400):
        body = bytearray(whole)
        for _ in range(mutations.randint(1, 4)):
            at = mutations.randrange(len(body) + 1)
            change = mutations.choice(["cut", "flip", "insert", "double"])
            if change == "cut":
                del body[at : at + mutations.randint(1, 20)]
            elif change == "flip" and at < len(body):
                body[at] = mutations.randrange(256)
            elif change == "insert":
                body[at:at] = mutations.choice([b"<", b'"', b"\0", b"--", b"&", b"\r\n", b"\xff", b"{["])
            else:
                body += body[at : at + 30]
        try:
            decode(bytes(body), mutations.choice(other_types), content_type)
        except ValueError as error:
            told.add(repr(error))

    assert secret not in str(told)
