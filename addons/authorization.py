"""Brings each request before the domain and does what is decided there."""

from __future__ import annotations

import asyncio

from mitmproxy import http

from addons.connector import check_answer
from addons.fail_closed import fail_closed
from addons.flows import (
    Passage,
    client_name_of,
    head_of,
    host_fields_of,
    passage_of,
    set_end_user_fields,
    set_passage,
)
from profiles.authorization import Authorizer
from profiles.exchange import Verdict


class Authorization:
    """Writes authorization into the requests that a profile owns, and judges their answers."""

    def __init__(self, authorizer: Authorizer) -> None:
        self.authorizer = authorizer

    @fail_closed
    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        if flow.response is not None or flow.error is not None:
            return
        head = head_of(flow)
        if self.authorizer.end_user_fields:
            set_end_user_fields(flow, self.authorizer.end_user_fields)
        selection = self.authorizer.select(
            head,
            sni=flow.client_conn.sni,
            host_fields=host_fields_of(flow.request),
            client=client_name_of(flow.client_conn),
        )
        if selection is None:
            # What names the end user has been taken out of the head.
            flow.request.data.headers.fields = head.headers
            flow.request.stream = True
            return
        exchange = self.authorizer.authorize_at_once(selection, head)
        if exchange is None:
            exchange = await self.authorizer.authorize(selection, head)
        headers, target = exchange.authorize_head(head)
        set_passage(flow, Passage(exchange, head, headers, target))
        if not exchange.needs_payload:
            flow.request.stream = exchange.keep

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        passage = passage_of(flow)
        if passage is None or flow.response is not None or not passage.exchange.needs_payload:
            return
        content = flow.request.raw_content or b""
        passage.exchange.keep(content)
        await _write_payload(passage, content)

    @fail_closed
    async def responseheaders(self, flow: http.HTTPFlow) -> None:
        response = flow.response
        assert response is not None
        passage = passage_of(flow)
        if passage is None:
            response.stream = True
            return
        check_answer(passage, response.status_code)
        passage.verdict = passage.exchange.judge_head(response.status_code, response.headers.fields)
        if passage.verdict is Verdict.FORWARD:
            response.stream = True

    @fail_closed
    async def grantproxy_renew(self, flow: http.HTTPFlow) -> None:
        """Runs between the rejected answer and the second sending (`replay.GrantproxyRenewHook`)."""
        passage = passage_of(flow)
        assert passage is not None
        if not await passage.exchange.renew():
            return
        passage.headers, passage.target = passage.exchange.authorize_head(passage.head)
        if passage.exchange.needs_payload:
            await _write_payload(passage, flow.request.raw_content or b"")
        else:
            flow.request.data.content = passage.exchange.kept_body()
        passage.replays = True


async def _write_payload(passage: Passage, content: bytes) -> None:
    """Writes the fields into the body; the header section has to follow its new length."""
    headers, target = passage.exchange.authorize_head(passage.head)
    write = passage.exchange.authorize_payload
    if passage.exchange.writes_quickly(content, passage.head):
        passage.content, passage.headers = write(content, headers)
    else:
        # Pure: bytes and rendered fields in, bytes out; this hook is the flow's only one meanwhile.
        passage.content, passage.headers = await asyncio.to_thread(write, content, headers)
    passage.target = target
