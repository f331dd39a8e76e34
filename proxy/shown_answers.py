"""An answer as an operator may see it: without what may be a credential or a token."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import responses
from typing import Any

from profiles.content_types import decode
from profiles.model import ContentType
from profiles.token_response import TokenAnswer
from proxy.display import MASK
from proxy.known_secrets import KnownSecrets, tokens_in

SHOWN_CHARACTERS = 4096
"""How much of a body is shown."""

_CALLED_LIKE_A_CREDENTIAL = re.compile(r"token|auth|session|secret|key|csrf", re.IGNORECASE)
_COOKIE = re.compile(r"(?<==)[^;]*")
_BARE_WORD = re.compile(r"\S{6,}")
_ADDRESSES = frozenset({"location", "content-location", "refresh", "link"})
_PARAMETER = re.compile(r"(;[\w.~%-]+=)[^?&#;\s\"'>]*|([?&#][\w.~%-]+=)[^&#;\s\"'>]*")
"""A parameter in an address; some servers hand out tokens in the fragment (RFC 6749 section 4.2.2)."""

_ATTRIBUTE = re.compile(
    r"""\b(?:value|content)\s*=\s*(?:"([^"\s]{6,})"|'([^'\s]{6,})'|([^\s"'>]{6,}))""",
    re.IGNORECASE,
)
"""What a page has in its hidden fields."""

_LIKE_A_TOKEN = re.compile(r"(?=[\w~-]*[0-9])(?=[\w~-]*[A-Za-z])[A-Za-z0-9_~-]{16,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer, masked."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def status_line(self) -> str:
        """The status with the phrase that it is registered with: a server's own may be any text."""
        return f"{self.status} {responses.get(self.status, '')}".rstrip()


def shown(status: int, headers: Iterable[tuple[str, str]], body: str, known: KnownSecrets) -> ShownAnswer:
    """The answer without known secrets, cookies, parameters of addresses, and header fields that are called
    like a credential."""
    # Masked before it is cut: the beginning of a secret is part of a secret.
    text = known.masked(body)
    if len(text) > SHOWN_CHARACTERS:
        text = text[:SHOWN_CHARACTERS] + "…"
    return ShownAnswer(status, tuple((name, _field(name, value, known)) for name, value in headers), text)


def possible_tokens(answer: TokenAnswer, content_type: ContentType) -> set[str]:
    """What may be a token in an answer that was not understood: any text under a name that tells of none,
    what a page has in hidden fields, and any long word of letters and digits.

    An answer that is an error (4xx) holds none, and its texts are what the operator has to read.
    """
    if answer.status_code >= 400:
        return set()
    text = answer.body.decode("utf-8", "replace").strip()
    found = tokens_in(_decoded(answer, content_type)) | set(_LIKE_A_TOKEN.findall(text))
    if text.startswith("<"):
        found |= {value for values in _ATTRIBUTE.findall(text) for value in values if value}
    elif _BARE_WORD.fullmatch(text) and not text.startswith(("{", "[")):
        found.add(text)
    return found


def _decoded(answer: TokenAnswer, content_type: ContentType) -> Any:
    try:
        return decode(answer.body, answer.media_type, content_type)
    except ValueError:
        return None


def _field(name: str, value: str, known: KnownSecrets) -> str:
    if name.lower() == "set-cookie":
        # The cookie itself is the first pair; the attributes after it are no secret.
        return _COOKIE.sub(MASK, value, count=1)
    if name.lower() != "www-authenticate" and _CALLED_LIKE_A_CREDENTIAL.search(name):
        return MASK
    if name.lower() in _ADDRESSES:
        value = _PARAMETER.sub(rf"\1\2{MASK}", value)
    return known.masked(value)
