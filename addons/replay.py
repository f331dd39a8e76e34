"""mitmproxy's own HTTP stream, changed in what authorization needs: what goes on the wire in place of the
client's request, the second sending after an auth error, and answers of ours at once.

It stands on internals of mitmproxy 12.2; `tests/addons/test_contract.py` holds each name that is used.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import DropStream as DropStreamCommand
from mitmproxy.proxy.layers.http import (
    ErrorCode,
    HttpRequestHook,
    HttpResponseHook,
    HttpStream,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    SendHttp,
)
from mitmproxy.proxy.layers.http._http1 import Http1Client
from mitmproxy.proxy.layers.http._http2 import Http2Client

from addons.flows import Passage, is_tunnel, passage_of, refusal_of, refuse, wire_request
from profiles.auth_errors import INSPECTED_BYTES
from profiles.errors import InternalError, OriginUnreachable, PayloadTooLarge
from profiles.exchange import Verdict

Commands = Generator[commands.Command, Any, Any]


@dataclass
class GrantproxyRenewHook(commands.StartHook):
    """The moment between a rejected answer and the second sending: an addon renews the token.

    It blocks this stream alone, and lets the origin's HTTP/1 connection finish its message.
    """

    flow: http.HTTPFlow
    name = "grantproxy_renew"


def install() -> None:
    """Has every HTTP layer of this process make its streams of the class below."""
    http_layers.HttpStream = AuthorizedHttpStream  # type: ignore[misc]


class AuthorizedHttpStream(HttpStream):
    """A stream whose flow may have a passage; without one it does what mitmproxy's does."""

    _waits_for_body = False
    """A replay is decided on and the client's body is not through yet."""
    _held_is_whole = True
    """Whether the answer that was held back could be passed on after all."""
    _answer_has_ended = False

    # The way of the request

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        yield from super().state_wait_for_request_headers(event)
        if (
            self.client_state == self.state_consume_request_body
            and self.flow.response is not None
            and not event.end_stream
        ):
            # mitmproxy would read all of the body first, and keep it.
            yield from self._answer()

    def start_request_stream(self) -> Commands:
        passage = passage_of(self.flow)
        if passage is None or self.flow.response is not None:
            yield from super().start_request_stream()
            return
        if not (yield from self.make_server_connection()):
            self.client_state = self.state_errored
            return
        yield SendHttp(self._wire_head(passage, end_stream=False, streamed=True), self.context.server)
        self.client_state = self.state_stream_request_body

    def state_consume_request_body(self, event: events.Event) -> Commands:
        passage = passage_of(self.flow)
        if passage is None:
            yield from super().state_consume_request_body(event)
        elif isinstance(event, RequestData):
            self.request_body_buf += event.data
            if len(self.request_body_buf) > passage.exchange.payload_limit:
                self.request_body_buf.clear()
                limit = passage.exchange.payload_limit
                detail = f"the body is larger than {limit} bytes"
                refuse(self.flow, PayloadTooLarge(detail, profile=passage.exchange.profile.name))
                yield from self._answer()
        elif isinstance(event, RequestEndOfMessage):
            yield from self._with_our_request(super().state_consume_request_body(event), passage)
        else:
            yield from super().state_consume_request_body(event)

    def state_stream_request_body(self, event: events.Event) -> Commands:
        passage = passage_of(self.flow)
        if passage is None or not self._waits_for_body:
            yield from super().state_stream_request_body(event)
        elif isinstance(event, RequestData):
            passage.exchange.keep(event.data)
            if not passage.exchange.replayable:
                passage.exchange.give_up()
                self._waits_for_body = False
                yield from self._pass_held_answer()
        elif isinstance(event, RequestTrailers):
            self.flow.request.trailers = event.trailers
        elif isinstance(event, RequestEndOfMessage):
            self.flow.request.timestamp_end = time.time()
            yield HttpRequestHook(self.flow)
            self.client_state = self.state_done
            self._waits_for_body = False
            yield from self._renew_and_send_again()

    def _with_our_request(self, wrapped: Commands, passage: Passage) -> Commands:
        """mitmproxy's own course of things, with our request in the place of the one that it would send."""
        reply = None
        while True:
            try:
                command = wrapped.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(command, SendHttp) and command.connection is self.context.server:
                if isinstance(command.event, RequestHeaders):
                    yield from self._send_whole_request(passage)
            else:
                reply = yield command

    def _send_whole_request(self, passage: Passage) -> Commands:
        content = passage.content if passage.content is not None else self.flow.request.raw_content
        trailers = self.flow.request.trailers
        server = self.context.server
        head = self._wire_head(passage, end_stream=not (content or trailers), content=content)
        yield SendHttp(head, server)
        if content:
            yield SendHttp(RequestData(self.stream_id, content), server)
        if trailers:
            yield SendHttp(RequestTrailers(self.stream_id, trailers), server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), server)

    def _wire_head(
        self, passage: Passage, *, end_stream: bool, content: bytes | None = None, streamed: bool = False
    ) -> RequestHeaders:
        request = wire_request(self.flow, passage)
        if request.is_http2 and self.context.server.alpn != b"h2":
            # HTTP/2 frames bodies by itself; on HTTP/1 somebody has to say how long this one is.
            if streamed and "content-length" not in request.headers:
                request.headers["transfer-encoding"] = "chunked"
            elif content:
                request.headers["content-length"] = str(len(content))
        elif content and "transfer-encoding" not in request.headers:
            request.headers["content-length"] = str(len(content))
        return RequestHeaders(self.stream_id, request, end_stream)

    # The way of the answer

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> Commands:
        yield from super().state_wait_for_response_headers(event)
        if self.server_state == self.state_consume_response_body and refusal_of(self.flow) is not None:
            # Judging the answer failed: it is not passed on, and nothing more of it is read.
            yield from self._leave_first_sending()
            yield from self._answer()

    def state_consume_response_body(self, event: events.Event) -> Commands:
        passage = passage_of(self.flow)
        if passage is None or passage.verdict is Verdict.FORWARD:
            yield from super().state_consume_response_body(event)
        elif isinstance(event, ResponseData):
            self.response_body_buf += event.data
            if len(self.response_body_buf) > INSPECTED_BYTES:
                yield from self._held_enough(passage)
        elif isinstance(event, ResponseEndOfMessage):
            if passage.verdict is Verdict.INSPECT:
                passage.verdict = self._judge_body(passage)
            if passage.verdict is Verdict.FORWARD:
                yield from super().state_consume_response_body(event)
            else:
                yield from self._replay_when_body_is_through()
        else:
            yield from super().state_consume_response_body(event)

    def _held_enough(self, passage: Passage) -> Commands:
        """More of the answer came than is held back: it is passed on from here, or not waited for."""
        if passage.verdict is Verdict.INSPECT:
            passage.verdict = self._judge_body(passage)
        if passage.verdict is Verdict.FORWARD:
            assert self.flow.response is not None
            self.flow.response.stream = True
            held = bytes(self.response_body_buf)
            self.response_body_buf.clear()
            yield from self.start_response_stream()
            yield from self.state_stream_response_body(ResponseData(self.stream_id, held))
        else:
            self._held_is_whole = False
            yield from self._leave_first_sending()
            yield from self._replay_when_body_is_through()

    def _judge_body(self, passage: Passage) -> Verdict:
        response = self.flow.response
        assert response is not None
        return passage.exchange.judge_body(
            response.status_code, response.headers.fields, bytes(self.response_body_buf)
        )

    def state_swallow_response(self, event: events.Event) -> Commands:  # noqa: ARG002
        """What still comes of a rejected answer is nobody's."""
        yield from ()

    def _replay_when_body_is_through(self) -> Commands:
        self.server_state = self.state_swallow_response
        if self.client_state == self.state_done:
            yield from self._renew_and_send_again()
        else:
            # The origin answered early. The rest of the body is collected, and not sent where it is unwanted.
            yield from self._leave_first_sending()
            self._waits_for_body = True

    def _renew_and_send_again(self) -> Commands:
        passage = passage_of(self.flow)
        assert passage is not None
        rejected = self.flow.response
        assert rejected is not None
        rejected.data.content = bytes(self.response_body_buf)
        yield GrantproxyRenewHook(self.flow)
        if (yield from self.check_killed(emit_error_hook=True)):
            return
        passage.verdict = Verdict.FORWARD
        if passage.replays:
            yield from self._send_again(passage)
        elif self.flow.response is not rejected:
            yield from self._answer()
        else:
            yield from self._pass_held_answer()

    def _send_again(self, passage: Passage) -> Commands:
        self.flow.response = None
        self.response_body_buf.clear()
        for layer in self._layers_to_origin():
            if isinstance(layer, Http2Client):
                # Known as it is, the stream would be taken for one that has sent its request already.
                layer.our_stream_id.pop(self.stream_id, None)
        self.server_state = self.state_wait_for_response_headers
        if (yield from self.make_server_connection()):
            yield from self._send_whole_request(passage)

    def _pass_held_answer(self) -> Commands:
        """The answer that was held back goes to the client as it is."""
        response = self.flow.response
        assert response is not None
        response.data.content = bytes(self.response_body_buf)
        self.response_body_buf.clear()
        if not self._held_is_whole:
            refuse(self.flow, InternalError("the rejected answer was too long to be held"))
        yield from self._answer()

    def _leave_first_sending(self) -> Commands:
        """Ends the first sending where its message is not through: a reset stream, or a closed connection."""
        server = self.context.server
        error = RequestProtocolError(self.stream_id, "sent once more elsewhere", ErrorCode.CANCEL)
        yield SendHttp(error, server)
        for layer in self._layers_to_origin():
            if isinstance(layer, Http1Client):
                # Its connection is closing: what it says of that must not reach the second sending.
                layer.state = layer.done

    def _layers_to_origin(self) -> list[Any]:
        http_layer = self.context.layers[self.context.layers.index(self) - 1]
        assert isinstance(http_layer, http_layers.HttpLayer)
        connection = http_layer.connections.get(self.context.server)
        return list(connection.context.layers) if connection is not None else []

    # Answers of ours

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

    def _answer(self) -> Commands:
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
        yield DropStreamCommand(self.stream_id)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), client)

    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        if isinstance(event, ResponseProtocolError):
            if self.server_state == self.state_swallow_response:
                return
            if self._nothing_was_answered():
                detail = f"{self.flow.request.host} cannot be reached"
                if event.code is not ErrorCode.CONNECT_FAILED:
                    detail = f"{self.flow.request.host} broke off before its answer was through"
                refuse(self.flow, OriginUnreachable(detail))
                yield from self._answer()
                return
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
