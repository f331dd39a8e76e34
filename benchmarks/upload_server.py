"""Reads uploads to their last byte and then says ok; nginx would answer before it has read them.

upload_server.py FOLDER MATCHED MATCHED_TLS UNMATCHED UNMATCHED_TLS: the certificate is in the folder, the
rest are ports.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import sys
import threading
from pathlib import Path

from origins import AUTHORIZATION
from processes import LOOPBACK

BUFFER = 1 << 20


def serve(port: int, context: ssl.SSLContext | None, authorization: str) -> None:
    """Takes connections until the process is ended."""
    with socket.create_server((LOOPBACK, port)) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, context, authorization), daemon=True).start()


def _serve(connection: socket.socket, context: ssl.SSLContext | None, authorization: str) -> None:
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        stack.enter_context(connection)
        if context:
            connection = stack.enter_context(context.wrap_socket(connection, server_side=True))
        buffer = memoryview(bytearray(BUFFER))
        while head := _head(connection):
            fields, _, begun = head.partition(b"\r\n\r\n")
            remaining = int(_field(fields, "Content-Length") or 0) - len(begun)
            if _field(fields, "Expect"):
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while remaining > 0:
                if not (received := connection.recv_into(buffer, min(BUFFER, remaining))):
                    return
                remaining -= received
            status = "200 OK" if _field(fields, "Authorization") == authorization else "401 Unauthorized"
            connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok".encode())


def _head(connection: socket.socket) -> bytes:
    """Everything up to the end of the head, and what came with it of the body."""
    head = b""
    while b"\r\n\r\n" not in head:
        if not (received := connection.recv(65536)):
            return b""
        head += received
    return head


def _field(head: bytes, name: str) -> str:
    found = re.search(rb"\r\n" + name.encode() + rb": *([^\r]*)", head, re.IGNORECASE)
    return found[1].decode() if found else ""


def main(folder: str, *ports: str) -> None:
    """Serves on all four ports."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(folder) / "leaf.pem", Path(folder) / "leaf.key")
    places = zip(ports, (None, context) * 2, (AUTHORIZATION, AUTHORIZATION, "", ""), strict=True)
    servers = [threading.Thread(target=serve, args=(int(port), *rest)) for port, *rest in places]
    for server in servers:
        server.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
