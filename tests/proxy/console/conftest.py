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

from profiles.held_tokens import Entry, TokenResponse
from proxy.composition import Composition, compose
from proxy.configuration_files import load_configuration
from proxy.console.application import build_console
from proxy.console.watched import WatchedProxy

PASSWORD = "password-sentinel"
CLIENT_SECRET = "client-secret-sentinel"
TOKEN = "token-sentinel"
SENTINELS = (PASSWORD, CLIENT_SECRET, TOKEN)
ENVIRON = {"ORDERS_PASSWORD": PASSWORD}


class Grants:
    """Issues `token-sentinel-1`, and so on, or raises `refusal`."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.refusal: Exception | None = None
        self.token = TOKEN

    async def password(self) -> TokenResponse:
        return self._issue("password")

    async def refresh(self, refresh_token: str) -> TokenResponse:
        return self._issue("refresh")

    def _issue(self, grant: str) -> TokenResponse:
        self.requests.append(grant)
        if self.refusal is not None:
            raise self.refusal
        number = len(self.requests)
        return TokenResponse(f"{self.token}-{number}", "Bearer", 3600, f"{self.token}-refresh-{number}")


@dataclasses.dataclass
class Client:
    """The token client of a composition, which asks the same authorization server."""

    grants: Grants

    async def password(self, grant: Any, values: Any) -> TokenResponse:
        return await self.grants.password()

    async def refresh(self, grant: Any, values: Any, refresh_token: str) -> TokenResponse:
        return await self.grants.refresh(refresh_token)

    def through(self, endpoint: Any) -> Client:
        return self


@dataclasses.dataclass
class Clock:
    """Stands until it is set."""

    now: float = dataclasses.field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


class Watched:
    """The proxy, its console, and the authorization server behind it."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._folder = folder
        self.grants = Grants()
        self.clock = Clock()
        self.composition = self._compose(settings, None)
        self.proxy = WatchedProxy(lambda: self.composition, is_ready=True)
        self.built = build_console(self.proxy, clock=self.clock)

    @property
    def application(self) -> Any:
        return self.built.application

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A browser, or a program, that reaches the console at 127.0.0.1:8082."""
        address = options.pop("address", ("127.0.0.1", 123))
        transport = httpx.ASGITransport(app=self.application, raise_app_exceptions=True, client=address)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8082", **options)

    async def sign_in(self, client: httpx.AsyncClient, secret: str | None = None) -> str:
        """Signs in as a person does with the form; the session's CSRF token."""
        token = self.built.sign_in_token if secret is None else secret
        answer = await client.post("/sign-in", data={"secret": token, "next": "/"}, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        # Every page has one: its form for signing out.
        page = await client.get("/nothing")
        return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]

    async def use(self, profile: str = "orders", captures: Any = (), user: str = "") -> None:
        """Has the proxy hold a token."""
        subject = self.composition.subject_of(self.composition.profiles[profile], captures, user)
        if user:
            await self.composition.tokens.authorize(
                dataclasses.replace(subject, grants_with=lambda _: self.grants), Entry({}, {})
            )
            return
        await self.composition.tokens.obtain(dataclasses.replace(subject, grants=self.grants))

    def reload(self, **settings: Any) -> None:
        """As after SIGHUP, with other settings."""
        self.composition = self._compose(settings, self.composition)

    def _compose(self, settings: dict[str, Any], before: Composition | None) -> Composition:
        file = self._folder / "grantproxy.yaml"
        file.write_text(yaml.safe_dump(settings))
        file.chmod(0o600)
        configuration = load_configuration(file, environ=ENVIRON, cwd=self._folder)
        composed = compose(configuration, environ={}, before=before)
        return dataclasses.replace(composed, client=Client(self.grants))


def profile_settings(**more: Any) -> dict[str, Any]:
    """A profile like `orders`."""
    return {
        "description": "Orders <b>API</b>",
        "match": [{"host": "127.0.0.1", "port": 9000, "path": "/api/**"}],
        "credentials": {"username": "bot", "password": PASSWORD},
        "grant": {
            "token_endpoint": "http://127.0.0.1:9001/token",
            "client_id": "client",
            "client_secret": CLIENT_SECRET,
        },
        **more,
    }


def matching(path: str, **more: Any) -> dict[str, Any]:
    """Another profile, which owns another path."""
    return profile_settings(match=[{"host": "127.0.0.1", "port": 9000, "path": path}], **more)


@pytest.fixture
def watch(tmp_path: Path) -> Callable[..., Watched]:
    """`watch({"check_url": ...}, console_hosts=[...])`: the profile `orders` with those settings, and
    whatever other `profiles` there are to be."""

    def make(
        profile: dict[str, Any] | None = None, profiles: dict[str, Any] | None = None, **settings: Any
    ) -> Watched:
        named = {"orders": profile_settings(**(profile or {})), **(profiles or {})}
        return Watched(tmp_path, {"profiles": named, **settings})

    return make
