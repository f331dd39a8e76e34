"""The one network module of the domain: sends a token request and brings its answer, nothing more."""

from __future__ import annotations

import asyncio
import logging
import ssl

import httpx

from profiles.connector_transport import ConnectorTransport
from profiles.connectors import Connector
from profiles.errors import (
    PayloadNotInjectable,
    PayloadTooLarge,
    TokenEndpointUnreachable,
    TokenResponseInvalid,
)
from profiles.grants import TokenRequest
from profiles.payloads import codings
from profiles.payloads.unfit import BodyUnfit
from profiles.token_answer import TokenAnswer

LARGEST_ANSWER = 64 * 1024
"""Bytes, before and after the content coding is undone."""

# httpx logs whole URLs at INFO, and a GET token request carries the password in its URL.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class TokenEndpoint:
    """A thin HTTP client: no proxy from the environment (it might be us), no redirect, no cookie kept.

    Each request has a connection of its own. A kept one may have been closed while idle, and then
    nobody can tell whether a password that was written to it has been counted or not. Each goes through
    the *connector* where there is one, whose own certificate *connector_verify* is for.
    """

    def __init__(
        self,
        verify: ssl.SSLContext,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        connector: Connector | None = None,
        connector_verify: ssl.SSLContext | None = None,
    ) -> None:
        self._verify = verify
        self._connector_verify = connector_verify
        self._transport = transport
        self._connector = connector

    async def fetch(self, request: TokenRequest, *, timeout: float) -> TokenAnswer:  # noqa: ASYNC109
        """Sends *request*; *timeout* seconds bound connecting, each read, and twice that the whole.

        Raises TokenEndpointUnreachable, ConnectorUnavailable, or TokenResponseInvalid for an answer over
        64 KiB that is no no.
        """
        try:
            async with asyncio.timeout(timeout * 2):
                return await self._exchange(request, timeout)
        except (httpx.TimeoutException, TimeoutError):
            raise TokenEndpointUnreachable(
                "the token endpoint did not answer in time", timed_out=True
            ) from None
        except httpx.ConnectError as error:
            raise TokenEndpointUnreachable(_why(error)) from None
        except httpx.HTTPError:
            raise TokenEndpointUnreachable("the connection to the token endpoint broke") from None
        except ssl.SSLError:
            # TLS 1.3 tells a client that its certificate lacks or is not accepted once it has sent its
            # request, and httpcore lets that through as it is.
            raise TokenEndpointUnreachable("TLS with the token endpoint failed") from None
        except (httpx.InvalidURL, UnicodeError):
            raise TokenEndpointUnreachable("the token endpoint's address is no URL") from None

    async def _exchange(self, request: TokenRequest, seconds: float) -> TokenAnswer:
        transport = self._transport
        if self._connector is not None:
            transport = ConnectorTransport(self._connector, self._verify, self._connector_verify)
        async with (
            httpx.AsyncClient(
                verify=self._verify,
                transport=transport,
                trust_env=False,
                follow_redirects=False,
                timeout=seconds,
                headers={
                    "User-Agent": "grantproxy",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                },
            ) as client,
            client.stream(
                request.method, request.url, headers=_encoded(request.headers), content=request.content
            ) as response,
        ):
            headers = tuple(response.headers.multi_items())
            body = await _body(response)
            if body is None and response.is_success:
                raise TokenResponseInvalid(f"the token endpoint's answer is over {LARGEST_ANSWER} bytes")
            # A no is a no, however much there is to be read about it.
            return TokenAnswer(response.status_code, headers, body or b"")


async def _body(response: httpx.Response) -> bytes | None:
    """The body, its content coding undone; None where it is over the limit."""
    body = bytearray()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    # The stream itself, because httpx would undo a content coding without a limit.
    async for chunk in response.stream:
        body += chunk
        if len(body) > LARGEST_ANSWER:
            return None
    content_encoding = response.headers.get("content-encoding")
    if not content_encoding or not body:
        return bytes(body)
    # Some servers code unasked.
    try:
        return codings.decode(bytes(body), codings.parse(content_encoding), LARGEST_ANSWER)[0]
    except PayloadTooLarge:
        return None
    except (BodyUnfit, PayloadNotInjectable):
        # Perhaps the field is wrong and the body is plain; if not, nothing will be found in it.
        return bytes(body)


def _encoded(headers: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    """As Latin-1, which is what a field value may hold; httpx takes ASCII only of a text."""
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]


def _why(error: httpx.ConnectError) -> str:
    """What went wrong in connecting, in our own words: foreign texts may hold addresses with secrets."""
    text = str(error).lower()
    if "certificate" in text:
        return "the token endpoint's certificate is not accepted"
    if "ssl" in text or "tls" in text:
        return "TLS with the token endpoint failed"
    if "name" in text or "nodename" in text or "getaddrinfo" in text:
        return "the token endpoint's host name is not known"
    if "refused" in text or "attempts failed" in text:
        return "the token endpoint refuses connections"
    return "the token endpoint cannot be reached"
