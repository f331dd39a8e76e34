"""Digests that tell whether credentials changed, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.fingerprints import Fingerprints
from tests.profiles.profile_ground import SETTINGS, compiled

KEY = b"k" * 32

GRANT = SETTINGS["grant"]


def test_the_same_credentials_have_the_same_fingerprint():
    """After a reload tokens are found again; with another key nothing is."""
    assert Fingerprints(KEY)(b"a", b"b") == Fingerprints(KEY)(b"a", b"b")
    assert Fingerprints()(b"a") != Fingerprints()(b"a")


@given(first=st.lists(st.binary(max_size=4), max_size=4), second=st.lists(st.binary(max_size=4), max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_part_borrows_from_the_next(first, second):
    """`ab, c` is not `a, bc`, and an empty part counts."""
    digest = Fingerprints(KEY)

    assert (digest(*first) == digest(*second)) is (first == second)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"credentials": {"username": "bot", "password": "new"}}, id="password"),
        pytest.param({"credentials": {"username": "other", "password": "pw"}}, id="user-name"),
        pytest.param({"credentials": {"username": "botp", "password": "w"}}, id="shifted"),
        pytest.param({"grant": GRANT | {"client_id": "c", "client_secret": "s"}}, id="client-secret"),
        pytest.param({"grant": GRANT | {"client_id": "c"}}, id="client-id"),
        pytest.param({"grant": GRANT | {"token_endpoint": "https://other.example/"}}, id="token-endpoint"),
        pytest.param({"grant": GRANT | {"headers": {"X-Key": "x"}}}, id="header-with-a-secret"),
        pytest.param({"grant": GRANT | {"query": {"key": "x"}}}, id="query-with-a-secret"),
        pytest.param({"grant": GRANT | {"body": {"pin": "4711"}}}, id="body"),
        pytest.param({"grant": GRANT | {"scope": ["read"]}}, id="scope"),
        pytest.param({"tenancy": {"tenant": "acme"}}, id="tenant"),
        pytest.param({"regenerate": False}, id="regenerate"),
    ],
)
def test_changed_credentials_or_grant_settings_are_another_key_hazard_12(changes):
    """What was held or locked under the old ones is not found any more."""
    assert compiled(**changes).fingerprint != compiled().fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"description": "x"}, id="description"),
        pytest.param({"auth_error": 403}, id="auth_error"),
        pytest.param({"renewal_cooldown": 5}, id="renewal_cooldown"),
    ],
)
def test_other_settings_keep_the_token(changes):
    """A reload costs no token request for what no token depends on."""
    assert compiled(**changes).fingerprint == compiled().fingerprint


@pytest.mark.parametrize("changes", [{"headers": ("a", "b")}, {"query": ("a", "b")}])
def test_changed_secrets_behind_a_mask_are_seen_hazard_12(changes):
    """Header and query values are masked wherever they are dumped, and still told apart."""
    ((key, values),) = changes.items()
    first, second = (compiled(grant=GRANT | {key: {"X-Key": value}}).fingerprint for value in values)

    assert first != second


def test_neither_key_nor_password_is_shown():
    """Not by the repr, and not by the digest (I4)."""
    fingerprints = Fingerprints(b"sentinel" * 4)

    assert "sentinel" not in repr(fingerprints)
    assert "pw" not in compiled().fingerprint
