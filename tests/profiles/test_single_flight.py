"""One run at a time for each key, under both kinds of tasks."""

from __future__ import annotations

import asyncio
import gc

import pytest

from profiles.single_flight import SingleFlight


@pytest.fixture(params=[None, asyncio.eager_task_factory], ids=["usual-tasks", "eager-tasks"], autouse=True)
async def _tasks(request):
    asyncio.get_running_loop().set_task_factory(request.param)


class Work:
    """Something that runs until it is let go."""

    def __init__(self, outcome="done"):
        self.runs = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.outcome = outcome

    async def __call__(self):
        self.runs += 1
        self.begun.set()
        await self.go.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def test_all_who_ask_share_one_run_hazard_1():
    """A thousand waiters cause one run and get its outcome."""
    flights, work = SingleFlight(), Work()
    waiters = [asyncio.create_task(flights.join("key", work)) for _ in range(1000)]
    await work.begun.wait()
    work.go.set()

    outcomes = await asyncio.gather(*waiters)

    assert (work.runs, set(outcomes)) == (1, {"done"})


async def test_keys_do_not_wait_for_each_other():
    """Two keys are two runs."""
    flights, one, other = SingleFlight(), Work("one"), Work("other")
    waiting = asyncio.create_task(flights.join("one", one))
    other.go.set()

    assert await flights.join("other", other) == "other"
    one.go.set()
    assert await waiting == "one"


async def test_a_waiter_who_leaves_takes_nobody_along_hazard_4():
    """The first waiter is cancelled; run and followers go on."""
    flights, work = SingleFlight(), Work()
    first = asyncio.create_task(flights.join("key", work))
    second = asyncio.create_task(flights.join("key", work))
    await work.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.go.set()

    assert await second == "done"
    assert work.runs == 1


async def test_a_run_lands_although_everybody_has_left_hazard_4():
    """Nobody waits any more: the run still ends by itself, and the next one is a new one."""
    flights, work = SingleFlight(), Work()
    only = asyncio.create_task(flights.join("key", work))
    await work.begun.wait()
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    work.go.set()

    assert await flights.join("key", work) == "done"
    assert not flights.running("key")


async def test_an_exception_reaches_every_waiter_and_no_log():
    """All get the exception; asyncio does not complain of one that was never retrieved."""
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    flights, work = SingleFlight(), Work(ValueError("no"))
    waiters = [asyncio.create_task(flights.join("key", work)) for _ in range(3)]
    flights.start("nobody waits", _failing())
    await work.begun.wait()
    waiters[0].cancel()
    work.go.set()

    outcomes = await asyncio.gather(*waiters, return_exceptions=True)
    del waiters
    gc.collect()

    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, ValueError, ValueError]
    assert complaints == []


async def test_nobody_joins_a_run_that_is_over():
    """Whoever asks in the very step in which a run ends starts a new one."""
    flights, runs = SingleFlight(), []

    async def run():
        runs.append(len(runs))
        return runs[-1]

    task = flights.start("key", run)
    while not task.done():
        await asyncio.sleep(0)

    assert await flights.join("key", run) == 1


async def test_closing_lets_a_run_land():
    """A run under way gets its time: a refresh that is cut off loses the new refresh token."""
    flights, work = SingleFlight(), Work()
    waiter = asyncio.create_task(flights.join("key", work))
    await work.begun.wait()
    closing = asyncio.create_task(flights.close())
    work.go.set()
    await closing

    assert await waiter == "done"


async def test_closing_does_not_wait_for_ever():
    """After its grace a run is cancelled."""
    flights, work = SingleFlight(), Work()
    task = flights.start("key", work)
    await work.begun.wait()

    await flights.close(grace=0)

    assert task.cancelled()
    assert not flights.running("key")


async def test_a_run_cancelled_ahead_of_its_first_step_leaves_no_trace():
    """The key is free again."""
    flights, work = SingleFlight(), Work()
    task = flights.start("key", work)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)

    assert not flights.running("key")
    assert work.runs == 0


def _failing():
    work = Work(ValueError("no"))
    work.go.set()
    return work
