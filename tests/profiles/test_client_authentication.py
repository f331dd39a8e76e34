"""The client authenticates itself in the one way that the profile says, whatever the method."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import unquote_plus

import pytest
from pydantic import ValidationError

from tests.profiles.grant_building import METHODS, body_of, fields_of, grant_of, query_of

VALUES = {"username": "bot", "password": "p"}
CLIENT_ID = "bot client:1"
SECRET = "s&e+c=r%t: ü"
FORM_ENCODED = b"bot+client%3A1:s%26e%2Bc%3Dr%25t%3A+%C3%BC"


def requests_of(grant):
    return grant.password_request(VALUES), grant.refresh_request(VALUES, "r")


def parameters_of(request):
    return query_of(request) if request.content is None else body_of(request)


@pytest.mark.parametrize("method", METHODS)
def test_basic_form_encodes_id_and_secret_first(method) -> None:
    """RFC 6749 section 2.3.1: so that neither a colon nor a byte beyond ASCII is left in them."""
    grant = grant_of(method=method, client_id=CLIENT_ID, client_secret=SECRET)

    for request in requests_of(grant):
        scheme, _, pair = fields_of(request)["authorization"].partition(" ")
        client_id, _, secret = base64.b64decode(pair).partition(b":")
        assert (scheme, base64.b64decode(pair)) == ("Basic", FORM_ENCODED)
        assert (unquote_plus(client_id.decode()), unquote_plus(secret.decode())) == (CLIENT_ID, SECRET)
        assert not {"client_id", "client_secret"} & set(parameters_of(request))


@pytest.mark.parametrize("method", METHODS)
def test_raw_basic_sends_them_as_they_are(method) -> None:
    """RFC 7617, for the servers that decode nothing."""
    grant = grant_of(
        method=method, client_id="bot", client_secret=SECRET, client_authentication="client_secret_basic_raw"
    )

    for request in requests_of(grant):
        pair = fields_of(request)["authorization"].removeprefix("Basic ")
        assert base64.b64decode(pair).decode() == f"bot:{SECRET}"
        assert not {"client_id", "client_secret"} & set(parameters_of(request))


@pytest.mark.parametrize("method", METHODS)
def test_post_sends_them_with_the_parameters(method) -> None:
    """Where the parameters go, id and secret go, and no Authorization field beside them."""
    grant = grant_of(
        method=method, client_id=CLIENT_ID, client_secret=SECRET, client_authentication="client_secret_post"
    )

    for request in requests_of(grant):
        sent = parameters_of(request)
        assert (sent["client_id"], sent["client_secret"]) == (CLIENT_ID, SECRET)
        assert "authorization" not in fields_of(request)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="quirk-11-no secret at all"),
        pytest.param(
            {"client_secret": SECRET, "client_authentication": "none"}, id="a secret that is not sent"
        ),
    ],
)
def test_none_sends_the_id_alone(method, settings) -> None:
    """RFC 6749 section 3.2.1: a public client names itself by client_id."""
    grant = grant_of(method=method, client_id=CLIENT_ID, **settings)

    for request in requests_of(grant):
        sent = parameters_of(request)
        assert (sent["client_id"], "client_secret" in sent) == (CLIENT_ID, False)
        assert "authorization" not in fields_of(request)


def test_without_a_client_nothing_names_one() -> None:
    """Many password logins know no client."""
    for request in requests_of(grant_of()):
        assert "client_id" not in parameters_of(request)
        assert "authorization" not in fields_of(request)


@pytest.mark.parametrize(
    ("settings", "second"),
    [
        pytest.param(
            {"headers": {"authorization": "Bearer x"}}, "header field authorization", id="basic and header"
        ),
        pytest.param(
            {"parameters": {"client_secret": "x"}}, "parameters.client_secret", id="basic and parameter"
        ),
        pytest.param({"body": {"client_secret": "x"}}, "body.client_secret", id="basic and body"),
        pytest.param({"query": {"client_secret": "x"}}, "query.client_secret", id="basic and query"),
        pytest.param(
            {"refresh_body": {"client_secret": "x"}}, "refresh_body.client_secret", id="refresh body"
        ),
        pytest.param({"refresh_headers": {"Authorization": "x"}}, "header field", id="refresh headers"),
        pytest.param(
            {"client_authentication": "client_secret_post", "headers": {"Authorization": "Basic eA=="}},
            "header field",
            id="post and basic by hand",
        ),
        pytest.param(
            {"client_authentication": "client_secret_post", "query": {"client_secret": "x"}},
            "query.client_secret",
            id="post and query",
        ),
        pytest.param(
            {
                "client_authentication": "none",
                "headers": {"Authorization": "Basic eA=="},
                "body": {"client_secret": "x"},
            },
            "body.client_secret",
            id="two by hand",
        ),
    ],
)
def test_two_ways_at_once_are_refused(settings, second) -> None:
    """quirk-11: the secret would be sent twice, and count for two log-in attempts."""
    with pytest.raises(ValueError, match="authenticate the client twice") as refused:
        grant_of(client_id="c", client_secret=secrets.token_hex(8), **settings)

    assert second in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"headers": {"Authorization": "Basic eA=="}}, id="a header alone"),
        pytest.param(
            {"client_id": "c", "headers": {"Authorization": "Basic eA=="}}, id="a public client's header"
        ),
        pytest.param({"parameters": {"client_id": "c", "client_secret": "x"}}, id="parameters alone"),
        pytest.param(
            {
                "client_id": "c",
                "client_secret": "s",
                "client_authentication": "client_secret_post",
                "headers": {"Authorization": "ApiKey gateway"},
            },
            id="another scheme is a gateway's",
        ),
    ],
)
def test_one_way_by_hand_is_fine(settings) -> None:
    """What the profile writes itself is left to it."""
    assert all(requests_of(grant_of(**settings)))


def test_a_colon_in_a_raw_id_is_refused() -> None:
    """RFC 7617 section 2: a server would read its end as the beginning of the secret."""
    with pytest.raises(ValueError, match="colon"):
        grant_of(client_id="a:b", client_secret="s", client_authentication="client_secret_basic_raw")


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_basic_raw"])
def test_a_secret_that_utf8_does_not_have_is_refused_without_it(way) -> None:
    """hazard-16: Python's own message would quote it."""
    with pytest.raises(ValueError, match="client_secret") as refused:
        grant_of(client_id="c", client_secret="hunter2\ud800", client_authentication=way)

    assert (type(refused.value), "hunter2" in str(refused.value)) == (ValueError, False)


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_basic_raw", "client_secret_post"])
def test_a_way_without_a_secret_is_refused(way) -> None:
    """There would be nothing to send."""
    with pytest.raises(ValidationError, match="needs client_secret"):
        grant_of(client_id="c", client_authentication=way)
