"""`grantproxy authorize`: an end user of a per-user profile authorizes in a terminal."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from proxy.commands.configuration_option import (
    ConfigOption,
    JsonOption,
    ListenOption,
    compiled,
    load,
    parse_capture,
    profile_named,
)
from proxy.commands.outcome import CommandError, ExitStatus
from proxy.control import ControlError, NoProxyRunning, ask, control_path
from proxy.display import show_json, show_line
from proxy.token_overview import duration


def authorize(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", show_default=False)],
    *,
    user: Annotated[str, typer.Option(help="The end user: a client's name, or what end_user_header says.")],
    capture: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What a match entry would have captured.")
    ] = None,
    consent: Annotated[
        bool | None,
        typer.Option(
            "--consent/--no-consent",
            help="Keep what is entered, to have a new token by it once the refresh token has died.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    listen: ListenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter an end user's credentials for a per-user profile, and have the running proxy hold their token.

    The visible form fields are asked for, passwords without showing them; where standard input is no terminal
    they are read from it as KEY=VALUE lines. Exits with 1 where the token cannot be had.
    """
    from profiles.errors import TenantUnknown
    from proxy.commands.form_entry import read_form

    configuration = load(config, listen=listen, insecure_open=True)
    chosen = profile_named(compiled(configuration), profile)
    if not chosen.is_per_user:
        raise CommandError(f"{profile} is preauthorized, with one token for all: nobody has to authorize")
    if not user:
        raise CommandError("--user is empty")
    captures = dict(parse_capture(text) for text in capture or ())
    try:
        entered = read_form(chosen, captures)
    except TenantUnknown as unknown:
        raise CommandError(f"{unknown.detail}: name one with --capture tenant=NAME") from None
    if consent is None and chosen.settings.regenerate and sys.stdin.isatty():
        consent = typer.confirm("Keep this, so that a new token can be had without asking again?", err=True)
    settings = configuration.settings
    try:
        granted = ask(
            control_path(settings.state_dir, settings.listen.port),
            "authorize",
            profile=profile,
            user=user,
            captures=captures,
            entered=entered,
            consents=consent is True,
        )
    except NoProxyRunning:
        message = f"no proxy runs at {settings.listen} with this configuration's state_dir"
        raise CommandError(message, ExitStatus.DOES_NOT_HOLD) from None
    except ControlError as error:
        raise CommandError(str(error), ExitStatus.DOES_NOT_HOLD) from None
    left = granted["expires_at"] - time.time()
    if as_json:
        show_json({"profile": profile, "user": user, "expires_in": round(left)})
    else:
        show_line(f"{profile}: {user} has authorized; the token is valid for {duration(left)}", style="green")
