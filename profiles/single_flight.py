"""One run of a thing at a time for each key, whoever asks and whoever stops waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable

GRACE = 5.0
"""Seconds that runs under way get to land when everything ends."""


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
            task = asyncio.Task(self._flight(key, run), loop=asyncio.get_running_loop())
            self._runs[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return task

    async def join(self, key: K, run: Callable[[], Awaitable[T]]) -> T:
        """The outcome of the run under way, or of a new one; its exception is raised in every waiter."""
        return await asyncio.shield(self.start(key, run))

    async def close(self, *, grace: float = GRACE) -> None:
        """Lets what is under way land, for *grace* seconds, and cancels the rest.

        A refresh request that is cut off has used up its refresh token, and the new one is lost with it.
        """
        runs = set(self._runs.values())
        if not runs:
            return
        _, late = await asyncio.wait(runs, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _flight(self, key: K, run: Callable[[], Awaitable[T]]) -> T:
        try:
            return await run()
        finally:
            # Here and not in a callback, which runs a step later: nobody may join a run that is over.
            self._runs.pop(key, None)

    def _landed(self, key: K, task: asyncio.Task[T]) -> None:
        if self._runs.get(key) is task:  # cancelled ahead of its first step
            del self._runs[key]
        if not task.cancelled():
            task.exception()  # taken note of, even where every waiter has left
