"""Presents the client certificate of a profile, and believes its authorities, on connections of its requests.

Which connections those are is decided where they are asked for: `connector.Route` keeps them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mitmproxy import ctx, tls
from OpenSSL import SSL

from addons.connector import Route
from profiles.own_tls import OwnTls, TlsMaterial


class OriginTls:
    """Comes ahead of mitmproxy's own addon, which leaves a connection alone that has its TLS already.

    Where this one fails, a connection has what everybody's has: no certificate, and fewer authorities.
    """

    def __init__(self, materials: Mapping[OwnTls, TlsMaterial]) -> None:
        self._made: dict[TlsMaterial, SSL.Context] = {}
        self._contexts: dict[OwnTls, SSL.Context] = {}
        self.adopt(materials)

    def adopt(self, materials: Mapping[OwnTls, TlsMaterial]) -> None:
        """Takes up those of a new snapshot, for the connections that are opened from now on.

        What is made of the same material is kept: to load the authorities takes some milliseconds for each.
        """
        made = {
            material: self._made.get(material) or _context(material)
            for material in dict.fromkeys(materials.values())
        }
        self._made, self._contexts = made, {own: made[material] for own, material in materials.items()}

    def tls_start_server(self, tls_start: tls.TlsData) -> None:
        server = tls_start.context.server
        # The connection to a connector over TLS is none to the origin, although it leads there.
        if tls_start.ssl_conn is not None or tls_start.conn is not server:
            return
        route = cast("Any", server.via)
        own = route.own_tls if isinstance(route, Route) else None
        context = self._contexts.get(own) if own is not None else None
        if context is None:
            return
        # SNI, the name to verify and the protocols to offer are mitmproxy's to say, and belong to the
        # connection; certificates, ours and those that are believed, belong to its context.
        ctx.master.addons.get("tlsconfig").tls_start_server(tls_start)
        made = cast("SSL.Connection", tls_start.ssl_conn)
        made.set_context(context)
        # RFC 8446 section 4.6.2: an origin may ask for the certificate once it knows what is wanted.
        cast("Any", SSL)._lib.SSL_set_post_handshake_auth(cast("Any", made)._ssl, 1)  # noqa: SLF001


def _context(material: TlsMaterial) -> SSL.Context:
    """Reads the files, which is why it is done here and not on the way of a request."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_verify(SSL.VERIFY_PEER)
    for file in material.authorities:
        context.load_verify_locations(str(file))
    if material.chain:
        certificate, *others = material.chain
        context.use_certificate(certificate)
        for other in others:
            context.add_extra_chain_cert(other)
        assert material.key is not None
        context.use_privatekey(material.key)
    return context
