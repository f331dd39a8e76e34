"""A request's line as an operator may see it: method and URL, without what was filled in."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

from profiles.escaping import escape_query
from profiles.fields import PreparedFields
from profiles.grants import TokenRequest
from profiles.requests import RequestHead
from proxy.display import MASK
from proxy.known_secrets import SHORT, KnownSecrets

_TELLING_PARAMETERS = frozenset({"grant_type", "scope", "response_type"})
"""Parameters of a token request whose values are no secret in any profile."""


def token_request_line(request: TokenRequest, known: KnownSecrets) -> str:
    """Method and URL; a GET has every parameter in it (quirk 12), the password among them."""
    url, question, query = request.url.partition("?")
    items = (_without_value(item) for item in query.split("&")) if query else ()
    return known.masked(f"{request.method} {url}{question}{'&'.join(items)}")


def check_line(head: RequestHead, prepared: PreparedFields, known: KnownSecrets) -> str:
    """Method and URL of the check; what the fields wrote into it is masked by its place."""
    masked = replace(
        prepared,
        headers=(),
        query=tuple((key, f"{escape_query(key)}={MASK}") for key, _ in prepared.query),
        path=tuple((key, MASK) for key, _ in prepared.path),
    )
    _, target = masked.apply(replace(head, target=known.masked(head.target)))
    return f"{head.method} {head.origin}{target}"


def injected_values(prepared: PreparedFields) -> set[str]:
    """What the fields wrote into the head: an origin may repeat it. Short words would hide too much."""
    headers = (value.decode("latin-1") for _, value in prepared.headers)
    # The scheme in front is no secret, and an operator looks for it.
    words = {word for value in headers for word in (value.split(" ")[1:] or [value])}
    words |= {unquote(pair.partition("=")[2]) for _, pair in prepared.query}
    words |= {unquote(value) for _, value in prepared.path}
    return {word for word in words if len(word) >= SHORT}


def _without_value(item: str) -> str:
    name, equals, _ = item.partition("=")
    if name in _TELLING_PARAMETERS:
        return item
    # Without an equals sign it is a value without a name.
    return f"{name}={MASK}" if equals else MASK
