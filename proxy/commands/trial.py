"""`grantproxy test`: do a profile's credentials work, and does the origin take the token?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.commands.configuration_option import (
    ConfigOption,
    JsonOption,
    compiled,
    load,
    parse_capture,
    profile_named,
)
from proxy.commands.outcome import CommandError, ExitStatus
from proxy.control import ControlError, NoProxyRunning, ask, control_path
from proxy.display import show_json, show_line

if TYPE_CHECKING:
    from profiles.profile import Profile
    from proxy.configuration_files import Configuration
    from proxy.trial import Trial, TrialImpossible


def trial(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", show_default=False)],
    *,
    user: Annotated[str | None, typer.Option(help="The end user, for a per-user profile.")] = None,
    capture: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What a match entry would have captured.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Try a password that is locked.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Perform the profile's grant and call its check_url with the fields injected; secrets are masked.

    For a per-user profile the visible form fields are asked for, or read from standard input as KEY=VALUE
    lines; nothing of it is stored.

    Exits with 0 on success, 1 on failure, then with the request and the answer that decided and a proposal
    where the answer has another shape than the profile says, and 2 where nothing could be tried.
    """
    from proxy.commands.form_entry import read_entry
    from proxy.origin_check import check_tenant
    from proxy.trial import TrialImpossible, try_profile

    configuration = load(config)
    composition = compiled(configuration)
    tried = profile_named(composition, profile)
    _check_user(tried, user)
    captures = dict(parse_capture(text) for text in capture or ())
    if not force:
        _respect_guard(configuration, profile, user or "")

    async def run(entered: Mapping[str, Any]) -> Trial:
        try:
            return await try_profile(composition, tried, captures, user=user or "", entered=entered)
        finally:
            await composition.close()

    try:
        check_tenant(tried, captures)
        entered = read_entry(tried, captures, consents=False).values if tried.is_per_user else {}
        outcome = asyncio.run(run(entered))
    except TrialImpossible as error:
        raise CommandError(_with_hint(error)) from None
    if as_json:
        show_json(asdict(outcome))
    else:
        _show(outcome)
    if not outcome.ok:
        raise typer.Exit(ExitStatus.DOES_NOT_HOLD)


def _check_user(profile: Profile, user: str | None) -> None:
    if not profile.is_per_user and user is not None:
        raise CommandError(
            f"--user is for per-user profiles: {profile.name} is preauthorized, with one token for all"
        )
    if profile.is_per_user and not user:
        raise CommandError(f"{profile.name} is a per-user profile: say by --user whose token it is to be")


def _respect_guard(configuration: Configuration, profile: str, user: str) -> None:
    """A password that the running proxy knows to be refused is not submitted again by accident."""
    settings = configuration.settings
    try:
        states = ask(control_path(settings.state_dir, settings.listen.port), "tokens")
    except (NoProxyRunning, ControlError):
        return
    if any(
        state["profile"] == profile and state["user"] == user and state["locked_since"] is not None
        for state in states
    ):
        raise CommandError(
            f"the password of {user or profile} was refused and is locked: another try may lock the account. "
            "Try it all the same with --force",
            ExitStatus.DOES_NOT_HOLD,
        )


def _with_hint(error: TrialImpossible) -> str:
    if error.capture is None:
        return str(error)
    return f"{error}: give it with --capture {error.capture}=VALUE"


def _show(outcome: Trial) -> None:
    if outcome.ok:
        show_line(f"{outcome.profile}: {outcome.reason}", style="green")
        if outcome.request is not None:
            show_line(f"  {outcome.request}")
        if outcome.lifetime is not None:
            show_line(f"  token: {outcome.token_type or 'of no type'}, valid for {outcome.lifetime:g} s")
    else:
        show_line("Auth Test Failed", style="bold red")
        show_line(outcome.reason)
        _show_exchange(outcome)
    for note in outcome.notes:
        show_line(f"note: {note}")
    if outcome.proposals:
        show_line("\nProposal" if len(outcome.proposals) == 1 else "\nProposals", style="bold")
        for proposal in outcome.proposals:
            show_line(f"  {proposal}")


def _show_exchange(outcome: Trial) -> None:
    """The request that decided, and the answer's tabs as the source's dialog names them."""
    if outcome.request is not None:
        show_line(f"\n  {outcome.request}")
    if outcome.answer is None:
        return
    show_line(f"  {outcome.answer.status_line}")
    show_line("\nHeaders", style="bold")
    for name, value in outcome.answer.headers:
        show_line(f"  {name}: {value}")
    show_line("\nResponse", style="bold")
    show_line(outcome.answer.body or "  (empty)")
