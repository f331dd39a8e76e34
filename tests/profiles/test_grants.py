"""Token requests: what the profile says stands in them at its place, and no value stands anywhere else."""

from __future__ import annotations

import json
import secrets
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import CleartextRefused, TokenRequestRejected
from profiles.model import ContentType
from tests.profiles.grant_building import (
    CONTENT_TYPES,
    METHODS,
    body_of,
    fields_of,
    grant_of,
    query_of,
    texts_in,
)

VALUES = {"username": "bot", "password": "p", "tenant": "acme", "pin": 4711}

AWKWARD = {
    "ampersand": "a&b=c&password=x",
    "plus": "a+b+c",
    "percent": "100%41%zz%",
    "spaces": "two  spaces here",
    "colons": "a:b::c",
    "quotes": "\"double\" 'single' `back`",
    "line breaks": "first\nsecond\r\nthird",
    "brackets": "<a>&lt;{{tenant}}{tenant}[c]]>--></a>",
    "separators": "a,b;c|d\te\\f",
    "non-ascii": "pässwörd-€-密码-😀",
    "twitter's": "!*'()~-._",
}


def test_the_password_request_is_the_rfcs() -> None:
    """RFC 6749 section 4.3.2: grant_type, username, password and scope, form-encoded, by POST."""
    request = grant_of(scope="read write").password_request(VALUES)

    assert (request.method, request.url, request.grant_type) == (
        "POST",
        "https://as.example/token",
        "password",
    )
    assert request.content == b"grant_type=password&username=bot&password=p&scope=read+write"
    assert fields_of(request) == {
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
    }


def test_the_refresh_request_is_the_rfcs() -> None:
    """RFC 6749 section 6: the refresh token, no password, and no scope, which then means what was granted."""
    request = grant_of(scope=["read"]).refresh_request(VALUES, "r-1")

    assert request.content == b"grant_type=refresh_token&refresh_token=r-1"
    assert request.grant_type == "refresh_token"


def test_custom_form_fields_are_sent_along_with_the_password_alone() -> None:
    """A PIN goes with every password request under its key, typed where the body can say so; one that
    has no value is left out."""
    grant = grant_of(form_keys=("username", "password", "pin", "nickname"), content_type="json")

    assert body_of(grant.password_request(VALUES)) == {
        "grant_type": "password",
        "username": "bot",
        "password": "p",
        "pin": 4711,
    }
    assert "pin" not in body_of(grant.refresh_request(VALUES, "r"))


def test_parameters_are_added_to_both_requests() -> None:
    """`parameters` stand beside the standard ones, or in the place of one of the same name."""
    grant = grant_of(VALUES, parameters={"audience": "orders-{{tenant}}", "grant_type": "custom"})

    for request in (grant.password_request(VALUES), grant.refresh_request(VALUES, "r")):
        sent = body_of(request)
        assert (sent["audience"], sent["grant_type"]) == ("orders-acme", "custom")


def test_body_and_refresh_body_replace_the_standard_parameters() -> None:
    """quirk-13: other parameter names; each body is for its own request, the types of values kept."""
    grant = grant_of(
        VALUES,
        form_keys=("username", "password", "pin"),
        content_type="json",
        body={
            "CompanyDB": "{{tenant}}",
            "User": {"Name": "{{username}}", "Pins": ["{{pin}}", 1, True, None]},
        },
        refresh_body={"token": "{{refresh_token}}"},
        parameters={"deep": {"t": "{{tenant}}-x"}},
    )

    assert body_of(grant.password_request(VALUES)) == {
        "CompanyDB": "acme",
        "User": {"Name": "bot", "Pins": [4711, 1, True, None]},
        "deep": {"t": "acme-x"},
    }
    assert body_of(grant.refresh_request(VALUES, "r-1")) == {"token": "r-1", "deep": {"t": "acme-x"}}


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [
        pytest.param("urlencoded", {"grant_type": "password", "username": "bot"}, id="left out of a form"),
        pytest.param(
            "json",
            {"grant_type": "password", "username": "bot", "password": None},
            id="null where JSON has it",
        ),
    ],
)
def test_a_null_parameter(content_type, sent) -> None:
    """What is null is sent as null where the content type can say it, and else not at all."""
    grant = grant_of(content_type=content_type, parameters={"password": None})

    assert body_of(grant.password_request(VALUES)) == sent


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_without_a_body_a_null_parameter_is_left_out(method) -> None:
    """A query has no null."""
    grant = grant_of(content_type="json", method=method, parameters={"password": None})

    assert query_of(grant.password_request(VALUES)) == {"grant_type": "password", "username": "bot"}


