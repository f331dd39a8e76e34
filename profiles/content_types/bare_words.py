"""Answers that are one word and nothing else: the token itself."""

from __future__ import annotations

import re

_WORD = re.compile(r"(?=[^0-9A-Za-z]{0,16}[0-9A-Za-z])[!#-%(-;?-Z\\^-z|~]{1,8192}")
"""Visible ASCII, as a token is (RFC 6749 appendix A.12), without the characters that other notations are
made of: `"`, `&`, `'`, `<`, `=`, `>`, brackets and braces. Signs alone are no word."""

_PADDED = re.compile(r"[A-Za-z0-9+/_-]{14,}={1,2}")


def is_word(text: str) -> bool:
    """Whether it is one word: no spaces or quotes, and no `=` unless it pads base64."""
    return bool(_WORD.fullmatch(text)) or is_padded(text)


def is_padded(text: str) -> bool:
    """Whether its `=` is base64's padding (RFC 4648 section 4) and not that of `name=value`."""
    return len(text) % 4 == 0 and bool(_PADDED.fullmatch(text))
