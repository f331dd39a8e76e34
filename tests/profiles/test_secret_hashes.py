"""Secrets stored as argon2 hashes."""

from __future__ import annotations

import pytest

from profiles.secret_hashes import check_stored_secret, hash_secret, is_secret_hash, verify_secret

SECRET = "s3cr3t-sentinel"
STORED = hash_secret(SECRET)


def test_a_hash_is_verified_by_its_own_secret_alone():
    """UTF-8, colons and all."""
    stored = hash_secret("täg:lich")

    assert verify_secret(stored, "täg:lich".encode())
    assert not verify_secret(stored, b"taeg:lich")
    assert not verify_secret(stored, b"")


def test_each_hash_has_its_own_salt():
    """Two programs with one secret do not show that they have."""
    assert hash_secret(SECRET) != STORED


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(STORED[:-8], id="cut-short"),
        pytest.param("$argon2id$v=19$", id="parameters-missing"),
        pytest.param("$argon2", id="prefix-alone"),
        pytest.param("$argon2id$v=19$m=65536,t=3,p=4$ä$ä", id="not-ascii"),
    ],
)
def test_a_hash_that_is_none_matches_nothing(stored):
    """And is no error at the moment a client waits."""
    assert not verify_secret(stored, SECRET.encode())


@pytest.mark.parametrize(
    ("stored", "hint"),
    [
        pytest.param("$argon2id$v=19$", "no whole argon2 hash", id="cut-short"),
        pytest.param("$argon2x$v=19$m=8,t=1,p=1$YWJj$YWJj", "no whole argon2 hash", id="another-kind"),
        pytest.param("=19=65536,t=3,p=4" + STORED[-44:], "single quotes", id="eaten-by-a-shell"),
    ],
)
def test_a_spoilt_hash_is_told_without_being_quoted(stored, hint):
    """As a configuration error, which is what a ValueError becomes."""
    with pytest.raises(ValueError, match=hint) as raised:
        check_stored_secret(stored)

    assert stored[-8:] not in str(raised.value)


@pytest.mark.parametrize("stored", [STORED, "plain", "pa$$word", "$2b$12$bcrypt"])
def test_hashes_and_plain_secrets_are_taken(stored):
    """Only argon2 is a hash to us: everything else is a secret in plain."""
    check_stored_secret(stored)

    assert is_secret_hash(stored) == (stored == STORED)
