"""Plays a proxy connection without sockets: bytes of the client and of origins in, what is sent to each out.

Drives mitmproxy's own HttpLayer as its server does: a hook runs while other streams go on, a closed
connection says so, an origin is connected to when a layer asks for it.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable
from typing import Any

from mitmproxy import connection, options
from mitmproxy.addons.core import Core
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode
from mitmproxy.test import taddons


class Wire:
    """What has been sent to one peer, and what became of its connection."""

    def __init__(self, conn: connection.Connection) -> None:
        self.connection = conn
        self.sent = b""

    @property
    def is_open(self) -> bool:
        return self.connection.state is ConnectionState.OPEN

    def take(self) -> bytes:
        """What was sent since the last time."""
        taken, self.sent = self.sent, b""
        return taken


class Play:
    """One client connection. `addons` are ours in their order; hooks named in *hold* wait for `release`.

    `unreachable` makes every connection to an origin fail; `origin_alpn` is what new ones agree on.
    """

    def __init__(
        self,
        addons: Iterable[Any],
        *,
        client_alpn: bytes | None = None,
        origin_alpn: bytes | None = None,
        hold: Iterable[str] = (),
        store_streamed_bodies: bool = False,
    ) -> None:
        self.addons = list(addons)
        self.hold = set(hold)
        self.origin_alpn = origin_alpn
        self.unreachable = False
        self.hooks: list[str] = []
        self.flows: list[Any] = []
        self.origins: list[Wire] = []
        with taddons.context(Core(), Proxyserver(), loadcore=False) as tctx:
            tctx.options.update(connection_strategy="lazy", store_streamed_bodies=store_streamed_bodies)
            settings: options.Options = tctx.options
        conn = connection.Client(
            peername=("127.0.0.1", 50000), sockname=("127.0.0.1", 8080), timestamp_start=0.0
        )
        conn.state = ConnectionState.OPEN
        conn.alpn = client_alpn
        self.client = Wire(conn)
        self._layer = HttpLayer(context.Context(conn, settings), HTTPMode.regular)
        self._events: deque[events.Event] = deque([events.Start()])
        self._held: list[commands.StartHook] = []
        self._running = False

    async def from_client(self, data: bytes) -> None:
        """The client sends *data*."""
        await self._feed(events.DataReceived(self.client.connection, data))

    async def from_origin(self, data: bytes, index: int = -1) -> None:
        """The origin (by default that of the newest connection) sends *data*."""
        await self._feed(events.DataReceived(self.origins[index].connection, data))

    async def client_leaves(self) -> None:
        self.client.connection.state = ConnectionState.CLOSED
        await self._feed(events.ConnectionClosed(self.client.connection))

    async def origin_closes(self, index: int = -1) -> None:
        self.origins[index].connection.state &= ~ConnectionState.CAN_READ
        await self._feed(events.ConnectionClosed(self.origins[index].connection))

    async def release(self) -> None:
        """Runs the hooks that were held."""
        held, self._held = self._held, []
        for hook in held:
            await self._run(hook)
        await self._go_on()

    async def _feed(self, event: events.Event) -> None:
        self._events.append(event)
        await self._go_on()

    async def _go_on(self) -> None:
        while self._events:
            hooks: list[commands.StartHook] = []
            for command in self._layer.handle_event(self._events.popleft()):
                self._obey(command, hooks)
            for hook in hooks:
                if hook.name in self.hold:
                    self.hooks.append(hook.name)
                    self._held.append(hook)
                else:
                    self.hooks.append(hook.name)
                    await self._run(hook)

    def _obey(self, command: commands.Command, hooks: list[commands.StartHook]) -> None:
        match command:
            case commands.OpenConnection():
                self._events.append(self._opened(command))
            case commands.SendData():
                wire = self._wire_of(command.connection)
                if wire.connection.state & ConnectionState.CAN_WRITE:
                    wire.sent += command.data
            case commands.CloseTcpConnection(half_close=True):
                command.connection.state &= ~ConnectionState.CAN_WRITE
            case commands.CloseConnection():
                if command.connection.state is not ConnectionState.CLOSED:
                    command.connection.state = ConnectionState.CLOSED
                    self._events.append(events.ConnectionClosed(command.connection))
            case commands.StartHook():
                hooks.append(command)
            case commands.Log() | commands.RequestWakeup():
                pass
            case _:
                raise AssertionError(f"unexpected {type(command).__name__}")

    def _opened(self, command: commands.OpenConnection) -> events.OpenConnectionCompleted:
        if self.unreachable:
            command.connection.error = "connection refused"
            return events.OpenConnectionCompleted(command, "connection refused")
        command.connection.state = ConnectionState.OPEN
        command.connection.timestamp_start = 0.0
        command.connection.alpn = self.origin_alpn
        self.origins.append(Wire(command.connection))
        return events.OpenConnectionCompleted(command, None)

    def _wire_of(self, conn: connection.Connection) -> Wire:
        return next(wire for wire in (self.client, *self.origins) if wire.connection is conn)

    async def _run(self, hook: commands.StartHook) -> None:
        arguments = hook.args()
        if arguments and arguments[0] not in self.flows and hasattr(arguments[0], "request"):
            self.flows.append(arguments[0])
        for addon in self.addons:
            handler = getattr(addon, hook.name, None)
            if handler is not None:
                result = handler(*arguments)
                if inspect.isawaitable(result):
                    await result
        self._events.append(events.HookCompleted(hook, None))
