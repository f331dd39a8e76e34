"""What the domain and the lanes tell of what they do, to whoever counts; nothing in it is a secret."""

from __future__ import annotations

from typing import Protocol

GRANTED = "granted"
"""The outcome of a token request that gave a token; any other is the slug of a refusal, or `cancelled`."""


class Observer(Protocol):
    """Called on the way of requests: an observer neither waits nor raises. Times are in seconds."""

    def token_requested(self, profile: str, grant: str, outcome: str, seconds: float) -> None:
        """One token request was sent: *grant* is `password` or `refresh`."""

    def request_ended(self, profile: str, outcome: str, *, replayed: bool) -> None:
        """One request has its answer: `forwarded`, the slug of a refusal, or `failed`.

        *profile* is empty where none owns the request.
        """

    def authorization_took(self, seconds: float) -> None:
        """How long a request that a profile owns was held up before it could go to its origin."""

    def limit_reached(self, limit: str) -> None:
        """A limit of ours was hit, by its name: `connections`, `connections_per_client`,
        `requests_per_origin`, `header_timeout`, `body_rate`, `idle_timeout`."""


class Unobserved:
    """Nobody counts."""

    def token_requested(self, profile: str, grant: str, outcome: str, seconds: float) -> None:
        pass

    def request_ended(self, profile: str, outcome: str, *, replayed: bool) -> None:
        pass

    def authorization_took(self, seconds: float) -> None:
        pass

    def limit_reached(self, limit: str) -> None:
        pass
