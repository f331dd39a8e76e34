"""A composed configuration as the console watches it, with an authorization server that needs no network."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from profiles.held_tokens import TokenResponse
from proxy.composition import Composition, compose
from proxy.configuration_files import load_configuration
from proxy.console.application import BuiltConsole, build_console
from proxy.console.watched import WatchedProxy

PASSWORD = "password-sentinel"
CLIENT_SECRET = "client-secret-sentinel"
TOKEN = "token-sentinel"
SENTINELS = (PASSWORD, CLIENT_SECRET, TOKEN)


class Grants:
    """Issues `token-sentinel-1`, and so on, or raises `refusal`."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.refusal: Exception | None = None

    async def password(self) -> TokenResponse:
        return self._issue("password")

    async def refresh(self, refresh_token: str) -> TokenResponse:
        return self._issue("refresh")

    def _issue(self, grant: str) -> TokenResponse:
        self.requests.append(grant)
        if self.refusal is not None:
            raise self.refusal
        number = len(self.requests)
        return TokenResponse(f"{TOKEN}-{number}", "Bearer", 3600, f"{TOKEN}-refresh-{number}")


@dataclasses.dataclass
class Clock:
    """Stands until it is set."""

    now: float = dataclasses.field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


@dataclasses.dataclass
class Watched:
    """The proxy, its application and the authorization server behind it."""

    proxy: WatchedProxy
    composition: Composition
    grants: Grants
    built: BuiltConsole
    clock: Clock

    @property
    def application(self) -> Any:
        return self.built.application

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A browser, or a program, that reaches the console at 127.0.0.1:8082."""
        transport = httpx.ASGITransport(app=self.application, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8082", **options)

    async def sign_in(self, client: httpx.AsyncClient, secret: str | None = None) -> str:
        """Signs in as a person does with the form; the session's CSRF token."""
        token = self.built.sign_in_token if secret is None else secret
        answer = await client.post("/sign-in", data={"secret": token, "next": "/"})
        assert answer.status_code == 303, answer.text
        # Every page has one: its form for signing out.
        page = await client.get("/nothing")
        return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]

    async def use(self, profile: str = "orders", captures: Any = ()) -> None:
        """Has the proxy hold a token."""
        subject = self.composition.subject_of(self.composition.profiles[profile], captures)
        await self.composition.tokens.obtain(dataclasses.replace(subject, grants=self.grants))


@pytest.fixture
def watch(tmp_path: Path) -> Callable[..., Watched]:
    """`watch({"check_url": ...}, console_hosts=[...])`: the profile `orders` with those settings."""

    def make(profile: dict[str, Any] | None = None, **settings: Any) -> Watched:
        orders = {
            "description": "Orders <b>API</b>",
            "match": [{"host": "127.0.0.1", "port": 9000, "path": "/api/**"}],
            "credentials": {"username": "bot", "password": PASSWORD},
            "grant": {
                "token_endpoint": "http://127.0.0.1:9001/token",
                "client_id": "client",
                "client_secret": CLIENT_SECRET,
            },
            **(profile or {}),
        }
        file = tmp_path / "grantproxy.yaml"
        file.write_text(yaml.safe_dump({"profiles": {"orders": orders}, **settings}))
        file.chmod(0o600)
        composition = compose(load_configuration(file, environ={}, cwd=tmp_path), environ={})
        proxy = WatchedProxy(lambda: composition, is_ready=True)
        clock = Clock()
        return Watched(proxy, composition, Grants(), build_console(proxy, clock=clock), clock)

    return make
