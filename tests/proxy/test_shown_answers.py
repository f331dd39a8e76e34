"""Answers as an operator may see them."""

import pytest

from profiles.model import ContentType
from profiles.token_response import TokenAnswer
from proxy.known_secrets import KnownSecrets
from proxy.shown_answers import SHOWN_CHARACTERS, possible_tokens, shown

NOTHING = KnownSecrets()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("Content-Type", "text/html", "text/html", id="harmless"),
        pytest.param("Set-Cookie", "sid=abc; Path=/; Secure", "sid=••••; Path=/; Secure", id="cookie"),
        pytest.param("X-Auth-Token", "abc", "••••", id="called a token"),
        pytest.param(
            "WWW-Authenticate", 'Bearer realm="x"', 'Bearer realm="x"', id="a challenge is no secret"
        ),
        pytest.param("X-Echo", "the password", "the ••••", id="a known secret"),
        pytest.param(
            "Location",
            "https://a.example/x;s=abc?code=abc&state=#access_token=abc",
            "https://a.example/x;s=••••?code=••••&state=••••#access_token=••••",
            id="parameters of an address",
        ),
        pytest.param("Link", "</x?t=abc>; rel=next", "</x?t=••••>; rel=next", id="an address among others"),
    ],
)
def test_header_fields_are_masked_by_what_they_are(name, value, expected):
    """Cookies and fields that are called like a credential never show."""
    answer = shown(200, [(name, value)], "", KnownSecrets(["password"]))

    assert answer.headers == ((name, expected),)


def test_a_secret_at_the_cut_is_masked_whole():
    """A long body is cut after it was masked."""
    body = "x" * (SHOWN_CHARACTERS - 3) + "sentinel-4711"

    answer = shown(200, [], body, KnownSecrets(["sentinel-4711"]))

    assert "sen" not in answer.body
    assert answer.body.endswith("…")


@pytest.mark.parametrize(
    ("status", "line"),
    [
        pytest.param(407, "407 Proxy Authentication Required", id="known"),
        pytest.param(498, "498", id="unknown"),
    ],
)
def test_the_status_line_has_the_registered_phrase(status, line):
    """A server's own phrase may be any text, and is not shown."""
    assert shown(status, [], "", NOTHING).status_line == line


@pytest.mark.parametrize(
    ("status", "media_type", "body", "found"),
    [
        pytest.param(
            200, "application/json", b'{"data": {"token": "sentinel"}}', {"sentinel"}, id="nested elsewhere"
        ),
        pytest.param(
            200,
            "application/json",
            b'{"jwt": "sentinel", "token_type": "bearer-ish", "message": "welcome"}',
            {"sentinel"},
            id="what tells something stays",
        ),
        pytest.param(200, "text/html", b"access_token=sentinel&expires=60", {"sentinel"}, id="form-encoded"),
        pytest.param(200, "text/plain", b"sentinel-4711\n", {"sentinel-4711"}, id="the body is the token"),
        pytest.param(200, "text/html", b"<html>not a token</html>", set(), id="a page"),
        pytest.param(
            200,
            "text/html",
            b'<html><input type=hidden value="sentinel"><meta content=sentinel2>',
            {"sentinel", "sentinel2"},
            id="hidden fields of a page",
        ),
        pytest.param(
            200, "text/html", b"<html><script>t = 'sentinel-of-4711'", {"sentinel-of-4711"}, id="a script"
        ),
        pytest.param(200, "text/xml", b"<R><Token>sentinel</Token></R>", {"sentinel"}, id="XML"),
        pytest.param(
            302, "text/html", b"to /x?t=sentinel0of0many0letters", {"sentinel0of0many0letters"}, id="redirect"
        ),
        pytest.param(400, "application/json", b'{"error": "invalid_grant"}', set(), id="an error"),
    ],
)
def test_what_may_be_a_token_is_found(status, media_type, body, found):
    """An answer that was not understood may hold one under any name."""
    answer = TokenAnswer(status, (("Content-Type", media_type),), body)

    assert found <= possible_tokens(answer, ContentType.URLENCODED)
    assert ("bearer-ish" in str(possible_tokens(answer, ContentType.URLENCODED))) is False
