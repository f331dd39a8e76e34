"""The control socket: how `grantproxy tokens` asks the proxy that runs at a listen address.

A Unix socket in the state folder, for its owner only (0600), that takes one JSON line and gives one back:
`{"command": "tokens"}` is answered `{"ok": true, "result": ...}` or `{"ok": false, "error": "..."}`. No
answer ever holds a token.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Takes the request's members and gives the `result`; raises ControlError for what it refuses."""

LONGEST_REQUEST = 64 * 1024
LONGEST_PATH = 100
"""Bytes: the kernel takes 107 in a socket's address (unix(7)), other systems 103."""

SECONDS_TO_SAY = 10
"""For a request to be there, and for an answer to be taken."""

SECONDS_TO_ANSWER = 240
"""A token request may be tried three times, and each take its time-out."""


class ControlError(Exception):
    """The proxy refuses the request; the text says why and is ours."""


class NoProxyRunning(Exception):  # noqa: N818  -- a state of affairs that callers react to
    """Nobody listens on the control socket."""


def control_path(state_dir: Path, port: int) -> Path:
    """The socket of the proxy on *port*, in a temporary folder where *state_dir* is too long for one."""
    path = state_dir.expanduser() / f"control-{port}.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"grantproxy-{os.getuid()}" / f"{digest}.sock"


class ControlServer:
    """Answers on *path* with *handlers*, by the name of the command."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self.path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._inode: int | None = None

    async def start(self) -> None:
        """Begins to listen. Raises OSError where the folder cannot be used or another proxy listens."""
        _own_folder(self.path.parent)
        listener = _bind(self.path)
        self._inode = self.path.stat().st_ino
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LONGEST_REQUEST)

    async def close(self) -> None:
        """Stops listening and takes the socket away, unless another proxy has put its own there."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(SECONDS_TO_SAY):
                line = await reader.readline()
            answer = await self._answer(line)
            async with asyncio.timeout(SECONDS_TO_SAY):
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            # Whoever asked has left, or sent no line: there is nobody to tell.
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            return {"ok": False, "error": "the request is no JSON object"}
        handler = self._handlers.get(str(request.get("command")))
        if handler is None:
            return {"ok": False, "error": "this proxy does not know the command"}
        try:
            return {"ok": True, "result": await handler(request)}
        except ControlError as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:
            # The text of a foreign exception may hold anything.
            logger.error("control command failed: %s", type(error).__name__)  # noqa: TRY400
            return {"ok": False, "error": "the proxy failed to answer"}


def ask(path: Path, command: str, **arguments: Any) -> Any:
    """Asks the proxy behind *path* and gives its result. Raises NoProxyRunning or ControlError."""
    _check_folder(path.parent)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SECONDS_TO_ANSWER)
            connection.connect(str(path))
            connection.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            line = connection.makefile("rb").readline()
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoProxyRunning from None
    except TimeoutError:
        raise ControlError("the proxy does not answer") from None
    except OSError as error:
        raise ControlError(f"the control socket cannot be used ({error.strerror})") from None
    try:
        answer = json.loads(line)
    except ValueError:
        raise ControlError("the proxy closed the connection") from None
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error")))
    return answer.get("result")


def _check_folder(folder: Path) -> None:
    """Raises ControlError where somebody else may listen there: what is asked may hold a password."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        raise NoProxyRunning from None
    except OSError as error:
        raise ControlError(f"the control socket cannot be used ({error.strerror})") from None
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o022:
        raise ControlError(f"{folder} is not this user's alone, so whoever listens there is not trusted")


def _own_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        # In a shared temporary folder somebody else may have been here first.
        raise PermissionError(f"{folder} belongs to another user")


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            _remove_if_dead(path)
        listener.bind(str(path))
        # Nobody can connect before listen(), so there is no moment at which others may.
        path.chmod(0o600)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _remove_if_dead(path: Path) -> None:
    """Takes away what a proxy that was killed has left; a living one keeps its socket, and bind says so."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