def test_nested_values_in_a_form_are_json_text() -> None:
    """The source calls the type "URL Encoded JSON"."""
    grant = grant_of(VALUES, parameters={"claims": {"tenant": "{{tenant}}", "n": [1, 2]}})

    sent = body_of(grant.password_request(VALUES))

    assert json.loads(sent["claims"]) == {"tenant": "acme", "n": [1, 2]}


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize(
    "password", [pytest.param(text, id=f"quirk-14-{name}") for name, text in AWKWARD.items()]
)
def test_any_password_arrives_in_every_content_type(content_type, password) -> None:
    """A server that reads the body as its media type says finds the very password."""
    request = grant_of(content_type=content_type).password_request({**VALUES, "password": password})

    assert password in set(texts_in(body_of(request)))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "password", [pytest.param(text, id=f"quirk-14-{name}") for name, text in AWKWARD.items()]
)
def test_any_password_arrives_in_a_query(method, password) -> None:
    """A value ends where it ends: it adds no parameter and no fragment."""
    request = grant_of(method=method).password_request({**VALUES, "password": password})

    assert query_of(request) == {"grant_type": "password", "username": "bot", "password": password}
    assert urlsplit(request.url).fragment == ""


@settings(deadline=None)
@given(st.text(), st.sampled_from([ContentType.URLENCODED, ContentType.JSON]))
def test_text_of_any_kind_arrives(password, content_type) -> None:
    """Property: the two usual content types carry every text there is."""
    request = grant_of(content_type=content_type).password_request({**VALUES, "password": password})

    sent = (
        json.loads(request.content)
        if content_type is ContentType.JSON
        else dict(parse_qsl(request.content.decode(), keep_blank_values=True))
    )
    assert sent["password"] == password


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("prefix", ["", "refresh_"])
def test_every_method_with_every_content_type(method, content_type, prefix) -> None:
    """The parameters are in the body, or with GET and DELETE in the query and then no body is sent."""
    other = "POST" if method == "GET" else "GET"
    grant = grant_of(
        **(
            {"method": method, "content_type": content_type}
            if not prefix
            else {"method": other, "refresh_method": method, "refresh_content_type": content_type}
        )
    )

    request = grant.refresh_request(VALUES, "s-1") if prefix else grant.password_request(VALUES)

    secret = "s-1" if prefix else "p"
    assert (request.method, request.content_type) == (method, content_type)
    if method in ("GET", "DELETE"):
        assert request.content is None
        assert "content-type" not in fields_of(request)
        assert secret in query_of(request).values()
    else:
        assert secret in set(texts_in(body_of(request)))
        assert query_of(request) == {}


def test_headers_and_query_hold_values() -> None:
    """`{{values}}` in both, numbers as their text; the query stands beside the address's own."""
    grant = grant_of(
        VALUES,
        token_endpoint="https://as.example/token?v=1",
        headers={"X-Tenant": "{{tenant}}", "X-Pin": "{{pin}}"},
        query={"t": "{{tenant}} & co", "pin": "{{pin}}"},
    )

    request = grant.password_request(VALUES)

    assert query_of(request) == {"v": "1", "t": "acme & co", "pin": "4711"}
    assert {name: fields_of(request)[name] for name in ("x-tenant", "x-pin")} == {
        "x-tenant": "acme",
        "x-pin": "4711",
    }


def test_a_query_value_wins_over_a_parameter_of_its_name() -> None:
    """With GET both stand in the query, and none stands there twice."""
    request = grant_of(method="GET", query={"username": "other"}).password_request(VALUES)

    assert query_of(request)["username"] == "other"


def test_a_header_of_the_profile_replaces_ours() -> None:
    """However it is spelt: two Content-Type fields would be read by chance."""
    request = grant_of(headers={"content-type": "application/vnd.x", "ACCEPT": "*/*"}).password_request(
        VALUES
    )

    assert fields_of(request) == {"content-type": "application/vnd.x", "accept": "*/*"}


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_the_answer_is_asked_for_in_json_too(content_type) -> None:
    """RFC 6749 section 5.1 has the answer in JSON, whatever the request is written in."""
    accept = fields_of(grant_of(content_type=content_type).password_request(VALUES))["accept"]

    assert "application/json" in accept


# -- the refresh request's own settings


def test_the_refresh_request_takes_what_it_has_no_key_for_from_the_password_request() -> None:
    """quirk-15: null means "as the password request"."""
    grant = grant_of(
        VALUES,
        method="PUT",
        content_type="json",
        headers={"X-A": "1"},
        query={"q": "1"},
        parameters={"p": "1"},
    )

    request = grant.refresh_request(VALUES, "r")

    assert (request.method, request.url) == ("PUT", "https://as.example/token?q=1")
    assert fields_of(request)["x-a"] == "1"
    assert body_of(request) == {"grant_type": "refresh_token", "refresh_token": "r", "p": "1"}


