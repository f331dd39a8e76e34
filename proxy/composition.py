"""The one place that wires: from a configuration to everything that decides about requests."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from profiles.ambiguities import ambiguities
from profiles.authorization import Authorizer, Captures
from profiles.clients import Clients
from profiles.connectors import Connector
from profiles.end_users import EndUsers
from profiles.errors import ConfigurationError, Problem
from profiles.fingerprints import Fingerprints
from profiles.grants import Grant
from profiles.held_tokens import TokenKey, TokenResponse
from profiles.invitations import Invitations
from profiles.profile import Profile, compile_profile
from profiles.recent_requests import RecentRequests
from profiles.selection import ProfileIndex
from profiles.stores.memory import MemoryStore
from profiles.tallies import Tallies
from profiles.token_client import TokenClient
from profiles.token_endpoint import TokenEndpoint
from profiles.tokens import Subject, Tokens
from proxy.configuration_files import Configuration
from proxy.origin_trust import OriginTrust, load_origin_trust
from proxy.settings import ProxySettings


@dataclass(frozen=True, slots=True)
class BoundGrants:
    """A profile's two grants with the values of one key, as `profiles.tokens` wants them."""

    client: TokenClient
    grant: Grant
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"BoundGrants({self.grant.profile})"

    def with_entered(self, entered: Mapping[str, Any]) -> BoundGrants:
        """The grants with what an end user has entered."""
        return replace(self, values={**self.values, **entered})

    async def password(self) -> TokenResponse:
        return await self.client.password(self.grant, self.values)

    async def refresh(self, refresh_token: str) -> TokenResponse:
        return await self.client.refresh(self.grant, self.values, refresh_token)


@dataclass(frozen=True, slots=True)
class Composition:
    """One snapshot of the profiles, and what works with it."""

    profiles: Mapping[str, Profile]
    index: ProfileIndex[Profile]
    tokens: Tokens
    authorizer: Authorizer
    clients: Clients
    client: TokenClient
    endpoint: TokenEndpoint
    origin_trust: OriginTrust
    tallies: Tallies
    recent: RecentRequests
    invitations: Invitations
    configuration: Configuration

    def subject_of(self, profile: Profile, captures: Captures = (), user: str = "") -> Subject:
        """Whose token a request of the profile with these captures gets; *user* is the end user of a per-user
        profile. Raises TenantUnknown."""
        return _subject_of(self.client, self.origin_trust, profile, captures, user)

    def endpoint_of(self, profile: Profile) -> TokenEndpoint:
        """What sends the profile's token requests, by the profile's way and with its TLS settings."""
        return _endpoint_of(profile, self.origin_trust) or self.endpoint

    @property
    def verify(self) -> ssl.SSLContext:
        """The TLS context of all that is no profile's own; connectors are met with it too."""
        return self.origin_trust.context_for(None)

    @property
    def connectors(self) -> tuple[Connector, ...]:
        """The connectors in use, each once."""
        return tuple(dict.fromkeys(item.connector for item in self.profiles.values() if item.connector))

    async def close(self) -> None:
        """Ends what runs beside the requests."""
        await self.tokens.close()


