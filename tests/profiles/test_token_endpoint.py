"""The network as it is: what goes onto the wire, and what becomes of an endpoint that misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import logging
import secrets
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import brotli
import httpx
import pytest
import zstandard

from profiles.errors import Refusal, TokenEndpointUnreachable, TokenResponseInvalid
from profiles.grants import TokenRequest
from profiles.token_endpoint import LARGEST_ANSWER, TokenEndpoint
from tests.end_to_end.servers.certificates import make_test_ca
from tests.profiles.grant_building import CONTENT_TYPES, METHODS, grant_of

SENTINEL = secrets.token_urlsafe(16)
VALUES = {"username": "bot", "password": SENTINEL, "tenant": "ünï"}
NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server of one's own on loopback; gives its port."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(*answers: bytes) -> tuple[Serve, list[bytes]]:
    """Reads a whole request on each connection and answers it; the requests are kept."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        received.append(head + body)
        writer.write(answers[min(len(received), len(answers)) - 1])
        await writer.drain()

    return serve, received


def http_answer(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def request_to(port: int, *, scheme: str = "http", **settings: object) -> TokenRequest:
    text = f"{scheme}://127.0.0.1:{port}/token"
    return grant_of(VALUES, token_endpoint=text, **settings).password_request(VALUES)


async def refusal_of(endpoint: TokenEndpoint, request: TokenRequest, seconds: float = 5) -> Refusal:
    """The refusal, which shows nothing of the request, of the answer or of a foreign exception."""
    with pytest.raises(Refusal) as refused:
        await endpoint.fetch(request, timeout=seconds)
    error = refused.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(dict(error.members))
    assert SENTINEL not in shown
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    return error


def over(handler: Callable[[httpx.Request], httpx.Response]) -> TokenEndpoint:
    return TokenEndpoint(NO_TRUST, httpx.MockTransport(handler))


# -- what is sent


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("method", METHODS)
async def test_a_body_has_a_content_length_and_no_body_has_none(method, content_type) -> None:
    """Some servers take no chunked token request, and some take no body with GET."""
    serve, received = answering(http_answer(b"{}"))
    async with listening(serve) as port:
        request = request_to(port, method=method, content_type=content_type)
        await TokenEndpoint(NO_TRUST).fetch(request, timeout=5)

    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.startswith(method.encode() + b" /token")
    assert body == (request.content or b"")
    assert b"transfer-encoding" not in head.lower()
    if method in ("GET", "DELETE"):
        assert b"content-length" not in head.lower()
        assert SENTINEL.encode() in head
    else:
        assert f"content-length: {len(body)}".encode() in head.lower()
        assert SENTINEL.encode() not in head


async def test_the_request_target_is_the_rendered_one() -> None:
    """What was escaped for its place stays so on the wire, and a header beyond ASCII goes as Latin-1."""
    serve, received = answering(http_answer(b"{}"))
    async with listening(serve) as port:
        grant = grant_of(
            VALUES,
            token_endpoint=f"http://127.0.0.1:{port}/a%2Fb/{{tenant}}/token?x={{tenant}}",
            method="GET",
            headers={"X-Tenant": "{{tenant}}", "User-Agent": "bot/1"},
            body={"p": "%2F&+ =/?#"},
        )
        await TokenEndpoint(NO_TRUST).fetch(grant.password_request({**VALUES, "tenant": "ü/%"}), timeout=5)

    lines = received[0].split(b"\r\n")
    assert lines[0] == (b"GET /a%2Fb/%C3%BC%2F%25/token?x=%C3%BC%2F%25&p=%252F%26%2B%20%3D%2F%3F%23 HTTP/1.1")
    assert b"X-Tenant: \xfc/%" in lines
    assert [line for line in lines if line.lower().startswith(b"user-agent")] == [b"User-Agent: bot/1"]


async def test_an_answer_comes_as_it_is() -> None:
    """Status, fields in their order with their repetitions, and the body."""
    answer = http_answer(b"hello", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-A: \xfc", status="418 Teapot")
    serve, _ = answering(answer)
    async with listening(serve) as port:
        came = await TokenEndpoint(NO_TRUST).fetch(request_to(port), timeout=5)

    assert (came.status_code, came.body) == (418, b"hello")
    assert (came.field_values("set-cookie"), came.field_values("X-A")) == (["a=1", "b=2"], ["\xfc"])


async def test_no_cookie_is_kept_and_no_connection() -> None:
    """quirk-22: each request stands for itself: none meets a connection that was closed while idle."""
    serve, received = answering(http_answer(b"{}", "Set-Cookie: track=1", "Connection: keep-alive"))
    async with listening(serve) as port:
        endpoint = TokenEndpoint(NO_TRUST)
        for _ in range(2):
            await endpoint.fetch(request_to(port), timeout=5)

    assert len(received) == 2
    assert all(b"connection: close" in head.lower() and b"cookie" not in head.lower() for head in received)


@pytest.mark.parametrize("status", ["301 X", "302 X", "303 X", "307 X", "308 X"])
async def test_no_redirect_is_followed(status) -> None:
    """hazard-14, quirk-23: it would post the password to wherever it points."""
    elsewhere, received = answering(http_answer(b"{}"))
    async with listening(elsewhere) as other:
        serve, _ = answering(http_answer(b"", f"Location: http://127.0.0.1:{other}/", status=status))
        async with listening(serve) as port:
            came = await TokenEndpoint(NO_TRUST).fetch(request_to(port), timeout=5)

    assert (came.status_code, received) == (int(status[:3]), [])


async def test_the_environments_proxy_is_not_used(monkeypatch) -> None:
    """It may be this very proxy; nor are its credentials in a .netrc."""
    proxy, received = answering(http_answer(b"{}"))
    serve, _ = answering(http_answer(b"direct"))
    async with listening(proxy) as proxy_port, listening(serve) as port:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy_port}")
        monkeypatch.setenv("NO_PROXY", "")
        came = await TokenEndpoint(NO_TRUST).fetch(request_to(port), timeout=5)

    assert (came.body, received) == (b"direct", [])


async def test_nothing_is_logged_of_a_get_request(caplog) -> None:
    """hazard-16: httpx would log the whole address, password and all."""
    serve, _ = answering(http_answer(b"{}"))
    async with listening(serve) as port:
        caplog.set_level(logging.INFO)
        await TokenEndpoint(NO_TRUST).fetch(request_to(port, method="GET"), timeout=5)

    assert SENTINEL not in caplog.text


# -- what comes back


@pytest.mark.parametrize("status", ["200 OK", "201 X"])
@pytest.mark.parametrize("length", [True, False])
async def test_an_answer_over_the_limit_is_refused(status, length) -> None:
    """64 KiB, announced or not; at the limit it is taken."""
    for size in (LARGEST_ANSWER, LARGEST_ANSWER + 1):
        body = b"x" * size
        answer = http_answer(body, status=status) if length else b"HTTP/1.1 200 OK\r\n\r\n" + body
        serve, _ = answering(answer)
        async with listening(serve) as port:
            if size == LARGEST_ANSWER:
                came = await TokenEndpoint(NO_TRUST).fetch(request_to(port), timeout=5)
                assert len(came.body) == size
            else:
                assert isinstance(
                    await refusal_of(TokenEndpoint(NO_TRUST), request_to(port)), TokenResponseInvalid
                )


async def test_a_no_over_the_limit_is_a_no() -> None:
    """hazard-7: it counts as refused, however large the page about it is."""
    serve, _ = answering(http_answer(b"x" * 200_000, status="401 Unauthorized"))
    async with listening(serve) as port:
        came = await TokenEndpoint(NO_TRUST).fetch(request_to(port), timeout=5)

    assert (came.status_code, came.body) == (401, b"")


async def test_an_endless_answer_is_left() -> None:
    """Only as much is read as is needed to see that it is too much."""
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await writer.drain()
        finally:
            left.set()

    async with listening(serve) as port:
        refusal = await refusal_of(TokenEndpoint(NO_TRUST), request_to(port))
        await asyncio.wait_for(left.wait(), 10)

    assert isinstance(refusal, TokenResponseInvalid)


CODERS = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("coding", CODERS)
async def test_a_content_coding_is_undone(coding) -> None:
    """Some servers use one unasked: the proxy asks for none."""
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200, headers={"Content-Encoding": coding}, content=CODERS[coding](b'{"a": 1}'))

    came = await over(handler).fetch(request_to(1), timeout=5)

    assert (came.body, asked) == (b'{"a": 1}', ["identity"])


