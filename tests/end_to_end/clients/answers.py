"""What a client got, and what it was asked to send: the same for every client."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMEOUT = 20.0
"""Seconds; no exchange of the suite takes longer."""
Headers = Sequence[tuple[str, str]]


class ClientFailed(Exception):  # noqa: N818  -- what happened
    """The client got no answer; the text is the client's own."""


@dataclass(frozen=True)
class Answer:
    """An answer as a client's user sees it: content decoded, header names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    http_version: str | None
    """`1.1` or `2`; None where the client does not tell."""

    def value(self, name: str) -> str | None:
        """The values of a header field, joined by a comma (RFC 9110 section 5.3)."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def slug(self) -> str | None:
        """Of a refusal by the proxy; None for any other answer."""
        is_problem = self.value("content-type") == "application/problem+json"
        return self.json()["slug"] if is_problem else None

    def json(self) -> Any:
        return json.loads(self.body)

    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Order:
    """A request for a client to make; `proxy_url` holds the credentials for the proxy, if there are any."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None
    proxy_url: str | None = None
    ca_file: Path | None = None
    timeout: float = TIMEOUT
    environment: dict[str, str] = field(default_factory=dict)
