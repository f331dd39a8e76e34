"""Sends what one event leads to in one piece for each peer: a head with its body costs one system call."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

from mitmproxy.proxy import commands, events

JOINED_BYTES = 65536
"""Larger pieces are sent as they are: a copy would cost more than the call."""


class HandlesEvents(Protocol):
    """A layer, or what stands around one."""

    def handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        """Yields what is to be done."""


class JoinedSends:
    """Joins neighbouring SendData commands; whatever else is to be done stays in its place between them."""

    def __init__(self, layer: HandlesEvents) -> None:
        self._layer = layer

    def handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        """As `Layer.handle_event`."""
        held: commands.SendData | None = None
        for command in self._layer.handle_event(event):
            if isinstance(command, commands.Log):
                yield command
            elif not isinstance(command, commands.SendData):
                if held is not None:
                    yield held
                    held = None
                yield command
            elif held is None:
                held = command
            elif held.connection is command.connection and len(held.data) + len(command.data) <= JOINED_BYTES:
                held.data += command.data
            else:
                yield held
                held = command
        if held is not None:
            yield held
