"""Plain client connections: straight to the origin, to a proxy, or through a tunnel of a proxy's."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass

from contenders import Proxy
from processes import LOOPBACK, UnmeasurableError

PATIENCE = 60.0
"""Seconds for every answer."""
HEAD_LIMIT = 65536


@dataclass(frozen=True)
class Route:
    """How requests get to a port of the origin."""

    proxy: Proxy
    origin_port: int
    tls: bool = False
    tunnel: bool = False
    """Plain HTTP is sent through a tunnel, too."""

    def connection(self) -> socket.socket:
        """A new connection, ready for a request. Whose certificate it is does not matter here."""
        connection = socket.create_connection((LOOPBACK, self.proxy.port or self.origin_port), PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.proxy.port and (self.tls or self.tunnel):
            connection.sendall(
                f"CONNECT {self._authority} HTTP/1.1\r\nHost: {self._authority}\r\n\r\n".encode()
            )
            read_head(connection)
        if self.tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context.wrap_socket(connection)
        return connection

    def head(self, method: str, path: str, length: int | None = None) -> bytes:
        """A request's head, in absolute form where a proxy is to read it (RFC 9112 section 3.2.2)."""
        forwarded = self.proxy.port and not self.tls and not self.tunnel
        target = f"http://{self._authority}{path}" if forwarded else path
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._authority}"]
        if self.proxy.authorization:
            lines.append(f"Authorization: {self.proxy.authorization}")
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return "\r\n".join([*lines, "", ""]).encode()

    @property
    def _authority(self) -> str:
        return f"{LOOPBACK}:{self.origin_port}"


def read_head(connection: socket.socket) -> tuple[int, int]:
    """The Content-Length of an answer, and how many bytes of its body have come with its head."""
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(HEAD_LIMIT)
        if not received:
            raise UnmeasurableError(f"the connection ended after {head[:80]!r}")
        head += received
    fields, _, body = head.partition(b"\r\n\r\n")
    status = fields.partition(b"\r\n")[0].decode(errors="replace")
    if " 200" not in status:
        raise UnmeasurableError(f"not every answer was a 200: {status}")
    length = re.search(rb"\r\ncontent-length: *(\d+)", fields, re.IGNORECASE)
    return int(length[1]) if length else 0, len(body)


def read_answer(connection: socket.socket, buffer: memoryview) -> int:
    """Reads an answer to the end of its body, into *buffer* again and again. Returns the body's length."""
    length, received = read_head(connection)
    while received < length:
        count = connection.recv_into(buffer, min(len(buffer), length - received))
        if not count:
            raise UnmeasurableError(f"the connection ended after {received} of {length} bytes")
        received += count
    return length
