"""Hands a client's connection over to the mitmproxy lane of the same process: the socket itself, and what was
read of it. So that lane sees the client's own address and all it says; nobody else can come this way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy.mode_servers import ServerInstance

from proxy.express.heads import HEAD_END
from proxy.express.tls_stream import ByteStream

_BUFFER_BYTES = 64 * 1024


class MitmproxyLane:
    """The lane that speaks everything, without a listener of its own."""

    def __init__(self, proxyserver: Proxyserver) -> None:
        self._instance: Any = ServerInstance.make("regular", proxyserver)
        self._tasks: set[asyncio.Task[None]] = set()

    def take(
        self, stream: ByteStream, received: bytes, on_end: Callable[[], None], *, has_tunnel: bool
    ) -> None:
        """Goes on with a connection on which *received* was said, and nothing was answered but, where it
        *has_tunnel*, the CONNECT at its beginning. *on_end* is called when it is through."""
        loop = asyncio.get_running_loop()
        transport = cast("asyncio.Transport", stream)
        reader = asyncio.StreamReader(limit=_BUFFER_BYTES, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        kind = _AnsweredWriter if has_tunnel else asyncio.StreamWriter
        writer = kind(transport, protocol, reader, loop)
        task = loop.create_task(self._instance.handle_stream(reader, writer), name="handed over")
        self._tasks.add(task)
        # As from a socket, when whoever reads has begun: tasks here run at once as far as they can.
        loop.call_soon(reader.feed_data, received)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            on_end()

        task.add_done_callback(ended)


class _AnsweredWriter(asyncio.StreamWriter):
    """Keeps the answer to a CONNECT from a client that has had it."""

    _has_passed = False
    _answer = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As any writer's, from the second answer on."""
        if self._has_passed:
            super().write(data)
            return
        self._answer += bytes(data)
        head, end, rest = self._answer.partition(HEAD_END)
        if not end:
            return
        self._has_passed = True
        if head.split(b" ", 2)[1:2] != [b"200"]:
            # Decided otherwise meanwhile, by a reload: there is nothing left to say it in.
            self.close()
        elif rest:
            super().write(rest)
