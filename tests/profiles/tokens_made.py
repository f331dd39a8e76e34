"""Tokens for the tests, as authorization servers make them, and where they stand in an answer."""

from __future__ import annotations

import base64
import json


def jwt_of(claims: object) -> str:
    """A JWT (RFC 7519) with *claims* and a signature that nobody looks at."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def path_of(data: object, text: str) -> str | None:
    """The JMESPath of *text*, wherever a content type puts it."""
    for key, item in data.items() if isinstance(data, dict) else ():
        below = path_of(item, text)
        if item == text or below:
            return f'"{key}".{below}' if below else f'"{key}"'
    for index, item in enumerate(data) if isinstance(data, list) else ():
        below = path_of(item, text)
        if item == text or below:
            return f"[{index}].{below}" if below else f"[{index}]"
    return None
