"""One run of a thing at a time for each key, whoever asks and whoever stops waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable


class SingleFlight[K: Hashable, T]:
    """Runs are tasks of their own: a waiter that is cancelled takes neither the run nor the others down."""

    def __init__(self) -> None:
        self._runs: dict[K, asyncio.Task[T]] = {}

    def running(self, key: K) -> bool:
        """Whether a run for *key* is under way."""
        return key in self._runs

    def start(self, key: K, run: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        """The run under way, or a new one."""
        task = self._runs.get(key)
        if task is None:
            # Not by create_task: mitmproxy's eager tasks would run ahead of the entry in the table.
            task = asyncio.Task(self._flight(run), loop=asyncio.get_running_loop())
            self._runs[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return task

    async def join(self, key: K, run: Callable[[], Awaitable[T]]) -> T:
        """The outcome of the run under way, or of a new one; its exception is raised in every waiter."""
        return await asyncio.shield(self.start(key, run))

    async def close(self) -> None:
        """Cancels what is under way and waits for its end."""
        runs = list(self._runs.values())
        for task in runs:
            task.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    @staticmethod
    async def _flight(run: Callable[[], Awaitable[T]]) -> T:
        return await run()

    def _landed(self, key: K, task: asyncio.Task[T]) -> None:
        self._runs.pop(key, None)
        if not task.cancelled():
            task.exception()  # taken note of, even where every waiter has left
