"""The internals of mitmproxy 12.2 that `addons.{answering,connector,http1,origin_tls,replay,wire}` need."""

import inspect

import pytest
from mitmproxy import options, version
from mitmproxy.addons import tlsconfig
from mitmproxy.proxy import commands, context, layer, tunnel
from mitmproxy.proxy.layers import http
from mitmproxy.proxy.layers.http._http1 import Http1Client, Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Client
from mitmproxy.test import taddons, tflow
from OpenSSL import SSL

from addons import connector
from addons.answering import AnsweringHttpStream
from addons.replay import AuthorizedHttpStream

# Where `install` has run in this process, the module's name is no longer mitmproxy's own class.
HttpStream = AnsweringHttpStream.__base__


def test_mitmproxy_is_of_the_line_that_was_read() -> None:
    """Another line has to be read first."""
    assert version.VERSION.startswith("12.2.")


@pytest.mark.parametrize(
    "name",
    [
        "state_wait_for_request_headers",
        "state_consume_request_body",
        "state_stream_request_body",
        "state_wait_for_response_headers",
        "state_consume_response_body",
        "state_stream_response_body",
        "state_uninitialized",
        "state_done",
        "state_errored",
        "start_request_stream",
        "start_response_stream",
        "send_response",
        "flow_done",
        "check_killed",
        "make_server_connection",
        "handle_protocol_error",
        "handle_connect_regular",
    ],
)
def test_stream_has_the_method(name: str) -> None:
    """Each is overridden or called."""
    assert callable(getattr(HttpStream, name))


def test_stream_sends_its_request_by_the_commands_that_are_replaced() -> None:
    """The request leaves in SendHttp commands, and nothing else of ours rests on their order."""
    source = inspect.getsource(HttpStream.state_consume_request_body)

    assert source.count("SendHttp(") >= 4
    assert "RequestHeaders(" in source
    assert "self.flow.server_conn = connection" in inspect.getsource(HttpStream.make_server_connection)


@pytest.mark.parametrize(
    "name", ["request_body_buf", "response_body_buf", "client_state", "server_state", "stream_id", "context"]
)
def test_stream_has_the_attribute(name: str) -> None:
    """Each is read or set, beside `flow`, which comes with the request."""
    stream = HttpStream(context.Context(tflow.tclient_conn(), options.Options()), 1)

    assert hasattr(stream, name)


@pytest.mark.parametrize("name", ["CANCEL", "CONNECT_FAILED"])
def test_error_code_is_there(name: str) -> None:
    """What ends a first sending, and what tells an origin that was not reached."""
    assert name in http.ErrorCode.__members__


def test_streams_are_made_by_the_name_that_is_replaced(installed: None) -> None:
    """`install` sets the module's name, so it has to be looked up there."""
    assert http.HttpStream is AuthorizedHttpStream
    assert "HttpStream(ctx, stream_id)" in inspect.getsource(http.HttpLayer.make_stream)
    assert "make_stream" in inspect.getsource(http.HttpLayer.event_to_child)


def test_clients_keep_the_state_that_a_replay_forgets() -> None:
    """An HTTP/2 client maps streams, an HTTP/1 client has a state that ignores what still comes."""
    assert "our_stream_id" in inspect.getsource(Http2Client)
    assert callable(Http1Client.done)
    assert "self.connections = {}" in inspect.getsource(http.HttpLayer.__init__)
    assert issubclass(commands.StartHook, commands.Command)
    assert "_paused_event_queue" in inspect.getsource(layer.Layer)


def test_http1_connections_are_made_by_the_names_that_are_replaced() -> None:
    """`install` sets the module's names, and both sides of a connection look them up there."""
    source = inspect.getsource(http)

    assert "http_conn = Http1Server(" in source
    assert source.count("= Http1Client(") == 2


@pytest.mark.parametrize("name", ["read_body", "read_headers", "send"])
def test_http1_connections_have_the_method(name: str) -> None:
    """Each is overridden; a body's reader is held in `body_reader`, what has come in `buf`."""
    source = inspect.getsource(Http1Client)

    assert callable(getattr(Http1Client, name))
    assert "self.body_reader = make_body_reader" in source
    assert "self.buf.maybe_extract_lines()" in source


def test_last_chunk_is_sent_as_one_piece() -> None:
    """A trailer section takes its place."""
    for connection in (Http1Client, Http1Server):
        assert 'SendData(self.conn, b"0\\r\\n\\r\\n")' in inspect.getsource(connection.send)


def test_ways_through_a_proxy_are_made_by_the_name_that_is_replaced(installed: None) -> None:
    """`connector.install` sets the module's name, and the context's server has its `via` by then."""
    source = inspect.getsource(http.HttpLayer.get_connection)

    assert issubclass(http._upstream_proxy.HttpUpstreamProxy, connector._Upstream)
    assert "stack /= _upstream_proxy.HttpUpstreamProxy.make(context, send_connect)" in source
    assert source.index("context.server.via = event.via") < source.index("_upstream_proxy.")


def test_a_connection_is_compared_by_its_way() -> None:
    """Or two profiles would share one whose credentials are one's own."""
    assert "self.via == connection.via" in inspect.getsource(http.GetHttpConnection.connection_spec_matches)


def test_a_way_without_a_proxy_has_no_layer_for_one() -> None:
    """What `make` gives is put below TLS, and may be empty."""
    assert (tunnel.LayerStack() / tunnel.LayerStack())._stack == []
    assert "tls.ServerTLSLayer(context)" in inspect.getsource(http.HttpLayer.get_connection)


def test_tls_of_an_origin_is_made_by_the_addon_that_is_asked_for_it() -> None:
    """By its name, and it leaves a connection alone that has its TLS; the context can be another one."""
    source = inspect.getsource(tlsconfig.TlsConfig.tls_start_server)

    with taddons.context(tlsconfig.TlsConfig()) as tool:
        assert isinstance(tool.master.addons.get("tlsconfig"), tlsconfig.TlsConfig)
    assert source.index("if tls_start.ssl_conn is not None:\n            return") < source.index(
        "SSL.Connection("
    )
    assert callable(SSL.Connection.set_context)
    assert callable(SSL._lib.SSL_set_post_handshake_auth)


@pytest.mark.parametrize(
    "name", ["start_handshake", "receive_handshake_data", "receive_data", "event_to_child"]
)
def test_tunnels_have_the_method(name: str) -> None:
    """Each is overridden or called; what is said on the outer connection is told from the inner one."""
    assert callable(getattr(tunnel.TunnelLayer, name))
    assert list(inspect.signature(tunnel.TunnelLayer.__init__).parameters) == [
        "self", "context", "tunnel_connection", "conn",
    ]  # fmt: skip
    assert "OpenConnectionCompleted(self.command_to_reply_to, err)" in inspect.getsource(tunnel.TunnelLayer)
