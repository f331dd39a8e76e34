"""Forms: `application/x-www-form-urlencoded`, and the stricter percent-encoding that Twitter asked for."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from profiles.content_types.codec import MEMBER, Answered, Codec, Parameters
from profiles.placeholders import text_of

MEDIA_TYPE = "application/x-www-form-urlencoded"


def _encode_urlencoded(parameters: Parameters) -> tuple[bytes, str]:
    """Nested values as JSON text: the source calls the type "URL Encoded JSON"."""
    pairs = [(key, text_of(key, value)) for key, value in parameters.items()]
    return urlencode(pairs).encode("ascii"), MEDIA_TYPE


def _encode_twitter(parameters: Parameters) -> tuple[bytes, str]:
    """Everything but unreserved characters percent-encoded (RFC 3986 section 2.3): a space is %20."""
    encoded = partial(quote, safe="-._~")
    pairs = (f"{encoded(key)}={encoded(text_of(key, value))}" for key, value in parameters.items())
    return "&".join(pairs).encode("ascii"), MEDIA_TYPE


def _decode(answered: Answered) -> Any:
    try:
        pairs = parse_qsl(
            answered.text.strip(), keep_blank_values=True, strict_parsing=True, max_num_fields=1000
        )
    except UnicodeError:
        raise ValueError("is no form") from None
    if not pairs or any(not MEMBER.fullmatch(name) for name, _ in pairs):
        raise ValueError("is no form")
    return dict(pairs)


URLENCODED = Codec(_encode_urlencoded, _decode)
TWITTER = Codec(_encode_twitter, _decode)
