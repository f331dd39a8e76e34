"""`grantproxy run`: one command with a proxy of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from profiles.host_patterns import compile_host
from proxy.child_environment import WatchedEnvironment, proxy_url, variables, without_credentials
from proxy.commands.configuration_option import ClientOption, ConfigOption, client_credentials, load
from proxy.commands.outcome import CommandError, ExitStatus
from proxy.display import show_error, show_notice
from proxy.private_proxy import PrivateProxy, PrivateProxyFailed, run_command
from proxy.trust_files import authority_certificate, write_trust_files


def run(
    command: Annotated[list[str], typer.Argument(metavar="-- CMD...", show_default=False)],
    config: ConfigOption = None,
    client: ClientOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="The proxy's log on stderr.")] = False,
) -> None:
    """Run one command behind a private proxy on a free port; exits with the command's status.

    The command gets the proxy variables and every variable that makes programs trust the proxy's
    certificates, and does not get the variables that the configuration takes its secrets from.
    """
    watched = WatchedEnvironment(os.environ)
    configuration = load(config, environ=watched)
    settings = configuration.settings
    if settings.clients and client is None:
        names = ", ".join(sorted(settings.clients))
        raise CommandError(f"the configuration has clients: say with --client which one to be ({names})")
    credentials = client_credentials(configuration, client)
    owned = [compile_host(rule.host) for profile in settings.profiles.values() for rule in profile.match]
    arguments = ["serve", "--config", str(configuration.file.absolute()), "--listen", "127.0.0.1:0"]
    # The command's proxy is nobody else's business, and the address may be that of another proxy's console.
    arguments += ["--console", "off"]
    with tempfile.TemporaryDirectory(prefix="grantproxy-") as folder:
        try:
            trust = write_trust_files(Path(folder), authority_certificate(settings.ca_dir), os.environ)
        except OSError as error:
            raise CommandError(f"the certificate files cannot be written: {error.strerror}") from None
        try:
            proxy = PrivateProxy(
                [*arguments, "--until-stdin-closes"], os.environ, log=sys.stderr if verbose else None
            )
            with proxy:
                found = variables(proxy_url(proxy.host, proxy.port, credentials), trust, owned, os.environ)
                environ = {**without_credentials(os.environ, watched.asked), **found}
                status = run_command(command, environ)
                if proxy.has_ended:
                    show_notice(proxy.last_words())
                    show_error("the private proxy ended before the command did")
        except PrivateProxyFailed as error:
            raise CommandError(str(error).removeprefix("grantproxy: ")) from None
    if status == ExitStatus.COMMAND_NOT_FOUND:
        show_error(f"{command[0]}: no such command")
    raise typer.Exit(status)
