"""mitmproxy's addon manager, with the handlers of each hook looked up once instead of at every event."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager, safecall


class IndexedAddonManager(AddonManager):
    """Asks addons for their handlers when they come or go; most hooks have none, and cost a look-up then."""

    def __init__(self, master: Any) -> None:
        super().__init__(master)
        self._handlers: dict[str, tuple[Callable[..., Any], ...]] = {}

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
        handlers = self._handlers.get(event.name)
        if handlers is None:
            handlers = self._handlers[event.name] = self._handlers_of(event)
        for handler in handlers:
            try:
                with safecall():
                    result = handler(*event.args())
                    if result is not None and inspect.isawaitable(result):
                        await result
            except exceptions.AddonHalt:
                return

    def _handlers_of(self, event: hooks.Hook) -> tuple[Callable[..., Any], ...]:
        return tuple(handler for addon in self.chain for _, handler in self._iter_hooks(addon, event))
