"""What is wrong with a grant is said when it is loaded: with the key, and without a value."""

from __future__ import annotations

import pytest

from tests.profiles.grant_building import grant_of


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"token_endpoint": "token"}, "token_endpoint must be", id="token endpoint"),
        pytest.param({"refresh_endpoint": "refresh"}, "refresh_endpoint must be", id="refresh endpoint"),
        pytest.param({"refresh_endpoint": ""}, "refresh_endpoint must be", id="empty refresh endpoint"),
        pytest.param({"token_endpoint": "http://a.example/t"}, "without TLS", id="cleartext"),
        pytest.param(
            {"refresh_endpoint": "http://a.example/t"}, "refresh_endpoint .*without TLS", id="its refresh"
        ),
        pytest.param({"headers": {"X-A": "{{nobody}}"}}, "headers: nothing provides .* nobody", id="headers"),
        pytest.param({"query": {"a": "{{nobody}}"}}, "query: nothing provides", id="query"),
        pytest.param({"parameters": {"a": ["{{nobody}}"]}}, "parameters: nothing provides", id="parameters"),
        pytest.param({"body": {"a": {"b": "{{nobody}}"}}}, "^body: nothing provides", id="body"),
        pytest.param(
            {"body": {"a": "{{refresh_token}}"}}, "^body: nothing provides", id="no refresh token yet"
        ),
        pytest.param({"headers": {"a": "{{refresh_token}}"}}, "headers: nothing provides", id="nor for both"),
        pytest.param(
            {"refresh_body": {"a": "{{nobody}}"}}, "refresh_body: nothing provides", id="refresh body"
        ),
        pytest.param(
            {"refresh_headers": {"a": "{{x}}"}}, "refresh_headers: nothing provides", id="refresh headers"
        ),
        pytest.param(
            {"refresh_query": {"a": "{{x}}"}}, "refresh_query: nothing provides", id="refresh query"
        ),
        pytest.param(
            {"refresh_parameters": {"a": "{{x}}"}}, "refresh_parameters: nothing", id="refresh parameters"
        ),
        pytest.param({"parameters": {"a": "{{username"}}, "parameters holds braces", id="braces"),
        pytest.param({"headers": {"X A": "1"}}, "headers has a name", id="header name"),
        pytest.param({"headers": {"X\r\nA": "1"}}, "headers has a name", id="header name with a line break"),
        pytest.param({"headers": {"x-a": "1", "X-A": "2"}}, "more than once", id="header twice"),
        pytest.param({"headers": {"Content-Length": "1"}}, "the proxy's to write", id="framing"),
        pytest.param({"refresh_headers": {"host": "x"}}, "refresh_headers has host", id="host"),
        pytest.param({"response": {"access_token": "a..b"}}, "response.access_token", id="JMESPath"),
        pytest.param(
            {"response": {"access_token": "header:"}}, "response.access_token names no header", id="place"
        ),
    ],
)
def test_a_problem_names_its_key(settings, message) -> None:
    """One sentence that begins with the key that has to be changed."""
    with pytest.raises(ValueError, match=message):
        grant_of(**settings)


@pytest.mark.parametrize(
    ("own", "text", "message"),
    [
        pytest.param("evil.com", "https://{tenant}/t", "token_endpoint has tenant in its host", id="dot"),
        pytest.param(
            "a#", "https://{tenant}.a.example/t", "token_endpoint has tenant in its host", id="hash"
        ),
        pytest.param("127", "https://{tenant}/t", "token_endpoint is not an IPv4 address", id="number"),
        pytest.param("elsewhere", "http://{tenant}/t", "without TLS", id="cleartext"),
    ],
)
def test_the_profiles_own_value_is_tried_in_the_host_at_once(own, text, message) -> None:
    """`tenancy.tenant` is known when the profile is loaded: nobody has to wait for the first request."""
    with pytest.raises(ValueError, match=message) as refused:
        grant_of({"tenant": own}, own={"tenant": own}, token_endpoint=text)

    assert own not in str(refused.value)


def test_the_profiles_own_value_may_be_the_host() -> None:
    """A whole-host placeholder is fine where no request fills it."""
    grant = grant_of(
        {"tenant": "localhost"}, own={"tenant": "localhost"}, token_endpoint="http://{tenant}:8080/t"
    )

    request = grant.password_request({"tenant": "localhost", "username": "u", "password": "p"})

    assert request.url == "http://localhost:8080/t"


def test_a_value_that_a_capture_replaces_is_not_the_host_alone() -> None:
    """`tenancy.tenant` stands in where a match captured none, so what is captured counts too."""
    with pytest.raises(ValueError, match="lets tenant choose the host"):
        grant_of(
            {"tenant": "a"}, own={"tenant": "a"}, captured=("tenant",), token_endpoint="https://{tenant}/t"
        )
