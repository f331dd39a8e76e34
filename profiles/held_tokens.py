"""What a token is to us: the answer it came in, the form in which it is held, and the key it is held under.

No `repr` of these shows a token. Instants are seconds since the epoch, because tokens outlive processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class TokenKey(NamedTuple):
    """Whose token it is. `captures` are the tenant and what the token requests mention; `user` is the end
    user of a per-user profile; `fingerprint` is a keyed digest of credentials and grant settings: when either
    changes, what was held is found no more."""

    profile: str
    captures: tuple[tuple[str, str], ...] = ()
    user: str = ""
    fingerprint: str = ""


class KeyChoice(NamedTuple):
    """Some keys, or one: what is None is not asked for."""

    profile: str | None = None
    captures: tuple[tuple[str, str], ...] | None = None
    user: str | None = None

    def takes(self, key: TokenKey) -> bool:
        """Whether *key* is among them, under whatever fingerprint."""
        return (
            self.profile in (None, key.profile)
            and self.captures in (None, key.captures)
            and self.user in (None, key.user)
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """What an end user has entered into a per-user profile's form, typed by its data types.

    `kept` is what requests and refreshes go on to need of it, or all of it where the end user consents that
    it is submitted again by itself: `regenerates`. `account` is the text that says whose password it is.
    """

    values: Mapping[str, Any] = field(repr=False)
    kept: Mapping[str, Any] = field(repr=False)
    regenerates: bool = False
    account: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A successful token response (RFC 6749 section 5.1), read as the profile maps it.

    `lifetime` and `refresh_lifetime` are seconds, None where the answer named none; `members` is the
    decoded body, for `{{token.<member>}}`.
    """

    access_token: str = field(repr=False)
    token_type: str | None = None
    lifetime: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    refresh_lifetime: float | None = None
    scope: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class HeldToken:
    """An access token in use, and the refresh token that came with it or was kept.

    Compared by identity: "the rejected token" means this very one. Until `soft_at` it is simply used,
    from then until `expires_at` it is used while one renewal runs, after `expires_at` it is never sent.
    """

    access_token: str = field(repr=False)
    token_type: str | None
    refresh_token: str | None = field(repr=False)
    refresh_expires_at: float | None
    members: Mapping[str, Any] = field(repr=False)
    obtained_at: float
    soft_at: float
    expires_at: float
    entered: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What is kept of an end user's entry; nothing for a preauthorized profile."""
    regenerates: bool = False
    """Whether the end user consents that `entered` is submitted again."""
