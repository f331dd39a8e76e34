"""requests, httpx and aiohttp, each as its manual has it used with a proxy."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import aiohttp
import httpx
import requests

from tests.end_to_end.clients.answers import Answer, ClientFailed, Order


def send_with_requests(order: Order) -> Answer:
    with requests.Session() as session:
        session.trust_env = False
        if order.proxy_url is not None:
            session.proxies = {"http": order.proxy_url, "https": order.proxy_url}
        if order.ca_file is not None:
            session.verify = str(order.ca_file)
        try:
            answer = session.request(
                order.method,
                order.url,
                headers=dict(order.headers),
                data=order.body,
                timeout=order.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ClientFailed(str(error)) from error
        version = {10: "1.0", 11: "1.1", 20: "2"}.get(answer.raw.version)
        return Answer(answer.status_code, _lower(answer.headers.items()), answer.content, version)


def send_with_httpx(order: Order, *, http2: bool = False) -> Answer:
    with httpx_client(order, http2=http2) as client:
        try:
            answer = client.request(order.method, order.url, headers=list(order.headers), content=order.body)
        except httpx.HTTPError as error:
            raise ClientFailed(repr(error)) from error
        version = answer.http_version.removeprefix("HTTP/")
        return Answer(answer.status_code, _lower(answer.headers.multi_items()), answer.content, version)


def httpx_client(order: Order, *, http2: bool = False) -> httpx.Client:
    """A client to be used as one likes: for streams, many requests, long-lived connections."""
    return httpx.Client(
        http2=http2,
        proxy=order.proxy_url,
        verify=_context(order, _PrefersHttp2 if http2 else ssl.SSLContext) or True,
        trust_env=False,
        timeout=order.timeout,
    )


def send_with_aiohttp(order: Order) -> Answer:
    return asyncio.run(_send_with_aiohttp(order))


async def _send_with_aiohttp(order: Order) -> Answer:
    timeout = aiohttp.ClientTimeout(total=order.timeout)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        try:
            async with session.request(
                order.method,
                order.url,
                headers=list(order.headers),
                data=order.body,
                proxy=_without_credentials(order.proxy_url),
                proxy_auth=_proxy_credentials(order.proxy_url),
                ssl=_context(order) or True,
                allow_redirects=False,
            ) as answer:
                version = answer.version
                return Answer(
                    answer.status,
                    _lower(answer.headers.items()),
                    await answer.read(),
                    f"{version.major}.{version.minor}" if version else None,
                )
        except aiohttp.ClientError as error:
            raise ClientFailed(repr(error)) from error


class _PrefersHttp2(ssl.SSLContext):
    """httpx names http/1.1 before h2, and a server that heeds the order never speaks HTTP/2 with it."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(sorted(alpn_protocols, key="h2".__ne__))


def _context(order: Order, kind: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext | None:
    if order.ca_file is None:
        return None
    context = kind(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(order.ca_file))
    return context


def _without_credentials(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port}"


def _proxy_credentials(url: str | None) -> aiohttp.BasicAuth | None:
    parts = urlsplit(url or "")
    if parts.username is None:
        return None
    return aiohttp.BasicAuth(unquote(parts.username), unquote(parts.password or ""), encoding="utf-8")


def _lower(items):
    return [(name.lower(), value) for name, value in items]
