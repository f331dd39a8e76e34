"""`grantproxy env`: the variables that send the programs of a shell through the running proxy."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from proxy.commands.configuration_option import (
    ClientOption,
    ConfigOption,
    JsonOption,
    ListenOption,
    client_credentials,
    load,
)
from proxy.commands.outcome import CommandError
from proxy.display import show_json


class Shell(StrEnum):
    """Whose syntax the lines are in; sh is bash, zsh and dash too."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"


def env(
    shell: Annotated[Shell, typer.Option(help="Whose syntax: eval in sh, source in fish.")] = Shell.SH,
    client: ClientOption = None,
    config: ConfigOption = None,
    listen: ListenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the variables that point programs at a running proxy: eval "$(grantproxy env)".

    With --client the proxy's URL holds that client's secret: it is the one thing that prints a secret.
    """
    from profiles.host_patterns import compile_host
    from proxy.child_environment import assignments, proxy_url, variables
    from proxy.trust_files import authority_certificate, write_trust_files

    configuration = load(config, listen=listen, insecure_open=True)
    settings = configuration.settings
    url = proxy_url(*settings.listen, client=client_credentials(configuration, client))
    try:
        authority = authority_certificate(settings.ca_dir)
        trust = write_trust_files(settings.state_dir, authority, os.environ)
    except OSError as error:
        raise CommandError(f"the certificate files cannot be written: {error.strerror}") from None
    owned = [compile_host(rule.host) for profile in settings.profiles.values() for rule in profile.match]
    found = variables(url, trust, owned, os.environ)
    if as_json:
        show_json(found)
    else:
        # As they are: a shell evaluates these lines.
        typer.echo("\n".join(assignments(found, shell.value)))
