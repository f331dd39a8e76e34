"""A profile's settings for people, grouped and labelled as in the source's dialog; no secret is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from profiles.connectors import parse_connector
from profiles.model import AuthErrorRule, ContentType, ProfileSettings
from profiles.placeholders import compile_template
from proxy.configuration_files import Configuration
from proxy.display import MASK
from proxy.known_secrets import KnownSecrets, masked_template, secrets_of
from proxy.setting_keys import KeyPath

CONTENT_TYPES = {
    ContentType.URLENCODED: "URL Encoded JSON",
    ContentType.JSON: "JSON",
    ContentType.XML: "XML",
    ContentType.RSS: "RSS",
    ContentType.CSV: "CSV",
    ContentType.TEXT: "Text",
    ContentType.TWITTER: "Twitter Encoded JSON",
    ContentType.FORM_DATA: "Multipart/Form-data",
    ContentType.RELATED: "Multipart/Related",
    ContentType.ORACLE_ADF: "Oracle ADF",
}
"""The source's labels."""

MODES = {
    "preauthorized": "Pre-authorize the integration",
    "per_user": "Allow users to authorize the integration",
}

LARGEST_FILE = 1024 * 1024
"""Bytes: in a larger file nobody looks for how a secret is written."""

_PLACEHOLDER = re.compile(r"\{\{?[^{}]+\}\}?")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: the source's label where it has one, its key, and what it is, line by line."""

    label: str
    key: str
    lines: tuple[str, ...]
    is_default: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the dialog; form fields and authorization fields are tables."""

    title: str
    settings: tuple[Setting, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


class HowWritten:
    """Says of a secret that it is set, and by what reference: that is none itself.

    Only the line is read on which the secret stands, and nothing of it is shown but a whole reference.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._positions = configuration.positions
        self.references = configuration.references
        self._lines: dict[Path, list[str]] = {}

    def of(self, path: KeyPath) -> str:
        file, line, variable = self._positions.at(path)
        if variable is not None:
            return f"set by {variable}"
        if file is None or line is None:
            return "set"
        text = dict(enumerate(self._lines_of(file), start=1)).get(line, "")
        key = re.escape(str(path[-1]))
        found = re.search(
            rf"""(?:^|[\s{{,])["']?{key}["']?\s*:\s*(["']?)\$\{{(\w+):([^{{}}]+)\}}\1\s*(?:[,}}\#]|$)""", text
        )
        if found is None or found[2] not in ("env", "file", "keyring", "encrypted"):
            return "set"
        return "set, encrypted" if found[2] == "encrypted" else f"${{{found[2]}:{found[3]}}}"

    def _lines_of(self, file: Path) -> list[str]:
        if file not in self._lines:
            try:
                is_small = file.stat().st_size <= LARGEST_FILE
                text = file.read_text(encoding="utf-8-sig") if is_small else ""
            except (OSError, UnicodeDecodeError):
                text = ""
            self._lines[file] = text.split("\n")
        return self._lines[file]


def shown_settings(name: str, settings: ProfileSettings, written: HowWritten) -> list[Group]:
    """All settings of a profile. Reads the configuration's files, by *written*."""
    return list(_Groups(name, settings, written).all())


_WITHOUT_SECRETS = frozenset(
    {"credentials", "tenancy.tenants", "connector", "client_key_password", "grant.client_secret"}
    | {f"grant.{name}" for name in ("headers", "query", "parameters", "body")}
    | {f"grant.refresh_{name}" for name in ("headers", "query", "parameters", "body")}
)
"""Settings of which the lines have no secret in them, referenced or not."""


