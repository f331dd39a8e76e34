"""`grantproxy web`: the same proxy inside mitmweb, to look at what happens."""

from __future__ import annotations

import asyncio
import errno
import os
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
from proxy.commands.serve import announce_console, announce_listener, listener_error
from proxy.display import show_notice

if TYPE_CHECKING:
    from proxy.configuration_files import Configuration


def web(
    *,
    config: ConfigOption = None,
    listen: ListenOption = None,
    console: ConsoleOption = None,
    web_host: Annotated[str, typer.Option("--web-host", help="Where its page is served.")] = "127.0.0.1",
    web_port: Annotated[int, typer.Option("--web-port", min=0, max=65535, help="Its port.")] = 8081,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show injected values instead of masks.")] = False,
    insecure_open: InsecureOpenOption = False,
) -> None:
    """Run the proxy in mitmweb, for debugging: bodies are kept, each replay is visible.

    Injected values are masked unless --reveal says otherwise.
    """
    configuration = load(config, listen=listen, console=console, insecure_open=insecure_open)
    for warning in configuration.warnings:
        show_notice(f"warning: {warning}", style="yellow")

    def reload() -> Configuration:
        return load(config, listen=listen, console=console, insecure_open=insecure_open)

    try:
        from proxy import web as mitmweb
        from proxy.console.listener import ConsoleUnavailable
    except ModuleNotFoundError:
        raise CommandError("web is not part of this installation") from None
    try:
        asyncio.run(
            mitmweb.web(
                configuration,
                environ=os.environ,
                on_listening=_announce,
                on_console=announce_console,
                load=reload,
                web_host=web_host,
                web_port=web_port,
                reveal=reveal,
            )
        )
    except ConsoleUnavailable as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            both = f"{configuration.settings.listen} or {web_host}:{web_port}"
            raise CommandError(f"{both} is in use: choose others with --listen and --web-port") from None
        raise listener_error(configuration, error) from None


def _announce(host: str, port: int, address: str) -> None:
    announce_listener(host, port)
    # The address holds mitmweb's sign-in token: it is for whoever started this, and for no log.
    show_notice(f"web interface at {address}")
