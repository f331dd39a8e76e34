"""What clients and origins may cost the proxy, with defaults that a fleet of bots lives with."""

from __future__ import annotations

from typing import Annotated

from pydantic import ByteSize, Field

from profiles.settings_model import Seconds, Settings

Size = Annotated[ByteSize, Field(gt=0)]
Duration = Annotated[Seconds, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class LimitSettings(Settings):
    """The limits: sizes in bytes, durations in seconds, connections and requests."""

    line: Size = ByteSize(16 * 1024)
    """The longest request line; a longer one is answered 414."""
    head: Size = ByteSize(64 * 1024)
    """The largest head of a request, which is answered 431 beyond it, or of an answer."""
    fields: Count = 200
    """The most header fields of a request, which is answered 431 beyond them, or of an answer."""
    body: Size | None = None
    """The largest body of a request; a larger one is answered 413. None: of any size."""

    header_timeout: Duration = 30
    """Seconds from the first byte of a request's head to its end, and for a client's TLS handshake."""
    idle_timeout: Duration = 300
    """Seconds that a client's connection may be without a request."""
    origin_idle_timeout: Duration = 30
    """Seconds for which an idle connection to an origin is kept for reuse."""
    connect_timeout: Duration = 10
    """Seconds for a connection to an origin or a connector, the TLS handshake included."""
    read_timeout: Duration = 600
    """Seconds without a byte of an answer that is waited for."""
    write_timeout: Duration = 60
    """Seconds in which a peer takes nothing of what there is for it."""
    minimum_rate: Annotated[ByteSize, Field(ge=0)] = ByteSize(100)
    """Bytes a second, over any 30 s, of a body that is waited for; 0 demands none."""
    tunnel_idle_timeout: Duration = 3600
    """Seconds without a byte in either direction of a tunnel."""

    connections: Count = 10_000
    """The most connections of clients at a time."""
    connections_per_client: Count = 2_000
    """The most of them from one client's address."""
    requests_per_origin: Count = 512
    """The most requests in flight to one origin."""
    queue_per_origin: Count = 2_048
    """The most requests that wait until one of those has its answer; more are refused."""
    queue_timeout: Duration = 30
    """Seconds that a request may wait there."""
    origin_idle_connections: Count = 128
    """The most idle connections that are kept for one origin."""
