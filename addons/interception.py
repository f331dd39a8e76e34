"""Intercepts TLS only where a profile can match the host; everything else passes untouched, or not at all."""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.exceptions import AddonHalt
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import layer, layers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.tls import parse_client_hello

from addons.fail_closed import fail_closed
from addons.flows import set_tunnel
from profiles.authorization import Authorizer


class Interception:
    """Decides at CONNECT, and again at the first bytes inside, what is looked into."""

    def __init__(self, authorizer: Authorizer) -> None:
        self.authorizer = authorizer

    @fail_closed
    async def http_connect(self, flow: http.HTTPFlow) -> None:
        if flow.response is not None:
            return
        host, port = flow.request.host, flow.request.port
        refusal = self.authorizer.refuse_connection(host, port)
        if refusal is not None:
            raise refusal
        if not self._concerns_us(host, port):
            set_tunnel(flow)

    def next_layer(self, next_layer: layer.NextLayer) -> None:
        """Runs ahead of mitmproxy's own choice of the protocol inside a CONNECT.

        Raises AddonHalt, which ends the event, where nothing can be decided yet.
        """
        context = next_layer.context
        if next_layer.layer is not None or not _is_inside_connect(context) or context.server.address is None:
            return
        host, port = context.server.address[0], context.server.address[1]
        if self._concerns_us(host, port):
            return
        data = next_layer.data_client()
        if starts_like_tls_record(data):
            try:
                hello = parse_client_hello(data)
            except ValueError:
                hello = None
            else:
                if hello is None:
                    # Not whole yet (a post-quantum key share fills a segment). mitmproxy's own addon, which
                    # comes next, would take it for TLS to look into: nobody decides before the rest is there.
                    raise AddonHalt
            # A foreign connection that asks for a host of ours in its SNI is looked into, to be refused.
            if hello is not None and hello.sni and self._concerns_us(hello.sni, port):
                return
        next_layer.layer = layers.TCPLayer(context, ignore=True)

    def _concerns_us(self, host: str, port: int) -> bool:
        return self.authorizer.may_own(host, port)


def _is_inside_connect(context: Context) -> bool:
    """Whether the layer to be chosen is the first one inside a CONNECT of an explicit proxy."""
    return any(isinstance(item, layers.HttpLayer) for item in context.layers) and not any(
        isinstance(item, layers.ClientTLSLayer) for item in context.layers[2:]
    )