@pytest.mark.parametrize("coding", CODERS)
async def test_a_coded_answer_does_not_swell_beyond_the_limit(coding) -> None:
    """A few bytes can stand for gigabytes: the limit holds for what they stand for."""
    bomb = CODERS[coding](b"\0" * 2_000_000)
    assert len(bomb) < LARGEST_ANSWER

    refusal = await refusal_of(
        over(
            lambda _: httpx.Response(200, headers={"Content-Encoding": coding}, stream=httpx.ByteStream(bomb))
        ),
        request_to(1),
    )

    assert isinstance(refusal, TokenResponseInvalid)


@pytest.mark.parametrize(
    "coding",
    [
        pytest.param("gzip", id="broken"),
        pytest.param("rot13", id="unknown"),
        pytest.param("gzip," * 9, id="many"),
    ],
)
async def test_a_broken_coding_leaves_the_body_as_it_came(coding) -> None:
    """Perhaps the field alone is wrong, and the status says all there is to say."""
    came = await over(
        lambda _: httpx.Response(401, headers={"Content-Encoding": coding}, stream=httpx.ByteStream(b"{}"))
    ).fetch(request_to(1), timeout=5)

    assert (came.status_code, came.body) == (401, b"{}")


# -- what goes wrong


async def closed_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection and drops it."""


async def closed_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def closed_within_the_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + SENTINEL.encode())
    await writer.drain()


async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(f"220 {SENTINEL} ESMTP\r\n".encode())
    await writer.drain()
    await reader.read(1)


async def broken_fields(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(f"HTTP/1.1 200 OK\r\n{SENTINEL}\r\n\r\n".encode())
    await writer.drain()


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(closed_at_once, id="quirk-22-closed at once"),
        pytest.param(closed_after_the_request, id="quirk-22-closed after the request"),
        pytest.param(closed_within_the_answer, id="closed within the answer"),
        pytest.param(no_http, id="no HTTP"),
        pytest.param(broken_fields, id="broken header section"),
    ],
)
async def test_a_broken_connection(serve) -> None:
    """One of our refusals, in words of ours."""
    async with listening(serve) as port:
        refusal = await refusal_of(TokenEndpoint(NO_TRUST), request_to(port))

    assert isinstance(refusal, TokenEndpointUnreachable)
    assert (refusal.status_code, refusal.detail) == (502, "the connection to the token endpoint broke")


async def test_nobody_listens() -> None:
    """A port that was free a moment ago."""
    async with listening(closed_at_once) as port:
        pass

    refusal = await refusal_of(TokenEndpoint(NO_TRUST), request_to(port))

    assert (refusal.slug, refusal.detail) == (
        "token_endpoint_unreachable",
        "the token endpoint refuses connections",
    )


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends a byte whenever the reader would have given up; ends when the client has left."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "serve", [pytest.param(silent, id="silence"), pytest.param(dripping, id="a byte at a time")]
)
async def test_an_endpoint_that_takes_too_long(serve) -> None:
    """hazard-8: each read is bounded and so is the whole; the client is told 504."""
    async with listening(serve) as port:
        refusal = await refusal_of(TokenEndpoint(NO_TRUST), request_to(port), seconds=0.2)

    assert (refusal.slug, refusal.status_code) == ("token_endpoint_unreachable", 504)


async def test_a_certificate_that_nobody_vouches_for(tmp_path) -> None:
    """No request is written; the refusal says that it is the certificate."""
    ca = make_test_ca(tmp_path)
    serve, received = answering(http_answer(b"{}"))
    async with listening(serve, ca.server_context()) as port:
        refusal = await refusal_of(
            TokenEndpoint(ssl.create_default_context()), request_to(port, scheme="https")
        )

    assert (refusal.detail, received) == ("the token endpoint's certificate is not accepted", [])


async def test_a_certificate_for_another_name(tmp_path) -> None:
    """It is trusted, and not this host's."""
    ca = make_test_ca(tmp_path)
    serve, received = answering(http_answer(b"{}"))
    async with listening(serve, ca.server_context()) as port:
        request = grant_of(token_endpoint=f"https://127.0.0.2:{port}/token").password_request(VALUES)
        trust = ssl.create_default_context(cafile=ca.path)
        server_two = await asyncio.start_server(serve, "127.0.0.2", port, ssl=ca.server_context())
        async with server_two:
            refusal = await refusal_of(TokenEndpoint(trust), request)

    assert (refusal.detail, received) == ("the token endpoint's certificate is not accepted", [])


