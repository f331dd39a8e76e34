"""What the adapters are tried with: a configuration as a user writes it, and grants that need no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from mitmproxy.proxy.layers import http as http_layers

from addons import replay
from profiles.authorization import Authorizer
from profiles.errors import Refusal
from profiles.held_tokens import TokenResponse
from profiles.tokens import Subject
from proxy.composition import Composition, compose
from proxy.configuration_files import load_configuration

ORIGIN = "127.0.0.1:9000"


class Grants:
    """An authorization server that issues `token-1`, `token-2`, ..., or refuses."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.requests: list[str] = []
        self.refusal: Refusal | None = None

    async def password(self) -> TokenResponse:
        return self._issue("password")

    async def refresh(self, refresh_token: str) -> TokenResponse:
        assert refresh_token.startswith("refresh-")
        return self._issue("refresh")

    def _issue(self, grant: str) -> TokenResponse:
        self.requests.append(grant)
        if self.refusal is not None:
            raise self.refusal
        number = next(self.numbers)
        return TokenResponse(f"token-{number}", "Bearer", 3600, f"refresh-{number}")


@dataclasses.dataclass
class World:
    """A composed configuration whose tokens come from `grants`."""

    composition: Composition
    authorizer: Authorizer
    grants: Grants


MakeWorld = Callable[..., World]


@pytest.fixture
def installed() -> Iterator[None]:
    """Streams are ours, as in every process that runs the addons, for the time of a test."""
    own = http_layers.HttpStream
    replay.install()
    yield
    http_layers.HttpStream = own


@pytest.fixture
def world(tmp_path: Path, installed: None) -> MakeWorld:
    """`world({"fields": [...]}, unmatched="refuse")`: the profile `orders` for ORIGIN with those settings."""

    def make(profile: dict[str, Any] | None = None, **settings: Any) -> World:
        orders = {
            "match": [{"host": "127.0.0.1", "port": 9000, "path": "/api/**"}],
            "credentials": {"username": "bot", "password": "hunter2"},
            "grant": {"token_endpoint": "http://127.0.0.1:9001/token"},
            **(profile or {}),
        }
        file = tmp_path / "grantproxy.yaml"
        file.write_text(yaml.safe_dump({"profiles": {"orders": orders}, **settings}))
        file.chmod(0o600)
        composition = compose(load_configuration(file, environ={}, cwd=tmp_path), environ={})
        grants = Grants()

        def subject_of(profile: Any, captures: Any, _user: str) -> Subject:
            return dataclasses.replace(composition.subject_of(profile, captures), grants=grants)

        given = composition.authorizer
        authorizer = Authorizer(
            composition.index,
            composition.tokens,
            subject_of,
            refuse_unmatched=settings.get("unmatched") == "refuse",
            allowed=given._allowed,
            clients=given._clients,
        )
        return World(dataclasses.replace(composition, authorizer=authorizer), authorizer, grants)

    return make
