"""mitmproxy's own HTTP stream, changed so that an answer of ours goes out at once, at any moment.

It stands on internals of mitmproxy 12.2; `tests/addons/test_contract.py` holds each name that is used.
"""

from __future__ import annotations

import time

from mitmproxy.proxy import commands
from mitmproxy.proxy.layers.http import DropStream as DropStreamCommand
from mitmproxy.proxy.layers.http import (
    ErrorCode,
    HttpResponseHook,
    HttpStream,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
    SendHttp,
)

from addons.connector import ConnectorFailure, connection_through, route_of
from addons.flows import is_tunnel, passage_of, refuse
from addons.wire import Commands
from profiles.errors import OriginUnreachable, Refusal


class AnsweringHttpStream(HttpStream):
    """A stream that answers a refused request before its body, and an origin's failure in our own words."""

    _answer_has_ended = False

    def answer(self) -> Commands:
        """Sends `flow.response` at once and has done with the stream, whatever still comes for it."""
        response = self.flow.response
        assert response is not None
        if response.timestamp_end is None:
            response.timestamp_end = time.time()
        yield HttpResponseHook(self.flow)
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
        client, content = self.context.client, response.raw_content
        yield SendHttp(ResponseHeaders(self.stream_id, response, end_stream=False), client)
        if content and self.flow.request.method != "HEAD":
            yield SendHttp(ResponseData(self.stream_id, content), client)
        if response.trailers:
            yield SendHttp(ResponseTrailers(self.stream_id, response.trailers), client)
        yield DropStreamCommand(self.stream_id)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), client)

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        yield from super().state_wait_for_request_headers(event)
        if (
            self.client_state == self.state_consume_request_body
            and self.flow.response is not None
            and not event.end_stream
        ):
            # mitmproxy would read all of the body first, and keep it.
            yield from self.answer()

    def send_response(self, already_streamed: bool = False) -> Commands:
        yield from super().send_response(already_streamed)
        assert self.flow.response is not None
        if (
            self.server_state == self.state_done
            and self.client_state == self.state_stream_request_body
            and self.flow.response.status_code != 101
        ):
            # mitmproxy ends an early answer with the request only: who waits for it would send no more.
            self._answer_has_ended = True
            yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def flow_done(self) -> Commands:
        if self._answer_has_ended:
            self.flow.live = False
            yield DropStreamCommand(self.stream_id)
        else:
            yield from super().flow_done()

    def make_server_connection(self) -> Commands:
        route = route_of(passage_of(self.flow))
        if route is None:
            return (yield from super().make_server_connection())
        server, error = yield connection_through(self.flow, route)
        if server is None:
            failure = ResponseProtocolError(self.stream_id, error, ErrorCode.CONNECT_FAILED)
            yield from self.handle_protocol_error(failure)
            return False
        self.context.server = self.flow.server_conn = server
        return True

    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        if isinstance(event, ResponseProtocolError) and self._nothing_was_answered():
            detail = f"{self.flow.request.host} cannot be reached"
            if event.code is not ErrorCode.CONNECT_FAILED:
                detail = f"{self.flow.request.host} broke off before its answer was through"
            refusal: Refusal = OriginUnreachable(detail)
            if isinstance(event.message, ConnectorFailure):
                refusal = event.message.refusal_for(passage_of(self.flow))
            refuse(self.flow, refusal)
            yield from self.answer()
        else:
            yield from super().handle_protocol_error(event)

    def _nothing_was_answered(self) -> bool:
        return self.client_state != self.state_errored and self.server_state in (
            self.state_uninitialized,
            self.state_wait_for_response_headers,
            self.state_consume_response_body,
        )

    def handle_connect_regular(self) -> Commands:
        lazy = self.context.options.connection_strategy == "lazy"
        if lazy and self.flow.response is None and is_tunnel(self.flow):
            # A tunnel that we do not look into is opened first: its client hears of a dead end, and a
            # protocol in which the server speaks first works.
            error = yield commands.OpenConnection(self.context.server)
            if error:
                refuse(self.flow, OriginUnreachable(f"{self.flow.request.host} cannot be reached"))
        yield from super().handle_connect_regular()
