"""The express lane as a whole: its listener, its clients, what they share, and its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLError

from mitmproxy.certs import CertStore

from profiles.access_records import AccessRecord
from profiles.errors import Refusal, RequestMalformed, TooManyConnections
from profiles.observation import Observer
from profiles.requests import Origin
from proxy.composition import Composition
from proxy.express.client_connection import ClientConnection, Phase
from proxy.express.course import Course
from proxy.express.handover import MitmproxyLane
from proxy.express.leaf_certificates import LeafCertificates
from proxy.express.openings import ConnectionOpening, ForeignTunnelOpening, TunnelOpening
from proxy.express.pool import OriginPool
from proxy.express.relay import Relay
from proxy.express.targets import text_of
from proxy.express.ways import Ways
from proxy.limit_settings import LimitSettings

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_WARNINGS = 30.0

WriteRecord = Callable[[AccessRecord, float], None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The profiles in force, and the ways to their origins; a request keeps the one that it began with."""

    composition: Composition
    ways: Ways


class ExpressLane:
    """Serves HTTP/1.1 by itself and hands over what it does not speak."""

    def __init__(
        self,
        composition: Composition,
        store: CertStore,
        mitmproxy_lane: MitmproxyLane,
        write_record: WriteRecord,
        observer: Observer,
    ) -> None:
        self.snapshot = Snapshot(composition, Ways(composition.origin_trust))
        self.limits: LimitSettings = composition.configuration.settings.limits
        self.end_user_fields = composition.authorizer.end_user_fields
        self.leaves = LeafCertificates(store)
        self.observer = observer
        self.is_draining = False
        self.now = 0.0
        self.pool = OriginPool(self.limits, self._origin_is_full)
        self._mitmproxy_lane = mitmproxy_lane
        self._write_record = write_record
        self._clients: set[ClientConnection] = set()
        self._addresses: Counter[str] = Counter()
        self._relays: set[Relay] = set()
        self._warned: dict[str, float] = {}
        self._server: asyncio.Server | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._under_way: asyncio.Event | None = None

    def adopt(self, composition: Composition) -> None:
        """Swaps the snapshot; requests under way keep theirs."""
        self.snapshot = Snapshot(composition, Ways(composition.origin_trust))
        self.limits = self.pool.limits = composition.configuration.settings.limits
        self.end_user_fields = composition.authorizer.end_user_fields

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listens. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._look_after()
        self._server = await loop.create_server(lambda: ClientConnection(self), host, port, backlog=1024)
        address = self._server.sockets[0].getsockname()
        return address[0], address[1]

    async def drain(self, seconds: float) -> None:
        """Takes no new connections, and waits for the requests under way."""
        self.is_draining = True
        if self._server is not None:
            self._server.close()
        self._under_way = asyncio.Event()
        for client in list(self._clients):
            client.end_if_idle()
        try:
            async with asyncio.timeout(seconds):
                while any(client.is_busy for client in self._clients):
                    self._under_way.clear()
                    await self._under_way.wait()
        except TimeoutError:
            pass

    def close(self) -> None:
        """Ends everything."""
        if self._server is not None:
            self._server.close()
        if self._next_look is not None:
            self._next_look.cancel()
        for client in list(self._clients):
            client.abort()
        self.pool.close()

    # For its connections

    def admit(self, client: ClientConnection) -> TooManyConnections | None:
        """Counts a new connection; what it is to be answered where there are too many."""
        self._clients.add(client)
        self._addresses[client.address] += 1
        limits = self.limits
        if len(self._clients) > limits.connections:
            self.limit_reached("connections", client)
            return TooManyConnections(f"there are {limits.connections} connections")
        if self._addresses[client.address] > limits.connections_per_client:
            self.limit_reached("connections_per_client", client)
            return TooManyConnections(
                f"there are {limits.connections_per_client} connections from this address"
            )
        return None

    def connection_closed(self, client: ClientConnection) -> None:
        """A client is gone."""
        if client not in self._clients:
            return
        self._clients.discard(client)
        self._addresses[client.address] -= 1
        if not self._addresses[client.address]:
            del self._addresses[client.address]
        self._wake()

    def may_own(self, host: str, port: int) -> bool:
        return self.snapshot.composition.authorizer.may_own(host, port)

    def first_phase(self, client: ClientConnection) -> Phase:
        """Who reads a new connection."""
        return ConnectionOpening(client)

    def tunnel_phase(self, client: ClientConnection, connect_head: bytes, end: Origin) -> Phase:
        """Who reads a tunnel to a host that a profile may own."""
        return TunnelOpening(client, connect_head, end)

    def foreign_tunnel_phase(self, client: ClientConnection, relay: Relay, end: Origin) -> Phase:
        """Who reads a tunnel to any other host."""
        return ForeignTunnelOpening(client, relay, end)

    def hand_over(self, client: ClientConnection, connect_head: bytes, data: bytes) -> None:
        """Leaves a client's connection to the mitmproxy lane; it still counts as one."""
        self._mitmproxy_lane.take(
            client.stream,
            connect_head + data,
            lambda: self.connection_closed(client),
            has_tunnel=bool(connect_head),
        )

    def relay_began(self, relay: Relay) -> None:
        self._relays.add(relay)

    def relay_ended(self, relay: Relay) -> None:
        self._relays.discard(relay)

    def handshake_failed(self, client: ClientConnection, error: Exception) -> None:
        """A client has not taken the certificate that it was shown, or broke off."""
        reason = (error.reason or "") if isinstance(error, SSLError) else ""
        if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
            self._warn(
                f"certificate {client.address}",
                "client %s does not accept our certificates: does it trust the CA?",
                client.address,
            )

    def limit_reached(self, limit: str, client: ClientConnection | None = None) -> None:
        """Counts it, and says so in the log now and then."""
        self.observer.limit_reached(limit)
        who = client.address if client is not None else "an origin"
        self._warn(limit, "the limit %s was reached, last by %s", limit, who)

    # What came of requests

    def course_ended(self, course: Course, client: ClientConnection) -> None:
        """Writes a request's line, and counts it."""
        exchange, refusal = course.exchange, course.refusal
        profile = exchange.profile.name if exchange else (refusal.profile if refusal else None)
        replayed = exchange.replayed if exchange else False
        self._write_record(
            AccessRecord(
                client.name or client.address or None,
                profile,
                text_of(course.head.origin),
                course.head.method,
                course.head.target.partition("?")[0],
                course.status,
                refusal.slug if refusal else None,
                str(exchange.event) if exchange else None,
                replayed,
                course.duration,
            ),
            time.time(),
        )
        outcome = refusal.slug if refusal else ("forwarded" if course.status is not None else "failed")
        self.observer.request_ended(profile or "", outcome, replayed=replayed)
        if self.is_draining:
            self._wake()

    def tunnel_refused(self, client: ClientConnection, end: Origin, status: int, refusal: Refusal) -> None:
        """Writes the line of a CONNECT that came to nothing."""
        origin = f"{end.host}:{end.port}"
        self._record(client, origin, "CONNECT", status, refusal)

    def refused_unread(self, client: ClientConnection, refusal: RequestMalformed) -> None:
        """Writes the line of a request that was none."""
        self._record(client, "", "", refusal.status_code, refusal)

    def _record(
        self, client: ClientConnection, origin: str, method: str, status: int, refusal: Refusal
    ) -> None:
        who = client.name or client.address or None
        record = AccessRecord(
            who, refusal.profile, origin, method, "", status, refusal.slug, None, replayed=False, duration=0.0
        )
        self._write_record(record, time.time())
        self.observer.request_ended(refusal.profile or "", refusal.slug, replayed=False)

    # Time

    def _look_after(self) -> None:
        loop = asyncio.get_running_loop()
        now = self.now = self.pool.now = loop.time()
        limits = self.limits
        # First of all: whatever fails below, there is a next time.
        self._next_look = loop.call_later(SECONDS_BETWEEN_LOOKS, self._look_after)
        for client in list(self._clients):
            client.check(now)
        for relay in list(self._relays):
            if relay.is_idle(now, limits.tunnel_idle_timeout):
                self.limit_reached("tunnel_idle_timeout")
                relay.abort()
        self.pool.look_after(now)

    def opened_tunnel(self, client: ClientConnection) -> None:
        """A client's CONNECT is answered: while the lane ends, nothing more is waited for in there."""
        if self.is_draining:
            client.end_if_idle()
            self._wake()

    def _wake(self) -> None:
        if self._under_way is not None:
            self._under_way.set()

    def _origin_is_full(self, limit: str) -> None:
        self.limit_reached(limit)

    def _warn(self, about: str, message: str, *arguments: object) -> None:
        """Logs, but about the same thing only now and then."""
        if self.now - self._warned.get(about, float("-inf")) > SECONDS_BETWEEN_WARNINGS:
            if len(self._warned) > 1000:
                self._warned.clear()
            self._warned[about] = self.now
            logger.warning(message, *arguments)
