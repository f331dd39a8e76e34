"""Tells a peer that takes nothing from one that is slow."""

from __future__ import annotations

import fcntl
import struct
import termios

from proxy.express.tls_stream import ByteStream


class StallWatch:
    """There from when a peer's buffers are full until they have drained; *now* is when that began."""

    __slots__ = ("_since", "_unsent")

    def __init__(self, now: float) -> None:
        self._since, self._unsent = now, -1

    def has_lasted(self, now: float, seconds: float, stream: ByteStream) -> bool:
        """Whether nothing at all was taken for so long. To be asked about once a second."""
        unsent = unsent_bytes(stream)
        if unsent < self._unsent:
            self._since = now
        self._unsent = unsent
        return now - self._since > seconds


def unsent_bytes(stream: ByteStream) -> int:
    """What the peer has not taken yet, here and, where it can be asked (tcp(7): SIOCOUTQ), in the kernel."""
    here = stream.get_write_buffer_size()
    socket = stream.get_extra_info("socket")
    if socket is None:
        return here
    try:
        answer = fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    except OSError:
        return here
    return here + int(struct.unpack("i", answer)[0])
