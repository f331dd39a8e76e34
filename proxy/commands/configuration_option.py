"""The options that commands share, and the loading and compiling that `--config` leads to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.commands.outcome import CommandError

if TYPE_CHECKING:
    from profiles.profile import Profile
    from proxy.composition import Composition
    from proxy.configuration_files import Configuration

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration. Default: $GRANTPROXY_CONFIG, ./grantproxy.yaml, "
        "then grantproxy/grantproxy.yaml in the user's configuration folder.",
        show_default=False,
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Report as JSON.")]

ListenOption = Annotated[
    str | None,
    typer.Option("--listen", metavar="HOST:PORT", help="In the place of the configuration's listen."),
]

ConsoleOption = Annotated[
    str | None,
    typer.Option(
        "--console", metavar="HOST:PORT", help="In the place of the configuration's console; off: none."
    ),
]

InsecureOpenOption = Annotated[
    bool,
    typer.Option(
        "--insecure-open",
        help="Listen beyond loopback without clients: whoever reaches the proxy may use the credentials.",
    ),
]

ClientOption = Annotated[
    str | None,
    typer.Option("--client", metavar="NAME", help="The client to be, where the configuration has clients."),
]


def load(
    config: Path | None,
    *,
    listen: str | None = None,
    console: str | None = None,
    insecure_open: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Configuration:
    """Loads the configuration as every command does. Raises ConfigurationError."""
    from proxy.configuration_files import load_configuration

    return load_configuration(
        config,
        environ=os.environ if environ is None else environ,
        cwd=Path.cwd(),
        listen=listen,
        console=console,
        insecure_open=insecure_open,
    )


def compiled(configuration: Configuration) -> Composition:
    """Compiles the profiles, without any network. Raises ConfigurationError."""
    from proxy.composition import compose

    return compose(configuration, environ=os.environ)


def profile_named(composition: Composition, name: str) -> Profile:
    """The profile, or wrong use that names the near miss."""
    check_profile_name(name, composition.profiles)
    return composition.profiles[name]


def check_profile_name(name: str, profiles: Mapping[str, object]) -> None:
    """Ends the command as wrong use where no profile has that name, naming the near miss."""
    from proxy.near_misses import nearest

    if name in profiles:
        return
    near = nearest(name, profiles)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(sorted(profiles))}"
    raise CommandError(f"there is no profile {name}: {hint}")


def parse_capture(text: str) -> tuple[str, str]:
    """Name and value of a `--capture`, or wrong use."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise CommandError("--capture is written NAME=VALUE")
    return name, value


def client_credentials(configuration: Configuration, client: str | None) -> tuple[str, str] | None:
    """Name and secret of the client that was chosen; wrong use where it has to be chosen and was not."""
    clients = configuration.settings.clients
    from profiles.secret_hashes import is_secret_hash

    if client is None:
        return None
    if client not in clients:
        there_are = f"there are {', '.join(sorted(clients))}" if clients else "the configuration has none"
        raise CommandError(f"there is no client {client}: {there_are}")
    secret = clients[client].secret.get_secret_value()
    if is_secret_hash(secret):
        raise CommandError(
            f"the secret of client {client} is stored as a hash, which nobody can turn back: choose a client "
            "whose secret is a reference, or put the proxy's address together by hand"
        )
    return client, secret
