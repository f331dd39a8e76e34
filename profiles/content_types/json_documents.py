"""application/json (RFC 8259), and the JSON of Oracle ADF's REST services."""

from __future__ import annotations

import json
from typing import Any

from profiles.content_types.documents import Document
from profiles.content_types.parameters import Parameters


def encode(parameters: Parameters) -> tuple[bytes, str]:
    """One object; numbers, booleans, null and nested values keep their kind."""
    return json.dumps(parameters, ensure_ascii=False).encode(), "application/json"


def encode_adf(parameters: Parameters) -> tuple[bytes, str]:
    """The parameters of a custom action as one object, which is what ADF takes where the URL names the
    action (`.../action/login`). Where it does not, ADF wants `{"name": ..., "parameters": [{...}]}`: that
    is written as `grant.body`. Both shapes are on Oracle's page "Work with Custom Actions".
    """
    return encode(parameters)[0], "application/vnd.oracle.adf.action+json"


def decode(document: Document) -> Any:
    """The document's value. NaN and Infinity, which JSON does not have, are read as null."""
    return json.loads(document.text, parse_constant=lambda _: None)


def decode_adf(document: Document) -> Any:
    """A resource item's attributes as they are; the members of an action's `result` stand at the top too."""
    data = decode(document)
    if isinstance(data, dict) and isinstance(data.get("result"), dict):
        return data["result"] | data
    return data