async def test_a_certificate_of_a_trusted_authority(tmp_path) -> None:
    """And then it works: the tests above fail for their reason."""
    ca = make_test_ca(tmp_path)
    serve, received = answering(http_answer(b"{}"))
    async with listening(serve, ca.server_context()) as port:
        trust = ssl.create_default_context(cafile=ca.path)
        came = await TokenEndpoint(trust).fetch(request_to(port, scheme="https"), timeout=5)

    assert (came.status_code, len(received)) == (200, 1)


@pytest.mark.parametrize(
    "serve", [pytest.param(no_http, id="no TLS"), pytest.param(closed_at_once, id="closed at once")]
)
async def test_a_handshake_that_fails(serve) -> None:
    """A plain port named as https, for instance."""
    async with listening(serve) as port:
        refusal = await refusal_of(
            TokenEndpoint(ssl.create_default_context()), request_to(port, scheme="https")
        )

    assert isinstance(refusal, TokenEndpointUnreachable)
    assert "certificate" not in refusal.detail


@pytest.mark.parametrize(
    ("error", "detail", "status"),
    [
        pytest.param(
            httpx.ConnectError("[Errno -2] Name or service not known"),
            "host name is not known",
            502,
            id="name",
        ),
        pytest.param(
            httpx.ConnectError("[Errno 113] No route to host"), "cannot be reached", 502, id="route"
        ),
        pytest.param(httpx.ConnectTimeout("x"), "did not answer in time", 504, id="connecting"),
        pytest.param(httpx.ReadTimeout("x"), "did not answer in time", 504, id="reading"),
        pytest.param(httpx.WriteTimeout("x"), "did not answer in time", 504, id="writing"),
        pytest.param(httpx.PoolTimeout("x"), "did not answer in time", 504, id="waiting"),
        pytest.param(httpx.ReadError("x"), "broke", 502, id="read"),
        pytest.param(ssl.SSLError("x"), "TLS with the token endpoint failed", 502, id="TLS alert"),
        pytest.param(httpx.RemoteProtocolError("x"), "broke", 502, id="protocol"),
        pytest.param(httpx.LocalProtocolError("x"), "broke", 502, id="our own protocol"),
        pytest.param(httpx.InvalidURL("x"), "is no URL", 502, id="address"),
    ],
)
async def test_a_foreign_error_is_told_in_our_own_words(error, detail, status) -> None:
    """hazard-16: its text may hold the whole address, and that the password."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise type(error)(f"{error} {SENTINEL}")

    refusal = await refusal_of(over(handler), request_to(1, method="GET"))

    assert isinstance(refusal, TokenEndpointUnreachable)
    assert (detail in refusal.detail, refusal.status_code) == (True, status)


async def test_who_leaves_takes_nothing_along() -> None:
    """hazard-4: a cancelled request ends its connection, and stays cancelled."""
    came, left = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.set()
        await reader.read()
        left.set()

    async with listening(serve) as port:
        task = asyncio.create_task(TokenEndpoint(NO_TRUST).fetch(request_to(port), timeout=5))
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(left.wait(), 10)
