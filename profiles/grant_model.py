"""The settings of `grant`: how a profile's tokens are asked for, and where they stand in the answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from profiles.settings_model import Seconds, Settings


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


Scalars = dict[str, Any]


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
