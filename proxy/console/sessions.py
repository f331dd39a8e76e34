"""Sessions of people who are signed in: their ids live here, and a cookie only names one of them."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from itsdangerous import BadSignature, Signer

LIFETIME = 12 * 3600.0
"""Seconds from the sign-in on, used or not."""

MOST_SESSIONS = 1000
"""More end the oldest: a script that signs in for every request leaves nothing behind but these."""


class Message(NamedTuple):
    """What the next page says of what was just done."""

    kind: Literal["success", "failure"]
    text: str


@dataclass(slots=True, eq=False)
class Session:
    """One sign-in. `ended` is set when it is over, by whatever end, for what goes on beyond one answer."""

    id: str = field(repr=False)
    expires_at: float
    csrf_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _messages: deque[Message] = field(default_factory=lambda: deque(maxlen=8), repr=False)

    def say(self, kind: Literal["success", "failure"], text: str) -> None:
        """Has the next page say *text*: a redirect's address is no place for it."""
        self._messages.append(Message(kind, text))

    def take_messages(self) -> tuple[Message, ...]:
        """What was said since the last page."""
        messages = tuple(self._messages)
        self._messages.clear()
        return messages


class Sessions:
    """All of one process; a restart ends them. *clock* is in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_id: dict[str, Session] = {}
        # The id alone could not be guessed either; what is not signed is not even looked up.
        self._signer = Signer(
            secrets.token_bytes(32), salt="grantproxy.console.session", digest_method=hashlib.sha256
        )

    def begin(self) -> tuple[Session, str]:
        """A new session, and the cookie's value for it."""
        for session in [item for item in self._by_id.values() if self._clock() >= item.expires_at]:
            self.end(session)
        while len(self._by_id) >= MOST_SESSIONS:
            self.end(next(iter(self._by_id.values())))
        session = Session(secrets.token_urlsafe(32), self._clock() + LIFETIME)
        self._by_id[session.id] = session
        return session, self._signer.sign(session.id).decode()

    def of(self, cookie: str | None) -> Session | None:
        """The session that a cookie's value names, while it goes on."""
        if not cookie:
            return None
        try:
            session = self._by_id.get(self._signer.unsign(cookie).decode())
        except (BadSignature, UnicodeError):
            return None
        if session is not None and self._clock() >= session.expires_at:
            self.end(session)
            return None
        return session

    def end(self, session: Session) -> None:
        """Whatever cookie still names it is worth nothing from now on."""
        self._by_id.pop(session.id, None)
        session.ended.set()

    def end_all(self) -> None:
        for session in list(self._by_id.values()):
            self.end(session)
