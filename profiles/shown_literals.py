"""How much of a field value's literal text is shown beside its placeholders: its scheme, and no word more."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z-]{0,19}(?= )")
"""An authentication scheme (RFC 9110 section 11.1), as far as it is no key: short, and without digits."""

_WORD = re.compile(r"\S*\w\S*")


def shown_literal(text: str, mask: str, *, begins: bool) -> str:
    """*text* with *mask* for each word; where it *begins* the value, its scheme stays.

    `Key abc123 {{access_token}}` holds a key that was written, or resolved from a reference, in the middle
    of the text: nothing marks it as a secret, so whatever is no scheme and no punctuation is taken for one.
    """
    scheme = _SCHEME.match(text) if begins else None
    end = scheme.end() if scheme else 0
    return text[:end] + _WORD.sub(mask.replace("\\", r"\\"), text[end:])
