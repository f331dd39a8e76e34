"""Token requests with patience: what may pass is tried three times, what is a no is a no at once."""

from __future__ import annotations

import asyncio
import copy
import random as random_module
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from profiles.errors import (
    ConnectorUnavailable,
    Refusal,
    TokenEndpointUnreachable,
    TokenRequestRejected,
    TokenResponseInvalid,
)
from profiles.grants import Grant, TokenRequest
from profiles.held_tokens import TokenResponse
from profiles.observation import GRANTED, Observer, Unobserved
from profiles.token_answer import TokenAnswer
from profiles.token_rejections import without_quotation
from profiles.token_response import parse_token_response

TRIES = 3
FIRST_DELAY = 0.25
"""Seconds before the second try at most; each further one may take twice as long."""


class Fetches(Protocol):
    """What sends a token request: `token_endpoint.TokenEndpoint`, or a test's own server."""

    async def fetch(self, request: TokenRequest, *, timeout: float) -> TokenAnswer: ...  # noqa: ASYNC109


class TokenClient:
    """Asks for tokens. `clock` gives seconds since the epoch, `timer` seconds since whenever, `random`
    numbers from 0 to 1; `observer` is told of each request that was sent."""

    def __init__(
        self,
        endpoint: Fetches,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random_module.random,
        observer: Observer | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._endpoint = endpoint
        self._observer = observer or Unobserved()
        self._timer = timer
        self._clock = clock
        self._sleep = sleep
        self._random = random

    def through(self, endpoint: Fetches) -> TokenClient:
        """The same client with another way to the token endpoint."""
        other = copy.copy(self)
        other._endpoint = endpoint  # noqa: SLF001  -- of its own class
        return other

    async def password(self, grant: Grant, values: Mapping[str, Any]) -> TokenResponse:
        """The password grant. Raises a Refusal about the token endpoint."""
        request = grant.password_request(values)
        try:
            return await self._ask(grant, request, "password")
        except TokenRequestRejected as rejection:
            raise without_quotation(rejection, _submitted(grant, values)) from None

    async def refresh(self, grant: Grant, values: Mapping[str, Any], refresh_token: str) -> TokenResponse:
        """The refresh grant. Raises a Refusal about the token endpoint."""
        request = grant.refresh_request(values, refresh_token)
        try:
            return await self._ask(grant, request, "refresh")
        except TokenRequestRejected as rejection:
            raise without_quotation(rejection, (refresh_token, *_submitted(grant, values))) from None

    async def _ask(self, grant: Grant, request: TokenRequest, name: str) -> TokenResponse:
        delay = FIRST_DELAY
        for attempt in range(1, TRIES + 1):
            try:
                return await self._observed_try(grant, request, name)
            except _MayPassError as passing:
                if attempt == TRIES:
                    raise passing.refusal from None
            # Full jitter: those who failed together do not come back together.
            await self._sleep(delay * self._random())
            delay *= 2
        raise AssertionError("unreachable")

    async def _observed_try(self, grant: Grant, request: TokenRequest, name: str) -> TokenResponse:
        outcome, started = "cancelled", self._timer()
        try:
            response = await self._try(grant, request)
            outcome = GRANTED
            return response
        except _MayPassError as passing:
            outcome = passing.refusal.slug
            raise
        except Refusal as refusal:
            outcome = refusal.slug
            raise
        finally:
            self._observer.token_requested(grant.profile, name, outcome, self._timer() - started)

    async def _try(self, grant: Grant, request: TokenRequest) -> TokenResponse:
        try:
            answer = await self._endpoint.fetch(request, timeout=grant.timeout)
        except TokenEndpointUnreachable as unreachable:
            raise _MayPassError(unreachable) from None
        except ConnectorUnavailable as unavailable:
            if unavailable.was_refused:
                raise
            raise _MayPassError(unavailable) from None
        status, now = answer.status_code, self._clock()
        if status == 408:
            raise _MayPassError(TokenEndpointUnreachable("the token endpoint answered 408", timed_out=True))
        if status >= 500:
            wait = answer.retry_after(now)
            refusal = TokenEndpointUnreachable(f"the token endpoint answered {status}", retry_after=wait)
            if wait is not None:
                # It says itself when to come back, and three quick tries are not what it asks for.
                raise refusal
            raise _MayPassError(refusal)
        try:
            return parse_token_response(grant.response_plan, answer, request.content_type, now)
        except TokenResponseInvalid as invalid:
            if 200 <= status < 300 and not answer.body.strip():
                raise _MayPassError(invalid) from None
            raise


class _MayPassError(Exception):
    """A failure that the next try may not meet."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


def _submitted(grant: Grant, values: Mapping[str, Any]) -> tuple[str, ...]:
    secret = grant.settings.client_secret
    return (*map(str, values.values()), secret.get_secret_value() if secret else "")
