"""uvloop with the task factories of the standard library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from proxy.event_loop import EventLoop


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(main())


async def named() -> str:
    task = asyncio.current_task()
    assert task is not None
    return task.get_name()


def test_an_eager_factory_runs_a_task_as_far_as_it_goes() -> None:
    """What mitmproxy sets works as on asyncio's own loops, and the task has its name."""

    async def main() -> tuple[bool, str]:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        task = asyncio.create_task(named(), name="of its own")
        return task.done(), task.get_name()

    assert run(main) == (True, "of its own")


def test_the_factory_can_be_told_and_taken_away() -> None:
    """anyio tells the eager one by its code, so it is given back as it is."""

    async def main() -> tuple[bool, bool, bool]:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        is_told = loop.get_task_factory() is asyncio.eager_task_factory
        loop.set_task_factory(None)
        task = asyncio.create_task(named(), name="later")
        return is_told, task.done(), await task == "later"

    assert run(main) == (True, False, True)


def test_token_requests_work_with_eager_tasks() -> None:
    """httpx goes through anyio's task groups: its cancel scopes hold."""

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

        async def ask() -> None:
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.get("http://127.0.0.1:9/")

        await asyncio.create_task(ask())

    with pytest.raises(httpx.ConnectError):
        run(main)
