"""What goes out for a request: its head as decided, its body as far as it is there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiles.requests import HeaderFields, RequestHead
from proxy.express import writing
from proxy.express.framing import CHUNKED, RequestFraming
from proxy.express.heads import RequestStart
from proxy.express.ways import Way


@dataclass(slots=True, repr=False)
class Outgoing:
    """One sending, of which the repr shows nothing.

    `body` are the pieces there are, `is_whole` tells whether they are all.
    """

    start: RequestStart
    framing: RequestFraming
    head: RequestHead
    fields: HeaderFields
    target: str
    way: Way
    body: Sequence[bytes]
    is_whole: bool
    trailers: HeaderFields
    has_own_body: bool
    """Whether the body is one that we have written: whole, and its length among the fields."""
    waits_for_leave: bool
    """Whether the origin is to say 100 before the body comes."""

    def to_bytes(self) -> bytes:
        """The request as far as it goes."""
        is_chunked = self.framing.length == CHUNKED and not self.has_own_body
        pieces = [self._head(is_chunked=is_chunked)]
        if is_chunked:
            pieces += [writing.chunk(piece) for piece in self.body if piece]
            if self.is_whole:
                pieces.append(writing.last_chunk(self.trailers))
        else:
            pieces += self.body
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _head(self, *, is_chunked: bool) -> bytes:
        fields, target, framing = self.fields, self.target, self.framing
        if framing.expects_continue and not self.waits_for_leave:
            fields = tuple([item for item in fields if item[0].lower() != b"expect"])
        if not framing.hosts:
            fields = ((b"Host", self._authority()), *fields)
        hop = b""
        if is_chunked:
            hop += b"Transfer-Encoding: chunked\r\n"
        if framing.upgrade is not None:
            hop += b"Connection: Upgrade\r\nUpgrade: %b\r\n" % framing.upgrade
        connector = self.way.connector
        if connector is not None and not self.way.has_tunnel:
            # RFC 9112 section 3.2.2; a bare OPTIONS has an empty path there.
            target = str(self.head.origin) + ("" if target == "*" else target)
            if connector.proxy_authorization is not None:
                hop += b"Proxy-Authorization: %b\r\n" % connector.proxy_authorization
        return writing.request_head(self.start.method, target, fields, hop)

    def _authority(self) -> bytes:
        return str(self.head.origin).partition("://")[2].encode("ascii")
