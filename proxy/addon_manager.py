"""mitmproxy's addon manager, with the handlers of each hook looked up once instead of at every event."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, NamedTuple

from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager, safecall


class Handlers(NamedTuple):
    """Who is asked about one kind of hook, and the name of what they are asked about."""

    calls: tuple[Callable[..., Any], ...]
    argument: str | None
    """None for the kinds that have no argument, or several: `Hook.args` gives them."""


class IndexedAddonManager(AddonManager):
    """Asks addons for their handlers when they come or go; most hooks have none, and cost a look-up then."""

    def __init__(self, master: Any) -> None:
        super().__init__(master)
        self._handlers: dict[type[hooks.Hook], Handlers] = {}

    def register(self, addon: Any) -> Any:
        self._handlers.clear()
        return super().register(addon)

    def remove(self, addon: Any) -> None:
        self._handlers.clear()
        super().remove(addon)

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """Without the update event that follows every flow event elsewhere: it is for user interfaces."""
        await self.trigger_event(event)

    async def trigger_event(self, event: hooks.Hook) -> None:
        await _call(self._handlers_of(event), event)

    def start(self, event: hooks.Hook) -> asyncio.Task[None] | None:
        """Runs the handlers as far as they go without waiting: None when they are through.

        Otherwise the task in which they go on, or which holds the exception that ended them.
        """
        handlers = self._handlers_of(event)
        if not handlers.calls:
            return None
        # Only in a task do time-outs, cancel scopes and context variables hold when the first step turns out
        # not to be the last; an eager one takes that step at once.
        task = asyncio.Task(_call(handlers, event), loop=asyncio.get_running_loop(), eager_start=True)
        if task.done() and not task.cancelled() and task.exception() is None:
            return None
        return task

    def _handlers_of(self, event: hooks.Hook) -> Handlers:
        kind = type(event)
        handlers = self._handlers.get(kind)
        if handlers is None:
            calls = tuple(handler for addon in self.chain for _, handler in self._iter_hooks(addon, event))
            names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
            handlers = self._handlers[kind] = Handlers(calls, names[0] if len(names) == 1 else None)
        return handlers


async def _call(handlers: Handlers, event: hooks.Hook) -> None:
    arguments = event.args() if handlers.argument is None else (getattr(event, handlers.argument),)
    for call in handlers.calls:
        try:
            result = call(*arguments)
            if result is not None and inspect.isawaitable(result):
                await result
        except exceptions.AddonHalt:
            return
        except Exception:
            # Logged and forgotten, as mitmproxy does; what must not be forgotten is wrapped by `fail_closed`.
            with safecall():
                raise
