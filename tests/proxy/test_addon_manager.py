"""The addon manager of the lane behaves as mitmproxy's own, as far as addons can tell."""

from __future__ import annotations

from typing import Any

import pytest
from mitmproxy import exceptions
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy.layers.http import HttpRequestHook
from mitmproxy.test import tflow

from proxy.addon_manager import IndexedAddonManager


class Noting:
    """An addon that notes when it is asked, and may raise."""

    def __init__(self, name: str, asked: list[str], error: Exception | None = None) -> None:
        self.name = name
        self._asked = asked
        self._error = error

    async def request(self, flow: Any) -> None:
        self._asked.append(self.name)
        if self._error is not None:
            raise self._error


class NotingAtOnce(Noting):
    def request(self, flow: Any) -> None:
        self._asked.append(self.name)


class Group:
    """An addon with children, which is none of its own."""

    name = "group"

    def __init__(self, *addons: Any) -> None:
        self.addons = addons


@pytest.fixture
async def manager() -> IndexedAddonManager:
    master = Master(Options())
    master.addons = IndexedAddonManager(master)
    return master.addons


async def test_handlers_are_asked_in_their_order(manager: IndexedAddonManager) -> None:
    """Children where their group stands, coroutines and plain functions alike."""
    asked: list[str] = []
    manager.add(
        Noting("1", asked), Group(Noting("2", asked), NotingAtOnce("3", asked)), NotingAtOnce("4", asked)
    )

    await manager.handle_lifecycle(HttpRequestHook(tflow.tflow()))

    assert asked == ["1", "2", "3", "4"]


async def test_addons_that_come_or_go_are_noticed(manager: IndexedAddonManager) -> None:
    """What was looked up once is looked up anew then."""
    asked: list[str] = []
    first, second = Noting("1", asked), Noting("2", asked)
    manager.add(first)
    await manager.trigger_event(HttpRequestHook(tflow.tflow()))

    manager.add(second)
    await manager.trigger_event(HttpRequestHook(tflow.tflow()))
    manager.remove(first)
    await manager.trigger_event(HttpRequestHook(tflow.tflow()))

    assert asked == ["1", "1", "2", "2"]


async def test_a_halt_ends_the_event(manager: IndexedAddonManager) -> None:
    """Interception rests on it: mitmproxy's own choice of a protocol must not come next."""
    asked: list[str] = []
    manager.add(Group(Noting("1", asked, exceptions.AddonHalt())), Noting("2", asked))

    await manager.trigger_event(HttpRequestHook(tflow.tflow()))

    assert asked == ["1"]


async def test_an_addon_that_fails_does_not_keep_the_others_from_theirs(manager: IndexedAddonManager) -> None:
    """As in mitmproxy: the next handler is asked, which is why deciding ones fail closed."""
    asked: list[str] = []
    manager.add(Noting("1", asked, RuntimeError("x")), Noting("2", asked))

    await manager.trigger_event(HttpRequestHook(tflow.tflow()))

    assert asked == ["1", "2"]


async def test_an_event_without_handlers_is_nothing(manager: IndexedAddonManager) -> None:
    """Most hooks have none."""
    manager.add(Group())

    await manager.handle_lifecycle(HttpRequestHook(tflow.tflow()))
