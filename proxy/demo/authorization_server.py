"""An OAuth 2.0 authorization server for the demo: Authlib on Flask, everything in memory.

It speaks the password and the refresh grant (RFC 6749 sections 4.3 and 6) and token revocation (RFC 7009).
What goes wrong in the life of a token can be brought about on purpose, by method or under `/control/`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer as GrantServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant, ResourceOwnerPasswordCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import Blueprint, Flask, Response, abort, jsonify, request

CLIENT_AUTHENTICATION_METHODS = ["none", "client_secret_basic", "client_secret_post"]
LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1"})
CONTROL_TOKEN_FIELD = "X-Control-Token"  # noqa: S105  -- the name of a field


@dataclass(frozen=True)
class DemoClient(ClientMixin):  # type: ignore[misc]
    """A registered client (RFC 6749 section 2); without a secret it is a public one."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    scope: tuple[str, ...] = ("read", "write")

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scope to grant: all of the client's if none was asked for, None if too much was."""
        asked = scope.split() if scope else list(self.scope)
        return " ".join(asked) if set(asked) <= set(self.scope) else None

    def check_client_secret(self, client_secret: str) -> bool:
        expected = self.client_secret or ""
        return bool(expected) and secrets.compare_digest(expected.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return (method == "none") == (self.client_secret is None)

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("password", "refresh_token")


@dataclass(eq=False)
class IssuedToken(TokenMixin):  # type: ignore[misc]
    """A pair of access and refresh token; instants are those of the server's clock, in seconds."""

    client_id: str
    username: str
    scope: str
    access_token: str = field(repr=False)
    access_expires_at: float
    refresh_token: str | None = field(repr=False)
    refresh_expires_at: float
    clock: Callable[[], float] = field(repr=False)

    def check_client(self, client: DemoClient) -> bool:
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope

    def is_expired(self) -> bool:
        return self.clock() >= self.access_expires_at

    def is_revoked(self) -> bool:
        """Never: a revoked token is forgotten, so that no test of it can be left out."""
        return False


@dataclass(eq=False)
class AuthorizationServer:
    """The server's state, and what can be done to it; `app` is to be served by `serve_in_thread`.

    `access_lifetime` and `refresh_lifetime` (seconds), `rotate` and `users` may be changed while it runs.
    """

    users: dict[str, str] = field(repr=False)
    clients: Mapping[str, DemoClient]
    pin: str | None = field(default=None, repr=False)
    access_lifetime: float = 3600
    refresh_lifetime: float = 86400
    rotate: bool = True
    extra_members: Mapping[str, Any] = field(default_factory=dict, repr=False)
    clock: Callable[[], float] = time.monotonic
    control_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    token_requests: Counter[str] = field(default_factory=Counter)
    refused_token_requests: Counter[str] = field(default_factory=Counter)
    app: Flask = field(init=False, repr=False)
    _by_access_token: dict[str, IssuedToken] = field(default_factory=dict, repr=False)
    _by_refresh_token: dict[str, IssuedToken] = field(default_factory=dict, repr=False)
    # One request at a time: the rotation of a refresh token is a read and a write.
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.app = _application(self)

    def token_of(self, access_token: str) -> IssuedToken | None:
        """What was issued as *access_token*, unless it has been revoked; it may have expired."""
        return self._by_access_token.get(access_token)

    def token_of_refresh(self, refresh_token: str) -> IssuedToken | None:
        """What was issued with *refresh_token*, while that may still be used."""
        token = self._by_refresh_token.get(refresh_token)
        return token if token is not None and self.clock() < token.refresh_expires_at else None

    def accepts(self, access_token: str | None) -> bool:
        """Whether a request with this access token is authorized at this instant."""
        token = self.token_of(access_token) if access_token else None
        return token is not None and not token.is_expired()

    def issue(self, token: IssuedToken) -> None:
        """Remembers a token that is about to be sent to a client."""
        self._by_access_token[token.access_token] = token
        if token.refresh_token is not None:
            self._by_refresh_token[token.refresh_token] = token

    def revoke(self, token: IssuedToken) -> None:
        """Forgets a pair, access and refresh token alike."""
        self._by_access_token.pop(token.access_token, None)
        self.retire_refresh_token(token)

    def retire_refresh_token(self, token: IssuedToken) -> None:
        """Forgets the refresh token of a pair; its access token lives on until it expires."""
        if token.refresh_token is not None:
            self._by_refresh_token.pop(token.refresh_token, None)

    def revoke_access_tokens(self) -> None:
        """Every access token is refused from now on; refresh tokens stay good."""
        with self._lock:
            self._by_access_token.clear()

    def expire_access_tokens(self) -> None:
        """Every access token expires at this instant, earlier than its client was told."""
        with self._lock:
            for token in self._by_access_token.values():
                token.access_expires_at = self.clock()

    def kill_refresh_tokens(self) -> None:
        """Every refresh token is answered `invalid_grant` from now on; access tokens stay good."""
        with self._lock:
            self._by_refresh_token.clear()

    def statistics(self) -> dict[str, Any]:
        """Token requests by grant type, the refused ones among them, the number of good access tokens."""
        with self._lock:
            good = sum(not token.is_expired() for token in self._by_access_token.values())
            return {
                "token_requests": dict(self.token_requests),
                "refused_token_requests": dict(self.refused_token_requests),
                "good_access_tokens": good,
            }

    def answer_token_request(self, create_response: Callable[[], Response]) -> Response:
        """Has a token request answered, one at a time, and counts it under its grant type."""
        grant_type = request.values.get("grant_type", "none")
        with self._lock:
            self.token_requests[grant_type] += 1
            response = create_response()
            if response.status_code != 200:
                self.refused_token_requests[grant_type] += 1
            return response


def create_authorization_server(
    *, users: Mapping[str, str], clients: Iterable[DemoClient], **settings: Any
) -> AuthorizationServer:
    """Builds a server for these users (name to password) and clients; the rest as in `AuthorizationServer`.

    With `pin`, the password request must carry a form parameter of that name and value besides the
    standard ones. `extra_members` are added to every token response.
    """
    return AuthorizationServer(
        users=dict(users), clients={client.client_id: client for client in clients}, **settings
    )


class _Server(GrantServer):  # type: ignore[misc]
    """Authlib's server, knowing the state its grants act on."""

    def __init__(self, state: AuthorizationServer, app: Flask) -> None:
        super().__init__(app, query_client=state.clients.get, save_token=self._save)
        self.state = state
        self.register_token_generator("default", _token_generator(state))
        self.register_grant(_PasswordGrant)
        self.register_grant(_RefreshGrant)
        self.register_endpoint(_Revocation)

    def _save(self, token: dict[str, Any], token_request: Any) -> None:
        state, now = self.state, self.state.clock()
        state.issue(
            IssuedToken(
                client_id=token_request.client.client_id,
                username=token_request.user,
                scope=token.get("scope", ""),
                access_token=token["access_token"],
                access_expires_at=now + state.access_lifetime,
                refresh_token=token.get("refresh_token"),
                refresh_expires_at=now + state.refresh_lifetime,
                clock=state.clock,
            )
        )
        token.update(state.extra_members)  # Authlib sends this mapping after it has been saved


def _token_generator(state: AuthorizationServer) -> Any:
    def random_token(**_: Any) -> str:
        return secrets.token_urlsafe(32)

    return BearerTokenGenerator(
        random_token, random_token, lambda _client, _grant_type: state.access_lifetime
    )


class _PasswordGrant(ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_AUTHENTICATION_METHODS

    def authenticate_user(self, username: str, password: str) -> str | None:
        state: AuthorizationServer = self.server.state
        expected = state.users.get(username)
        pin_fits = state.pin is None or self.request.form.get("pin") == state.pin
        return username if expected is not None and expected == password and pin_fits else None


class _RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_AUTHENTICATION_METHODS

    @property
    def INCLUDE_NEW_REFRESH_TOKEN(self) -> bool:  # noqa: N802  -- Authlib's name
        return bool(self.server.state.rotate)

    def authenticate_refresh_token(self, refresh_token: str) -> IssuedToken | None:
        state: AuthorizationServer = self.server.state
        return state.token_of_refresh(refresh_token)

    def authenticate_user(self, refresh_token: IssuedToken) -> str:
        return refresh_token.username

    def revoke_old_credential(self, refresh_token: IssuedToken) -> None:
        state: AuthorizationServer = self.server.state
        if state.rotate:
            state.retire_refresh_token(refresh_token)


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = CLIENT_AUTHENTICATION_METHODS

    def query_token(self, token_string: str, _token_type_hint: str | None) -> IssuedToken | None:
        """Finds the token whatever its hint says: a wrong hint does no harm (RFC 7009 section 2.1)."""
        state: AuthorizationServer = self.server.state
        return state.token_of(token_string) or state.token_of_refresh(token_string)

    def revoke_token(self, token: IssuedToken, _request: Any) -> None:
        self.server.state.revoke(token)


def _application(state: AuthorizationServer) -> Flask:
    app = Flask("authorization_server")
    server = _Server(state, app)

    @app.post("/oauth/token")
    def token() -> Response:
        return state.answer_token_request(lambda: _token_response(server))

    @app.post("/oauth/revoke")
    def revoke() -> Response:
        response: Response = server.create_endpoint_response("revocation")
        return response

    app.register_blueprint(_control(state))
    return app


def _token_response(server: _Server) -> Response:
    if "Authorization" in request.headers and "client_secret" in request.form:
        # RFC 6749 section 2.3: the client MUST NOT use more than one authentication method in each request.
        response = jsonify(error="invalid_request", error_description="two ways of client authentication")
        response.status_code = 400
        return response
    answer: Response = server.create_token_response()
    return answer


def _control(state: AuthorizationServer) -> Blueprint:
    """The demo's levers: loopback only, and only for whoever was handed the control token."""
    control = Blueprint("control", __name__, url_prefix="/control")
    actions: Mapping[str, Callable[[], None]] = {
        "revoke-access-tokens": state.revoke_access_tokens,
        "expire-access-tokens": state.expire_access_tokens,
        "kill-refresh-tokens": state.kill_refresh_tokens,
    }

    @control.before_request
    def guard() -> None:
        given = request.headers.get(CONTROL_TOKEN_FIELD, "")
        is_loopback = request.remote_addr in LOOPBACK_ADDRESSES
        if not (is_loopback and secrets.compare_digest(given.encode(), state.control_token.encode())):
            abort(404)

    @control.post("/<action>")
    def act(action: str) -> Response:
        if action not in actions:
            abort(404)
        actions[action]()
        return Response(status=204)

    @control.get("/statistics")
    def statistics() -> Response:
        return jsonify(state.statistics())

    return control
