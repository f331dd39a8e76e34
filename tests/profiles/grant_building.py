"""What the tests of token requests share: a grant from its settings, and what a request carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from profiles.content_types import decode
from profiles.grant_compilation import compile_grant
from profiles.grants import Grant, TokenRequest
from profiles.model import ContentType, FormFieldSettings, GrantSettings
from profiles.origins import Cleartext

TOKEN_ENDPOINT = "https://as.example/token"
METHODS = get_args(GrantSettings.model_fields["method"].annotation)


def _is_accepted(content_type: ContentType) -> bool:
    try:
        GrantSettings(token_endpoint=TOKEN_ENDPOINT, content_type=content_type)
    except ValidationError:
        return False
    return True


CONTENT_TYPES = [content_type for content_type in ContentType if _is_accepted(content_type)]
"""Those that a profile may name; one that is built later joins every table by itself."""


def grant_of(
    values: Mapping[str, Any] | None = None,
    *,
    base_url: str | None = None,
    form_keys: tuple[str, ...] = ("username", "password"),
    captured: tuple[str, ...] = (),
    own: Mapping[str, Any] | None = None,
    allow_cleartext: bool = False,
    **settings: Any,
) -> Grant:
    """A grant whose placeholders are the names of *values*."""
    return compile_grant(
        GrantSettings.model_validate({"token_endpoint": TOKEN_ENDPOINT, **settings}),
        base_url=base_url,
        form_fields=[FormFieldSettings(key=key) for key in form_keys],
        profile="orders",
        cleartext=Cleartext(allow_cleartext),
        timeout=5,
        known={*form_keys, *(values or {})},
        captured=captured,
        own=own or {},
    )


def fields_of(request: TokenRequest) -> dict[str, str]:
    """The header section by lower-case name; each name stands there once."""
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names))
    return {name.lower(): value for name, value in request.headers}


def query_of(request: TokenRequest) -> dict[str, str]:
    """The query; each name stands there once."""
    pairs = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def body_of(request: TokenRequest) -> Any:
    """The body as plain data, read as its own media type says."""
    assert request.content is not None
    return decode(request.content, fields_of(request)["content-type"], request.content_type)


def texts_in(data: Any) -> Iterator[str]:
    """Every text in a tree, wherever a content type puts it."""
    if isinstance(data, Mapping):
        for item in data.values():
            yield from texts_in(item)
    elif isinstance(data, (list, tuple)):
        for item in data:
            yield from texts_in(item)
    elif isinstance(data, str):
        yield data
