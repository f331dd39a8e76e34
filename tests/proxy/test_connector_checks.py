"""Connectors looked at before they are needed: what they are asked for, and what is made of the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.composition import Composition, compose
from proxy.configuration_files import load_configuration
from proxy.connector_checks import check_connectors, note_unavailable

SENTINEL = "sentinel-e77e"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Compose = Callable[..., Composition]


@pytest.fixture
def composed(tmp_path: Path) -> Compose:
    """A configuration with the profile `orders` and those that are given, composed."""

    def make(before: Composition | None = None, **profiles: dict[str, Any]) -> Composition:
        whole = {
            name: {
                "match": {"host": f"{name}.example.com"},
                "credentials": {"username": "u", "password": "p"},
                "grant": {"token_endpoint": "https://login.example.com/token"},
                **settings,
            }
            for name, settings in profiles.items()
        }
        file = tmp_path / "grantproxy.yaml"
        file.write_text(yaml.safe_dump({"profiles": whole}))
        file.chmod(0o600)
        return compose(load_configuration(file, environ={}, cwd=tmp_path), environ={}, before=before)

    return make


@asynccontextmanager
async def gateway(answer: bytes, heard: list[bytes]) -> AsyncIterator[int]:
    """A port where what comes first is heard and answered so; without an answer it only listens."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        writer.write(answer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", None, id="gives-a-way"),
        pytest.param(b"HTTP/1.1 407 No\r\n\r\n", "refuses the credentials (407)", id="refuses-us"),
        pytest.param(b"HTTP/1.1 503 No\r\n\r\n", "refuses the way (it answered 503)", id="refuses-the-way"),
        pytest.param(b"220 hello\r\n\r\n", "does not speak HTTP", id="something-else"),
    ],
)
async def test_it_is_asked_for_the_token_endpoint(
    composed: Compose, answer: bytes, reason: str | None
) -> None:
    """By the very words that a token request would use, and nothing goes through."""
    heard: list[bytes] = []
    async with gateway(answer, heard) as port:
        (checked,) = await check_connectors(
            composed(orders={"connector": f"http://u:{SENTINEL}@127.0.0.1:{port}"})
        )

    assert (checked.failure.reason if checked.failure else None) == reason
    assert heard[0].startswith(b"CONNECT login.example.com:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in heard[0]
    assert SENTINEL not in repr(checked)


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        pytest.param(
            {"grant": {"token_endpoint": "http://localhost:9/token"}}, b"", id="no-tunnel-for-plain-http"
        ),
        pytest.param(
            {
                "match": {"host": "{tenant}.example.com"},
                "grant": {"token_endpoint": "https://{tenant}.example.com/t"},
            },
            b"",
            id="a-host-that-requests-choose",
        ),
        pytest.param(
            {
                "tenancy": {"tenant": "acme"},
                "grant": {"token_endpoint": "https://{tenant}.example.com:8443/t"},
            },
            b"CONNECT acme.example.com:8443 HTTP/1.1",
            id="the-tenant-by-default",
        ),
    ],
)
async def test_what_it_is_asked_for(composed: Compose, settings: dict[str, Any], asked: bytes) -> None:
    """Where no request says which host, that it can be connected to has to do."""
    heard: list[bytes] = []
    async with gateway(b"HTTP/1.1 200 OK\r\n\r\n", heard) as port:
        (checked,) = await check_connectors(
            composed(orders={"connector": f"http://127.0.0.1:{port}", **settings})
        )

    assert checked.failure is None
    assert b"".join(heard).partition(b"\r\n")[0] == asked


async def test_profiles_without_a_connector_are_not_asked(composed: Compose) -> None:
    """There is nothing to look at."""
    assert await check_connectors(composed(orders={})) == []


async def test_what_is_found_is_logged_once_for_each_connector(
    composed: Compose, caplog: pytest.LogCaptureFixture
) -> None:
    """Though two profiles go the same way, and again only when it is another."""
    caplog.set_level(logging.WARNING)
    async with gateway(b"HTTP/1.1 407 No\r\n\r\n", []) as port:
        both = {"connector": f"http://u:{SENTINEL}@127.0.0.1:{port}"}
        first = composed(orders=both, billing=both)
        await note_unavailable(first)
        # A reload keeps what is known of the connectors that stay.
        second = composed(first, orders=both, reports={})
        await note_unavailable(second)

    assert len(first.connectors) == 1
    assert second.connectors[0] is first.connectors[0]
    assert [record.getMessage() for record in caplog.records] == [
        f"connector http://127.0.0.1:{port} is unavailable: it refuses the credentials (407)"
    ]


async def test_what_requests_have_shown_meanwhile_is_newer(composed: Compose) -> None:
    """A look that comes back late does not say what is past."""
    async with gateway(b"HTTP/1.1 407 No\r\n\r\n", []) as port:
        made = composed(orders={"connector": f"http://127.0.0.1:{port}"})
        looking = asyncio.create_task(note_unavailable(made))
        await asyncio.sleep(0)
        made.connectors[0].reached()
        await looking

    assert made.connectors[0].condition.available is True
