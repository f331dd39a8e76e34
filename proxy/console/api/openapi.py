"""The OpenAPI document of the API. It is public, and so says nothing of the installation that answers it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from proxy.console.api.problems import Problem

ABOUT = """\
What the console's pages show and do, as JSON.

Sign in with the console's token, or its secret, as a bearer token; or with the session cookie of somebody who
is signed in, and then operations that change something take the session's CSRF token in `X-CSRF-Token`.

What goes wrong is answered with a problem document (RFC 9457) whose `slug` is for programs. No answer holds a
token, a password, or another secret."""

TAGS = [
    {"name": "overview", "description": "How it stands with the proxy."},
    {"name": "profiles", "description": "Authorization profiles."},
    {"name": "tokens", "description": "The tokens of a profile, and the links by which end users authorize."},
    {"name": "editing", "description": "Profiles made and changed."},
]

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The console's token, or its secret."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "grantproxy-8082",
        "description": "A session of the console. The cookie is named for the console's port, and behind TLS "
        "it begins with `__Host-`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "With a session: the `csrf_token` of any form of the console.",
    },
}
_SAFE = ("get", "head")
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


def openapi_document(routers: Iterable[APIRouter]) -> dict[str, Any]:
    """The document that describes the operations of *routers*."""
    document = get_openapi(
        title="grantproxy",
        version=_version(),
        description=ABOUT,
        routes=[route for router in routers for route in router.routes],
        tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = document["components"]["schemas"]
    for name in _FRAMEWORKS_OWN:
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    document["components"]["securitySchemes"] = _SCHEMES
    for operations in document["paths"].values():
        for method, operation in operations.items():
            _describe_success(operation, schemas)
            session: dict[str, list[str]] = {"session": []}
            operation["security"] = [{"bearer": []}, session if method in _SAFE else {**session, "csrf": []}]
    return document


def _describe_success(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """What FastAPI says of every answer is put as the answer's own document has it."""
    answer = operation["responses"].get("200")
    if answer is not None:
        reference = answer["content"]["application/json"]["schema"].get("$ref", "")
        answer["description"] = schemas.get(reference.rpartition("/")[2], {}).get("description", "Done.")


def _version() -> str:
    try:
        return importlib.metadata.version("grantproxy")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
