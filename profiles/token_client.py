"""Token requests with patience: what may pass is tried three times, what is a no is a no at once."""

from __future__ import annotations

import asyncio
import random as random_module
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from profiles.content_types import decode
from profiles.errors import Refusal, TokenEndpointUnreachable, TokenResponseInvalid
from profiles.grants import Grant, TokenRequest
from profiles.held_tokens import TokenResponse
from profiles.token_response import TokenAnswer, parse_token_response, rejection_of

TRIES = 3
FIRST_DELAY = 0.25
"""Seconds before the second try at most; each further one may take twice as long."""


class Fetches(Protocol):
    """What sends a token request: `token_endpoint.TokenEndpoint`, or a test's own server."""

    async def fetch(self, request: TokenRequest, *, timeout: float) -> TokenAnswer: ...  # noqa: ASYNC109


class TokenClient:
    """Asks for tokens. `clock` gives seconds since the epoch, `random` numbers from 0 to 1."""

    def __init__(
        self,
        endpoint: Fetches,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._sleep = sleep
        self._random = random

    async def password(self, grant: Grant, values: Mapping[str, Any]) -> TokenResponse:
        """The password grant. Raises a Refusal about the token endpoint."""
        return await self._ask(grant, grant.password_request(values))

    async def refresh(self, grant: Grant, values: Mapping[str, Any], refresh_token: str) -> TokenResponse:
        """The refresh grant. Raises a Refusal about the token endpoint."""
        return await self._ask(grant, grant.refresh_request(values, refresh_token))

    async def _ask(self, grant: Grant, request: TokenRequest) -> TokenResponse:
        delay = FIRST_DELAY
        for attempt in range(1, TRIES + 1):
            try:
                return await self._try(grant, request)
            except _MayPassError as passing:
                if attempt == TRIES:
                    raise passing.refusal from None
            # Full jitter: those who failed together do not come back together.
            await self._sleep(delay * self._random())
            delay *= 2
        raise AssertionError("unreachable")

    async def _try(self, grant: Grant, request: TokenRequest) -> TokenResponse:
        try:
            answer = await self._endpoint.fetch(request, timeout=grant.timeout)
        except TokenEndpointUnreachable as unreachable:
            raise _MayPassError(unreachable) from None
        status = answer.status_code
        wait = retry_after(answer, self._clock())
        if status == 429:
            raise rejection_of(429, _decoded(answer, grant), retry_after=wait)
        if status == 408:
            raise _MayPassError(TokenEndpointUnreachable("the token endpoint answered 408", timed_out=True))
        if status >= 500:
            refusal = TokenEndpointUnreachable(f"the token endpoint answered {status}", retry_after=wait)
            if wait is not None:
                raise refusal
            raise _MayPassError(refusal)
        if 200 <= status < 300 and not answer.body.strip() and not _is_in_header(grant):
            raise _MayPassError(
                TokenResponseInvalid(f"the token endpoint answered {status} with an empty body")
            )
        return parse_token_response(grant.response_plan, answer, grant.content_type, self._clock())


class _MayPassError(Exception):
    """A failure that the next try may not meet."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


def retry_after(answer: TokenAnswer, now: float) -> int | None:
    """Whole seconds to wait (RFC 9110 section 10.2.3), given as seconds or as a date; an hour at most."""
    for value in answer.field_values("retry-after"):
        if value.strip().isdigit():
            return min(int(value), 3600)
        try:
            return min(max(int(parsedate_to_datetime(value).timestamp() - now), 0), 3600)
        except (ValueError, TypeError):
            continue
    return None


def _decoded(answer: TokenAnswer, grant: Grant) -> Any:
    try:
        return decode(answer.body, answer.media_type, grant.content_type)
    except ValueError:
        return None


def _is_in_header(grant: Grant) -> bool:
    """Whether the token is mapped to a header field or cookie, so that an empty body is nothing odd."""
    return isinstance(grant.response_plan.places["access_token"], tuple)
