"""The answers of our own: problem documents (RFC 9457) with a Proxy-Status (RFC 9209)."""

from __future__ import annotations

import json
import re

import pytest

from profiles import errors
from profiles.answers import answer_of
from profiles.errors import (
    AuthorizationRequired,
    CleartextRefused,
    ConnectorUnavailable,
    CredentialsLocked,
    EndUserInvalid,
    EndUserNotAllowed,
    HostsDisagree,
    InternalError,
    OriginAnswerInvalid,
    OriginBusy,
    OriginNotAllowed,
    OriginUnreachable,
    PathAmbiguous,
    PathNotInjectable,
    PayloadNotInjectable,
    PayloadTooLarge,
    ProfileNotAllowed,
    ProxyAuthenticationRequired,
    Refusal,
    RequestMalformed,
    TenantUnknown,
    TokenEndpointUnreachable,
    TokenRequestRejected,
    TokenResponseInvalid,
    TooManyConnections,
    TooManyEntries,
    TraceRefused,
)

PROXY_ERRORS = {
    # RFC 9209 section 2.3: the types that a proxy may name here.
    "connection_limit_reached",
    "connection_timeout",
    "destination_unavailable",
    "http_protocol_error",
    "http_request_denied",
    "http_request_error",
    "proxy_configuration_error",
    "proxy_internal_error",
}

TABLE = [
    # DESIGN section 4, row by row.
    pytest.param(HostsDisagree("d"), 400, "hosts_disagree", id="hosts_disagree"),
    pytest.param(PathAmbiguous("d", profile="p"), 400, "path_ambiguous", id="path_ambiguous"),
    pytest.param(ProxyAuthenticationRequired("d"), 407, "proxy_authentication_required", id="not-a-client"),
    pytest.param(ProfileNotAllowed("d", profile="p"), 403, "profile_not_allowed", id="profile_not_allowed"),
    pytest.param(OriginNotAllowed("d"), 403, "origin_not_allowed", id="origin_not_allowed"),
    pytest.param(CleartextRefused("d", profile="p"), 403, "cleartext_refused", id="cleartext_refused"),
    pytest.param(PayloadNotInjectable("d"), 422, "payload_not_injectable", id="payload_not_injectable"),
    pytest.param(PathNotInjectable("d"), 422, "path_not_injectable", id="path_not_injectable"),
    pytest.param(PayloadTooLarge("d"), 413, "payload_too_large", id="payload_too_large"),
    pytest.param(TokenRequestRejected("d"), 502, "token_request_rejected", id="token_request_rejected"),
    pytest.param(TokenResponseInvalid("d"), 502, "token_response_invalid", id="token_response_invalid"),
    pytest.param(TokenEndpointUnreachable("d"), 502, "token_endpoint_unreachable", id="unreachable"),
    pytest.param(
        TokenEndpointUnreachable("d", timed_out=True), 504, "token_endpoint_unreachable", id="timed-out"
    ),
    pytest.param(TenantUnknown("d", profile="p"), 403, "tenant_unknown", id="tenant_unknown"),
    pytest.param(ConnectorUnavailable("d", profile="p"), 502, "connector_unavailable", id="connector"),
    pytest.param(CredentialsLocked("d", profile="p"), 503, "credentials_locked", id="credentials_locked"),
    pytest.param(OriginUnreachable("d"), 502, "origin_unreachable", id="origin_unreachable"),
    pytest.param(OriginUnreachable("d", timed_out=True), 504, "origin_unreachable", id="origin-timed-out"),
    pytest.param(OriginAnswerInvalid("d"), 502, "origin_answer_invalid", id="origin_answer_invalid"),
    pytest.param(OriginBusy("d", profile="p"), 503, "origin_busy", id="origin_busy"),
    pytest.param(RequestMalformed("d"), 400, "request_malformed", id="request_malformed"),
    *(
        pytest.param(
            RequestMalformed("d", status=status), status, "request_malformed", id=f"malformed-{status}"
        )
        for status in (408, 413, 414, 431, 501, 505)
    ),
    pytest.param(EndUserInvalid("d", profile="p"), 400, "end_user_invalid", id="end_user_invalid"),
    pytest.param(EndUserNotAllowed("d", profile="p"), 403, "end_user_not_allowed", id="end_user_not_allowed"),
    pytest.param(AuthorizationRequired("d", profile="p"), 403, "authorization_required", id="not-authorized"),
    pytest.param(
        AuthorizationRequired("d", profile="p", authorize_url="http://c/a", is_led=True),
        303,
        "authorization_required",
        id="led-to-authorize",
    ),
    pytest.param(TooManyEntries("d", profile="p"), 429, "too_many_entries", id="too_many_entries"),
    pytest.param(TraceRefused("d", profile="p"), 403, "trace_refused", id="trace_refused"),
    pytest.param(TooManyConnections("d"), 503, "too_many_connections", id="too_many_connections"),
    pytest.param(InternalError("d"), 500, "internal_error", id="internal_error"),
]


def fields(answer):
    names = [name.decode().lower() for name, _ in answer.headers]
    assert len(names) == len(set(names))
    return dict(zip(names, (value.decode() for _, value in answer.headers), strict=True))


def problem(answer):
    return json.loads(answer.content)


