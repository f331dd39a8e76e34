"""One authorization server, one process and one store, for the tests about tokens."""

from __future__ import annotations

import asyncio

import pytest

from profiles.tokens import Tokens
from tests.profiles.token_ground import Clock, Server, WatchedStore, subject_with


@pytest.fixture(params=[None, asyncio.eager_task_factory], ids=["usual-tasks", "eager-tasks"])
async def task_factory(request):
    """How tasks begin: mitmproxy has them run at once, up to their first wait."""
    asyncio.get_running_loop().set_task_factory(request.param)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def server():
    return Server()


@pytest.fixture
def store():
    return WatchedStore()


@pytest.fixture
async def tokens(store, clock):
    tokens = Tokens(store, clock=clock, random=lambda: 0.5)
    yield tokens
    await tokens.close()


@pytest.fixture
def subject(server):
    return subject_with(server)
