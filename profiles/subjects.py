"""What the ladder is given: whose token is wanted, how it is had; and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from profiles.held_tokens import HeldToken, TokenKey, TokenResponse


class Grants(Protocol):
    """The two grants of one key, bound to profile, values and network. Each raises a Refusal."""

    async def password(self) -> TokenResponse: ...
    async def refresh(self, refresh_token: str) -> TokenResponse: ...


GrantsWith = Callable[[Mapping[str, Any]], Grants]
"""Takes what is kept of an end user's entry (`HeldToken.entered`)."""


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
    grants_with: GrantsWith | None = field(default=None, repr=False)
    """For an end user's token: the grants with what they have entered. None where the profile has it all."""

    @property
    def is_per_user(self) -> bool:
        """Whether a first token is had by what an end user enters, and not before."""
        return self.grants_with is not None


class TokenEvent(StrEnum):
    """How a request came by its token, as the access log says it."""

    CACHED = "cached"
    STORED = "stored"
    REFRESHED = "refreshed"
    PASSWORD = "password"  # noqa: S105  -- the name of a grant
    WAITED = "waited"
    """Another request was already getting it."""
    ENTERED = "entered"
    """The end user has just entered what it was had by."""


class Obtained(NamedTuple):
    """A valid token, and where it came from."""

    token: HeldToken
    event: TokenEvent
