"""`grantproxy serve`: the proxy itself."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.commands.configuration_option import (
    ConfigOption,
    ConsoleOption,
    InsecureOpenOption,
    ListenOption,
    load,
)
from proxy.commands.outcome import CommandError
from proxy.display import show_line, show_notice

if TYPE_CHECKING:
    from proxy.configuration_files import Configuration


class Lane(StrEnum):
    """What moves the bytes (DESIGN section 8)."""

    MITMPROXY = "mitmproxy"
    EXPRESS = "express"


def serve(
    *,
    config: ConfigOption = None,
    listen: ListenOption = None,
    console: ConsoleOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    lane: Annotated[Lane, typer.Option(help="What moves the bytes.")] = Lane.EXPRESS,
    insecure_open: InsecureOpenOption = False,
    until_stdin_closes: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run the proxy; prints `listening on HOST:PORT` when it is ready.

    SIGTERM lets the requests under way finish, SIGHUP reads the configuration anew.
    """
    if workers > 1:
        raise CommandError("--workers with more than one is not part of this release yet")
    configuration = load(config, listen=listen, console=console, insecure_open=insecure_open)
    for warning in configuration.warnings:
        show_notice(f"warning: {warning}", style="yellow")
    if until_stdin_closes:
        from proxy.private_proxy import end_with_stdin

        end_with_stdin()

    def reload() -> Configuration:
        return load(config, listen=listen, console=console, insecure_open=insecure_open)

    from proxy import engine
    from proxy.console.listener import ConsoleUnavailable
    from proxy.event_loop import EventLoop

    try:
        with asyncio.Runner(loop_factory=EventLoop) as runner:
            runner.run(
                engine.serve(
                    configuration,
                    environ=os.environ,
                    on_listening=announce_listener,
                    on_console=announce_console,
                    load=reload,
                    is_express=lane is Lane.EXPRESS,
                )
            )
    except ConsoleUnavailable as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise listener_error(configuration, error) from None


def announce_listener(host: str, port: int) -> None:
    """Tells whoever started us, at once, also where stdout is a pipe."""
    from proxy.settings import Address

    show_line(f"listening on {Address(host, port)}")
    sys.stdout.flush()


def announce_console(address: str) -> None:
    """Tells where to sign in; the address may hold the token for it, as Jupyter's does."""
    show_line(f"console at {address}")
    sys.stdout.flush()


def listener_error(configuration: Configuration, error: OSError) -> CommandError:
    """What to do about a listener that could not be opened."""
    listen = configuration.settings.listen
    if error.errno == errno.EADDRINUSE:
        reason = "is in use (by another program?)"
    elif error.errno in (errno.EACCES, errno.EPERM):
        reason = "may not be used by this user"
    elif error.errno == errno.EADDRNOTAVAIL or error.errno is None:
        reason = "cannot be listened on: it is no address of this machine"
    else:
        reason = f"cannot be listened on ({os.strerror(error.errno)})"
    return CommandError(f"{listen} {reason}: choose another with --listen or listen:")
