"""A client without an HTTP library, for requests that no library would send."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.end_to_end.clients.answers import TIMEOUT, Answer


class RawClient:
    """One connection, bytes out and answers in: `tunnel`, `start_tls` and requests as a test wants them.

    *address* is the client's own; by default it is 127.0.0.1.
    """

    def __init__(self, host: str, port: int, timeout: float = TIMEOUT, *, address: str = "127.0.0.1") -> None:
        self.socket: socket.socket = socket.create_connection((host, port), timeout, (address, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, content: bytes | str) -> None:
        self.socket.sendall(content.encode("latin1") if isinstance(content, str) else content)

    def request(self, line: str, *fields: str, body: bytes = b"") -> None:
        """Sends `GET /x HTTP/1.1`, the fields as given and nothing more, and the body."""
        self.send("\r\n".join([line, *fields, "", ""]).encode("latin1") + body)

    def tunnel(self, authority: str, *fields: str) -> Answer:
        """Asks for a tunnel (RFC 9110 section 9.3.6) and returns the proxy's answer."""
        self.request(f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *fields)
        return self.read_answer("CONNECT")

    def start_tls(
        self, server_name: str | None, ca_file: Path, alpn: tuple[str, ...] = ("http/1.1",)
    ) -> ssl.SSLSocket:
        """Begins TLS with this SNI (None: without); the certificate is verified, for the name if there is."""
        context = ssl.create_default_context(cafile=str(ca_file))
        context.check_hostname = server_name is not None
        context.set_alpn_protocols(list(alpn))
        secured = context.wrap_socket(self.socket, server_hostname=server_name)
        self.socket = secured
        return secured

    def end(self) -> None:
        """Ends what is sent (a FIN, over TLS without a word before it); answers may still come."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Breaks the connection off (a RST)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read_answer(self, method: str = "GET") -> Answer:
        """Reads one answer whose end can be told from its framing, or that ends with the connection."""
        with _unbuffered(self.socket) as source:
            answer = http.client.HTTPResponse(source, method=method)  # type: ignore[arg-type]
            answer.begin()
            is_tunnel = method == "CONNECT" and answer.status == 200
            body = b"" if is_tunnel else answer.read()
            headers = [(name.lower(), value) for name, value in answer.getheaders()]
            return Answer(answer.status, headers, body, "1.1" if answer.version == 11 else "1.0")

    def read_head(self) -> bytes:
        """Reads up to an empty line and no further: an interim answer, a header or a trailer section."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise ConnectionError(f"closed after {head!r}")
            head += byte
        return head

    def read_until_closed(self) -> bytes:
        """Reads whatever still comes until the other side closes; a reset counts as closed.

        Raises TimeoutError where it does not.
        """
        content = b""
        try:
            while part := self.socket.recv(65536):
                content += part
        except (ConnectionError, ssl.SSLError):
            pass
        return content


def wait_until_refused(host: str, port: int, timeout: float = TIMEOUT) -> None:
    """Connects again and again until nobody listens any more."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout).close()
        except OSError:
            return
    raise TimeoutError(f"{host}:{port} still listens")


class _Unbuffered:
    """Hands http.client the socket's bytes one read at a time, so that none is lost to its buffer."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb", buffering=0)

    def makefile(self, *_: object, **__: object) -> _Unbuffered:
        return self

    def readline(self, limit: int = -1) -> bytes:
        line = b""
        while not line.endswith(b"\n") and (limit < 0 or len(line) < limit):
            byte = self._file.read(1)
            if not byte:
                break
            line += byte
        return line

    def read(self, length: int = -1) -> bytes:
        if length < 0:
            return self._file.readall()
        content = b""
        while len(content) < length and (part := self._file.read(length - len(content))):
            content += part
        return content

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def end(self) -> None:
        self._file.close()


@contextmanager
def _unbuffered(connection: socket.socket) -> Iterator[_Unbuffered]:
    source = _Unbuffered(connection)
    try:
        yield source
    finally:
        source.end()
