"""JSON, by itself and as Oracle ADF's REST services name it."""

from __future__ import annotations

import json
from typing import Any

from profiles.content_types.codec import Answered, Codec, Parameters


def _encode_json(parameters: Parameters) -> tuple[bytes, str]:
    return json.dumps(dict(parameters), ensure_ascii=False).encode(), "application/json"


def _encode_oracle_adf(parameters: Parameters) -> tuple[bytes, str]:
    return json.dumps(dict(parameters), ensure_ascii=False).encode(), "application/vnd.oracle.adf.action+json"


def decode_json(answered: Answered) -> Any:
    """The document; text, numbers and null are documents too (RFC 8259 section 2)."""
    try:
        return json.loads(answered.text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


JSON = Codec(_encode_json, decode_json)
ORACLE_ADF = Codec(_encode_oracle_adf, decode_json)
