"""A profile compiled from its settings: everything that can be decided before the first request comes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from profiles.auth_errors import AuthErrors
from profiles.connectors import Connector, parse_connector
from profiles.endpoints import Endpoint, compile_endpoint
from profiles.fields import FieldPlan, compile_fields
from profiles.form_fields import FieldProblem, account_of, entered_values, preset_values
from profiles.grant_compilation import compile_grant
from profiles.grants import Grant
from profiles.held_tokens import Entry
from profiles.model import GrantSettings, Place, ProfileSettings
from profiles.origins import Cleartext, is_loopback
from profiles.own_tls import OwnTls, own_tls_of
from profiles.placeholders import compile_template
from profiles.selection import MatchRule, compile_match
from profiles.tenants import TENANT, Entered, Tenants, compile_tenants

USER = "user"
"""The placeholder for the end user's id."""

_NOT_TO_ENTER = frozenset({USER, "client_id", "client_secret", "grant_type", "refresh_token", "access_token"})
"""What no end user chooses: they would be another, or ask for another grant."""

REQUEST_PLACEHOLDERS = ("request.host", "request.method", "request.path")
TOKEN_PLACEHOLDERS = ("access_token", "refresh_token", "token_type")

Fingerprint = Callable[..., str]
"""A keyed digest over byte strings, so that a stored fingerprint tells nothing about a password."""