@pytest.mark.parametrize(("refusal", "status", "slug"), TABLE)
def test_each_refusal_has_its_status_and_slug(refusal, status, slug):
    """In the status line, the problem document and the Proxy-Status alike."""
    answer = answer_of(refusal)

    assert answer.status == problem(answer)["status"] == status
    assert problem(answer)["slug"] == slug
    assert problem(answer)["type"] == f"urn:grantproxy:problem:{slug}"
    assert problem(answer)["title"]
    assert fields(answer)["proxy-status"].endswith(f'; details="{slug}"')


@pytest.mark.parametrize(("refusal", "status", "slug"), TABLE)
def test_each_answer_is_a_whole_problem_document(refusal, status, slug):
    """With the fields that a client, a cache and a proxy in front need."""
    answer = answer_of(refusal)
    found = fields(answer)

    assert found["content-type"] == "application/problem+json"
    assert found["content-length"] == str(len(answer.content))
    assert found["cache-control"] == "no-store"
    # RFC 9209 section 2: a structured list of one token with parameters.
    error = re.fullmatch(r'grantproxy; error=([a-z_]+); details="[a-z_]+"', found["proxy-status"])[1]
    assert error in PROXY_ERRORS


def test_every_refusal_stands_in_the_table():
    """None is without a row, and no two share a slug."""
    leaves = {
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, Refusal) and item is not Refusal
    }
    rows = {type(row.values[0]): row.values[2] for row in TABLE}

    assert leaves - set(rows) == set()
    assert len(set(rows.values())) == len(rows)


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        pytest.param(RequestMalformed(status=414), "http_request_error", id="malformed"),
        pytest.param(TooManyConnections(), "connection_limit_reached", id="connections"),
        pytest.param(OriginBusy(), "connection_limit_reached", id="busy"),
        pytest.param(OriginAnswerInvalid(), "http_protocol_error", id="answer"),
        pytest.param(OriginUnreachable(), "destination_unavailable", id="unreachable"),
        pytest.param(OriginUnreachable(timed_out=True), "connection_timeout", id="timed-out"),
    ],
)
def test_proxy_status_tells_the_ends_of_a_connection_apart(refusal, error):
    """By the error types of RFC 9209 section 2.3: an operator sees whose fault it was."""
    assert f"; error={error}; " in fields(answer_of(refusal))["proxy-status"]


@pytest.mark.parametrize(
    ("refusal", "members"),
    [
        pytest.param(HostsDisagree(), {}, id="nothing-more"),
        pytest.param(HostsDisagree("they differ"), {"detail": "they differ"}, id="detail"),
        pytest.param(CleartextRefused(profile="orders"), {"profile": "orders"}, id="profile"),
        pytest.param(
            TokenRequestRejected("no", profile="orders", error="invalid_grant", upstream_status=400),
            {"detail": "no", "profile": "orders", "error": "invalid_grant"},
            id="error-code",
        ),
        pytest.param(TokenRequestRejected("no"), {"detail": "no"}, id="no-error-code"),
    ],
)
def test_a_problem_says_what_there_is_to_say(refusal, members):
    """Detail, profile and the authorization server's code where they are known, and no empty members."""
    standard = {"type", "title", "status", "slug"}

    assert {
        key: value for key, value in problem(answer_of(refusal)).items() if key not in standard
    } == members


@pytest.mark.parametrize(
    ("refusal", "retry_after"),
    [
        pytest.param(CredentialsLocked(), "300", id="locked"),
        pytest.param(TokenRequestRejected(retry_after=42, upstream_status=429), "42", id="quirk-21-429"),
        pytest.param(TokenEndpointUnreachable(retry_after=7), "7", id="503"),
        pytest.param(TokenEndpointUnreachable(retry_after=0), "1", id="at-once-is-a-second"),
        pytest.param(TokenEndpointUnreachable(), None, id="unreachable"),
        pytest.param(TokenRequestRejected(), None, id="rejected"),
        pytest.param(TokenResponseInvalid(), None, id="invalid"),
        pytest.param(OriginBusy(), "1", id="busy"),
        pytest.param(TooManyConnections(), "1", id="connections"),
        pytest.param(RequestMalformed(status=408), None, id="malformed"),
        pytest.param(HostsDisagree(), None, id="waiting-does-not-help"),
    ],
)
def test_retry_after_stands_where_waiting_helps(refusal, retry_after):
    """In whole seconds, one at least."""
    assert fields(answer_of(refusal)).get("retry-after") == retry_after


@pytest.mark.parametrize(("refusal", "status", "slug"), TABLE)
def test_only_a_407_challenges(refusal, status, slug):
    """With Basic, in UTF-8 (RFC 7617 section 2.1)."""
    challenge = fields(answer_of(refusal)).get("proxy-authenticate")

    assert challenge == ('Basic realm="grantproxy", charset="UTF-8"' if status == 407 else None)


def test_no_text_breaks_the_answer():
    """Whatever stands in a detail, it stays inside its JSON string, in ASCII; no field takes it up."""
    refusal = TokenRequestRejected('a"b\r\nX-Evil: 1\ud83d\u2028', profile='p"\r\n', error="x")

    answer = answer_of(refusal)

    assert problem(answer)["detail"] == refusal.detail
    assert answer.content.isascii()
    assert answer.content.count(b"\n") == 1
    assert all(b"\r" not in value and b"Evil" not in value for _, value in answer.headers)
