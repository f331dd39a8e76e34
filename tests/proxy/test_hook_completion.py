"""Hooks are completed in place, in the order in which mitmproxy would have completed them."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import pytest
from mitmproxy import options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.test import tflow

from proxy.hook_completion import HookCompletingContext, HookCompletion


@dataclass
class AskHook(commands.StartHook):
    """Blocks the layer that asks."""

    question: str
    name = "grantproxy_test_ask"


@dataclass
class TellHook(commands.StartHook):
    """Blocks nobody."""

    fact: str
    name = "grantproxy_test_tell"
    blocking = False


class Asking(Layer):
    """Asks twice at its start, and says what it does around."""

    def _handle_event(self, event: events.Event) -> Generator[commands.Command, None, None]:
        if isinstance(event, events.Start):
            yield commands.Log("before")
            yield AskHook("first")
            yield TellHook("between")
            yield AskHook("second")
            yield commands.Log("after")


def never(_: commands.StartHook) -> bool:
    return False


@pytest.fixture
def context() -> Context:
    """What the layers of a connection share."""
    return Context(tflow.tclient_conn(), options.Options())


def shown(command: commands.Command) -> str:
    return command.message if isinstance(command, commands.Log) else type(command).__name__


@pytest.mark.parametrize(
    ("complete", "outcome"),
    [
        pytest.param(lambda _: True, ["before", "after"], id="all-at-once"),
        pytest.param(never, ["before", "AskHook"], id="none-at-once"),
        pytest.param(
            lambda hook: getattr(hook, "question", "") == "first",
            ["before", "TellHook", "AskHook"],
            id="one-at-once",
        ),
    ],
)
def test_only_hooks_that_wait_come_out(
    context: Context, complete: Callable[[commands.StartHook], bool], outcome: list[str]
) -> None:
    """A layer goes on behind a hook that is through, and stands still at one that is not."""
    completion = HookCompletion(Asking(context), complete)

    commands_out = [shown(command) for command in completion.handle_event(events.Start())]

    assert commands_out == outcome


def test_layer_goes_on_when_a_hook_that_waited_is_completed(context: Context) -> None:
    """Its completion comes as an event from outside; the hooks after it are completed in place."""
    waited: list[commands.StartHook] = []

    def complete(hook: commands.StartHook) -> bool:
        return bool(waited)

    completion = HookCompletion(Asking(context), complete)
    waited += [command for command in completion.handle_event(events.Start()) if isinstance(command, AskHook)]
    commands_out = [shown(command) for command in completion.handle_event(events.HookCompleted(waited[0]))]

    assert commands_out == ["after"]


def test_completion_comes_after_all_that_the_event_led_to(context: Context) -> None:
    """Layers around the asking one finish with the event first: mitmproxy's own rely on that."""

    class Around(Layer):
        def __init__(self, context: Context) -> None:
            super().__init__(context)
            self.child = Asking(context.fork())

        def _handle_event(self, event: events.Event) -> Generator[commands.Command, None, None]:
            yield from self.child.handle_event(event)
            yield commands.Log("around has done")

    completion = HookCompletion(Around(context), lambda _: True)

    commands_out = [shown(command) for command in completion.handle_event(events.Start())]

    assert commands_out == ["before", "around has done", "around has done", "after", "around has done"]


def test_fork_is_mitmproxys_but_for_the_server_that_nobody_sees(context: Context) -> None:
    """It shares the connections and has a list of layers of its own."""
    completing = HookCompletingContext(context, never)
    Asking(completing)

    forked, theirs = completing.fork(), Context.fork(completing)
    Asking(forked)

    assert (forked.client, forked.server, forked.options) == (theirs.client, theirs.server, theirs.options)
    assert forked.layers[:-1] == theirs.layers == completing.layers
    assert forked.complete is never