def compose(
    configuration: Configuration, *, environ: Mapping[str, str], before: Composition | None = None
) -> Composition:
    """Compiles a configuration. Raises ConfigurationError with everything that is wrong in the profiles.

    *before* is the snapshot that a reload replaces: its tokens go on, and those of profiles whose
    credentials or grant changed are not found any more, because their fingerprint is another one. What was
    counted goes on as well.
    """
    settings = configuration.settings
    problems: list[Problem] = []
    profiles = _compile_profiles(
        configuration, before.connectors if before is not None else (), report=problems.append
    )
    origin_trust = load_origin_trust(
        configuration,
        profiles.values(),
        environ,
        report=problems.append,
        before=before.origin_trust if before is not None else None,
    )
    if problems:
        raise ConfigurationError(problems)
    entries = [(name, rule, profile) for name, profile in profiles.items() for rule in profile.rules]
    index = ProfileIndex(entries)
    endpoint = TokenEndpoint(origin_trust.context_for(None))
    tallies = before.tallies if before is not None else Tallies()
    client = TokenClient(endpoint, observer=tallies)
    tokens = before.tokens if before is not None else Tokens(MemoryStore())
    invitations = before.invitations if before is not None else Invitations()
    clients = settings.clients
    return Composition(
        profiles=profiles,
        index=index,
        tokens=tokens,
        authorizer=Authorizer(
            index,
            tokens,
            lambda profile, captures, user: _subject_of(client, origin_trust, profile, captures, user),
            refuse_unmatched=settings.unmatched == "refuse",
            clients=frozenset(clients) or None,
            allowed={
                name: frozenset(item.profiles) for name, item in clients.items() if item.profiles is not None
            },
            end_users=_end_users_of(settings),
            invitations=invitations,
        ),
        clients=Clients({name: item.secret.get_secret_value() for name, item in clients.items()}),
        client=client,
        endpoint=endpoint,
        origin_trust=origin_trust,
        tallies=tallies,
        recent=before.recent if before is not None else RecentRequests(),
        invitations=invitations,
        configuration=configuration,
    )


_fingerprints = Fingerprints()
"""One key for the process: a reload has to find what was held before it."""


def _compile_profiles(
    configuration: Configuration, connectors_before: Iterable[Connector], *, report: Callable[[Problem], None]
) -> dict[str, Profile]:
    profiles: dict[str, Profile] = {}
    # One object for each: profiles share what is known of it, and a reload does not forget that.
    connectors = {connector: connector for connector in connectors_before}
    for name, settings in configuration.settings.profiles.items():

        def problem(key: str, message: str, name: str = name) -> None:
            report(configuration.problem(message, key=f"profiles.{name}.{key}"))

        profile = compile_profile(name, settings, fingerprint=_fingerprints, report=problem)
        if profile is not None:
            connector = profile.connector
            if connector is not None:
                profile = replace(profile, connector=connectors.setdefault(connector, connector))
            profiles[name] = profile
    rules = [(name, rule) for name, profile in profiles.items() for rule in profile.rules]
    for first, second, rule in ambiguities(rules):
        message = f"claims the same requests as {first} with equal precision: {rule.describe()}"
        report(configuration.problem(message, key=f"profiles.{second}.match"))
    return profiles


def _endpoint_of(profile: Profile, origin_trust: OriginTrust) -> TokenEndpoint | None:
    """None where the endpoint that all others share is the profile's too."""
    if profile.connector is None and profile.own_tls is None:
        return None
    return TokenEndpoint(
        origin_trust.context_for(profile),
        connector=profile.connector,
        connector_verify=origin_trust.context_for(None),
    )


def _end_users_of(settings: ProxySettings) -> EndUsers:
    clients = settings.clients.items()
    allowed = {name: frozenset(item.end_users) for name, item in clients if item.end_users is not None}
    return EndUsers(settings.end_user_header, allowed)


def _subject_of(
    client: TokenClient, origin_trust: OriginTrust, profile: Profile, captures: Captures, user: str
) -> Subject:
    endpoint = _endpoint_of(profile, origin_trust)
    if endpoint is not None:
        client = client.through(endpoint)
    settings, named = profile.settings, dict(captures)
    entered = profile.entered_for(named)
    grants = BoundGrants(client, profile.grant, profile.values(named, user))
    return Subject(
        key=TokenKey(profile.name, profile.token_captures(captures), user, entered.fingerprint),
        grants=grants,
        regenerate=settings.regenerate,
        has_credentials=profile.has_credentials,
        default_lifetime=settings.grant.default_lifetime,
        margin=settings.margin,
        renewal_cooldown=settings.renewal_cooldown,
        grants_with=grants.with_entered if profile.is_per_user else None,
    )
