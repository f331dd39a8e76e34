"""The server's no: its error code is passed on, and nothing else of what it says."""

from __future__ import annotations

import pytest

from profiles.token_rejections import error_of, rejection_of


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param({"error": "invalid_grant", "error_description": "x"}, "invalid_grant", id="RFC 6749"),
        pytest.param({"error": "invalid_grant"}, "invalid_grant", id="quirk-9-without a description"),
        pytest.param({"errors": [{"errorType": "invalid_grant"}]}, "invalid_grant", id="quirk-9-errors"),
        pytest.param({"errors": [{"code": "invalid_client"}]}, "invalid_client", id="quirk-9-errors by code"),
        pytest.param(
            {"errors": [{"errorType": "invalid_grant", "code": 400}], "success": False},
            "invalid_grant",
            id="quirk-9-the code that is a word",
        ),
        pytest.param({"errors": ["wrong password"]}, "error", id="quirk-9-errors as texts"),
        pytest.param({"errors": []}, None, id="quirk-9-no errors"),
        pytest.param({"errors": {"a": 1}}, None, id="errors that are no list"),
        pytest.param({"error": {"code": 401, "type": "invalid_client"}}, "invalid_client", id="a mapping"),
        pytest.param({"error": {"message": "x"}}, "error", id="a mapping without a code"),
        pytest.param({"response": {"error": "invalid_scope"}}, "invalid_scope", id="below a root element"),
        pytest.param({"a": {"b": {"error": "invalid_scope"}}}, None, id="deeper down"),
        pytest.param({"error": "inactive_user"}, "inactive_user", id="a server's own code"),
        pytest.param({"error": "Wrong password hunter2"}, "error", id="hazard-16-a sentence"),
        pytest.param({"error": "hunter2"}, "error", id="hazard-16-what may be a password"),
        pytest.param({"error": "a_" * 40 + "b"}, "error", id="hazard-16-too long for a code"),
        pytest.param({"error": 17}, "error", id="a number"),
        pytest.param({"error": True}, "error", id="true"),
        pytest.param({"error": None}, None, id="null"),
        pytest.param({"error": False}, None, id="false"),
        pytest.param({"error": ""}, None, id="empty"),
        pytest.param({"error": 0}, None, id="zero"),
        pytest.param({}, None, id="none"),
        pytest.param([{"error": "invalid_grant"}], None, id="a list"),
        pytest.param("invalid_grant", None, id="a text"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_the_error_code(data, code) -> None:
    """RFC 6749 section 5.2 and what servers make of it; `error` for one that is not told."""
    assert error_of(data) == code


def test_a_rejection_tells_status_and_code() -> None:
    """What the ladder and the lock-out guard decide by."""
    rejection = rejection_of(400, {"error": "invalid_grant", "error_description": "hunter2"}, 7)

    assert (rejection.upstream_status, rejection.error, rejection.retry_after) == (400, "invalid_grant", 7)
    assert rejection.detail == "the token endpoint answered 400 (invalid_grant)"


def test_a_rejection_without_a_code_tells_the_status() -> None:
    """A plain 401 is a no as well."""
    assert rejection_of(401, None).detail == "the token endpoint answered 401"
