"""What the ladder is given: whose token is wanted, how it is had; and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from profiles.held_tokens import HeldToken, TokenKey, TokenResponse


class Grants(Protocol):
    """The two grants of one key, bound to profile, values and network. Each raises a Refusal."""

    async def password(self) -> TokenResponse: ...
    async def refresh(self, refresh_token: str) -> TokenResponse: ...


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """Whose token, and how it is had: made once for each key and kept. Times in seconds."""

    key: TokenKey
    grants: Grants = field(repr=False)
    regenerate: bool
    has_credentials: bool
    default_lifetime: float
    margin: float
    renewal_cooldown: float


class TokenEvent(StrEnum):
    """How a request came by its token, as the access log says it."""

    CACHED = "cached"
    STORED = "stored"
    REFRESHED = "refreshed"
    PASSWORD = "password"  # noqa: S105  -- the name of a grant
    WAITED = "waited"
    """Another request was already getting it."""


class Obtained(NamedTuple):
    """A valid token, and where it came from."""

    token: HeldToken
    event: TokenEvent
