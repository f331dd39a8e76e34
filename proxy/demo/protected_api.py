"""An API for the demo that lets in who holds a token of the demo's authorization server (RFC 6750)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc6750 import BearerTokenValidator
from flask import Flask, Response, jsonify, request

from proxy.demo.authorization_server import AuthorizationServer, IssuedToken


@dataclass(frozen=True)
class ProtectedApi:
    """The application, and how many requests it has answered with which status."""

    app: Flask
    answers: Counter[int] = field(default_factory=Counter)


class _IssuedTokenValidator(BearerTokenValidator):  # type: ignore[misc]
    def __init__(self, server: AuthorizationServer) -> None:
        super().__init__(realm="demo")
        self._server = server

    def authenticate_token(self, token_string: str) -> IssuedToken | None:
        return self._server.token_of(token_string)


def create_protected_api(server: AuthorizationServer) -> ProtectedApi:
    """Builds the API; what it refuses it answers 401 with a Bearer challenge (RFC 6750 section 3).

    `/api/me` tells whose token it is; `/api/echo` and `/accounts/{account_id}/orders` tell in which of the
    four places something arrived: `header`, `query`, `payload`, `path`.
    """
    api = ProtectedApi(Flask("protected_api"))
    require_token = ResourceProtector()
    require_token.register_token_validator(_IssuedTokenValidator(server))

    @api.app.get("/api/me")
    @require_token()  # type: ignore[untyped-decorator]
    def me() -> Response:
        return jsonify(user=current_token.username, scope=current_token.scope.split())

    @api.app.route("/api/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @require_token()  # type: ignore[untyped-decorator]
    def echo() -> Response:
        return jsonify(_arrived({}))

    @api.app.route("/accounts/<account_id>/orders", methods=["GET", "POST"])
    @require_token()  # type: ignore[untyped-decorator]
    def orders(account_id: str) -> Response:
        return jsonify(_arrived({"account_id": account_id}))

    @api.app.after_request
    def count(response: Response) -> Response:
        api.answers[response.status_code] += 1
        return response

    return api


def _arrived(path: dict[str, str]) -> dict[str, Any]:
    """What the request brought, by place; of the Authorization field the scheme alone is told."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return {
        "method": request.method,
        "header": {"Authorization": f"{scheme} ({len(credentials)} characters)"},
        "query": request.args.to_dict(),
        "payload": request.get_json(silent=True),
        "path": path,
    }
