"""Finds the secrets that a configuration holds wherever they turn up, and hides them from what is shown."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus

from pydantic import BaseModel, SecretStr

from profiles.connectors import parse_connector
from profiles.model import ProfileSettings
from profiles.placeholders import Template
from profiles.shown_literals import shown_literal
from proxy.display import MASK
from proxy.spellings import base64_of, patterns_of

SHORT = 6
"""A secret below this length (a PIN) is looked for as a whole word: `47` is part of many a number."""

TELLING = frozenset(
    {"token_type", "tokentype", "scope", "error", "error_description", "error_uri", "errors", "errortype"}
    | {"message", "detail", "title", "status", "code", "type"}
)
"""Members of a token endpoint's answer, in lower case, whose texts say something and are no token."""

_WORD = re.compile(rf"\S{{{SHORT},}}")


class KnownSecrets:
    """A set of secrets. The repr shows how many."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = {value for value in values if value}

    def __repr__(self) -> str:
        return f"KnownSecrets({len(self._values)})"

    def together_with(self, others: KnownSecrets) -> KnownSecrets:
        """These and *others*."""
        return self.with_values(others._values)

    def with_values(self, values: Iterable[str]) -> KnownSecrets:
        """These and *values*."""
        return KnownSecrets(self._values.union(values))

    def masked(self, text: str) -> str:
        """*text* with each secret hidden, however it is spelt (`proxy.spellings`), or in Base64."""
        # The longest first: a secret may be the beginning of another.
        for secret in sorted(self._values, key=len, reverse=True):
            for spelling in base64_of(secret):
                text = _without(text, spelling, re.escape(spelling))
            for pattern in patterns_of(secret):
                text = _without(text, secret, pattern.pattern)
        return text


def secrets_of(profile: ProfileSettings) -> KnownSecrets:
    """What the profile's settings hold: every SecretStr, and whatever `parameters` and the bodies name."""
    grant = profile.grant
    values = set(_secrets_in(profile))
    trees = (grant.parameters, grant.body, grant.refresh_parameters, grant.refresh_body)
    values |= {text for tree in trees for text in _literals_in(tree)}
    secret = grant.client_secret.get_secret_value() if grant.client_secret else None
    if grant.client_id is not None and secret is not None:
        # What Basic makes of them is one text, in which the secret itself does not show.
        pairs = (f"{grant.client_id}:{secret}", f"{quote_plus(grant.client_id)}:{quote_plus(secret)}")
        values |= {base64.b64encode(pair.encode()).decode() for pair in pairs}
    entered = [secret.get_secret_value() for secret in profile.credentials.values()]
    pairs_entered = (f"{one}:{other}" for one in entered for other in entered if one != other)
    values |= {base64.b64encode(pair.encode(errors="surrogatepass")).decode() for pair in pairs_entered}
    if profile.connector is not None:
        connector = parse_connector(profile.connector.get_secret_value())
        values |= {connector.password, (connector.proxy_authorization or b"").decode().removeprefix("Basic ")}
    return KnownSecrets(values)


def tokens_in(value: Any, name: str = "") -> set[str]:
    """What may be a token in a token endpoint's answer: any word, unless its *name* says otherwise."""
    if isinstance(value, str):
        return {value} if _WORD.fullmatch(value) and name.lower() not in TELLING else set()
    if isinstance(value, Mapping):
        return {text for key, item in value.items() for text in tokens_in(item, str(key))}
    if isinstance(value, (list, tuple)):
        return {text for item in value for text in tokens_in(item, name)}
    return set()


def masked_template(template: Template, known: KnownSecrets) -> str:
    """A field's value for display: its scheme and `••••{name}` for each placeholder; other words are hidden.

    Literal text without any placeholder is a fixed secret (an API key), so it is hidden altogether.
    """
    if template.literal is not None:
        return MASK
    return "".join(
        f"{MASK}{{{part}}}" if index % 2 else shown_literal(known.masked(part), MASK, begins=index == 0)
        for index, part in enumerate(template.parts)
    )


def _secrets_in(value: Any) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for _, item in value:
            yield from _secrets_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets_in(item)


def _literals_in(value: Any) -> set[str]:
    """The fixed texts of a tree of parameters; what is short is hardly a secret and would hide too much."""
    if isinstance(value, str):
        return {value} if len(value) >= SHORT and "{{" not in value else set()
    if isinstance(value, Mapping):
        return {text for item in value.values() for text in _literals_in(item)}
    if isinstance(value, (list, tuple)):
        return {text for item in value for text in _literals_in(item)}
    return set()


def _without(text: str, spelling: str, pattern: str) -> str:
    if len(spelling) < SHORT:
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return re.sub(pattern, MASK, text)
