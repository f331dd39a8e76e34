"""Serves the console on the proxy's own event loop, for as long as the proxy runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from proxy.console.connections import BoundedConnection

SECONDS_TO_CLOSE = 2


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # SIGTERM is the proxy's: it drains, and the console tells of it meanwhile.
        yield


class ConsoleServer:
    """A console that listens from its making on, until `close`."""

    def __init__(self, application: ASGIApp, listener: socket.socket) -> None:
        # uvicorn logs whole traces, and they may hold anything; what fails is logged by `Protection`.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                application,
                http=BoundedConnection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # Who is asking is who has connected: a header can say anything.
                proxy_headers=False,
                timeout_graceful_shutdown=SECONDS_TO_CLOSE,
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="console")

    async def close(self) -> None:
        """Answers what is under way, and stops listening."""
        self._server.should_exit = True
        await asyncio.wait([self._serving], timeout=SECONDS_TO_CLOSE + 1)
        self._serving.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._serving
        self._listener.close()