class _Groups:
    """The groups of one profile, in the dialog's order; what the dialog does not have comes last."""

    def __init__(self, name: str, settings: ProfileSettings, written: HowWritten) -> None:
        self._name = name
        self._settings = settings
        self._how_written = written
        self._grant = settings.grant
        self._references = written.references
        self._known = secrets_of(settings).together_with(self._references.secrets_at("profiles", name))

    def all(self) -> Iterator[Group]:
        yield from (self._type(), self._subdomain(), self._mode(), self._form_fields(), self._fields())
        yield from (self._token_url(), self._refresh_url(), self._check(), self._limits())

    def _type(self) -> Group:
        settings = self._settings
        kind = Setting("Authorization Type", "grant", ("OAuth 2.0 password grant",), is_default=False)
        description = self._set("Description", "description", settings.description or "none")
        preset = self._set("Preset", "extends", settings.extends or "none")
        return Group("Name and type", (kind, description, preset))

    def _subdomain(self) -> Group:
        tenancy = self._settings.tenancy
        url = self._url(tenancy.base_url, "none")
        tenant = tenancy.tenant or "none"
        return Group(
            "Subdomain",
            (
                self._set("Tenancy URL", "tenancy.base_url", url, of=tenancy),
                self._set("Tenant where none is captured", "tenancy.tenant", tenant, of=tenancy),
                self._set("Tenants", "tenancy.tenants", *self._tenants(), of=tenancy),
            ),
        )

    def _mode(self) -> Group:
        settings = self._settings
        credentials = [f"{key}: {self._written('credentials', key)}" for key in settings.credentials]
        return Group(
            "Authorization mode",
            (
                self._set("Mode", "mode", MODES[settings.mode]),
                self._set("Auto-Refresh Token Regeneration", "regenerate", _yes(settings.regenerate)),
                self._set("Credentials", "credentials", *(credentials or ("none",))),
            ),
        )

    def _form_fields(self) -> Group:
        rows = (
            (
                *(item.title or item.key, item.key, item.help, item.type, _yes(item.required)),
                *(item.data_type, item.visibility.replace("_", "-")),
            )
            for item in self._settings.form_fields
        )
        columns = ("Title", "Key", "Help hint", "Type", "Mandatory", "Data type", "Visibility")
        return Group("Form fields", columns=columns, rows=tuple(rows))

    def _fields(self) -> Group:
        rows = (
            (item.place.value, item.key, self._field_value(index, item.value))
            for index, item in enumerate(self._settings.fields)
        )
        return Group("Authorization fields", columns=("Type", "Key", "Value"), rows=tuple(rows))

    def _field_value(self, index: int, value: str) -> str:
        if self._references.written_at("profiles", self._name, "fields", index, "value"):
            return MASK
        return masked_template(compile_template(value), self._known)

    def _token_url(self) -> Group:
        grant = self._grant
        secret = self._written("grant", "client_secret") if grant.client_secret else "none"
        way = grant.way_of_client_authentication.value
        names = type(grant.response).model_fields
        places = [f"{key}: {getattr(grant.response, key)}" for key in names if getattr(grant.response, key)]
        lifetime = f"{grant.default_lifetime:g} s"
        return Group(
            "Token URL",
            (
                self._of_grant("Token URL", "token_endpoint", self._url(grant.token_endpoint, "none")),
                self._of_grant("Token URL Method", "method", grant.method),
                self._of_grant("Token URL Content Type", "content_type", CONTENT_TYPES[grant.content_type]),
                self._of_grant("Client id", "client_id", grant.client_id or "none"),
                self._of_grant("Client secret", "client_secret", secret),
                self._of_grant("Client authentication", "client_authentication", way),
                self._of_grant("Scope", "scope", " ".join(grant.scope) or "none"),
                self._of_grant("Header fields", "headers", *self._values("headers", "none")),
                self._of_grant("Query", "query", *self._values("query", "none")),
                self._of_grant("Parameters", "parameters", *self._tree(grant.parameters, "none")),
                self._of_grant("Body", "body", *self._tree(grant.body, "the standard parameters")),
                self._of_grant("Places in the answer", "response", *places),
                self._of_grant("Unit of expires_in", "expires_in_unit", grant.expires_in_unit),
                self._of_grant("Lifetime where none is told", "default_lifetime", lifetime),
            ),
        )

    def _refresh_url(self) -> Group:
        grant, content_type = self._grant, self._grant.refresh_content_type
        as_above = "as for the token URL"
        labelled = as_above if content_type is None else CONTENT_TYPES[content_type]
        url = self._url(grant.refresh_endpoint, "the token URL")
        headers, query = self._values("refresh_headers", as_above), self._values("refresh_query", as_above)
        parameters = self._tree(grant.refresh_parameters, as_above)
        body = self._tree(grant.refresh_body, "the standard parameters")
        return Group(
            "Refresh Token URL",
            (
                self._of_grant("Refresh Token URL", "refresh_endpoint", url),
                self._of_grant("Method", "refresh_method", grant.refresh_method or as_above),
                self._of_grant("Content type", "refresh_content_type", labelled),
                self._of_grant("Header fields", "refresh_headers", *headers),
                self._of_grant("Query", "refresh_query", *query),
                self._of_grant("Parameters", "refresh_parameters", *parameters),
                self._of_grant("Body", "refresh_body", *body),
            ),
        )

    def _check(self) -> Group:
        settings = self._settings
        connector = "No"
        if settings.connector is not None:
            way = str(parse_connector(settings.connector.get_secret_value()))
            is_referenced = self._references.written_at("profiles", self._name, "connector")
            connector = f"Yes, {MASK if is_referenced else way}"
        return Group(
            "Errors, check and connector",
            (
                self._set("Auth Error Status Code", "auth_error", *map(_auth_error, settings.auth_error)),
                self._set("Authorization Check URL", "check_url", self._url(settings.check_url, "none")),
                self._set("Access Using a Connector", "connector", connector),
            ),
        )

    def _limits(self) -> Group:
        settings = self._settings
        certificate, key = settings.client_certificate or "none", settings.client_key or "in the same file"
        password = self._written("client_key_password") if settings.client_key_password else "none"
        return Group(
            "Trust and limits",
            (
                self._set("Credentials over cleartext", "allow_cleartext", _yes(settings.allow_cleartext)),
                self._set("Authorities", "trusted_ca", str(settings.trusted_ca or "the usual ones")),
                self._set("Client certificate", "client_certificate", str(certificate)),
                self._set("Its key", "client_key", str(key)),
                self._set("The key's password", "client_key_password", password),
                self._set("Largest payload", "payload_limit", settings.payload_limit.human_readable()),
                self._set("Largest body to replay", "replay_limit", settings.replay_limit.human_readable()),
                self._set("Renewal cooldown", "renewal_cooldown", f"{settings.renewal_cooldown:g} s"),
                self._set("Timeout", "timeout", f"{settings.timeout:g} s"),
                self._set("Margin before expiry", "margin", f"{settings.margin:g} s"),
            ),
        )

    def _written(self, *path: str) -> str:
        return self._how_written.of(("profiles", self._name, *path))

    def _set(self, label: str, key: str, *lines: str, of: BaseModel | None = None) -> Setting:
        given = (of or self._settings).model_fields_set
        if key not in _WITHOUT_SECRETS:
            # What a reference stands for is a secret; the reference is none.
            written = self._references.written_at("profiles", self._name, *key.split("."))
            lines = tuple(shown_url(text, self._known) for text in written) or lines
        return Setting(label, key, lines, key.rpartition(".")[2] not in given)

    def _of_grant(self, label: str, key: str, *lines: str) -> Setting:
        return self._set(label, f"grant.{key}", *lines, of=self._grant)

    def _url(self, text: str | None, otherwise: str) -> str:
        return otherwise if text is None else shown_url(text, self._known)

    def _values(self, key: str, otherwise: str) -> tuple[str, ...]:
        """Header fields, or a query: what is written out may be an API key."""
        values: Mapping[str, SecretStr] | None = getattr(self._grant, key)
        if values is None:
            return (otherwise,)
        templates = {name: compile_template(secret.get_secret_value()) for name, secret in values.items()}
        lines = (
            f"{name}: {self._written('grant', key, name)}"
            if template.literal is not None
            else f"{name}: {masked_template(template, self._known)}"
            for name, template in templates.items()
        )
        return tuple(lines) or ("none",)

    def _tree(self, value: Mapping[str, Any] | None, otherwise: str) -> tuple[str, ...]:
        if value is None:
            return (otherwise,)
        return tuple(_branches(value, self._known)) or ("none",)

    def _tenants(self) -> Iterator[str]:
        tenants = self._settings.tenancy.tenants
        for tenant, own in (tenants or {}).items():
            path = ("tenancy", "tenants", tenant, "credentials")
            given = ", ".join(f"{key} {self._written(*path, key)}" for key in own.credentials)
            yield f"{tenant}: {given or 'the credentials of the profile'}"
        if tenants is None:
            yield "any"


def shown_url(text: str, known: KnownSecrets) -> str:
    """A URL as it was set, with what its query says hidden: a reference may have filled that in."""
    before, question, query = text.partition("?")
    pairs = (pair.partition("=") for pair in query.split("&"))
    shown = (
        f"{name}={value if _PLACEHOLDER.fullmatch(value) else MASK}" if equals else MASK
        for name, equals, value in pairs
    )
    return known.masked(before + question + ("&".join(shown) if query else ""))


def _branches(value: Any, known: KnownSecrets, path: str = "") -> Iterator[str]:
    """Which parameters there are; their texts and numbers may be secrets."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _branches(item, known, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _branches(item, known, f"{path}[{index}]")
    elif isinstance(value, str):
        yield f"{path}: {masked_template(compile_template(value), known)}"
    else:
        yield f"{path}: {'null' if value is None else MASK}"


def _auth_error(rule: AuthErrorRule) -> str:
    return f"{rule.status} with a certain body" if rule.body is not None else str(rule.status)


def _yes(is_so: bool) -> str:
    return "Yes" if is_so else "No"
