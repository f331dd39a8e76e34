"""What is sent to the origin in place of the client's request, and how a sending is ended and forgotten."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import commands
from mitmproxy.proxy.layers.http import (
    ErrorCode,
    HttpLayer,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    SendHttp,
)
from mitmproxy.proxy.layers.http._http1 import Http1Client
from mitmproxy.proxy.layers.http._http2 import Http2Client

from addons.connector import address_to_connector
from addons.flows import Passage, wire_request

Commands = Generator[commands.Command, Any, Any]
"""What mitmproxy's layers yield: commands out, the reply to a blocking one in."""


def send_head(flow: http.HTTPFlow, passage: Passage, stream_id: int) -> Commands:
    """Sends the header section of a request whose body is streamed behind it."""
    request = wire_request(flow, passage)
    if _becomes_http1(request, flow) and "content-length" not in request.headers:
        # HTTP/2 frames bodies by itself; on HTTP/1 somebody has to say how long this one is.
        request.headers["transfer-encoding"] = "chunked"
    address_to_connector(request, passage)
    yield SendHttp(RequestHeaders(stream_id, request, end_stream=False), flow.server_conn)


def send_whole(flow: http.HTTPFlow, passage: Passage, stream_id: int) -> Commands:
    """Sends the request with a body that is all there: ours where a field went into it, else the client's."""
    server = flow.server_conn
    trailers = flow.request.trailers
    content = passage.content if passage.content is not None else flow.request.raw_content
    request = wire_request(flow, passage)
    if trailers and _becomes_http1(request, flow):
        request.headers.pop("content-length", None)
        request.headers["transfer-encoding"] = "chunked"
    elif content and (_becomes_http1(request, flow) or "transfer-encoding" not in request.headers):
        request.headers["content-length"] = str(len(content))
    address_to_connector(request, passage)
    yield SendHttp(RequestHeaders(stream_id, request, not (content or trailers)), server)
    if content:
        yield SendHttp(RequestData(stream_id, content), server)
    if trailers:
        yield SendHttp(RequestTrailers(stream_id, trailers), server)
    yield SendHttp(RequestEndOfMessage(stream_id), server)


def in_place_of_the_clients(
    wrapped: Commands, flow: http.HTTPFlow, passage: Passage, stream_id: int
) -> Commands:
    """mitmproxy's own course of things, with our request in the place of the one that it would send."""
    reply = None
    while True:
        try:
            command = wrapped.send(reply)
        except StopIteration:
            return
        reply = None
        if isinstance(command, SendHttp) and command.connection is flow.server_conn:
            if isinstance(command.event, RequestHeaders):
                yield from send_whole(flow, passage, stream_id)
        else:
            reply = yield command


def end_sending(flow: http.HTTPFlow, stream_id: int, http_layer: HttpLayer) -> Commands:
    """Ends a sending whose message is not through: a reset stream, or a closed connection."""
    error = RequestProtocolError(stream_id, "sent once more elsewhere", ErrorCode.CANCEL)
    yield SendHttp(error, flow.server_conn)
    for layer in _layers_to_origin(flow, http_layer):
        if isinstance(layer, Http1Client):
            # Its connection is closing: what it says of that must not reach the second sending.
            layer.state = layer.done


def forget_sending(flow: http.HTTPFlow, stream_id: int, http_layer: HttpLayer) -> None:
    """Lets the stream be sent anew: known as it is, it would be taken for one that has sent its request."""
    for layer in _layers_to_origin(flow, http_layer):
        if isinstance(layer, Http2Client):
            layer.our_stream_id.pop(stream_id, None)


def _layers_to_origin(flow: http.HTTPFlow, http_layer: HttpLayer) -> list[Any]:
    connection = http_layer.connections.get(flow.server_conn)
    return list(connection.context.layers) if connection is not None else []


def _becomes_http1(request: http.Request, flow: http.HTTPFlow) -> bool:
    """Whether an HTTP/2 client's request goes to an origin that speaks HTTP/1."""
    return bool(request.is_http2) and flow.server_conn.alpn != b"h2"
