"""What authorization changes in a stream: what goes on the wire in place of the client's request, what is
held back of an answer, and the second sending after an auth error.

It stands on internals of mitmproxy 12.2; `tests/addons/test_contract.py` holds each name that is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import (
    HttpLayer,
    RequestData,
    RequestEndOfMessage,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    SendHttp,
)

from addons import connector, http1, wire
from addons.answering import AnsweringHttpStream
from addons.flows import Passage, end_user_fields_of, passage_of, refusal_of, refuse
from addons.wire import Commands
from profiles.auth_errors import INSPECTED_BYTES
from profiles.errors import InternalError, PayloadTooLarge
from profiles.exchange import Verdict
from profiles.trailers import permitted_trailers


@dataclass
class GrantproxyRenewHook(commands.StartHook):
    """The moment between a rejected answer and the second sending: an addon renews the token.

    It blocks this stream alone, and lets the origin's HTTP/1 connection finish its message.
    """

    flow: http.HTTPFlow
    name = "grantproxy_renew"


def install() -> None:
    """Has every HTTP layer of this process make its streams of the class below."""
    connector.install()
    http1.install()
    http_layers.HttpStream = AuthorizedHttpStream  # type: ignore[misc]


class AuthorizedHttpStream(AnsweringHttpStream):
    """A stream whose flow may have a passage; without one it does what mitmproxy's does."""

    _held_is_whole = True
    """Whether the answer that was held back could be passed on after all."""

    # The way of the request

    def start_request_stream(self) -> Commands:
        passage = passage_of(self.flow)
        if passage is None or self.flow.response is not None:
            yield from super().start_request_stream()
        elif (yield from self.make_server_connection()):
            yield from wire.send_head(self.flow, passage, self.stream_id)
            self.client_state = self.state_stream_request_body
        else:
            self.client_state = self.state_errored

    def state_stream_request_body(self, event: events.Event) -> Commands:
        if isinstance(event, RequestTrailers):
            self._keep_trailers(event)
        else:
            yield from super().state_stream_request_body(event)

    def state_consume_request_body(self, event: events.Event) -> Commands:
        passage = passage_of(self.flow)
        if isinstance(event, RequestTrailers):
            self._keep_trailers(event)
        elif passage is None:
            yield from super().state_consume_request_body(event)
        elif isinstance(event, RequestData):
            self.request_body_buf += event.data
            if len(self.request_body_buf) > passage.exchange.payload_limit:
                self.request_body_buf.clear()
                limit = passage.exchange.payload_limit
                detail = f"the body is larger than {limit} bytes"
                refuse(self.flow, PayloadTooLarge(detail, profile=passage.exchange.profile.name))
                yield from self.answer()
        elif isinstance(event, RequestEndOfMessage):
            own = super().state_consume_request_body(event)
            yield from wire.in_place_of_the_clients(own, self.flow, passage, self.stream_id)
        else:
            yield from super().state_consume_request_body(event)

    def _keep_trailers(self, event: RequestTrailers) -> None:
        """Has them sent with the end of the request, but for those that may not be."""
        passage = passage_of(self.flow)
        for_us = end_user_fields_of(self.flow)
        if passage is not None:
            for_us = for_us.union(passage.exchange.profile.fields.header_names)
        fields = permitted_trailers(event.trailers.fields, for_us)
        self.flow.request.trailers = http.Headers(fields) if fields else None

    # The way of the answer

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> Commands:
        yield from super().state_wait_for_response_headers(event)
        if self.server_state == self.state_consume_response_body and refusal_of(self.flow) is not None:
            # Judging the answer failed: it is not passed on, and nothing more of it is read.
            yield from self._end_first_sending()
            yield from self.answer()

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
                yield from self._replay()
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
            yield from self._end_first_sending()
            yield from self._replay()

    def _judge_body(self, passage: Passage) -> Verdict:
        response = self.flow.response
        assert response is not None
        return passage.exchange.judge_body(
            response.status_code, response.headers.fields, bytes(self.response_body_buf)
        )

    def state_swallow_response(self, event: events.Event) -> Commands:  # noqa: ARG002
        """What still comes of a rejected answer is nobody's."""
        yield from ()

    # The second sending

    def _replay(self) -> Commands:
        self.server_state = self.state_swallow_response
        if self.client_state != self.state_done:
            # The origin answered early. What still comes of the body goes out with the second sending: a
            # client may send it only once that is answered.
            yield from self._end_first_sending()
        yield from self._renew_and_send_again()

    def _renew_and_send_again(self) -> Commands:
        passage = passage_of(self.flow)
        assert passage is not None
        rejected = self.flow.response
        assert rejected is not None
        rejected.data.content = bytes(self.response_body_buf)
        yield GrantproxyRenewHook(self.flow)
        if (yield from self.check_killed(emit_error_hook=True)):
            return
        if passage.replays:
            yield from self._send_again(passage)
        elif self.flow.response is not rejected:
            yield from self.answer()
        else:
            yield from self._pass_held_answer()

    def _send_again(self, passage: Passage) -> Commands:
        self.flow.response = None
        self.response_body_buf.clear()
        wire.forget_sending(self.flow, self.stream_id, self._http_layer())
        self.server_state = self.state_wait_for_response_headers
        if not (yield from self.make_server_connection()):
            return
        if self.client_state == self.state_done:
            yield from wire.send_whole(self.flow, passage, self.stream_id)
            return
        yield from wire.send_head(self.flow, passage, self.stream_id)
        if kept := passage.exchange.kept_body():
            yield SendHttp(RequestData(self.stream_id, kept), self.context.server)

    def _pass_held_answer(self) -> Commands:
        """The answer that was held back goes to the client as it is."""
        response = self.flow.response
        assert response is not None
        response.data.content = bytes(self.response_body_buf)
        self.response_body_buf.clear()
        if not self._held_is_whole:
            refuse(self.flow, InternalError("the rejected answer was too long to be held"))
        yield from self.answer()

    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        if isinstance(event, ResponseProtocolError) and self.server_state == self.state_swallow_response:
            return
        yield from super().handle_protocol_error(event)

    def _end_first_sending(self) -> Commands:
        yield from wire.end_sending(self.flow, self.stream_id, self._http_layer())

    def _http_layer(self) -> HttpLayer:
        layer = self.context.layers[self.context.layers.index(self) - 1]
        assert isinstance(layer, HttpLayer)
        return layer
