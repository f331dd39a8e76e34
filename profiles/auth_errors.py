"""Which answers of the origin mean that it does not accept the token: the profile's `auth_error`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from profiles.inspected_bodies import text_of
from profiles.model import AuthErrorRule
from profiles.requests import HeaderFields

INSPECTED_BYTES = 64 * 1024
"""How much of an answer's body is held back for a rule with a body pattern."""


class AuthErrorMatch(Enum):
    """What an answer's head says about it."""

    NO = "no"
    YES = "yes"
    BODY_DECIDES = "body decides"


class AuthErrors:
    """The rules of one profile, compiled: a set of statuses, and patterns for those that need the body."""

    def __init__(self, rules: Iterable[AuthErrorRule]) -> None:
        rules = tuple(rules)
        self.statuses = frozenset(rule.status for rule in rules)
        self._certain = frozenset(rule.status for rule in rules if rule.body is None)
        self._patterns = {
            status: tuple(
                re.compile(rule.body) for rule in rules if rule.status == status and rule.body is not None
            )
            for status in self.statuses - self._certain
        }

    def match_head(self, status: int, headers: HeaderFields) -> AuthErrorMatch:
        """What status and header section tell; an event stream is never held back for its body."""
        if status not in self.statuses:
            return AuthErrorMatch.NO
        if status in self._certain:
            return AuthErrorMatch.YES
        for name, value in headers:
            if name.lower() == b"content-type" and value.strip().lower().startswith(b"text/event-stream"):
                return AuthErrorMatch.NO
        return AuthErrorMatch.BODY_DECIDES

    def match_body(self, status: int, headers: HeaderFields, body: bytes) -> bool:
        """Whether a pattern of the status is found in *body*, the answer's first `INSPECTED_BYTES`."""
        patterns = self._patterns.get(status, ())
        if not patterns:
            return False
        text = text_of(headers, body[:INSPECTED_BYTES], INSPECTED_BYTES)
        return any(pattern.search(text) for pattern in patterns)
