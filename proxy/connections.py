"""A client's connection as mitmproxy handles it, without the work that nobody here looks at."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from mitmproxy import flow
from mitmproxy.options import Options
from mitmproxy.proxy import commands, mode_servers, server
from mitmproxy.proxy.layers import http as http_layers

from proxy.hook_completion import HookCompletingContext, HookCompletingStream, HookCompletion
from proxy.joined_sends import JoinedSends


def install() -> None:
    """Has every listener of this process handle its connections by the class below."""
    mode_servers.ProxyConnectionHandler = DirectConnectionHandler  # type: ignore[misc]
    http_layers.HttpStream = HookCompletingStream  # type: ignore[misc]


class DirectConnectionHandler(mode_servers.ProxyConnectionHandler):
    """Completes hooks in place; a hook whose handlers wait blocks its own stream alone, as ever."""

    def __init__(self, master: Any, reader: Any, writer: Any, options: Options, mode: Any) -> None:
        super().__init__(master, reader, writer, RememberedOptions(options), mode)  # type: ignore[no-untyped-call]
        # What listens puts the first layer around this one's context.
        self.layer.context = HookCompletingContext(self.layer.context, self._complete)
        self._started: dict[commands.StartHook, asyncio.Task[None] | None] = {}

    async def handle_client(self) -> None:
        self.layer = JoinedSends(HookCompletion(self.layer, self._complete))  # type: ignore[assignment]
        await super().handle_client()

    def _complete(self, hook: commands.StartHook) -> bool:
        if hook in self._started:
            return False
        waiting = self.master.addons.start(hook)  # type: ignore[attr-defined]
        if waiting is None and not _is_intercepted(hook):
            return True
        self._started[hook] = waiting
        return False

    async def handle_hook(self, hook: commands.StartHook) -> None:
        if hook not in self._started:
            await super().handle_hook(hook)
            return
        waiting = self._started.pop(hook)
        with self.timeout_watchdog.disarm():
            if waiting is not None:
                await waiting
            (data,) = hook.args()
            if isinstance(data, flow.Flow):
                await data.wait_for_resume()

    async def drain_writers(self) -> None:
        for transport in self.transports.values():
            writer = transport.writer
            if isinstance(writer, asyncio.StreamWriter) and (
                writer.is_closing() or writer.transport.get_write_buffer_size()
            ):
                await super().drain_writers()  # type: ignore[no-untyped-call]
                return

    def log(self, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
        if server.logger.isEnabledFor(level):
            super().log(message, level, exc_info)


class RememberedOptions:
    """mitmproxy's options, each copied once for a connection instead of each time that it is asked for."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def __getattr__(self, name: str) -> Any:
        value = vars(self)[name] = getattr(self._options, name)
        return value

    def __contains__(self, name: str) -> bool:
        return name in self._options


def _is_intercepted(hook: commands.StartHook) -> bool:
    held = getattr(hook, "flow", None)
    return held is not None and held.intercepted
