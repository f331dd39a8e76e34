"""The proxy's own settings, each by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from proxy.settings import Address, ProxySettings, parse_address

PROFILE: dict[str, Any] = {
    "match": [{"host": "api.example.com"}],
    "credentials": {"username": "bot", "password": "hunter2"},
    "grant": {"token_endpoint": "https://api.example.com/oauth/token"},
}


def settings(**values: Any) -> ProxySettings:
    return ProxySettings(**{"profiles": {"orders": PROFILE}} | values)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("127.0.0.1:8080", ("127.0.0.1", 8080), id="IPv4"),
        pytest.param("localhost:0", ("localhost", 0), id="any free port"),
        pytest.param("[::1]:8080", ("::1", 8080), id="IPv6"),
        pytest.param("[0:0:0:0:0:0:0:1]:65535", ("::1", 65535), id="IPv6 written out"),
    ],
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    """HOST:PORT is read, with an IPv6 address in brackets."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "host",
        "host:",
        "host:65536",
        "host:-1",
        "host:٣",
        "::1:8080",
        "[host]:1",
        "a b:1",
    ],
)
def test_what_is_no_address_is_refused_without_quoting_it(text: str) -> None:
    """Text that is not HOST:PORT is refused, and the error says what belongs there."""
    with pytest.raises(ValueError, match=r"^is written HOST:PORT"):
        parse_address(text)


def test_an_address_is_written_as_it_is_read() -> None:
    """The text of an address reads back as the same address."""
    assert [str(Address("::1", 1)), str(Address("localhost", 2))] == ["[::1]:1", "localhost:2"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    """An address knows whether others can connect to it."""
    assert Address(host, 8080).is_loopback is loopback


def test_defaults_are_those_of_the_design() -> None:
    """What nobody sets is as DESIGN section 3 says."""
    defaults = settings()

    assert (defaults.listen, defaults.console) == (("127.0.0.1", 8080), ("127.0.0.1", 8082))
    assert (defaults.unmatched, defaults.store, defaults.workers, defaults.clients) == (
        "tunnel",
        "memory",
        1,
        {},
    )
    assert defaults.ca_dir == Path("~/.mitmproxy").expanduser()
    assert defaults.state_dir.name == "grantproxy"


def test_the_console_can_be_turned_off() -> None:
    """A console that is null is no console."""
    assert settings(console=None).console is None


@pytest.mark.parametrize(
    "later",
    [
        {"workers": 2},
        {"store": "redis://user:hunter2@cache:6379/0"},
        {"store": "sqlite:///var/lib/tokens.db"},
    ],
    ids=lambda later: next(iter(later.items()))[0],
)
def test_what_comes_later_is_refused(later: dict[str, Any]) -> None:
    """A setting of a later release is refused rather than ignored, and its value is not shown."""
    with pytest.raises(ValidationError, match="is not part of this release yet") as caught:
        settings(**later)

    assert "hunter2" not in str(caught.value)


def test_the_process_environment_is_not_read_behind_the_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constructing the settings looks at no environment variable."""
    monkeypatch.setenv("GRANTPROXY_UNMATCHED", "refuse")

    assert settings().unmatched == "tunnel"


def test_the_repr_shows_names_only() -> None:
    """No secret is in the settings' repr, wherever references have put one."""
    client = {"bot-1": {"secret": "hunter2"}}
    profile = PROFILE | {"check_url": "https://api.example.com/me?key=hunter2"}

    shown = repr(settings(clients=client, profiles={"orders": profile}))

    assert "hunter2" not in shown
    assert "orders" in shown
