"""A token request that failed is explained in one sentence, in plain words and never in the server's."""

import json
import secrets

import pytest

from profiles.errors import CleartextRefused, Refusal, TokenEndpointUnreachable
from profiles.grant_reasons import reason_of
from profiles.model import ContentType, GrantSettings
from profiles.response_places import compile_response_plan
from profiles.token_answer import TokenAnswer
from profiles.token_response import parse_token_response

TOKEN = f"sentinel{secrets.token_hex(12)}"
SETTINGS = GrantSettings(token_endpoint="https://a.example/token")


def answer(status, body=b"", media_type="application/json"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return TokenAnswer(status, (("Content-Type", media_type), ("Location", f"/{TOKEN}")), content)


def error(code, status=400):
    return answer(status, {"error": code, "error_description": TOKEN})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(
            error("invalid_grant"), "how servers answer a wrong user name or password", id="invalid_grant"
        ),
        pytest.param(
            error("invalid_request"),
            "a parameter that is missing, and some of them a wrong user name",
            id="invalid_request",
        ),
        pytest.param(
            error("invalid_client", 401),
            "does not know this client_id, or does not take its secret",
            id="invalid_client",
        ),
        pytest.param(
            error("unauthorized_client"), "may not use the password grant", id="unauthorized_client"
        ),
        pytest.param(error("unsupported_grant_type"), "does not offer the password grant", id="unsupported"),
        pytest.param(error("invalid_scope"), "does not grant the scope", id="invalid_scope"),
        pytest.param(error("invalid_grant", 200), "a wrong user name or password", id="error-in-a-200"),
        pytest.param(answer(401), "a client that they do not know or a wrong user name", id="401"),
        pytest.param(answer(403), "forbids it", id="403"),
        pytest.param(answer(404), "no token endpoint at this address", id="404"),
        pytest.param(answer(405), "takes another method", id="405"),
        pytest.param(answer(415), "takes another content type", id="415"),
        pytest.param(answer(429), "too many token requests", id="429"),
        pytest.param(answer(302), "a redirect, which is never followed", id="redirect"),
        pytest.param(answer(200), "with an empty body", id="empty"),
        pytest.param(
            answer(200, {"data": {"token": TOKEN}}), "because there is none at access_token", id="elsewhere"
        ),
        pytest.param(
            answer(200, b"<html><input type=password>"), "a page where people log in", id="log-in-page"
        ),
        pytest.param(answer(403, b"<!doctype html><h1>No"), "a page for people", id="another-page"),
    ],
)
def test_each_no_is_explained(given, words):
    """What the server wrote itself is left out."""
    plan = compile_response_plan(SETTINGS.response, "seconds")
    with pytest.raises(Refusal) as refused:
        parse_token_response(plan, given, ContentType.URLENCODED, 0)

    reason = reason_of(refused.value, given, SETTINGS)

    assert words in reason
    assert TOKEN not in reason


@pytest.mark.parametrize(
    ("refusal", "given", "reason"),
    [
        pytest.param(
            TokenEndpointUnreachable("the token endpoint refuses connections"),
            None,
            "The token endpoint cannot be reached: the token endpoint refuses connections",
            id="unreachable",
        ),
        pytest.param(
            TokenEndpointUnreachable("the token endpoint answered 503"),
            answer(503),
            "The token endpoint cannot be reached: the token endpoint answered 503, "
            "so the server failed itself, which says nothing about the password",
            id="out-of-order",
        ),
        pytest.param(CleartextRefused(), None, "A credential would travel unencrypted", id="cleartext"),
    ],
)
def test_what_brought_no_answer_of_use_is_told_too(refusal, given, reason):
    """In the words of the refusal."""
    assert reason_of(refusal, given, SETTINGS) == reason
