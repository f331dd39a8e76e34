"""What goes to one peer in answer to one event goes in one piece, and in its place."""

from collections.abc import Generator
from typing import Any

import pytest
from mitmproxy.proxy import commands, events
from mitmproxy.test import tflow

from proxy.joined_sends import JOINED_BYTES, JoinedSends

CLIENT, SERVER = tflow.tclient_conn(), tflow.tserver_conn()


class Scripted:
    """A layer that does one thing."""

    def __init__(self, *script: commands.Command) -> None:
        self.script = script

    def handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        """Plays the script, whatever the event is."""
        yield from self.script


def to_client(data: bytes) -> commands.SendData:
    return commands.SendData(CLIENT, data)


def to_server(data: bytes) -> commands.SendData:
    return commands.SendData(SERVER, data)


def shown(command: commands.Command) -> Any:
    if isinstance(command, commands.SendData):
        return ("client" if command.connection is CLIENT else "server", command.data)
    return type(command).__name__


LARGE = b"x" * JOINED_BYTES


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param([to_client(b"head"), to_client(b"body")], [("client", b"headbody")], id="neighbours"),
        pytest.param(
            [to_client(b"a"), to_server(b"b"), to_client(b"c")],
            [("client", b"a"), ("server", b"b"), ("client", b"c")],
            id="peers-take-turns",
        ),
        pytest.param(
            [to_client(b"a"), commands.CloseConnection(CLIENT), to_client(b"b")],
            [("client", b"a"), "CloseConnection", ("client", b"b")],
            id="never-past-a-close",
        ),
        pytest.param(
            [to_client(b"a"), commands.Log("said"), to_client(b"b")],
            ["Log", ("client", b"ab")],
            id="past-what-is-only-logged",
        ),
        pytest.param([to_client(b"a"), to_client(LARGE)], [("client", b"a"), ("client", LARGE)], id="large"),
        pytest.param([commands.CloseConnection(SERVER)], ["CloseConnection"], id="nothing-sent"),
    ],
)
def test_neighbouring_sends_are_joined(script: list[commands.Command], outcome: list[Any]) -> None:
    """Order is kept for every connection, and no byte is lost."""
    joined = JoinedSends(Scripted(*script))

    commands_out = [shown(command) for command in joined.handle_event(events.Start())]

    assert commands_out == outcome
