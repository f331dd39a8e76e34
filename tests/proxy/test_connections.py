"""A connection that completes its hooks in place waits where mitmproxy's own would wait."""

import asyncio
import logging
from typing import Any, cast

import pytest
from mitmproxy import options
from mitmproxy.proxy import commands, mode_specs
from mitmproxy.proxy.layers.http import HttpRequestHook
from mitmproxy.test import tflow

from proxy.connections import DirectConnectionHandler, RememberedOptions
from proxy.hook_completion import HookCompletingContext


class Writer:
    """The addresses of a connection that carries nothing."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As `asyncio.StreamWriter`."""
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name, default)


class Addons:
    """A master with an addon manager whose handlers wait until they are released."""

    def __init__(self, *, wait: bool) -> None:
        self.addons = self
        self.started: list[commands.StartHook] = []
        self.released = asyncio.Event()
        self._wait = wait

    def start(self, hook: commands.StartHook) -> asyncio.Task[Any] | None:
        """As `IndexedAddonManager.start`."""
        self.started.append(hook)
        return asyncio.get_running_loop().create_task(self.released.wait()) if self._wait else None


def handler_of(addons: Addons) -> DirectConnectionHandler:
    mode = mode_specs.ProxyMode.parse("regular")
    return DirectConnectionHandler(addons, asyncio.StreamReader(), Writer(), options.Options(), mode)


def complete(handler: DirectConnectionHandler, hook: commands.StartHook) -> bool:
    return cast("HookCompletingContext", handler.layer.context).complete(hook)


async def test_hook_whose_handlers_are_through_is_complete() -> None:
    """Nothing is left of it to be waited for."""
    addons = Addons(wait=False)

    outcome = complete(handler_of(addons), HttpRequestHook(tflow.tflow()))

    assert outcome is True
    assert len(addons.started) == 1


async def test_hook_that_waits_is_waited_for_and_its_handlers_run_once() -> None:
    """The stream asks, then the outermost layer asks, then its task waits: all for one run."""
    addons = Addons(wait=True)
    handler, hook = handler_of(addons), HttpRequestHook(tflow.tflow())

    in_the_stream, outside = complete(handler, hook), complete(handler, hook)
    waiting = asyncio.ensure_future(handler.handle_hook(hook))
    await asyncio.sleep(0)
    was_done, could_time_out = waiting.done(), handler.timeout_watchdog.can_timeout.is_set()
    addons.released.set()
    await waiting

    assert (in_the_stream, outside) == (False, False)
    assert addons.started == [hook]
    assert (was_done, could_time_out) == (False, False)
    assert handler.timeout_watchdog.can_timeout.is_set()


async def test_intercepted_flow_waits_until_it_is_resumed() -> None:
    """An addon may hold a flow without waiting in its handler."""
    flow = tflow.tflow()
    flow.intercept()
    handler, hook = handler_of(Addons(wait=False)), HttpRequestHook(flow)

    outcome = complete(handler, hook)
    waiting = asyncio.ensure_future(handler.handle_hook(hook))
    await asyncio.sleep(0)
    was_done = waiting.done()
    flow.resume()
    await waiting

    assert outcome is False
    assert was_done is False


async def test_unwanted_log_line_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    """A wanted one goes out as ever."""
    handler = handler_of(Addons(wait=False))

    with caplog.at_level(logging.ERROR, "mitmproxy.proxy.server"):
        handler.log("nobody asked")
        handler.log("something broke", logging.ERROR)

    assert [record.message for record in caplog.records] == ["something broke"]


def test_options_are_copied_once() -> None:
    """Each is mitmproxy's; what is no option is none here."""
    theirs = options.Options()
    remembered = RememberedOptions(theirs)

    assert remembered.ignore_hosts == theirs.ignore_hosts
    assert remembered.ignore_hosts is remembered.ignore_hosts
    assert "ignore_hosts" in remembered
    assert "nonsense" not in remembered
    with pytest.raises(AttributeError):
        _ = remembered.nonsense
