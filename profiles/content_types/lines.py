"""Content types in lines: CSV, and `key=value` text."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from profiles.content_types.codec import MEMBER, Answered, Codec, Parameters
from profiles.content_types.documents import decode_json
from profiles.placeholders import text_of

DELIMITERS = ",;\t|"
_BARE_WORD = re.compile(r"[A-Za-z0-9._~+/:|!*$@-]{1,8192}={0,4}")
"""A token by itself: RFC 6750's b64token, and some characters more that session ids have. Only its end may
be = signs, as Base64 pads; with something behind them it is a pair."""

SHORTEST_PADDED = 24
"""A word that ends in = and is shorter than sixteen bytes in Base64 is a name without a value."""


def _encode_csv(parameters: Parameters) -> tuple[bytes, str]:
    """A header row and a value row (RFC 4180)."""
    written = io.StringIO()
    # Quoted throughout, an empty value and an empty line are told apart.
    rows = csv.writer(written, quoting=csv.QUOTE_ALL)
    rows.writerow(parameters)
    rows.writerow(text_of(key, value) for key, value in parameters.items())
    return written.getvalue().encode(), "text/csv; charset=utf-8"


def _decode_csv(answered: Answered) -> Any:
    """The first value row by the names of the header row; the delimiter is the one that the header has."""
    header, _, _ = answered.text.partition("\n")
    delimiter = max(DELIMITERS, key=header.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(answered.text, newline=""), delimiter=delimiter) if row]
    except csv.Error:
        raise ValueError("is no CSV") from None
    if len(rows) < 2 or len(rows[0]) != len(rows[1]):
        raise ValueError("is no CSV")
    names = [name.strip() for name in rows[0]]
    if not all(MEMBER.fullmatch(name) for name in names):
        raise ValueError("is no CSV")
    return dict(zip(names, rows[1], strict=True))


def _encode_text(parameters: Parameters) -> tuple[bytes, str]:
    """A line for each parameter, its value as it is. Only what a line cannot hold as it is, a line break
    or a leading quotation mark, makes the value a JSON string."""
    lines = []
    for key, value in parameters.items():
        if not MEMBER.fullmatch(key):
            raise ValueError(f"{key} cannot stand before = in a line of text")
        text = text_of(key, value)
        if "\n" in text or "\r" in text or text.startswith('"'):
            text = json.dumps(text, ensure_ascii=False)
        lines.append(f"{key}={text}\n")
    return "".join(lines).encode(), "text/plain; charset=utf-8"


def _decode_text(answered: Answered) -> Any:
    """`key=value` lines; one bare word, by itself or as a JSON string, is the access token."""
    text = answered.text
    bare = text.strip()
    if bare.startswith('"'):
        value = decode_json(answered)
        return {"access_token": value} if isinstance(value, str) else value
    if bare.startswith(("{", "[", "<")) or not bare:
        raise ValueError("is no line of text")
    if _BARE_WORD.fullmatch(bare) and not (bare.endswith("=") and len(bare) < SHORTEST_PADDED):
        return {"access_token": bare}
    return dict(_pair(line.removesuffix("\r")) for line in text.split("\n") if line.strip())


def _pair(line: str) -> tuple[str, str]:
    key, equals, value = line.partition("=")
    if not equals or not MEMBER.fullmatch(key.strip()):
        raise ValueError("is no line of text")
    if value.startswith('"'):
        try:
            quoted = json.loads(value)
        except ValueError:
            return key.strip(), value
        if isinstance(quoted, str):
            return key.strip(), quoted
    return key.strip(), value


CSV = Codec(_encode_csv, _decode_csv)
TEXT = Codec(_encode_text, _decode_text)
