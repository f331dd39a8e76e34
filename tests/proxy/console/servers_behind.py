"""A token endpoint and an origin on loopback, behind the profiles that the console tries."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from proxy.demo import serve_in_thread


@dataclass
class ServersBehind:
    """Both remember what came, and answer what they are told."""

    url: str = ""
    token: str = field(default_factory=lambda: f"sentinel{secrets.token_hex(8)}")
    password: str = field(default_factory=lambda: f"sentinel&{secrets.token_hex(8)}")
    refusal: Mapping[str, Any] | None = None
    """In the place of a token, with status 400."""
    origin_answer: tuple[str, list[tuple[str, str]], bytes] = ("200 OK", [], b"{}")
    passwords: list[str] = field(default_factory=list)
    checks: list[dict[str, str]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.let_go.set()

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def profile(self, **more: Any) -> dict[str, Any]:
        """The settings of a profile that owns the origin; *more* win."""
        return {
            "match": [{"host": "127.0.0.1", "port": self.port, "path": "/api/**"}],
            "credentials": {"username": "bot", "password": self.password},
            "grant": {"token_endpoint": f"{self.url}/token", "client_id": "client"},
            "check_url": f"{self.url}/api/me",
            **more,
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"].startswith("/api/"):
            headers = {key[5:].lower(): text for key, text in environ.items() if key.startswith("HTTP_")}
            self.checks.append({"path": environ["PATH_INFO"], **headers})
            status, fields, body = self.origin_answer
            start_response(status, fields)
            return [body]
        sent = parse_qs(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        self.passwords += sent["password"]
        self.arrived.set()
        self.let_go.wait(10)
        answer = self.refusal or {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600}
        status = "200 OK" if self.refusal is None else "400 Bad Request"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]


@contextmanager
def servers_behind() -> Iterator[ServersBehind]:
    servers = ServersBehind()
    with serve_in_thread(servers) as url:
        servers.url = url
        try:
            yield servers
        finally:
            servers.let_go.set()
