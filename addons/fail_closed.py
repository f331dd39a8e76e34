"""A hook that decides about a request refuses it when it fails: mitmproxy by itself would forward it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable

from mitmproxy import http

from addons.flows import refuse
from profiles.errors import InternalError, Refusal

logger = logging.getLogger(__name__)


def fail_closed[Addon](
    hook: Callable[[Addon, http.HTTPFlow], Awaitable[None]],
) -> Callable[[Addon, http.HTTPFlow], Awaitable[None]]:
    """Answers the flow when *hook* raises: with the Refusal, or with `internal_error` for anything else.

    The text of a foreign exception may hold anything, so only its type is logged.
    """

    @functools.wraps(hook)
    async def guarded(addon: Addon, flow: http.HTTPFlow) -> None:
        try:
            await hook(addon, flow)
        except Refusal as refusal:
            refuse(flow, refusal)
        except Exception as error:
            logger.error("%s failed: %s", hook.__qualname__, type(error).__name__)  # noqa: TRY400
            refuse(flow, InternalError())

    return guarded
