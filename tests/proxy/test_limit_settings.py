"""The limits, each by itself and as files and variables set them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from profiles.errors import ConfigurationError
from proxy.configuration_files import load_configuration
from proxy.limit_settings import LimitSettings

PROFILES = """\
profiles:
  orders:
    match: [{host: api.example.com}]
    credentials: {username: bot, password: hunter2}
    grant: {token_endpoint: "https://api.example.com/oauth/token"}
"""

DEFAULTS: dict[str, Any] = {
    "line": 16_384,
    "head": 65_536,
    "fields": 200,
    "body": None,
    "header_timeout": 30,
    "idle_timeout": 300,
    "origin_idle_timeout": 30,
    "connect_timeout": 10,
    "read_timeout": 600,
    "write_timeout": 60,
    "minimum_rate": 100,
    "tunnel_idle_timeout": 3_600,
    "connections": 10_000,
    "connections_per_client": 2_000,
    "requests_per_origin": 512,
    "queue_per_origin": 2_048,
    "queue_timeout": 30,
    "origin_idle_connections": 128,
}


def loaded(folder: Path, limits: str, environ: Mapping[str, str] | None = None) -> LimitSettings:
    file = folder / "grantproxy.yaml"
    file.write_text(limits + PROFILES)
    file.chmod(0o600)
    limit_settings: LimitSettings = load_configuration(
        file, environ=environ or {}, cwd=folder
    ).settings.limits
    return limit_settings


@pytest.mark.parametrize("text", ["", "limits:\n", "limits: {}\n"], ids=["left out", "null", "empty"])
def test_what_nobody_limits_has_its_default(tmp_path: Path, text: str) -> None:
    """A section that is missing or empty is the defaults."""
    assert loaded(tmp_path, text).model_dump() == DEFAULTS


@pytest.mark.parametrize(
    ("text", "limit", "value"),
    [
        pytest.param("line: 8192", "line", 8_192, id="bytes"),
        pytest.param("head: 128KiB", "head", 131_072, id="binary-unit"),
        pytest.param("body: 2 MB", "body", 2_000_000, id="decimal-unit"),
        pytest.param("body: null", "body", None, id="any-size"),
        pytest.param("minimum_rate: 0", "minimum_rate", 0, id="no-rate"),
        pytest.param("read_timeout: 0.5", "read_timeout", 0.5, id="part-of-a-second"),
        pytest.param("connections: 7", "connections", 7, id="count"),
    ],
)
def test_a_limit_is_read_as_it_is_written(tmp_path: Path, text: str, limit: str, value: Any) -> None:
    """Sizes take units as payload_limit does, durations are seconds, counts are whole numbers."""
    assert loaded(tmp_path, f"limits: {{{text}}}\n").model_dump() == DEFAULTS | {limit: value}


@pytest.mark.parametrize(
    ("variable", "text", "limit", "value"),
    [
        pytest.param("GRANTPROXY_LIMITS__HEAD", "32KiB", "head", 32_768, id="size"),
        pytest.param("GRANTPROXY_LIMITS__QUEUE_TIMEOUT", "1.5", "queue_timeout", 1.5, id="duration"),
        pytest.param("GRANTPROXY_LIMITS__CONNECTIONS", "50", "connections", 50, id="count"),
        pytest.param("GRANTPROXY_LIMITS__BODY", "null", "body", None, id="null"),
    ],
)
def test_a_variable_overrides_a_limit(
    tmp_path: Path, variable: str, text: str, limit: str, value: Any
) -> None:
    """Each limit has its variable, which wins over the file and leaves the others as they are."""
    limits = loaded(tmp_path, "limits: {line: 1KiB, body: 1KiB}\n", {variable: text})

    assert limits.model_dump() == DEFAULTS | {"line": 1_024, "body": 1_024} | {limit: value}


def test_an_unknown_variable_names_the_nearest_limit(tmp_path: Path) -> None:
    """A misspelt variable is an error, and not a default that nobody wanted."""
    with pytest.raises(ConfigurationError, match=r"GRANTPROXY_LIMITS__HEADS.*head"):
        loaded(tmp_path, "", {"GRANTPROXY_LIMITS__HEADS": "1"})


@pytest.mark.parametrize("limit", [name for name in DEFAULTS if name != "minimum_rate"])
@pytest.mark.parametrize("value", [0, -1])
def test_no_limit_is_zero_or_less(limit: str, value: int) -> None:
    """A limit that lets nothing through is a mistake; only a rate may be 0."""
    with pytest.raises(ValidationError):
        LimitSettings.model_validate({limit: value})
