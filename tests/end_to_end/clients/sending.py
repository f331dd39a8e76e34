"""The clients by name, and one way to have any of them send a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

from tests.end_to_end.clients.answers import TIMEOUT, Answer, Headers, Order
from tests.end_to_end.clients.curl import send_with_curl
from tests.end_to_end.clients.node import send_with_node
from tests.end_to_end.clients.python_clients import (
    httpx_client,
    send_with_aiohttp,
    send_with_httpx,
    send_with_requests,
)

CLIENTS: Mapping[str, Callable[[Order], Answer]] = {
    "curl": lambda order: send_with_curl(order, "--http1.1"),
    "curl-h2": lambda order: send_with_curl(order, "--http2"),
    "requests": send_with_requests,
    "httpx": send_with_httpx,
    "httpx-h2": partial(send_with_httpx, http2=True),
    "aiohttp": send_with_aiohttp,
    "node-fetch": send_with_node,
}
HTTP2_CLIENTS = frozenset({"curl-h2", "httpx-h2"})


class Proxy(Protocol):
    """What a client must know of a proxy: its URL, and the certificates to trust behind it."""

    @property
    def url(self) -> str: ...

    @property
    def ca_bundle(self) -> Path: ...


class Sender:
    """The fixture `send`."""

    def __init__(self, test_ca: Path) -> None:
        self._test_ca = test_ca

    def __call__(
        self,
        client: str,
        proxy: Proxy | None,
        method: str,
        url: str,
        headers: Headers | Mapping[str, str] = (),
        body: bytes | str | None = None,
        *,
        credentials: tuple[str, str] | None = None,
        ca_file: Path | None = None,
        timeout: float = TIMEOUT,
    ) -> Answer:
        """Has *client* (a key of `CLIENTS`) send one request, directly where *proxy* is None.

        Without *ca_file* the client trusts the test CA, and through a proxy that proxy's CA too.
        Raises `ClientFailed` where there is no answer.
        """
        content = body.encode() if isinstance(body, str) else body
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        order = Order(
            method, url, pairs, content, _proxy_url(proxy, credentials), self._trust(proxy, ca_file), timeout
        )
        return CLIENTS[client](order)

    def client(
        self,
        proxy: Proxy | None = None,
        *,
        http2: bool = False,
        credentials: tuple[str, str] | None = None,
        ca_file: Path | None = None,
        timeout: float = TIMEOUT,
    ) -> httpx.Client:
        """An httpx client set up likewise, for streams, many requests and long-lived connections."""
        trusted = self._trust(proxy, ca_file)
        order = Order("", "", (), None, _proxy_url(proxy, credentials), trusted, timeout)
        return httpx_client(order, http2=http2)

    def _trust(self, proxy: Proxy | None, ca_file: Path | None) -> Path:
        if ca_file is not None:
            return ca_file
        return self._test_ca if proxy is None else proxy.ca_bundle


def _proxy_url(proxy: Proxy | None, credentials: tuple[str, str] | None) -> str | None:
    if proxy is None or credentials is None:
        return None if proxy is None else proxy.url
    parts = urlsplit(proxy.url)
    name, secret = (quote(part, safe="") for part in credentials)
    return urlunsplit(parts._replace(netloc=f"{name}:{secret}@{parts.netloc}"))
