"""An answer as an operator may see it: without what may be a credential or a token."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer, masked."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


def shown(status: int, headers: Iterable[tuple[str, str]], body: bytes, known: KnownSecrets) -> ShownAnswer:
    """The answer without known secrets, cookies, and header fields that are called like a credential."""
    # Masked before it is cut: the beginning of a secret is part of a secret.
    text = known.masked(body.decode("utf-8", "replace"))
    if len(text) > SHOWN_CHARACTERS:
        text = text[:SHOWN_CHARACTERS] + "…"
    return ShownAnswer(status, tuple((name, _field(name, value, known)) for name, value in headers), text)


def possible_tokens(answer: TokenAnswer, content_type: ContentType) -> set[str]:
    """What may be a token in an answer that was not understood: any text under a name that tells of none.

    An answer that is an error (4xx) holds none, and its texts are what the operator has to read.
    """
    if not 200 <= answer.status_code < 300:
        return set()
    text = answer.body.decode("utf-8", "replace").strip()
    if _BARE_WORD.fullmatch(text) and not text.startswith(("{", "[", "<")):
        return {text, *tokens_in(_decoded(answer, content_type))}
    return tokens_in(_decoded(answer, content_type))


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
    return known.masked(value)
