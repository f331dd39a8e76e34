"""The links by which end users authorize: each for one profile and one end user, for a while, and once.

A link is a capability: whoever holds it may enter a password in the end user's name, and nothing else. It is
signed with a key of this process, so that no other proxy's link holds here, and none from before a restart.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from cachetools import LRUCache
from itsdangerous import BadSignature, URLSafeSerializer

from profiles.held_tokens import TokenKey
from profiles.origins import is_loopback
from profiles.requests import RequestHead

LIFETIME = 600.0
"""Seconds that a link holds."""

REMEMBERED = 100_000
"""Links that were used; each is remembered for as long as it would hold, unless there are more."""

_LINK = re.compile(r"[A-Za-z0-9_.-]+")

LONGEST_RETURN = 2000
"""Characters of the address to go back to: a link has to fit into an address itself."""


class InvitationRefused(Exception):  # noqa: N818  -- a state of affairs that is told to the end user
    """The link does not hold; the text says why, in words for the end user."""


class Invitation(NamedTuple):
    """What a link says: who may authorize what, and where they came from."""

    profile: str
    captures: tuple[tuple[str, str], ...]
    user: str
    return_to: str | None
    number: str
    expires_at: float


class Invitations:
    """Makes links and reads them. `base_url` is where the console is reached, None while there is none;
    *clock* is in seconds since the epoch."""

    def __init__(self, base_url: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.base_url = base_url
        self._clock = clock
        self._serializer = URLSafeSerializer(secrets.token_bytes(32), salt="invitation")
        self._used: LRUCache[str, None] = LRUCache(REMEMBERED)

    @property
    def leads_in_the_clear(self) -> bool:
        """Whether what is entered behind a link would travel unencrypted, and not on this machine alone."""
        parts = urlsplit(self.base_url or "")
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")

    def url_for(
        self, key: TokenKey, *, return_to: str | None = None, allow_cleartext: bool = False
    ) -> str | None:
        """A link for the end user of *key*; None where there is no console to lead to, or none that a
        password may travel to (I5)."""
        if self.base_url is None or (self.leads_in_the_clear and not allow_cleartext):
            return None
        if return_to is not None and len(return_to) > LONGEST_RETURN:
            return_to = None
        expires_at = round(self._clock() + LIFETIME)
        members = [key.profile, key.captures, key.user, return_to, secrets.token_urlsafe(12), expires_at]
        link = self._serializer.dumps(members)
        assert isinstance(link, str)
        return f"{self.base_url}/authorize/{quote(key.profile)}?link={link}"

    def read(self, profile: str, link: str) -> Invitation:
        """What *link* says. Raises InvitationRefused for one that is none, or of another profile, or over."""
        try:
            if not _LINK.fullmatch(link):
                # Base64 is decoded without what does not belong to it.
                raise ValueError("is no link")
            invitation = _invitation_of(self._serializer.loads(link))
        except (BadSignature, ValueError):
            raise InvitationRefused("This link is not one of this proxy's, or not whole.") from None
        if invitation.profile != profile:
            raise InvitationRefused("This link is for something else.")
        if invitation.number in self._used:
            raise InvitationRefused("This link has been used already; each works once.")
        if self._clock() >= invitation.expires_at:
            minutes = round(LIFETIME / 60)
            raise InvitationRefused(f"This link is too old: it holds for {minutes} minutes.")
        return invitation

    def use(self, invitation: Invitation) -> None:
        """An entry is about to be submitted by it: the link does not hold any more."""
        self._used[invitation.number] = None

    def give_back(self, invitation: Invitation) -> None:
        """The entry was refused, so the end user may enter another."""
        self._used.pop(invitation.number, None)


def _invitation_of(members: Any) -> Invitation:
    profile, captures, user, return_to, number, expires_at = members
    pairs = tuple((name, value) for name, value in captures)
    return Invitation(profile, pairs, user, return_to, number, expires_at)


def asks_for_page(head: RequestHead) -> bool:
    """Whether it is a browser that wants a page: a GET that accepts text/html by name (RFC 9110 section
    12.5.1)."""
    if head.method != "GET":
        return False
    accepted = b",".join(value for name, value in head.headers if name.lower() == b"accept")
    for item in accepted.lower().split(b","):
        media_type, *parameters = (part.strip() for part in item.split(b";"))
        if media_type == b"text/html":
            return not any(parameter.replace(b" ", b"") in _UNWANTED for parameter in parameters)
    return False


_UNWANTED = frozenset({b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"})
