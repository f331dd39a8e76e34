"""The authorization profile as it is written down: the settings of DESIGN section 3, checked one by one.

These models say what a profile *says*; what it *does* is compiled from them (`compilation`). They are
used alike for files, environment variables and, later, the console's form. A value never appears in
an error: `hide_input_in_errors` is set, and the validators name keys only.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from profiles.connectors import parse_connector
from profiles.grant_model import ClientAuthentication, ContentType, GrantSettings, ResponseSettings
from profiles.settings_model import Seconds, Settings

__all__ = [
    "DEFAULT_FIELDS",
    "DEFAULT_FORM_FIELDS",
    "PROFILE_NAME",
    "AuthErrorRule",
    "ClientAuthentication",
    "ContentType",
    "FieldSettings",
    "FormFieldSettings",
    "GrantSettings",
    "MatchSettings",
    "Place",
    "ProfileSettings",
    "ResponseSettings",
    "Settings",
    "TenancySettings",
]

PROFILE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
"""What a profile may be called: it stands in logs, file names and Proxy-Status."""


class Place(StrEnum):
    """Where an authorization field goes in the request."""

    HEADER = "header"
    QUERY = "query"
    PAYLOAD = "payload"
    PATH = "path"


def _list_of_one(value: Any) -> Any:
    return [value] if isinstance(value, (str, dict)) else value


def _empty_where_null(value: Any) -> Any:
    # `acme:` with nothing below it: a tenant that is served with what the profile has.
    return {} if value is None else value


def _upper(value: str) -> str:
    return value.upper()


Method = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"), AfterValidator(_upper)]


class MatchSettings(Settings):
    """Which requests a profile owns: one entry of `match`."""

    host: Annotated[str, Field(min_length=1)]
    scheme: Literal["http", "https"] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    methods: tuple[Method, ...] = ()
    path: str | None = None

    @field_validator("path")
    @classmethod
    def _path_is_absolute(cls, path: str | None) -> str | None:
        if path is not None and not path.startswith("/"):
            raise ValueError("must start with /")
        return path


class TenantSettings(Settings):
    """What one tenant has of its own: credentials, which win over the profile's key by key."""

    credentials: Annotated[dict[str, SecretStr], BeforeValidator(_empty_where_null)] = {}


class TenancySettings(Settings):
    """The tenant's base URL, the tenant where a match captured none, and all tenants where they are named."""

    base_url: str | None = None
    tenant: str | None = None
    tenants: (
        Annotated[
            dict[str, Annotated[TenantSettings, BeforeValidator(_empty_where_null)]], Field(min_length=1)
        ]
        | None
    ) = None


class FormFieldSettings(Settings):
    """One field of the authorization form: its key is a form-field value and a placeholder."""

    key: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
    title: str = ""
    help: str = ""
    type: Literal["textbox", "password"] = "textbox"
    required: bool = True
    data_type: Literal["string", "number", "boolean", "date", "email"] = "string"
    visibility: Literal["visible", "hidden", "read_only", "read-only"] = "visible"


DEFAULT_FORM_FIELDS = (
    FormFieldSettings(key="username", title="User name", type="textbox"),
    FormFieldSettings(key="password", title="Password", type="password"),
)


class FieldSettings(Settings):
    """One authorization field: where a value is written in the request."""

    place: Place = Field(alias="in")
    key: Annotated[str, Field(min_length=1)]
    value: str


DEFAULT_FIELDS = (
    FieldSettings.model_validate(
        {"in": "header", "key": "Authorization", "value": "Bearer {{access_token}}"}
    ),
)


class AuthErrorRule(Settings):
    """An answer that means "this token is not accepted": a status, and perhaps a pattern in the body."""

    status: Annotated[int, Field(ge=100, le=599)]
    body: str | None = None

    @field_validator("body")
    @classmethod
    def _body_is_a_pattern(cls, body: str | None) -> str | None:
        if body is not None:
            try:
                re.compile(body)
            except re.error:
                raise ValueError("is not a regular expression") from None
        return body


def _auth_error_rules(value: Any) -> Any:
    items = value if isinstance(value, (list, tuple)) else [value]
    return [item if isinstance(item, (dict, AuthErrorRule)) else {"status": item} for item in items]


LARGEST_SIZE = 2**40
Size = Annotated[ByteSize, Field(ge=0, le=LARGEST_SIZE)]


class ProfileSettings(Settings):
    """One authorization profile, as its file has it."""

    description: str = ""
    extends: str | None = None
    """The preset that the other settings were merged over; nothing here depends on it any more."""
    match: Annotated[tuple[MatchSettings, ...], BeforeValidator(_list_of_one), Field(min_length=1)]
    tenancy: TenancySettings = TenancySettings()
    mode: Literal["preauthorized", "per_user"] = "preauthorized"
    credentials: dict[str, SecretStr] = {}
    form_fields: tuple[FormFieldSettings, ...] = DEFAULT_FORM_FIELDS
    regenerate: bool = True
    grant: GrantSettings
    fields: Annotated[tuple[FieldSettings, ...], Field(min_length=1)] = DEFAULT_FIELDS
    auth_error: Annotated[
        tuple[AuthErrorRule, ...], BeforeValidator(_auth_error_rules), Field(min_length=1)
    ] = (AuthErrorRule(status=401),)
    check_url: str | None = None
    connector: SecretStr | None = None
    trusted_ca: Path | None = None
    """Authorities that the profile's origin and token endpoint are believed by, besides everybody's."""
    client_certificate: Path | None = None
    """What both are shown, with the certificates that lead to its authority behind it."""
    client_key: Path | None = None
    """Its private key, where that is in another file."""
    client_key_password: Annotated[SecretStr, Field(min_length=1)] | None = None
    allow_cleartext: bool = False
    payload_limit: Size = ByteSize(10 * 1024 * 1024)
    replay_limit: Size = ByteSize(1024 * 1024)
    renewal_cooldown: Seconds = 10
    timeout: Annotated[Seconds, Field(gt=0)] = 30
    margin: Seconds = 30

    @field_validator("connector")
    @classmethod
    def _connector_is_a_proxy(cls, connector: SecretStr | None) -> SecretStr | None:
        if connector is not None:
            parse_connector(connector.get_secret_value())
        return connector

    @field_validator("client_key", "client_key_password")
    @classmethod
    def _there_is_a_certificate[T](cls, value: T, info: ValidationInfo) -> T:
        # One that is wrong itself is not among the data, and has its problem already.
        if value is not None and info.data.get("client_certificate", ...) is None:
            raise ValueError("belongs to client_certificate, which is not given")
        return value

    @model_validator(mode="after")
    def _credentials_fit_the_form(self) -> ProfileSettings:
        keys = [field.key for field in self.form_fields]
        doubled = sorted({key for key in keys if keys.count(key) > 1})
        if doubled:
            raise ValueError(f"form_fields has {', '.join(doubled)} more than once")
        unknown = sorted(set(self.credentials) - set(keys))
        if unknown:
            raise ValueError(f"credentials has {', '.join(unknown)}, which form_fields does not name")
        # Where tenants are named, what each lacks is found when they are compiled.
        # End users enter what is visible; what is not and is missing is found when the profile is compiled.
        asks = self.tenancy.tenants is not None or self.mode == "per_user"
        given = set(keys) if asks else set(self.credentials)
        missing = [field.key for field in self.form_fields if field.required and field.key not in given]
        if missing:
            raise ValueError(f"credentials lacks {', '.join(missing)}, which form_fields requires")
        return self
