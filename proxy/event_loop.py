"""The event loop of `serve`: uvloop, with the task factories that the standard library has made."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import uvloop


class EventLoop(uvloop.Loop):
    """Calls a task factory as asyncio's loops do.

    uvloop hands each one `eager_start`, which that of Python 3.12 and of 3.13 before .3 does not take; and a
    wrapper around a factory would not do: anyio tells `asyncio.eager_task_factory` by its code.
    """

    _factory: Any = None

    def set_task_factory(self, factory: Any) -> None:
        """As asyncio's; mitmproxy sets `asyncio.eager_task_factory` for as long as it runs."""
        self._factory = factory

    def get_task_factory(self) -> Any:
        """As asyncio's."""
        return self._factory

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Any = None, **options: Any
    ) -> asyncio.Future[Any]:
        """As asyncio's."""
        if self._factory is None:
            return super().create_task(coro, name=name, context=context, **options)
        task: asyncio.Future[Any] = self._factory(self, coro, context=context, **options)
        if name is not None and isinstance(task, asyncio.Task):
            task.set_name(name)
        return task
