"""Token requests through a connector that fails: whose failure it is, and whether it is tried again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from profiles.connectors import Connector, parse_connector
from profiles.errors import ConnectorUnavailable, TokenEndpointUnreachable
from profiles.grants import TokenRequest
from profiles.token_client import TRIES, TokenClient
from profiles.token_endpoint import TokenEndpoint
from tests.end_to_end.servers.certificates import make_client_ca, make_test_ca
from tests.profiles.profile_ground import compiled

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SENTINEL = "sentinel-c01d"


@asynccontextmanager
async def gateway(scheme: str, talk: Talk):
    """A connector that behaves as *talk* says; the connector is what a profile has of it."""

    async def lead(reader, writer):
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield parse_connector(f"{scheme}://u:{SENTINEL}@127.0.0.1:{port}")


def request(url="https://login.example.com/token"):
    return TokenRequest("POST", url, (), b"grant_type=password", "password")


async def fetched(connector: Connector, url="https://login.example.com/token", seconds=5.0):
    endpoint = TokenEndpoint(ssl.create_default_context(), connector=connector)
    return await endpoint.fetch(request(url), timeout=seconds)


async def silence(reader, writer):
    await reader.read()


async def closing(reader, writer):
    await reader.read(1)


def saying(text: bytes) -> Talk:
    async def talk(reader, writer):
        await reader.read(1)
        writer.write(text)
        await writer.drain()
        await reader.read()

    return talk


@pytest.mark.parametrize(
    ("scheme", "talk", "reason"),
    [
        pytest.param("http", silence, "does not answer in time", id="http-silence"),
        pytest.param("socks5", silence, "does not answer in time", id="socks-silence"),
        pytest.param("https", silence, "does not answer in time", id="tls-silence"),
        pytest.param("http", closing, "broke the connection off", id="http-closes"),
        pytest.param("socks5", closing, "broke the connection off", id="socks-closes"),
        pytest.param("http", saying(b"220 hello\r\n\r\n"), "broke the connection off", id="no-http"),
        pytest.param(
            "socks5", saying(b"HTTP/1.1 400 Bad\r\n\r\n"), "broke the connection off", id="no-socks"
        ),
        pytest.param(
            "http",
            saying(f"HTTP/1.1 407 {SENTINEL}\r\nContent-Length: 0\r\n\r\n".encode()),
            "refuses the credentials (407)",
            id="http-407",
        ),
        pytest.param(
            "http",
            saying(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
            "refuses the way (it answered 503)",
            id="http-503",
        ),
        pytest.param("socks5", saying(b"\x05\xff"), "refuses the credentials", id="socks-methods"),
    ],
)
async def test_a_failure_of_the_connector_is_its_own(scheme, talk, reason):
    """Told in our own words and noted, whatever the library or the peer says."""
    async with gateway(scheme, talk) as connector:
        seconds = 0.2 if talk is silence else 5.0
        with pytest.raises(ConnectorUnavailable) as raised:
            await fetched(connector, seconds=seconds)

    assert raised.value.reason == reason
    assert (connector.condition.available, connector.condition.reason) == (False, reason)
    assert SENTINEL not in f"{raised.value} {raised.value!r} {raised.value.__cause__}"


async def test_a_connector_that_wants_a_certificate_is_unavailable(tmp_path):
    """In TLS 1.3 its alert comes after the handshake, when a tunnel was asked for already."""
    ca = make_test_ca(tmp_path)
    context = ca.server_context(client_ca=make_client_ca(tmp_path).path)
    alerts = ssl.MemoryBIO()

    async def refusing(reader, writer):
        # Held back until the client has asked, so that nothing is lost to a reset connection.
        incoming = ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, alerts, server_side=True)
        with suppress(ssl.SSLError):
            while True:
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    writer.write(alerts.read())
                    incoming.write(await reader.read(65536))
        writer.write(alerts.read())
        await reader.read()

    async with gateway("https", refusing) as connector:
        endpoint = TokenEndpoint(ssl.create_default_context(cafile=ca.path), connector=connector)
        with pytest.raises(ConnectorUnavailable) as raised:
            await endpoint.fetch(request(), timeout=5)

    assert raised.value.reason == "broke the connection off"


async def test_a_failure_behind_the_connector_is_the_token_endpoints():
    """The tunnel was had, so the connector is available."""

    async def tunnel(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read(100)

    async with gateway("http", tunnel) as connector:
        with pytest.raises(TokenEndpointUnreachable):
            await fetched(connector)

    assert connector.condition.available is True


async def test_a_host_that_does_not_answer_behind_it_is_a_time_out():
    """504, and not the connector's doing."""

    async def tunnel(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read()

    async with gateway("http", tunnel) as connector:
        with pytest.raises(TokenEndpointUnreachable) as raised:
            await fetched(connector, seconds=0.2)

    assert raised.value.timed_out
    assert connector.condition.available is True


async def test_407_to_absolute_form_is_no_answer_of_the_token_endpoint():
    """Plain http has no tunnel whose refusal would say it."""
    talk = saying(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
    async with gateway("http", talk) as connector:
        with pytest.raises(ConnectorUnavailable) as raised:
            await fetched(connector, "http://localhost:1/token")

    assert raised.value.reason == "refuses the credentials (407)"


class Failing:
    """An endpoint behind a connector that fails in one way."""

    def __init__(self, failure):
        self.failure = failure
        self.tries = 0

    async def fetch(self, request, *, timeout):
        self.tries += 1
        raise self.failure


@pytest.mark.parametrize(("was_refused", "tries"), [(True, 1), (False, TRIES)], ids=["a-no", "silence"])
async def test_a_no_is_not_tried_again(was_refused, tries):
    """A gateway may count wrong passwords too; one that is restarting is asked again."""
    endpoint = Failing(ConnectorUnavailable("is away", was_refused=was_refused))

    async def at_once(_):
        pass

    profile = compiled()
    with pytest.raises(ConnectorUnavailable):
        await TokenClient(endpoint, sleep=at_once).password(profile.grant, profile.values({}))

    assert endpoint.tries == tries
