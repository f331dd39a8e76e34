"""What the tests of the express lane share."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.certs import CertStore

from proxy.composition import Composition
from tests.profiles.token_ground import Server
from tests.proxy.express.certificates import Authority
from tests.proxy.express.lane_in_memory import LaneInMemory, MakeLane, composed


@pytest.fixture(params=[None, asyncio.eager_task_factory], ids=["usual-tasks", "eager-tasks"])
async def task_factory(request: pytest.FixtureRequest) -> None:
    """How tasks begin: `serve` has them run at once, up to their first wait."""
    asyncio.get_running_loop().set_task_factory(request.param)


@pytest.fixture
async def eager_tasks() -> None:
    """As `serve` has them."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA that certifies any name."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> CertStore:
    """The CA of both lanes."""
    return CertStore.from_store(tmp_path_factory.mktemp("ca"), "mitmproxy", 2048)


@pytest.fixture(scope="session")
def plain_composition(tmp_path_factory: pytest.TempPathFactory) -> Composition:
    """The profile that owns api.test, for tests in which nothing is."""
    return composed(tmp_path_factory.mktemp("plain"), Server.__new__(Server), {})


@pytest.fixture
async def lane(plain_composition: Composition) -> LaneInMemory:
    """A lane on which all requests are nobody's."""
    return LaneInMemory(plain_composition)


@pytest.fixture
async def make_lane(tmp_path: Path, store: CertStore) -> MakeLane:
    """`make_lane({"fields": [...]}, limits={"line": 100})`: the profile for api.test with those settings."""

    def make(profile: dict[str, Any] | None = None, **settings: Any) -> LaneInMemory:
        server = Server()
        return LaneInMemory(composed(tmp_path, server, profile or {}, **settings), store, server)

    return make
