"""When a token is renewed and when it is sent no more. Pure."""

from __future__ import annotations

from typing import NamedTuple

SOFT_SHARE = 0.8
"""The share of its lifetime after which a token is renewed in the background."""

JITTER = 0.05
"""How far the share may vary either way, so that tokens had together are not renewed together."""

LARGEST_MARGIN_SHARE = 0.1


class Expiry(NamedTuple):
    """Seconds since the epoch: renewed from `soft_at` on, never sent from `expires_at` on."""

    soft_at: float
    expires_at: float


def expiry_of(obtained_at: float, lifetime: float, margin: float, random: float) -> Expiry:
    """The two instants of a token with *lifetime* seconds, *margin* seconds and a number from 0 to 1."""
    share = SOFT_SHARE + JITTER * (2 * random - 1)
    hard = obtained_at + lifetime - min(margin, lifetime * LARGEST_MARGIN_SHARE)
    return Expiry(min(obtained_at + lifetime * share, hard), hard)
