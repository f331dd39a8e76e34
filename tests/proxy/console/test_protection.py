"""Before every page: names that are not ours, headers for the browser, and failures that tell nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from proxy.console.protection import Protection
from tests.proxy.console.conftest import profile_settings

Watch = Callable[..., Any]

NAMES = ("one.internal", "two.internal")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8082",
        "localhost:8082",
        "LOCALHOST",
        "console.localhost:1",
        "[::1]:8082",
        "192.0.2.7:8082",
        "[2001:db8::1]",
        "proxy.internal:8082",
        "Proxy.Internal.",
    ],
)
async def test_a_name_of_the_console_is_answered(watch: Watch, host: str) -> None:
    """Loopback, any address, and what the configuration names."""
    async with watch(console_hosts=["proxy.internal"]).client() as client:
        assert (await client.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["console.example.com", "Console.Example.Com:443"])
async def test_the_name_in_console_url_is_the_consoles(watch: Watch, host: str) -> None:
    """It is the one that people use."""
    async with watch(console_url="https://console.example.com").client() as client:
        assert (await client.get("/healthz", headers={"Host": host})).status_code == 200


async def test_a_reload_brings_other_names(watch: Watch) -> None:
    """And takes those before away."""
    watched = watch(console_hosts=["one.internal"])
    async with watched.client() as client:
        before = [(await client.get("/healthz", headers={"Host": host})).status_code for host in NAMES]
        watched.reload(profiles={"orders": profile_settings()}, console_hosts=["two.internal"])
        after = [(await client.get("/healthz", headers={"Host": host})).status_code for host in NAMES]

    assert (before, after) == ([200, 421], [421, 200])


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:8082",
        "127.0.0.1.attacker.example",
        "localhost.attacker.example",
        "proxy.internal.attacker.example",
        "notlocalhost",
        "127.0.0.1@attacker.example",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nothing"])
async def test_a_foreign_name_is_refused(watch: Watch, host: str, path: str) -> None:
    """As after DNS rebinding, where the browser believes that it still talks to the attacker's site."""
    async with watch(console_hosts=["proxy.internal"]).client() as client:
        answer = await client.get(path, headers={"Host": host})

    assert answer.status_code == 421
    assert "orders" not in answer.text


async def test_every_answer_binds_the_browser(watch: Watch) -> None:
    """What there is, what there is not, and what is refused."""
    async with watch().client() as client:
        answers = [
            await client.get("/healthz"),
            await client.get("/nothing"),
            await client.get("/", headers={"Host": "attacker.example"}),
        ]

    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_failure_shows_no_foreign_text(caplog: pytest.LogCaptureFixture) -> None:
    """Neither to whoever asked nor in the log."""

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("sentinel")

    transport = httpx.ASGITransport(app=Protection(failing, lambda: ()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/")

    assert answer.status_code == 500
    assert "sentinel" not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_no_page_that_loads_scripts_from_elsewhere(watch: Watch, path: str) -> None:
    """FastAPI's own documentation does."""
    async with watch().client() as client:
        assert (await client.get(path)).status_code in (303, 401, 404)
