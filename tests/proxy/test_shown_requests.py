"""A request's line shows where it went and nothing that was filled in."""

import secrets

import pytest

from profiles.grants import TokenRequest
from profiles.requests import Origin, RequestHead
from proxy.known_secrets import KnownSecrets
from proxy.shown_requests import check_line, injected_values, token_request_line
from tests.profiles.profile_ground import compiled

SECRET = f"sentinel {secrets.token_hex(8)}"
NOTHING = KnownSecrets()


def token_request(method, url):
    return TokenRequest(method, url, (), None, "password")


@pytest.mark.parametrize(
    ("method", "url", "line"),
    [
        pytest.param("POST", "https://as.example/token", "POST https://as.example/token", id="POST"),
        pytest.param(
            "GET",
            "https://as.example/token?grant_type=password&username=b&password=p%2F1&pin=1&scope=a",
            "GET https://as.example/token?grant_type=password&username=••••&password=••••&pin=••••&scope=a",
            id="quirk-12: GET",
        ),
        pytest.param("POST", "https://as.example/t?key", "POST https://as.example/t?••••", id="no-value"),
        pytest.param("PUT", "https://as.example/p4711/t", "PUT https://as.example/••••/t", id="in-the-path"),
    ],
)
def test_a_token_request_is_shown_without_its_values(method, url, line):
    """Not even those that nobody knows to be secret."""
    assert token_request_line(token_request(method, url), KnownSecrets(["p4711"])) == line


def prepared(**values):
    fields = [
        {"in": "header", "key": "Authorization", "value": "Bearer {{access_token}}"},
        {"in": "query", "key": "pin", "value": "{{token.pin}}"},
        {"in": "path", "key": "id", "value": "{{token.id}}"},
    ]
    return compiled(fields=fields).fields.prepare({"access_token": SECRET.split()[1], "token": values})


def test_a_check_is_shown_with_a_mask_at_each_place():
    """However short the value is: the place decides, and the rest stays readable."""
    head = RequestHead("GET", Origin("https", "a.example", 443), "/v1/%7Bid%7D?n=1", ())

    line = check_line(head, prepared(pin="1", id="v"), NOTHING)

    assert line == "GET https://a.example/v1/••••?n=1&pin=••••"


def test_what_was_injected_is_known_as_a_secret():
    """Without the scheme, and without what is too short to be looked for."""
    assert injected_values(prepared(pin="1", id=SECRET)) == {SECRET.split()[1], SECRET}
