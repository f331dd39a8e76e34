"""What a peer has said that has gone: a write that fails ends a transport before that was read.

An origin that answers while a body still comes, and closes, has its kernel reset the connection. Its answer
is here all the same, and nginx, curl and others read it too.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

from proxy.express.tls_stream import ByteStream

MOST_BYTES: Final = 1024 * 1024
_READ_BYTES: Final = 64 * 1024


class LastWords:
    """A second descriptor of a stream's socket, for as long as something is being sent."""

    __slots__ = ("_descriptor",)

    def __init__(self, stream: ByteStream) -> None:
        self._descriptor: int | None = None
        socket = stream.get_extra_info("socket")
        if socket is not None:
            with contextlib.suppress(OSError):
                self._descriptor = os.dup(socket.fileno())

    def take(self) -> bytes:
        """All that is there to be read. Not to be asked twice."""
        received = b""
        with contextlib.suppress(OSError):
            while self._descriptor is not None and len(received) < MOST_BYTES:
                data = os.read(self._descriptor, _READ_BYTES)
                if not data:
                    break
                received += data
        self.drop()
        return received

    def drop(self) -> None:
        """Nothing more is sent, or nobody would listen."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
