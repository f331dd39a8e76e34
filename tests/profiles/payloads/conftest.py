"""What the tests of body writers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles import payloads

Inject = Callable[..., bytes]


@pytest.fixture(scope="session")
def inject() -> Inject:
    """Injects fields into a body of a media type, and gives the body only."""

    def injected(
        media_type: str, content: bytes, *fields: tuple[str, Any], coding: str = "", limit: int = 100_000
    ) -> bytes:
        headers = [(b"Content-Type", media_type.encode("latin-1"))]
        if coding:
            headers.append((b"Content-Encoding", coding.encode()))
        return payloads.inject(content, tuple(headers), fields, limit=limit)[0]

    return injected