def test_the_refresh_request_has_settings_of_its_own() -> None:
    """quirk-15: each replaces what the password request has, and leaves that as it is."""
    grant = grant_of(
        VALUES,
        headers={"X-A": "1"},
        query={"q": "1"},
        parameters={"p": "1"},
        refresh_endpoint="https://as.example/refresh/{{refresh_token}}?t={tenant}",
        refresh_method="PATCH",
        refresh_content_type="json",
        refresh_headers={"X-Refresh": "{{refresh_token}}"},
        refresh_query={"r": "{{refresh_token}}"},
        refresh_parameters={"x": "{{refresh_token}}"},
    )

    request = grant.refresh_request(VALUES, "r/1")
    password = grant.password_request(VALUES)

    assert (request.method, request.content_type) == ("PATCH", ContentType.JSON)
    assert request.url == "https://as.example/refresh/r%2F1?t=acme&r=r%2F1"
    assert fields_of(request) == {
        "accept": "application/json",
        "content-type": "application/json",
        "x-refresh": "r/1",
    }
    assert body_of(request) == {"grant_type": "refresh_token", "refresh_token": "r/1", "x": "r/1"}
    assert (password.method, password.url) == ("POST", "https://as.example/token?q=1")
    assert (fields_of(password)["x-a"], body_of(password)["p"]) == ("1", "1")


def test_an_empty_mapping_takes_everything_away() -> None:
    """`refresh_headers: {}` is not null: the refresh request has none."""
    grant = grant_of(
        headers={"X-A": "1"},
        query={"q": "1"},
        parameters={"p": "1"},
        refresh_headers={},
        refresh_query={},
        refresh_parameters={},
    )

    request = grant.refresh_request(VALUES, "r")

    assert (request.url, "x-a" in fields_of(request), "p" in body_of(request)) == (
        "https://as.example/token",
        False,
        False,
    )


# -- what is refused


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        pytest.param(
            {"headers": {"X-T": "{{tenant}}"}}, {"tenant": "a\r\nX-Evil: 1"}, id="line break in a header"
        ),
        pytest.param({"headers": {"X-T": "{{tenant}}"}}, {"tenant": "密码"}, id="header beyond Latin-1"),
        pytest.param({}, {"password": "half\ud800"}, id="half a surrogate pair in a form"),
        pytest.param(
            {"content_type": "json"}, {"password": "half\ud800"}, id="half a surrogate pair in JSON"
        ),
        pytest.param({"method": "GET"}, {"password": "half\ud800"}, id="half a surrogate pair in a query"),
        pytest.param(
            {"token_endpoint": "https://{tenant}.as.example/token"},
            {"tenant": "evil.com#"},
            id="a host in a host",
        ),
        pytest.param(
            {"token_endpoint": "https://as.example/{tenant}/token"}, {"tenant": ".."}, id="a dot segment"
        ),
        pytest.param({"parameters": {"t": "{{tenant}}"}}, {"tenant": None}, id="nothing there"),
    ],
)
def test_a_value_that_cannot_stand_is_refused_without_it(settings, values) -> None:
    """The request is not built; the refusal tells neither the value nor counts as the server's no."""
    grant = grant_of({"tenant": ""}, **settings)

    with pytest.raises(TokenRequestRejected) as refused:
        grant.password_request({**VALUES, **values})

    assert (refused.value.profile, refused.value.upstream_status) == ("orders", None)
    assert not any(value and value in refused.value.detail for value in values.values())
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        pytest.param("as.example", True, id="elsewhere"),
        pytest.param("localhost", False, id="localhost"),
        pytest.param("api.localhost", False, id="below localhost"),
        pytest.param("127-0-0-1", True, id="looks like loopback"),
    ],
)
def test_credentials_travel_without_tls_to_loopback_alone(host, refused) -> None:
    """hazard-16, invariant I5: decided for the host that the values make."""
    first, _, rest = host.partition(".")
    text = "http://{tenant}" + (f".{rest}" if rest else "") + ":8080/token"
    grant = grant_of({"tenant": ""}, token_endpoint=text)

    if refused:
        with pytest.raises(CleartextRefused):
            grant.password_request({**VALUES, "tenant": first})
    else:
        assert grant.password_request({**VALUES, "tenant": first}).url == f"http://{host}:8080/token"


def test_allow_cleartext_allows_it() -> None:
    """The profile says so, and then it is its own risk."""
    grant = grant_of(token_endpoint="http://as.example/token", allow_cleartext=True)

    assert grant.password_request(VALUES).url == "http://as.example/token"


def test_no_repr_shows_a_secret() -> None:
    """hazard-16: neither the grant's, its plans' nor a request's, wherever the secret stands in it."""
    sentinel = secrets.token_urlsafe(16)
    grant = grant_of(
        VALUES,
        token_endpoint=f"https://as.example/{sentinel}",
        client_id="c",
        client_secret=sentinel,
        headers={"X-Key": sentinel},
        query={"key": sentinel},
        parameters={"key": sentinel},
        refresh_body={"key": sentinel},
    )
    requests = [
        grant.password_request({**VALUES, "password": sentinel}),
        grant.refresh_request(VALUES, sentinel),
    ]

    shown = repr([grant, grant.password, grant.refresh, grant.password.endpoint, *requests]) + str(grant)

    assert all(sentinel in request.url and sentinel in str(request.headers) for request in requests)
    assert sentinel not in shown
