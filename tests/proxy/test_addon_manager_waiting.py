"""Handlers that are looked up once behave as under mitmproxy's own manager."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import exceptions, hooks, http
from mitmproxy.proxy.layers.http import HttpErrorHook, HttpRequestHook
from mitmproxy.test import taddons, tflow

from proxy.addon_manager import IndexedAddonManager


class Named:
    """An addon whose only handler is the given function."""

    def __init__(self, name: str, request: Callable[[http.HTTPFlow], Any]) -> None:
        self.name = name
        self.request = request


@pytest.fixture
async def manager() -> IndexedAddonManager:
    """A manager without addons."""
    with taddons.context() as context:
        return IndexedAddonManager(context.master)


async def test_hook_without_handlers_is_through_at_once(manager: IndexedAddonManager) -> None:
    """Nobody to ask is nobody to wait for."""
    waiting = manager.start(HttpErrorHook(tflow.tflow()))

    assert waiting is None


async def test_handlers_that_do_not_wait_are_through_at_once(manager: IndexedAddonManager) -> None:
    """Functions and coroutine functions run in the addons' order, all before `start` returns."""
    called: list[str] = []

    async def second(_: http.HTTPFlow) -> None:
        called.append("second")

    manager.add(Named("first", lambda _: called.append("first")), Named("second", second))
    waiting = manager.start(HttpRequestHook(tflow.tflow()))

    assert waiting is None
    assert called == ["first", "second"]


async def test_handler_that_waits_goes_on_in_a_task_of_its_own(manager: IndexedAddonManager) -> None:
    """hazard-8: `start` returns before it; the handlers after it wait for it, its time-outs hold."""
    called: list[str] = []
    released = asyncio.Event()

    async def slow(_: http.HTTPFlow) -> None:
        async with asyncio.timeout(60):
            called.append("slow begins")
            await released.wait()
        called.append("slow ends")

    manager.add(Named("slow", slow), Named("after", lambda _: called.append("after")))
    waiting = manager.start(HttpRequestHook(tflow.tflow()))
    assert waiting is not None
    before_release = list(called)
    released.set()
    await waiting

    assert before_release == ["slow begins"]
    assert called == ["slow begins", "slow ends", "after"]


async def test_exception_of_a_handler_is_logged_and_the_next_one_runs(
    manager: IndexedAddonManager, caplog: pytest.LogCaptureFixture
) -> None:
    """As mitmproxy does: what decides about a request is wrapped by `fail_closed` for that."""
    called: list[str] = []

    async def failing(_: http.HTTPFlow) -> None:
        raise ZeroDivisionError

    manager.add(Named("failing", failing), Named("after", lambda _: called.append("after")))
    with caplog.at_level(logging.ERROR):
        waiting = manager.start(HttpRequestHook(tflow.tflow()))

    assert waiting is None
    assert called == ["after"]
    assert "Addon error" in caplog.text


async def test_halt_ends_the_hook_for_the_addons_after(manager: IndexedAddonManager) -> None:
    """AddonHalt is no error, and nobody else is asked."""
    called: list[str] = []

    def halting(_: http.HTTPFlow) -> None:
        raise exceptions.AddonHalt

    manager.add(Named("halting", halting), Named("after", lambda _: called.append("after")))
    waiting = manager.start(HttpRequestHook(tflow.tflow()))

    assert waiting is None
    assert called == []


async def test_exception_that_ends_a_hook_waits_for_whoever_awaits_it(manager: IndexedAddonManager) -> None:
    """It must not come out in the middle of the layers, nor pass for a hook that is through."""

    def refusing(_: http.HTTPFlow) -> None:
        raise exceptions.OptionsError("no")

    manager.add(Named("refusing", refusing))
    waiting = manager.start(HttpRequestHook(tflow.tflow()))

    assert waiting is not None
    with pytest.raises(exceptions.OptionsError):
        await waiting


async def test_addon_that_comes_or_goes_is_heard_of(manager: IndexedAddonManager) -> None:
    """What is looked up once is looked up anew when the addons change."""
    called: list[str] = []
    first = Named("first", lambda _: called.append("first"))
    manager.add(first)
    manager.start(HttpRequestHook(tflow.tflow()))

    manager.add(Named("second", lambda _: called.append("second")))
    manager.remove(first)
    manager.start(HttpRequestHook(tflow.tflow()))

    assert called == ["first", "second"]


async def test_hook_with_no_or_one_argument_hands_over_what_it_has(manager: IndexedAddonManager) -> None:
    """`running` has none, `request` a flow."""
    heard: list[Any] = []

    class Everything:
        def running(self) -> None:
            heard.append("running")

        def request(self, flow: http.HTTPFlow) -> None:
            heard.append(flow)

    flow = tflow.tflow()
    manager.add(Everything())
    await manager.trigger_event(hooks.RunningHook())
    await manager.trigger_event(HttpRequestHook(flow))

    assert heard == ["running", flow]
