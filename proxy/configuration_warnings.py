"""What should be put right in a configuration that is valid all the same, for `check` and `serve` to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from profiles.end_users import LOCAL
from profiles.errors import Problem
from proxy.configuration_tree import Positions
from proxy.settings import ProxySettings

SHORT_SECRET = 12

Warn = Callable[[ProxySettings, Positions], Iterator[Problem]]
"""Looks at checked settings and yields what should be put right, placed where it was written."""


def warnings_about(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    """Everything that `WARNINGS` has to say. No network, no secret, no value in any of it."""
    for warn in WARNINGS:
        yield from warn(settings, positions)


def _console_in_the_clear(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    if settings.console is not None and not settings.console.is_loopback:
        yield positions.problem(
            "the console has no TLS of its own: beyond loopback, put one in front of it, or its sign-in and "
            "what it shows can be read on the way",
            "console",
        )


def _console_secret_is_short(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    secret = settings.console_secret
    if secret is not None and len(secret.get_secret_value()) < SHORT_SECRET:
        yield positions.problem(f"is short: take {SHORT_SECRET} characters or more", "console_secret")


def _end_users_are_not_told_apart(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    if settings.clients:
        return
    if settings.end_user_header is not None:
        message = (
            "is believed of authenticated clients alone, and there are no clients: it is taken out, unread"
        )
        yield positions.problem(message, "end_user_header")
    for name in _per_user(settings):
        message = (
            f"is per_user, and without clients all who reach the proxy are one end user: {LOCAL}. Name "
            "clients to tell them apart"
        )
        yield positions.problem(message, f"profiles.{name}.mode")


def _passwords_for_everybody(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    for name in _per_user(settings):
        profile = settings.profiles[name]
        for item in profile.form_fields:
            is_entered = item.visibility == "visible" and item.type == "password"
            if is_entered and item.key in profile.credentials:
                message = "is not used: mode is per_user, and each end user enters a password of their own"
                yield positions.problem(message, f"profiles.{name}.credentials.{item.key}")


def _nowhere_to_authorize(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    if settings.console is not None:
        return
    for name in _per_user(settings):
        message = "is per_user, and there is no console to authorize in: only `grantproxy authorize` is left"
        yield positions.problem(message, f"profiles.{name}.mode")


def _where_links_lead(settings: ProxySettings, positions: Positions) -> Iterator[Problem]:
    """The links that end users authorize by: they have to be able to follow them, and unseen."""
    if not _per_user(settings) or settings.console is None or settings.console_url is not None:
        return
    leads_here = settings.console.is_loopback or settings.console.host in ("0.0.0.0", "::")  # noqa: S104
    if leads_here and not settings.listen.is_loopback:
        yield positions.problem(
            "links for end users lead to this machine, which those of another are not at: set console_url",
            "console",
        )
    elif not leads_here:
        yield positions.problem(
            "end users are given no links, for their passwords would travel unencrypted: set console_url to "
            "an https address, or allow_cleartext in the profile",
            "console",
        )


def _per_user(settings: ProxySettings) -> list[str]:
    return [name for name, profile in settings.profiles.items() if profile.mode == "per_user"]


WARNINGS: tuple[Warn, ...] = (
    _console_in_the_clear,
    _console_secret_is_short,
    _end_users_are_not_told_apart,
    _passwords_for_everybody,
    _nowhere_to_authorize,
    _where_links_lead,
)
