"""What stands before every page: the Host check, the headers that bind a browser, the largest body, and the
last resort.

A page of an attacker's site may have its name resolve to our address (DNS rebinding), and then reads us as
its own origin; the Host field still says the attacker's name. An IP address cannot be rebound.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profiles.origins import is_loopback

logger = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With `no-referrer` browsers send `Origin: null` from our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


LARGEST_BODY = 1024 * 1024
"""Bytes. Whoever sends more to the sign-in page has no form in it."""
SECONDS_FOR_A_PIECE = 20.0
"""How long the next piece of a body is waited for."""


class Protection:
    """An ASGI application around another; *names* gives the hosts that the console is reached by."""

    def __init__(self, application: ASGIApp, names: Callable[[], Iterable[str]]) -> None:
        self._application = application
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = False

        async def send_protected(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if not self._is_ours(scope):
            answer = PlainTextResponse("This host name is not the console's: see console_hosts.\n", 421)
            await answer(scope, receive, send_protected)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdigit() or int(announced) > LARGEST_BODY:
            answer = PlainTextResponse("The body is too large.\n", 413)
            await answer(scope, receive, send_protected)
            return
        try:
            await self._application(scope, _limited(receive), send_protected)
        except Exception as error:
            # Its text, and a trace with it, may hold anything.
            logger.error("the console failed: %s", type(error).__name__)  # noqa: TRY400
            if not started:
                await PlainTextResponse("The console failed.\n", 500)(scope, receive, send_protected)

    def _is_ours(self, scope: Scope) -> bool:
        fields = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        return len(fields) == 1 and self._names_us(fields[0])

    def _names_us(self, host_field: str) -> bool:
        host = _without_port(host_field).lower().removesuffix(".")
        return is_loopback(host) or _is_address(host) or host in {name.lower() for name in self._names()}


def _limited(receive: Receive) -> Receive:
    """*receive* for bodies whose length nobody has announced, and for those that do not come."""
    received, is_whole = 0, False

    async def receive_limited() -> Message:
        nonlocal received, is_whole
        if is_whole:
            # What is waited for from here on is that somebody leaves.
            return await receive()
        try:
            async with asyncio.timeout(SECONDS_FOR_A_PIECE):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        is_whole = not message.get("more_body", False)
        received += len(message.get("body", b""))
        if received > LARGEST_BODY:
            raise HTTPException(413)
        return message

    return receive_limited


def _without_port(host_field: str) -> str:
    if host_field.startswith("["):
        host, _, rest = host_field[1:].partition("]")
        return "" if rest and not rest.startswith(":") else host
    return host_field.partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
