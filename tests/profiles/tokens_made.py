"""Tokens for the tests, as authorization servers make them."""

from __future__ import annotations

import base64
import json


def jwt_of(claims: object) -> str:
    """A JWT (RFC 7519) with *claims* and a signature that nobody looks at."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"
