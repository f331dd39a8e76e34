"""Known secrets are hidden wherever they turn up."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.model import ProfileSettings
from profiles.placeholders import compile_template
from proxy.known_secrets import KnownSecrets, masked_template, secrets_of, tokens_in

SECRET = 'pä&ss+"w/ord %'


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(SECRET, id="as it is"),
        pytest.param(quote(SECRET, safe=""), id="percent-encoded"),
        pytest.param(quote_plus(SECRET), id="form-encoded"),
        pytest.param(json.dumps(SECRET)[1:-1], id="JSON"),
        pytest.param(json.dumps(SECRET, ensure_ascii=False)[1:-1], id="JSON with its own characters"),
        pytest.param(html.escape(SECRET), id="HTML"),
        pytest.param(html.escape(SECRET, quote=False), id="HTML with its own quotation marks"),
        pytest.param(base64.b64encode(SECRET.encode()).decode(), id="Base64"),
        pytest.param('p&auml;&ss+"w/ord %'.replace("&auml;", "&#xE4;"), id="HTML by numbers in part"),
        pytest.param("p&#228;&amp;ss+&#34;w/ord %", id="HTML as Jinja and Go have it"),
        pytest.param("p\\u00E4\\u0026ss+\\u0022w\\/ord %", id="JSON as PHP and Go have it"),
        pytest.param("p%c3%a4%26ss%2b%22w%2ford%20%25", id="percent-encoded in small letters"),
        pytest.param("p%C3%A4&ss+%22w/ord%20%25", id="percent-encoded in part"),
        pytest.param('p\\xe4\\x26ss+\\"w\\/ord %', id="JavaScript"),
    ],
)
def test_a_secret_is_hidden_however_it_is_spelt(spelling):
    """What an origin echoes may be encoded in its way."""
    masked = KnownSecrets([SECRET]).masked(f"before {spelling} after")

    assert masked.startswith("before ••••")
    assert masked.endswith(" after")
    assert spelling not in masked


@given(st.text(min_size=6), st.text(), st.text())
def test_no_secret_survives(secret, before, after):
    """Whatever stands around it."""
    assert secret not in KnownSecrets([secret]).masked(before + secret + after)


def test_a_short_secret_is_hidden_as_a_word():
    """A PIN is part of many a number that says something else."""
    assert KnownSecrets(["4711"]).masked('{"pin": "4711", "id": 947112}') == '{"pin": "••••", "id": 947112}'


def test_a_secret_that_begins_another_does_not_betray_it():
    """The longest match wins."""
    assert KnownSecrets(["abcdef", "abcdefghij"]).masked("abcdefghij") == "••••"


def profile(**grant):
    return ProfileSettings.model_validate(
        {
            "match": {"host": "api.example.com"},
            "credentials": {"username": "bot", "password": "sentinel-password"},
            "grant": {"token_endpoint": "https://api.example.com/token", **grant},
        }
    )


@pytest.mark.parametrize(
    ("grant", "secret"),
    [
        pytest.param({}, "sentinel-password", id="credentials"),
        pytest.param({"client_id": "c", "client_secret": "sentinel-a"}, "sentinel-a", id="client secret"),
        pytest.param(
            {"client_id": "c", "client_secret": "sentinel-a"},
            base64.b64encode(b"c:sentinel-a").decode(),
            id="Basic credentials",
        ),
        pytest.param({"headers": {"X-Api-Key": "sentinel-b"}}, "sentinel-b", id="header"),
        pytest.param({"query": {"key": "sentinel-c"}}, "sentinel-c", id="query"),
        pytest.param({"parameters": {"a": {"b": ["sentinel-d"]}}}, "sentinel-d", id="parameter"),
        pytest.param({"body": {"key": "sentinel-e"}}, "sentinel-e", id="body"),
    ],
)
def test_everything_secret_in_a_profile_is_known(grant, secret):
    """Wherever the settings may hold a secret, it is found."""
    masked = secrets_of(profile(**grant)).masked(f"<{secret}>")

    assert masked == "<••••>"


def test_the_repr_shows_no_secret():
    """It shows how many there are."""
    assert repr(KnownSecrets(["sentinel"])) == "KnownSecrets(1)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("Bearer {{access_token}}", "Bearer ••••{access_token}", id="scheme and placeholder"),
        pytest.param("{{username}}:{{token.a.b}}", "••••{username}:••••{token.a.b}", id="two placeholders"),
        pytest.param("fixed-api-key", "••••", id="a fixed value is a secret"),
        pytest.param("sentinel-password {{user}}", "•••• ••••{user}", id="a known secret beside one"),
        pytest.param("Key abc123 {{access_token}}", "Key •••• ••••{access_token}", id="a key beside one"),
    ],
)
def test_field_values_show_scheme_and_placeholders_only(value, shown):
    """A placeholder's value never shows, its name does; a fixed word beside it may be a key."""
    assert masked_template(compile_template(value), KnownSecrets(["sentinel-password"])) == shown


def test_every_text_of_a_token_response_counts():
    """Its members may be tokens under any name; short ones are words."""
    assert tokens_in({"a": "long-enough", "b": [{"c": "another-one"}], "d": "short", "e": 1234567}) == {
        "long-enough",
        "another-one",
    }


def test_credentials_of_connector_and_tenants_are_known():
    """A gateway's page may quote what it was sent, and an answer another tenant's password."""
    settings = ProfileSettings.model_validate(
        {
            "match": {"host": "api.example.com"},
            "tenancy": {
                "tenant": "acme",
                "tenants": {"acme": {"credentials": {"password": "of-the-tenant"}}},
            },
            "credentials": {"username": "bot-name"},
            "grant": {"token_endpoint": "https://login.example.com/token"},
            "connector": "http://gate:se%2Fcret-word@gateway:3128",
        }
    )
    basic = base64.b64encode(b"gate:se/cret-word").decode()

    shown = secrets_of(settings).masked(f"of-the-tenant se/cret-word se%2Fcret-word {basic} gateway")

    assert shown == "•••• •••• •••• •••• gateway"


@pytest.mark.parametrize(
    "spelt", ["\\" * 40, "\\" * 80, "&amp;" * 40, "%25" * 40], ids=["one", "two", "html", "url"]
)
def test_a_secret_of_many_escapes_is_found_in_time(spelt):
    """A hostile server chooses the token, and what is searched for it."""
    secret = {"\\": "\\" * 40, "&": "&" * 40, "%": "%" * 40}[spelt[0]]

    assert KnownSecrets([f"a{secret}b"]).masked(f"a{spelt}b") == "••••"
    assert KnownSecrets([f"a{secret}b"]).masked(f"a{spelt}{spelt}c") == f"a{spelt}{spelt}c"
