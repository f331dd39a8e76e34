"""When a token is renewed and when it is sent no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.expiry import expiry_of


@pytest.mark.parametrize(
    ("lifetime", "margin", "random", "soft", "hard"),
    [
        pytest.param(3600, 30, 0.5, 2880, 3570, id="an-hour-80-percent-margin-in-full"),
        pytest.param(3600, 30, 0.0, 2700, 3570, id="earliest-jitter-75-percent"),
        pytest.param(3600, 30, 1.0, 3060, 3570, id="latest-jitter-85-percent"),
        pytest.param(60, 30, 0.5, 48, 54, id="a-minute-the-margin-is-a-tenth-at-most"),
        pytest.param(5, 30, 0.5, 4, 4.5, id="five-seconds-are-still-used"),
        pytest.param(1, 30, 0.5, 0.8, 0.9, id="one-second-is-still-used"),
        pytest.param(3600, 0, 0.5, 2880, 3600, id="no-margin"),
    ],
)
def test_expiry_follows_from_lifetime_and_margin(lifetime, margin, random, soft, hard):
    """Soft expiry is at 80 percent of the lifetime, give or take 5; hard expiry a margin before its end."""
    expiry = expiry_of(1000.0, lifetime, margin, random)

    assert expiry.soft_at == pytest.approx(1000 + soft)
    assert expiry.expires_at == pytest.approx(1000 + hard)


@given(
    lifetime=st.floats(0.1, 1e9),
    margin=st.floats(0, 1e6),
    random=st.floats(0, 1),
)
def test_a_token_is_usable_before_it_is_renewed_and_renewed_before_it_ends(lifetime, margin, random):
    """Whatever lifetime and margin are, each token is fresh for a while and never used past its lifetime."""
    soft_at, expires_at = expiry_of(0.0, lifetime, margin, random)

    assert 0 < soft_at <= expires_at <= lifetime
