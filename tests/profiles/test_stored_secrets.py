"""Secrets in plain and hashed: what is right, how often a hash is checked, and what the time taken tells."""

from __future__ import annotations

import asyncio
import threading

import pytest

from profiles.stored_secrets import REMEMBERED_REFUSALS, StoredSecrets

HASH = "$argon2id$of:"


class Verifier:
    """Takes `$argon2id$of:x` for the hash of `x`, and counts; `held` keeps checks from ending."""

    def __init__(self) -> None:
        self.checks: list[tuple[str, bytes]] = []
        self.threads: set[int] = set()
        self.held = threading.Event()
        self.held.set()

    def __call__(self, stored: str, secret: bytes) -> bool:
        self.checks.append((stored, secret))
        self.threads.add(threading.get_ident())
        assert self.held.wait(10)
        return stored == HASH + secret.decode()


@pytest.fixture
def verifier() -> Verifier:
    return Verifier()


@pytest.fixture
def stored(verifier: Verifier) -> StoredSecrets:
    return StoredSecrets({"hashed": HASH + "one", "plain": "two"}, verify=verifier)


async def test_a_hash_is_checked_once_for_all_later_requests(
    stored: StoredSecrets, verifier: Verifier
) -> None:
    """The steady state costs a look-up, on the event loop; the check ran beside it."""
    assert stored.matches_at_once("hashed", b"one") is None
    assert await stored.matches("hashed", b"one")

    assert stored.matches_at_once("hashed", b"one") is True
    assert await stored.matches("hashed", b"one")
    assert len(verifier.checks) == 1
    assert threading.get_ident() not in verifier.threads


async def test_many_at_once_share_one_check(stored: StoredSecrets, verifier: Verifier) -> None:
    """As when a program with a hundred connections starts."""
    verifier.held.clear()
    waiting = [asyncio.ensure_future(stored.matches("hashed", b"one")) for _ in range(20)]
    await asyncio.sleep(0)
    verifier.held.set()

    assert await asyncio.gather(*waiting) == [True] * 20
    assert len(verifier.checks) == 1


async def test_a_plain_secret_is_never_hashed(stored: StoredSecrets, verifier: Verifier) -> None:
    """What was configured in plain goes on as it did, beside hashed ones."""
    assert stored.matches_at_once("plain", b"two") is True
    assert verifier.checks == []


@pytest.mark.parametrize(
    ("name", "secret"), [("hashed", b"wrong"), ("plain", b"wrong"), ("nobody", b"one"), ("nobody", b"two")]
)
async def test_whatever_is_wrong_costs_one_check(
    stored: StoredSecrets, verifier: Verifier, name: str, secret: bytes
) -> None:
    """So the time tells neither which names exist nor how they are stored; the same again costs none."""
    assert stored.matches_at_once(name, secret) is None
    assert not await stored.matches(name, secret)

    assert stored.matches_at_once(name, secret) is False
    assert not await stored.matches(name, secret)
    assert len(verifier.checks) == 1


async def test_without_hashes_nothing_is_checked(verifier: Verifier) -> None:
    """Secrets in plain are compared by digest alone."""
    stored = StoredSecrets({"plain": "two"}, verify=verifier)

    assert stored.matches_at_once("plain", b"one") is False
    assert stored.matches_at_once("nobody", b"two") is False
    assert verifier.checks == []


async def test_a_flood_of_wrong_secrets_is_forgotten_in_time(stored: StoredSecrets) -> None:
    """What is remembered is bounded, and the right one is not among what falls out."""
    assert await stored.matches("hashed", b"one")
    for number in range(REMEMBERED_REFUSALS + 1):
        assert not await stored.matches("hashed", b"wrong-%d" % number)

    assert stored.matches_at_once("hashed", b"wrong-0") is None
    assert stored.matches_at_once("hashed", b"wrong-1") is False
    assert stored.matches_at_once("hashed", b"one") is True


async def test_who_leaves_while_waiting_stops_nobody(stored: StoredSecrets, verifier: Verifier) -> None:
    """A client that disconnects affects nobody else."""
    verifier.held.clear()
    leaving, staying = (asyncio.ensure_future(stored.matches("hashed", b"one")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    verifier.held.set()

    assert await staying


def test_no_secret_is_shown(stored: StoredSecrets) -> None:
    """Names at most, of what is held in plain too."""
    assert repr(stored) == "StoredSecrets(hashed, plain)"
    assert "two" not in str(vars(stored)["_digests"])
