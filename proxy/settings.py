"""The settings of the proxy, as the configuration has them; profiles have theirs in `profiles.model`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from platformdirs import user_state_path
from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from profiles.model import PROFILE_NAME, ProfileSettings, Settings
from profiles.origins import is_loopback


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


def parse_address(text: Any) -> Any:
    """HOST:PORT, with an IPv6 address in brackets. Raises ValueError."""
    if not isinstance(text, str):
        return text
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError("is written HOST:PORT")
    if host.startswith("[") and host.endswith("]"):
        return Address(str(ipaddress.IPv6Address(host[1:-1])), int(port))
    if not host or ":" in host:
        raise ValueError("is written HOST:PORT, an IPv6 address in brackets")
    return Address(host, int(port))


def _not_built(what: str) -> ValueError:
    return ValueError(f"{what} is not part of this release yet")


class ClientSettings(Settings):
    """A program that may use the proxy, and the profiles it may use; all where none is named."""

    secret: SecretStr
    profiles: tuple[str, ...] | None = None


def _expanded(path: Any) -> Any:
    return Path(path).expanduser() if isinstance(path, str) else path


ListenAddress = Annotated[Address, BeforeValidator(parse_address)]
UserPath = Annotated[Path, BeforeValidator(_expanded)]


class ProxySettings(BaseSettings):
    """All settings of one configuration, wherever each was written."""

    model_config = SettingsConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    listen: ListenAddress = Address("127.0.0.1", 8080)
    console: ListenAddress | None = Address("127.0.0.1", 8082)
    unmatched: Literal["tunnel", "refuse"] = "tunnel"
    store: str = "memory"
    workers: Annotated[int, Field(ge=1)] = 1
    clients: dict[str, ClientSettings] = {}
    profiles: Annotated[dict[str, ProfileSettings], Field(min_length=1)]
    end_user_header: str | None = None
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

    @field_validator("end_user_header")
    @classmethod
    def _end_users_come_later(cls, end_user_header: str | None) -> None:
        if end_user_header is not None:
            raise _not_built("end_user_header")

    @field_validator("trusted_ca")
    @classmethod
    def _trusted_ca_is_there(cls, trusted_ca: Path | None) -> Path | None:
        if trusted_ca is not None and not trusted_ca.is_file():
            raise ValueError("names no file")
        return trusted_ca

    @field_validator("profiles")
    @classmethod
    def _profile_names(cls, profiles: dict[str, ProfileSettings]) -> dict[str, ProfileSettings]:
        for name in profiles:
            if not PROFILE_NAME.fullmatch(name):
                raise ValueError("has a profile whose name holds more than letters, digits and . _ -")
        return profiles
