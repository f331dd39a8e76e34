"""The console's address: taken at once, or told."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from proxy.console.listener import ConsoleUnavailable, address_of, open_listener
from proxy.settings import ProxySettings

PROFILE = {
    "match": [{"host": "api.example.com"}],
    "credentials": {"username": "bot", "password": "x"},
    "grant": {"token_endpoint": "https://api.example.com/token"},
}


def settings(**more: object) -> ProxySettings:
    return ProxySettings(profiles={"orders": PROFILE}, **more)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_port_0_is_any_free_port(host: str) -> None:
    """The address says which."""
    listener = open_listener(settings(console=f"{host}:0"))

    assert listener is not None
    with listener:
        assert address_of(listener).host == host.strip("[]")
        assert address_of(listener).port > 0


def test_without_a_console_nothing_is_opened() -> None:
    """As for `console: null`."""
    assert open_listener(settings(console=None)) is None


def test_an_address_that_was_set_and_is_taken_ends_the_start(taken: int) -> None:
    """Whoever set it waits for something there."""
    with pytest.raises(ConsoleUnavailable, match=rf"127\.0\.0\.1:{taken} is in use"):
        open_listener(settings(console=f"127.0.0.1:{taken}"))


def test_an_address_of_another_machine_is_told() -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    with pytest.raises(ConsoleUnavailable, match="no address of this machine"):
        open_listener(settings(console="192.0.2.1:0"))


def test_the_default_address_may_be_another_proxys(taken: int, caplog: pytest.LogCaptureFixture) -> None:
    """A second proxy goes on without a console, and says so."""
    from proxy.settings import Address

    by_default = settings().model_copy(update={"console": Address("127.0.0.1", taken)})
    by_default.model_fields_set.discard("console")

    assert open_listener(by_default) is None
    assert "goes on without" in caplog.text
