"""What an end user is told of a refusal."""

from __future__ import annotations

import pytest

from profiles.errors import (
    AuthorizationRequired,
    CleartextRefused,
    ConnectorUnavailable,
    TokenEndpointUnreachable,
    TokenRequestRejected,
    TokenResponseInvalid,
    TooManyEntries,
)
from profiles.plain_words import plain_words
from tests.profiles.token_ground import THROTTLED, WRONG

REFUSED = TokenRequestRejected("sentinel", error="invalid_grant", upstream_status=400)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        pytest.param(WRONG, "did not accept what you entered", id="wrong-password"),
        pytest.param(THROTTLED, "patience. Try again in 42 seconds.", id="throttled"),
        pytest.param(
            TokenRequestRejected("x", error="invalid_client", upstream_status=401),
            "does not know this proxy",
            id="unknown-client",
        ),
        pytest.param(TokenEndpointUnreachable("x"), "cannot be reached. Your password was not", id="away"),
        pytest.param(TokenEndpointUnreachable("x", timed_out=True), "did not answer in time", id="slow"),
        pytest.param(ConnectorUnavailable("x"), "cannot be reached", id="connector"),
        pytest.param(TokenResponseInvalid("x"), "makes no sense to this proxy", id="a-page"),
        pytest.param(CleartextRefused("x"), "not encrypted, so nothing was sent", id="cleartext"),
        pytest.param(TokenRequestRejected("x"), "cannot be sent to the server", id="never-sent"),
        pytest.param(AuthorizationRequired("forgotten"), "accepted, and is not kept", id="forgotten"),
        pytest.param(
            TooManyEntries("y", retry_after=540), "not tried: y. Try again in 9 minutes.", id="guard"
        ),
    ],
)
def test_an_end_user_learns_whose_fault_it_was(refusal, said):
    """Theirs, the server's, or that of whoever runs the proxy; and what to do."""
    assert said in plain_words(refusal)


@pytest.mark.parametrize(
    "refusal", [REFUSED, TokenResponseInvalid("sentinel"), TokenEndpointUnreachable("sentinel")]
)
def test_nothing_of_a_server_is_repeated(refusal):
    """A page that shows foreign text shows what an attacker wrote."""
    assert refusal.detail not in plain_words(refusal)
