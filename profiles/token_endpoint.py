"""The one network module of the domain: sends a token request and brings its answer, nothing more."""

from __future__ import annotations

import asyncio
import logging
import ssl

import httpx

from profiles.errors import TokenEndpointUnreachable, TokenResponseInvalid
from profiles.grants import TokenRequest
from profiles.token_response import TokenAnswer

LARGEST_ANSWER = 64 * 1024

# httpx logs whole URLs at INFO, and a GET token request carries the password in its URL.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class TokenEndpoint:
    """A thin HTTP client: no proxy from the environment (it might be us), no redirect, no cookie kept.

    Each request has a connection of its own. A kept one may have been closed while idle, and then
    nobody can tell whether a password that was written to it has been counted or not.
    """

    def __init__(self, verify: ssl.SSLContext, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._verify = verify
        self._transport = transport

    async def fetch(self, request: TokenRequest, *, timeout: float) -> TokenAnswer:  # noqa: ASYNC109
        """Sends *request*; *timeout* seconds bound connecting, each read, and twice that the whole.

        Raises TokenEndpointUnreachable, or TokenResponseInvalid for an answer over 64 KiB.
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
        except (httpx.InvalidURL, UnicodeError):
            raise TokenEndpointUnreachable("the token endpoint's address is no URL") from None

    async def _exchange(self, request: TokenRequest, seconds: float) -> TokenAnswer:
        async with (
            httpx.AsyncClient(
                verify=self._verify,
                transport=self._transport,
                trust_env=False,
                follow_redirects=False,
                timeout=seconds,
                headers={"User-Agent": "grantproxy", "Connection": "close"},
            ) as client,
            client.stream(
                request.method, request.url, headers=list(request.headers), content=request.content
            ) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise TokenResponseInvalid(f"the token endpoint's answer is over {LARGEST_ANSWER} bytes")
            return TokenAnswer(response.status_code, tuple(response.headers.multi_items()), bytes(body))


def _why(error: httpx.ConnectError) -> str:
    """What went wrong in connecting, in our own words: foreign texts may hold addresses with secrets."""
    text = str(error).lower()
    if "certificate" in text or "ssl" in text or "tls" in text:
        return "the token endpoint's certificate is not accepted"
    if "name" in text or "nodename" in text or "getaddrinfo" in text:
        return "the token endpoint's host name is not known"
    if "refused" in text or "attempts failed" in text:
        return "the token endpoint refuses connections"
    return "the token endpoint cannot be reached"
