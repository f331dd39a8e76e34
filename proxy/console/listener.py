"""The console's socket: opened before the proxy starts, so that an address that is taken is told at once."""

from __future__ import annotations

import errno
import logging
import os
import socket

from proxy.settings import Address, ProxySettings

logger = logging.getLogger(__name__)


class ConsoleUnavailable(Exception):  # noqa: N818  -- a state of affairs that is reported
    """The console's address cannot be listened on; the text says why and what to do."""


def open_listener(settings: ProxySettings) -> socket.socket | None:
    """A bound socket, or None where there is to be no console.

    Raises ConsoleUnavailable for an address that somebody has set. The default was asked for by nobody: a
    second proxy on the machine goes on without a console, and says so.
    """
    if settings.console is None:
        return None
    try:
        return _bound(settings.console)
    except OSError as error:
        reason = f"the console's address {settings.console} {_reason(error)}: choose another with console: "
        if "console" in settings.model_fields_set:
            raise ConsoleUnavailable(f"{reason}or --console") from None
        logger.warning("%sif you want one; this proxy goes on without", reason)
        return None


def address_of(listener: socket.socket) -> Address:
    """Where it listens, with the port that was chosen for port 0."""
    host, port = listener.getsockname()[:2]
    return Address(host, port)


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        # From here on nobody else gets it; who connects waits until it is served.
        listener.listen()
        listener.setblocking(False)  # noqa: FBT003  -- the name is positional there
    except OSError:
        listener.close()
        raise
    return listener


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "may not be used by this user"
    if error.errno == errno.EADDRNOTAVAIL or error.errno is None or error.errno < 0:
        return "is no address of this machine"
    return f"cannot be listened on ({os.strerror(error.errno)})"
