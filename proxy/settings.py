"""The settings of the proxy, as the configuration has them; profiles have theirs in `profiles.model`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from platformdirs import user_state_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from profiles.end_users import LOCAL
from profiles.model import PROFILE_NAME, ProfileSettings, Settings
from profiles.origins import is_loopback
from profiles.secret_hashes import check_stored_secret
from proxy.limit_settings import LimitSettings


class Address(NamedTuple):
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


def parse_address(text: str) -> Address:
    """HOST:PORT, with an IPv6 address in brackets. Raises ValueError, which does not quote *text*."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError("is written HOST:PORT")
    if host.startswith("[") and host.endswith("]"):
        try:
            return Address(str(ipaddress.IPv6Address(host[1:-1])), int(port))
        except ValueError:
            # The exception of ipaddress quotes what it was given.
            raise ValueError("is written HOST:PORT, and the brackets hold no IPv6 address") from None
    if not host or any(character in host for character in ":[]/@ "):
        raise ValueError("is written HOST:PORT, an IPv6 address in brackets")
    return Address(host, int(port))


def _address(value: Any) -> Any:
    if isinstance(value, (str, int, float)):
        return parse_address(str(value))
    return value


def _profile_name(name: str) -> str:
    if not PROFILE_NAME.fullmatch(name):
        raise ValueError("is no name for a profile: letters, digits and . _ - between them")
    return name


def _client_name(name: str) -> str:
    # RFC 7617 section 2: neither a colon nor a control character can be sent in a Basic user-id.
    if not name or ":" in name or not name.isprintable():
        raise ValueError("is no name for a client: not empty, no colon, no control characters")
    if name == LOCAL:
        raise ValueError("is no name for a client: it is the end user of a proxy without clients")
    return name


def _console_host(name: str) -> str:
    # A host as a Host field has it, without the port; normalized as it will be compared.
    if not name or not name.isascii() or any(character in name for character in ":/@ *,"):
        raise ValueError("is a host name, without port")
    return name.lower().rstrip(".")


def _console_url(url: str) -> str:
    parts = urlsplit(url)
    try:
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        has_port = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        raise ValueError("is written like https://console.example.com")
    if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise ValueError("is scheme, host and perhaps port, and nothing else")
    return url.rstrip("/")


def _field_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise ValueError("is no name of a header field")
    if name.lower() in _FIELDS_WITH_A_MEANING:
        raise ValueError("is a header field that has a meaning of its own")
    return name


_FIELDS_WITH_A_MEANING = frozenset(
    {"authorization", "connection", "content-length", "content-type", "cookie", "expect", "host",
     "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
     "te", "trailer", "transfer-encoding", "upgrade"}
)  # fmt: skip
"""The end user's name would be looked for in one of these, and the field taken out."""


def _not_built(what: str) -> ValueError:
    return ValueError(f"{what} is not part of this release yet")


def _whole(secret: SecretStr) -> SecretStr:
    check_stored_secret(secret.get_secret_value())
    return secret


StoredSecret = Annotated[SecretStr, Field(min_length=1), AfterValidator(_whole)]
"""In plain, or as the argon2 hash that `grantproxy secret hash` makes of it."""


class ClientSettings(Settings):
    """A program that may use the proxy, and the profiles it may use; all where none is named.

    `end_users` are those whom it may name in `end_user_header`; any where there is no such list.
    """

    secret: StoredSecret
    profiles: tuple[str, ...] | None = None
    end_users: tuple[str, ...] | None = None


def _expanded(path: Any) -> Any:
    return Path(path).expanduser() if isinstance(path, str) else path


ConsoleHost = Annotated[str, AfterValidator(_console_host)]
ConsoleUrl = Annotated[str, AfterValidator(_console_url)]
FieldName = Annotated[str, AfterValidator(_field_name)]
ListenAddress = Annotated[Address, BeforeValidator(_address)]
UserPath = Annotated[Path, BeforeValidator(_expanded)]


class ProxySettings(BaseSettings):
    """All settings of one configuration, wherever each was written. Its repr shows names, and no value."""

    model_config = SettingsConfigDict(
        extra="forbid", hide_input_in_errors=True, frozen=True, case_sensitive=True
    )

    listen: ListenAddress = Address("127.0.0.1", 8080)
    console: ListenAddress | None = Address("127.0.0.1", 8082)
    console_hosts: tuple[ConsoleHost, ...] = ()
    console_url: ConsoleUrl | None = None
    console_secret: StoredSecret | None = None
    console_editing: bool = True
    unmatched: Literal["tunnel", "refuse"] = "tunnel"
    store: str = "memory"
    workers: Annotated[int, Field(ge=1)] = 1
    limits: LimitSettings = LimitSettings()
    clients: dict[Annotated[str, AfterValidator(_client_name)], ClientSettings] = {}
    profiles: Annotated[
        dict[Annotated[str, AfterValidator(_profile_name)], ProfileSettings], Field(min_length=1)
    ]
    end_user_header: FieldName | None = None
    state_dir: UserPath = Field(default_factory=lambda: user_state_path("grantproxy"))
    ca_dir: UserPath = Field(default_factory=lambda: Path("~/.mitmproxy").expanduser())
    trusted_ca: UserPath | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The environment is read by `environment_overrides`: pydantic-settings ignores a misspelt variable.
        return (init_settings,)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # References are resolved anywhere, so any text may hold a secret: a URL's query, a template.
        yield "listen", str(self.listen)
        yield "clients", sorted(self.clients)
        yield "profiles", sorted(self.profiles)

    @field_validator("store")
    @classmethod
    def _store_is_built(cls, store: str) -> str:
        if store.startswith(("sqlite:", "redis:", "rediss:")):
            raise _not_built("a store other than memory")
        if store != "memory":
            raise ValueError("must be memory")
        return store

    @field_validator("workers")
    @classmethod
    def _one_worker(cls, workers: int) -> int:
        if workers != 1:
            raise _not_built("more than one worker")
        return workers

    @field_validator("trusted_ca")
    @classmethod
    def _trusted_ca_is_there(cls, trusted_ca: Path | None) -> Path | None:
        if trusted_ca is not None and not trusted_ca.is_file():
            raise ValueError("names no file")
        return trusted_ca
