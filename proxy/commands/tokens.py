"""`grantproxy tokens`: what the running proxy holds, and how it is made to forget."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.commands.configuration_option import (
    ConfigOption,
    JsonOption,
    ListenOption,
    check_profile_name,
    load,
)
from proxy.commands.outcome import CommandError, ExitStatus
from proxy.control import ControlError, NoProxyRunning, ask, control_path
from proxy.display import show_json, show_line, show_table
from proxy.token_overview import columns, records, rows

if TYPE_CHECKING:
    from proxy.configuration_files import Configuration


class Action(StrEnum):
    """What `tokens` may be told to do."""

    CLEAR = "clear"


def tokens(
    action: Annotated[Action | None, typer.Argument(help="Forget tokens, guards, cooldowns.")] = None,
    profile: Annotated[str | None, typer.Argument(help="Of this profile only.")] = None,
    *,
    user: Annotated[str | None, typer.Option(help="Of this end user only.")] = None,
    config: ConfigOption = None,
    listen: ListenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a running proxy holds: profile, user, age, expiry, guard, connector; never a token.

    The proxy is found by the configuration's `listen` (or --listen). Exits with 1 where none runs
    there, so it serves as a health check as well.
    """
    configuration = load(config, listen=listen, insecure_open=True)
    profiles = configuration.settings.profiles
    if action is Action.CLEAR:
        if profile is not None:
            check_profile_name(profile, profiles)
        cleared = _ask(configuration, "clear", profile=profile, user=user)
        if as_json:
            show_json({"cleared": cleared})
        else:
            what = f"profile {profile}" if profile is not None else "every profile"
            what += f", end user {user}" if user is not None else ""
            show_line(f"{what}: {cleared} forgotten" if cleared else f"{what}: nothing was held")
        return
    states = [state for state in _ask(configuration, "tokens") if user in (None, state["user"])]
    connectors = _ask(configuration, "connectors")
    if as_json:
        show_json(records(states, connectors))
    else:
        show_table(columns(connectors), rows(states, profiles, time.time(), connectors))


def _ask(configuration: Configuration, command: str, **arguments: Any) -> Any:
    listen = configuration.settings.listen
    path = control_path(configuration.settings.state_dir, listen.port)
    try:
        return ask(path, command, **arguments)
    except NoProxyRunning:
        message = f"no proxy runs at {listen} with this configuration's state_dir"
        raise CommandError(message, ExitStatus.DOES_NOT_HOLD) from None
    except ControlError as error:
        raise CommandError(str(error), ExitStatus.DOES_NOT_HOLD) from None
