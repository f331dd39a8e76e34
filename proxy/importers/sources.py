"""What kind of source a text is, and the profiles in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from proxy.importers.curl import import_curl
from proxy.importers.curl_options import split_command
from proxy.importers.draft import Draft, UnreadableSource
from proxy.importers.openapi import import_openapi
from proxy.importers.postman import import_postman
from proxy.yaml_documents import YamlSyntaxError, parse_document


class Kind(StrEnum):
    """What can be imported."""

    POSTMAN = "postman"
    OPENAPI = "openapi"
    CURL = "curl"


def import_words(words: Sequence[str], *, name: str | None = None) -> list[Draft]:
    """The profile of a curl command that is in words already. Raises UnreadableSource, NothingToImport."""
    return [import_curl(words, name=name)]


def import_text(text: str, kind: Kind | None, *, name: str | None = None) -> list[Draft]:
    """The profiles in *text*; without a *kind*, it is found out. Raises UnreadableSource, NothingToImport."""
    if kind is Kind.CURL or (kind is None and _is_curl(text)):
        return import_words(split_command(text), name=name)
    data = _data(text)
    importers: dict[Kind, Callable[[], list[Draft]]] = {
        Kind.POSTMAN: lambda: import_postman(data, name=name),
        Kind.OPENAPI: lambda: [import_openapi(data, name=name)],
    }
    return importers[kind or _kind_of(data)]()


def _is_curl(text: str) -> bool:
    words = text.lstrip().removeprefix("$ ").split(maxsplit=1)
    return bool(words) and words[0].rpartition("/")[2].removesuffix(".exe") == "curl"


def _kind_of(data: Any) -> Kind:
    if isinstance(data, dict):
        if "openapi" in data or "swagger" in data:
            return Kind.OPENAPI
        if isinstance(data.get("item"), list):
            return Kind.POSTMAN
    raise UnreadableSource("this is neither a Postman collection nor an OpenAPI document nor a curl command")


def _data(text: str) -> Any:
    """JSON or YAML. Not every JSON text is YAML (tabs), so JSON is tried first."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return parse_document(text).value
    except YamlSyntaxError as error:
        raise UnreadableSource(f"this is neither JSON nor YAML (line {error.fault.line})") from None
