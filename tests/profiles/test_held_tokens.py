"""What a token is to us, and what is never shown of it."""

from __future__ import annotations

import pytest

from profiles.held_tokens import HeldToken, TokenKey, TokenResponse
from profiles.standing import Standing
from profiles.subjects import Obtained, TokenEvent
from tests.profiles.token_ground import Server, subject_with

SECRET = "s3cr3t-sentinel"

RESPONSE = TokenResponse(SECRET, refresh_token=SECRET, members={"access_token": SECRET})
HELD = HeldToken(SECRET, "Bearer", SECRET, None, {"a": SECRET}, obtained_at=0.0, soft_at=1.0, expires_at=2.0)


def standing():
    remembered = Standing()
    remembered.adopt(HELD)
    remembered.reject(HELD)
    return remembered


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(RESPONSE, id="response"),
        pytest.param(HELD, id="held"),
        pytest.param(Obtained(HELD, TokenEvent.CACHED), id="obtained"),
        pytest.param(standing(), id="standing"),
    ],
)
async def test_no_repr_shows_a_token_hazard_16(holder):
    """Neither as a string nor inside of something else (I4)."""
    assert SECRET not in repr([holder])
    assert SECRET not in str(holder)


async def test_a_subject_does_not_show_how_its_token_is_had():
    """The grants hold credentials."""
    assert "Server" not in repr(subject_with(Server()))


def test_two_tokens_are_never_equal():
    """The rejected token is this very one, whatever another looks like (hazard 2)."""
    same = HeldToken(SECRET, "Bearer", SECRET, None, HELD.members, 0.0, 1.0, 2.0)

    assert same != HELD


def test_a_key_is_all_of_its_parts():
    """Each of them makes another key."""
    keys = {
        TokenKey("orders"),
        TokenKey("stock"),
        TokenKey("orders", (("tenant", "acme"),)),
        TokenKey("orders", user="ann"),
        TokenKey("orders", fingerprint="f"),
    }

    assert len(keys) == 5
