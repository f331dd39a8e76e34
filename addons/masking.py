"""What a user interface or a dump shows of an authorized flow: the request as it went out, values hidden.

The client's request is replaced by that only when its answer is there; until then nothing was injected
into the flow at all (`flows.Passage`). A rejected first sending becomes a flow of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from mitmproxy import http

from addons.flows import Passage, passage_of
from profiles.errors import Refusal

logger = logging.getLogger(__name__)

ShowFlow = Callable[[http.HTTPFlow], None]


class Masking:
    """Shows `***` for every injected value, or with *reveal* the value itself."""

    def __init__(self, *, reveal: bool = False, show: ShowFlow | None = None) -> None:
        self._reveal = reveal
        self._show = show

    def grantproxy_renew(self, flow: http.HTTPFlow) -> None:
        """Shows the rejected sending before its token is renewed. Runs ahead of `Authorization`."""
        passage = passage_of(flow)
        if passage is None or self._show is None:
            return
        rejected = flow.copy()
        self._write(rejected, passage)
        rejected.comment = "the origin rejected this sending: the token is renewed and it is sent once more"
        rejected.marked = ":repeat:"
        self._show(rejected)

    def response(self, flow: http.HTTPFlow) -> None:
        self._finish(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._finish(flow)

    def _finish(self, flow: http.HTTPFlow) -> None:
        passage = passage_of(flow)
        if passage is None:
            return
        self._write(flow, passage)
        profile = passage.exchange.profile.name
        flow.comment = f"profile {profile}, token {passage.exchange.event}"
        if passage.exchange.replayed:
            flow.comment += ", sent once more"

    def _write(self, flow: http.HTTPFlow, passage: Passage) -> None:
        """Writes into the flow's request what went out in its place."""
        if self._reveal:
            headers, target, content = passage.headers, passage.target, passage.content
        else:
            masked = passage.exchange.masked()
            headers, target = masked.apply(passage.head)
            content = passage.content
            if content is not None:
                try:
                    content, headers = masked.inject_payload(flow.request.raw_content or b"", headers)
                except Refusal:
                    # It took the real values and does not take these: then it is not shown at all.
                    content = b""
        flow.request.data.headers = http.Headers(headers)
        flow.request.data.path = target.encode("latin-1")
        if content is not None:
            flow.request.data.content = content
