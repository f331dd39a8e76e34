"""application/x-www-form-urlencoded, as a browser writes it and with RFC 3986's percent-encoding."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from profiles.content_types.bare_words import is_padded
from profiles.content_types.documents import Document
from profiles.content_types.parameters import Parameters, texts

MEDIA_TYPE = "application/x-www-form-urlencoded"

_NO_NAME = re.compile(r"""[\s<>{}\[\]"']""")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def encode_urlencoded(parameters: Parameters) -> tuple[bytes, str]:
    """Nested values as JSON text: the source calls the type "URL Encoded JSON"."""
    return urlencode(texts(parameters)).encode("ascii"), MEDIA_TYPE


def encode_twitter(parameters: Parameters) -> tuple[bytes, str]:
    """All but RFC 3986's unreserved characters percent-encoded (as RFC 5849 section 3.6 asks): no plus."""
    return urlencode(texts(parameters), quote_via=quote, safe="").encode("ascii"), MEDIA_TYPE


def decode(document: Document) -> Any:
    """Texts by name. Raises ValueError for what is no form: prose, HTML, JSON, lines, a bare token."""
    text = document.text.strip()
    if _CONTROL.search(text) or is_padded(text):
        raise ValueError("is not urlencoded")
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    if not pairs or any(not name or _NO_NAME.search(name) for name, _ in pairs):
        raise ValueError("is not urlencoded")
    return dict(pairs)
