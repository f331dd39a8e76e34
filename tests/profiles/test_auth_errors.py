"""Which answers mean that the origin does not accept the token."""

from __future__ import annotations

import pytest

from profiles.auth_errors import INSPECTED_BYTES, AuthErrorMatch, AuthErrors
from profiles.model import ProfileSettings

NO, YES, BODY = AuthErrorMatch.NO, AuthErrorMatch.YES, AuthErrorMatch.BODY_DECIDES
CODE = '"code": *60[12]'
JSON = ((b"Content-Type", b"application/json"),)


def rules(auth_error=None):
    """As a profile's `auth_error` has them."""
    settings = {
        "match": {"host": "api.example.com"},
        "credentials": {"username": "u", "password": "p"},
        "grant": {"token_endpoint": "https://login.example.com/token"},
    }
    if auth_error is not None:
        settings["auth_error"] = auth_error
    return AuthErrors(ProfileSettings.model_validate(settings).auth_error)


@pytest.mark.parametrize(
    ("auth_error", "status", "headers", "expected"),
    [
        pytest.param(None, 401, (), YES, id="default-401"),
        pytest.param(None, 403, (), NO, id="default-not-403"),
        pytest.param(None, 200, (), NO, id="default-not-200"),
        pytest.param(403, 403, (), YES, id="one-status"),
        pytest.param(403, 401, (), NO, id="one-status-replaces-the-default"),
        pytest.param([401, 419], 419, (), YES, id="list"),
        pytest.param([401, {"status": 200, "body": CODE}], 401, (), YES, id="mixed-list-certain"),
        pytest.param([401, {"status": 200, "body": CODE}], 200, JSON, BODY, id="mixed-list-body"),
        pytest.param([{"status": 200, "body": CODE}], 201, JSON, NO, id="body-of-a-named-status-only"),
        pytest.param([{"status": 403}, {"status": 403, "body": CODE}], 403, (), YES, id="certain-wins"),
        pytest.param(
            [{"status": 200, "body": CODE}],
            200,
            ((b"content-type", b"text/event-stream"),),
            NO,
            id="never-of-an-event-stream",
        ),
        pytest.param(
            [{"status": 200, "body": CODE}],
            200,
            ((b"CONTENT-TYPE", b" Text/Event-Stream; charset=utf-8"),),
            NO,
            id="event-stream-in-another-spelling",
        ),
        pytest.param(
            401, 401, ((b"content-type", b"text/event-stream"),), YES, id="status-of-an-event-stream"
        ),
    ],
)
def test_the_head_decides_where_it_can(auth_error, status, headers, expected):
    """A body is asked for only where a rule names its status and wants a pattern in it."""
    assert rules(auth_error).match_head(status, headers) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, b'{"code": 601}', True, id="found"),
        pytest.param(200, b'{"x": {"code":602, "y": 1}}', True, id="found-inside"),
        pytest.param(200, b'{"code": 603}', False, id="other-code"),
        pytest.param(200, b"", False, id="empty"),
        pytest.param(500, b'{"code": 601}', False, id="other-status"),
        pytest.param(403, b"token expired", True, id="pattern-of-its-own-status"),
        pytest.param(403, b"token invalid", True, id="second-pattern-of-a-status"),
        pytest.param(403, b'{"code": 601}', False, id="pattern-of-another-status"),
        pytest.param(200, b" " * (INSPECTED_BYTES - 11) + b'"code": 601', True, id="just-inside-the-bound"),
        pytest.param(200, b" " * (INSPECTED_BYTES - 10) + b'"code": 601', False, id="just-behind-the-bound"),
    ],
)
def test_the_body_decides_by_the_patterns_of_its_status(status, body, expected):
    """In the first 64 KiB, and nowhere else."""
    auth_errors = rules(
        [
            {"status": 200, "body": CODE},
            {"status": 403, "body": "expired"},
            {"status": 403, "body": "invalid"},
        ]
    )

    assert auth_errors.match_body(status, JSON, body) is expected
