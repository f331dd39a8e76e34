"""The authorization profile as it is written down: the settings of DESIGN section 3, checked one by one.

These models say what a profile *says*; what it *does* is compiled from them (`compilation`). They are
used alike for files, environment variables and, later, the console's form. A value never appears in
an error: `hide_input_in_errors` is set, and the validators name keys only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from profiles.connectors import parse_connector

PROFILE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
"""What a profile may be called: it stands in logs, file names and Proxy-Status."""


class Settings(BaseModel):
    """What all settings share: unknown keys are errors, no error quotes its input, no repr shows a text."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True, populate_by_name=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # References are resolved anywhere, so any text may hold a secret: a URL, a pattern, a header's value.
        for name in type(self).model_fields:
            value = getattr(self, name, None)
            if name == "key":
                yield name, value
            elif isinstance(value, Mapping):
                yield name, sorted(map(str, value))
            elif _shows_no_text(value):
                yield name, value


def _shows_no_text(value: Any) -> bool:
    """Whether a repr may show *value*: choices, numbers, and settings that keep to the same rule."""
    if isinstance(value, tuple):
        return bool(value) and all(map(_shows_no_text, value))
    return isinstance(value, (bool, int, float, Enum, Settings))


class Place(StrEnum):
    """Where an authorization field goes in the request."""

    HEADER = "header"
    QUERY = "query"
    PAYLOAD = "payload"
    PATH = "path"


class ContentType(StrEnum):
    """How a token request is encoded (the source's "Token URL Content Type")."""

    URLENCODED = "urlencoded"
    JSON = "json"
    XML = "xml"
    RSS = "rss"
    CSV = "csv"
    TEXT = "text"
    TWITTER = "twitter"
    FORM_DATA = "form-data"
    RELATED = "related"
    ORACLE_ADF = "oracle-adf"


class ClientAuthentication(StrEnum):
    """How the proxy names itself to the token endpoint (RFC 6749 section 2.3.1)."""

    BASIC = "client_secret_basic"
    BASIC_RAW = "client_secret_basic_raw"
    POST = "client_secret_post"
    NONE = "none"


def _not_built(what: str) -> ValueError:
    return ValueError(f"{what} is not part of this release yet")


def _list_of_one(value: Any) -> Any:
    return [value] if isinstance(value, (str, dict)) else value


def _empty_where_null(value: Any) -> Any:
    # `acme:` with nothing below it: a tenant that is served with what the profile has.
    return {} if value is None else value


def _upper(value: str) -> str:
    return value.upper()


def _seconds(value: float) -> float:
    if not 0 <= value < 1e9:
        raise ValueError("must be a number of seconds that is not negative")
    return value


Method = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"), AfterValidator(_upper)]
Seconds = Annotated[float, AfterValidator(_seconds)]
Scalars = dict[str, Any]


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


class ResponseSettings(Settings):
    """Where the members of a token response stand: JMESPath, `header:Name` or `cookie:Name`."""

    access_token: str = "access_token"  # noqa: S105  -- the name of a member
    token_type: str = "token_type"  # noqa: S105
    expires_in: str = "expires_in"
    expires_at: str | None = None
    refresh_token: str = "refresh_token"  # noqa: S105
    refresh_expires_in: str = "refresh_expires_in || refresh_token_expires_in"
    scope: str = "scope"


class GrantSettings(Settings):
    """The password grant and the refresh grant (RFC 6749 sections 4.3 and 6).

    Each `refresh_` key says for the refresh request what its namesake says for both where it is null.
    """

    token_endpoint: Annotated[str, Field(min_length=1)]
    refresh_endpoint: str | None = None
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    content_type: ContentType = ContentType.URLENCODED
    client_id: str | None = None
    client_secret: SecretStr | None = None
    client_authentication: ClientAuthentication | None = None
    scope: tuple[str, ...] = ()
    headers: dict[str, SecretStr] = {}
    query: dict[str, SecretStr] = {}
    parameters: Scalars = Field(default={}, repr=False)
    body: Scalars | None = Field(default=None, repr=False)
    refresh_method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    refresh_content_type: ContentType | None = None
    refresh_headers: dict[str, SecretStr] | None = None
    refresh_query: dict[str, SecretStr] | None = None
    refresh_parameters: Scalars | None = Field(default=None, repr=False)
    refresh_body: Scalars | None = Field(default=None, repr=False)
    response: ResponseSettings = ResponseSettings()
    expires_in_unit: Literal["seconds", "milliseconds"] = "seconds"
    default_lifetime: Annotated[Seconds, Field(gt=0)] = 3600

    @field_validator("scope", mode="before")
    @classmethod
    def _scope_is_a_list(cls, scope: Any) -> Any:
        return scope.split() if isinstance(scope, str) else scope

    @model_validator(mode="after")
    def _client_authentication_has_what_it_needs(self) -> GrantSettings:
        way = self.client_authentication
        if way in (ClientAuthentication.BASIC, ClientAuthentication.BASIC_RAW, ClientAuthentication.POST):
            missing = [name for name in ("client_id", "client_secret") if getattr(self, name) is None]
            if missing:
                raise ValueError(f"client_authentication {way.value} needs {' and '.join(missing)}")
        if self.client_secret is not None and self.client_id is None:
            raise ValueError("client_secret needs client_id")
        return self

    @property
    def way_of_client_authentication(self) -> ClientAuthentication:
        """The way that is set, else Basic where there is a secret to send, else none (a public client)."""
        if self.client_authentication is not None:
            return self.client_authentication
        return ClientAuthentication.NONE if self.client_secret is None else ClientAuthentication.BASIC


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
    allow_cleartext: bool = False
    payload_limit: ByteSize = ByteSize(10 * 1024 * 1024)
    replay_limit: ByteSize = ByteSize(1024 * 1024)
    renewal_cooldown: Seconds = 10
    timeout: Annotated[Seconds, Field(gt=0)] = 30
    margin: Seconds = 30

    @field_validator("mode")
    @classmethod
    def _per_user_comes_later(cls, mode: str) -> str:
        if mode == "per_user":
            raise _not_built("mode per_user")
        return mode

    @field_validator("connector")
    @classmethod
    def _connector_is_a_proxy(cls, connector: SecretStr | None) -> SecretStr | None:
        if connector is not None:
            parse_connector(connector.get_secret_value())
        return connector

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
        given = set(self.credentials) if self.tenancy.tenants is None else set(keys)
        missing = [field.key for field in self.form_fields if field.required and field.key not in given]
        if missing:
            raise ValueError(f"credentials lacks {', '.join(missing)}, which form_fields requires")
        return self