ReportProblem = Callable[[str, str], None]
"""Takes a key within the profile (`grant.token_endpoint`) and a message."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """One authorization profile, ready for use. Compared by identity; its repr shows no value."""

    name: str
    settings: ProfileSettings = field(repr=False)
    rules: tuple[MatchRule, ...]
    fields: FieldPlan
    grant: Grant = field(repr=False)
    auth_errors: AuthErrors = field(repr=False)
    check_url: Endpoint | None = field(repr=False)
    form_values: Mapping[str, Any] = field(repr=False)
    fingerprint: str = field(repr=False)
    tenants: Tenants | None = field(repr=False)
    """Where the profile names its tenants, each has form values and a fingerprint of its own."""
    connector: Connector | None
    own_tls: OwnTls | None = field(repr=False)
    cleartext: Cleartext
    is_per_user: bool
    """Whether each end user has a token of their own, by what they enter."""
    kept_keys: frozenset[str]
    """The form fields that requests and refreshes mention: these of an end user's entry are always kept."""
    _token_names: frozenset[str] = field(repr=False)

    def entered_for(self, captures: Mapping[str, str]) -> Entered:
        """What is entered into the form for a request with these captures. Raises TenantUnknown."""
        if self.tenants is not None:
            return self.tenants.of(captures)
        return Entered(self.form_values, self.fingerprint)

    @property
    def has_credentials(self) -> bool:
        """Whether every required form field has a value, so that a password grant can be tried."""
        if self.is_per_user:
            return False
        # A tenant that lacks one does not compile.
        return self.tenants is not None or all(
            item.key in self.form_values for item in self.settings.form_fields if item.required
        )

    @property
    def checks_with_token(self) -> bool:
        """Whether the check URL holds what only a token response can tell."""
        names = self.check_url.names if self.check_url is not None else frozenset()
        return any(name in TOKEN_PLACEHOLDERS or name.startswith("token.") for name in names)

    def values(self, captures: Mapping[str, str], user: str = "") -> dict[str, Any]:
        """What `{name}` and `{{name}}` stand for before there is a token: captures win over the tenant.

        *user* is the end user of a per-user profile. Raises TenantUnknown.
        """
        values = {**_own_values(self.settings, self.entered_for(captures).form_values), **captures}
        return {**values, USER: user} if self.is_per_user else values

    def entry_of(
        self, captures: Mapping[str, str], entered: Mapping[str, str], *, consents: bool
    ) -> tuple[Entry, list[FieldProblem]]:
        """What an end user has entered, and what is wrong with it. Raises TenantUnknown.

        *consents* says that it may be submitted again once the refresh token has died.
        """
        preset = self.entered_for(captures).form_values
        values, problems = entered_values(self.settings, preset, entered)
        regenerates = consents and self.settings.regenerate
        kept = values if regenerates else {key: values[key] for key in self.kept_keys if key in values}
        return Entry(values, kept, regenerates, account_of(self.settings, entered)), problems

    def token_captures(self, captures: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """The captures that a token is held for: the tenant, and those that a token request mentions.

        One that only routes (`/accounts/{id}/**`) makes no other token request. Were a token held for each of
        its values, a refused password would be submitted once for each, and a single-session server would
        end one value's session with the next one's. A tenant by default is the same as one that was captured.
        """
        held = {name: value for name, value in captures if name in self._token_names}
        tenant = self.tenant_of(dict(captures))
        return tuple(sorted((held if tenant is None else {**held, TENANT: tenant}).items()))

    def tenant_of(self, captures: Mapping[str, str]) -> str | None:
        """The tenant of a request: what its match captured, else the one by default."""
        default = self.settings.tenancy.tenant if self.tenants is None else self.tenants.default
        return captures.get(TENANT, default)


def compile_profile(
    name: str, settings: ProfileSettings, *, fingerprint: Fingerprint, report: ReportProblem
) -> Profile | None:
    """Compiles *settings*; whatever is wrong goes to *report*, and then there is no profile."""
    reported: list[str] = []

    def problem(key: str, message: str) -> None:
        reported.append(key)
        report(key, message)

    rules = tuple(_compile_rules(settings, problem))
    known = _known_placeholders(settings, rules)
    captured = {name for rule in rules for name in rule.captures}
    chosen = captured | _entered_names(settings)
    _check_what_end_users_choose(settings, captured, problem)
    for item in settings.form_fields:
        if item.key in captured:
            problem("match", f"captures {item.key}: a request would choose the form field of that key")

    def fingerprint_of(credentials: Mapping[str, SecretStr]) -> str:
        return fingerprint(*_what_a_token_depends_on(settings, credentials))

    tenants = compile_tenants(name, settings, rules, fingerprint_of=fingerprint_of, report=problem)
    values, missing = preset_values(settings, settings.credentials)
    # Where tenants are named, each is asked for itself what is missing.
    for lack in missing if tenants is None else ():
        problem(f"credentials.{lack.key}", lack.message)
    with _reporting("fields", problem):
        fields = compile_fields(settings.fields, payload_limit=int(settings.payload_limit))
        for unknown in sorted(_unknown_names(fields.names, known | set(TOKEN_PLACEHOLDERS))):
            problem("fields", f"nothing provides the placeholder {unknown}")
    connector = parse_connector(settings.connector.get_secret_value()) if settings.connector else None
    cleartext = Cleartext(settings.allow_cleartext, connector is None or is_loopback(connector.host))
    with _reporting("grant", problem):
        grant = compile_grant(
            settings.grant,
            base_url=settings.tenancy.base_url,
            form_fields=settings.form_fields,
            profile=name,
            cleartext=cleartext,
            timeout=settings.timeout,
            known=known,
            captured=chosen,
            own=_own_values(settings, values),
        )
    check_url = None
    with _reporting("check_url", problem):
        if settings.check_url is not None:
            check_url = _compile_check_url(settings, settings.check_url, known, chosen)
    if reported:
        return None
    kept_keys = frozenset(grant.form_keys) & (fields.names | grant.refresh.names)
    _check_optional_fields(settings, kept_keys | grant.password.names, problem)
    if reported:
        return None
    return Profile(
        name=name,
        settings=settings,
        rules=rules,
        fields=fields,
        grant=grant,
        auth_errors=AuthErrors(settings.auth_error),
        check_url=check_url,
        form_values=values,
        fingerprint=fingerprint_of(settings.credentials),
        tenants=tenants,
        connector=connector,
        own_tls=own_tls_of(settings),
        cleartext=cleartext,
        is_per_user=settings.mode == "per_user",
        kept_keys=kept_keys,
        _token_names=grant.names,
    )


@contextmanager
def _reporting(key: str, report: ReportProblem) -> Iterator[None]:
    """Turns the ValueError of a compile step into a problem; its text names keys, never values."""
    try:
        yield
    except ValueError as error:
        report(key, str(error))


def _compile_rules(settings: ProfileSettings, report: ReportProblem) -> Iterator[MatchRule]:
    for index, match in enumerate(settings.match):
        with _reporting(f"match.{index}", report):
            yield compile_match(match)


def _known_placeholders(settings: ProfileSettings, rules: tuple[MatchRule, ...]) -> set[str]:
    """What every request of the profile can fill: a capture counts only where all match entries have it."""
    captured = set.intersection(*(set(rule.captures) for rule in rules)) if rules else set()
    given = [{*settings.credentials, *own.credentials} for own in (settings.tenancy.tenants or {}).values()]
    entered = set.intersection(*given) if given else set(settings.credentials)
    is_per_user = settings.mode == "per_user"
    known = {field.key for field in settings.form_fields if is_per_user or field.key in entered}
    if is_per_user:
        known.add(USER)
    known |= captured
    if settings.grant.client_id is not None:
        known.add("client_id")
    if settings.tenancy.tenant is not None:
        known.add("tenant")
    return known


def _entered_names(settings: ProfileSettings) -> set[str]:
    """The placeholders whose values end users choose: a token endpoint's host is not theirs to choose."""
    if settings.mode != "per_user":
        return set()
    return {USER, *(item.key for item in settings.form_fields if item.visibility == "visible")}


def _check_what_end_users_choose(
    settings: ProfileSettings, captured: set[str], report: ReportProblem
) -> None:
    if settings.mode != "per_user":
        return
    entered = {item.key for item in settings.form_fields}
    for name in sorted(_NOT_TO_ENTER & (captured | entered) | (entered & {TENANT})):
        report("mode", f"is per_user, and {name} is not for an end user or a request to choose")


def _check_optional_fields(settings: ProfileSettings, needed: frozenset[str], report: ReportProblem) -> None:
    """An end user who leaves one empty would have authorized, and have no request let through."""
    if settings.mode != "per_user":
        return
    for item in settings.form_fields:
        if item.visibility == "visible" and not item.required and item.key in needed:
            report("form_fields", f"has {item.key}, which requests need, and which is not required")


def _compile_check_url(settings: ProfileSettings, text: str, known: set[str], captured: set[str]) -> Endpoint:
    """The check comes after the grant, so that what the token response holds may stand in its URL too; in
    the host a server's value is trusted no more than a request's."""
    text = _with_places(text, [item.key for item in settings.fields if item.place is Place.PATH])
    names = compile_template(text, single=True).names
    of_token = {name for name in names if name in TOKEN_PLACEHOLDERS or name.startswith("token.")}
    return compile_endpoint(
        text,
        base_url=settings.tenancy.base_url,
        known=known | of_token,
        captured=captured | (of_token - known),
    )


def _with_places(url: str, keys: Iterable[str]) -> str:
    """*url* with `{key}` in its path encoded: a path field is written there, as into a client's path, so it
    is a place and no placeholder."""
    scheme, separator, rest = ("", "", url) if url.startswith("/") else url.partition("://")
    authority, slash, rest = rest.partition("/")
    path, question, query = rest.partition("?")
    for key in keys:
        # No backslash is left in a quoted key, which `sub` would take for a group.
        path = re.sub(rf"(?<!\{{)\{{{re.escape(key)}\}}(?!\}})", f"%7B{quote(key, safe='')}%7D", path)
    return scheme + separator + authority + slash + path + question + query


def _own_values(settings: ProfileSettings, entered: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the profile has by itself, whatever a request is."""
    own = {"client_id": settings.grant.client_id, "tenant": settings.tenancy.tenant}
    return {**entered, **{name: value for name, value in own.items() if value is not None}}


def _unknown_names(names: frozenset[str], known: set[str]) -> set[str]:
    return {
        name
        for name in names
        if name not in known and name not in REQUEST_PLACEHOLDERS and not name.startswith("token.")
    }


def _what_a_token_depends_on(
    settings: ProfileSettings, credentials: Mapping[str, SecretStr]
) -> tuple[bytes, ...]:
    """Credentials and grant settings, secrets included: a token of others must not be found."""
    # RFC 8705: a certificate may be who asks, and a token be bound to it.
    included = {"tenancy", "grant", "regenerate", "client_certificate"}
    plain = settings.model_dump(mode="json", include=included)
    # One tenant's token has nothing to do with who the others are.
    del plain["tenancy"]["tenants"]
    secrets = {key: value.get_secret_value() for key, value in sorted(credentials.items())}
    return (
        json.dumps(plain, sort_keys=True, default=str).encode(),
        json.dumps(secrets).encode(),
        json.dumps(_grant_secrets(settings.grant)).encode(),
    )


def _grant_secrets(grant: GrantSettings) -> list[Any]:
    # model_dump masks SecretStr, so each has to be asked for.
    trees = (grant.headers, grant.query, grant.refresh_headers, grant.refresh_query)
    plain = [
        None if tree is None else {key: value.get_secret_value() for key, value in sorted(tree.items())}
        for tree in trees
    ]
    return [grant.client_secret.get_secret_value() if grant.client_secret else None, *plain]
