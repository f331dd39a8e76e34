"""The express lane without a network: clients and origins are streams whose other end is the test."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import yaml
from mitmproxy.certs import CertStore

from profiles.access_records import AccessRecord
from profiles.authorization import Authorizer
from profiles.errors import Refusal
from profiles.requests import Origin
from profiles.tokens import Subject
from proxy.composition import Composition, compose
from proxy.configuration_files import load_configuration
from proxy.express.client_connection import ClientConnection
from proxy.express.dialling import Dialled
from proxy.express.handover import MitmproxyLane
from proxy.express.lane import ExpressLane
from proxy.express.pool import OriginPool
from proxy.express.tls_stream import ByteStream
from proxy.express.ways import Way
from tests.profiles.token_ground import Server
from tests.proxy.express.memory_streams import MemoryStream

ORDERS = {
    "match": [{"host": "api.test"}],
    "credentials": {"username": "bot", "password": "hunter2"},
    "grant": {"token_endpoint": "https://login.test/token"},
    "allow_cleartext": True,
}
"""A profile that owns api.test; any other host is nobody's."""


def composed(folder: Path, server: Server, profile: dict[str, Any], **settings: Any) -> Composition:
    """A configuration as a user writes it, whose tokens come from *server*."""
    file = folder / "grantproxy.yaml"
    file.write_text(yaml.safe_dump({"profiles": {"orders": ORDERS | profile}, **settings}))
    file.chmod(0o600)
    composition = compose(load_configuration(file, environ={}, cwd=folder), environ={})

    def subject_of(profile: Any, captures: Any, _user: str) -> Subject:
        return dataclasses.replace(composition.subject_of(profile, captures), grants=server)

    authorizer = Authorizer(
        composition.index,
        composition.tokens,
        subject_of,
        refuse_unmatched=settings.get("unmatched") == "refuse",
        allowed=composition.authorizer._allowed,
        clients=composition.authorizer._clients,
    )
    return dataclasses.replace(composition, authorizer=authorizer)


class Observer:
    """Counts what it is told of."""

    def __init__(self) -> None:
        self.limits: list[str] = []
        self.outcomes: list[str] = []

    def limit_reached(self, limit: str) -> None:
        self.limits.append(limit)

    def request_ended(self, profile: str, outcome: str, *, replayed: bool) -> None:
        self.outcomes.append(outcome)

    def authorization_took(self, seconds: float) -> None:
        pass

    def token_requested(self, profile: str, grant: str, outcome: str, seconds: float) -> None:
        pass


@dataclasses.dataclass
class HandedOver:
    """What the other lane was given."""

    stream: ByteStream
    received: bytes
    on_end: Callable[[], None]
    has_tunnel: bool


class OtherLane:
    """Keeps what is handed over to it."""

    def __init__(self) -> None:
        self.taken: list[HandedOver] = []

    def take(
        self, stream: ByteStream, received: bytes, on_end: Callable[[], None], *, has_tunnel: bool
    ) -> None:
        self.taken.append(HandedOver(stream, received, on_end, has_tunnel))


class LaneInMemory:
    """A real lane, pool and domain. `origins` are the connections that were dialled, in their order."""

    def __init__(
        self, composition: Composition, store: CertStore | None = None, server: Server | None = None
    ) -> None:
        self.server = server
        """Who gives the tokens."""
        self.observer = Observer()
        self.other = OtherLane()
        self.records: list[AccessRecord] = []
        self.origins: list[MemoryStream] = []
        self.dialled: list[tuple[Origin, Way]] = []
        self.dial_refusal: Refusal | None = None
        self.dialled_with = (b"", False)
        """What comes of an origin before it is asked, and whether that is all."""
        self.may_dial = asyncio.Event()
        self.may_dial.set()
        self.lane = ExpressLane(
            composition,
            cast("CertStore", store),
            cast("MitmproxyLane", self.other),
            lambda record, _: self.records.append(record),
            self.observer,
        )
        self.lane.pool = OriginPool(self.lane.limits, self.lane.limit_reached, dial=self._dial)
        self.pass_time(1000)

    def connect(self, peer: str = "192.0.2.1") -> MemoryStream:
        """A new client."""
        connection = ClientConnection(self.lane)
        stream = MemoryStream(connection, peer=peer)
        connection.connection_made(cast("asyncio.BaseTransport", stream))
        return stream

    @property
    def origin(self) -> MemoryStream:
        """The only connection to an origin."""
        (origin,) = self.origins
        return origin

    @property
    def limit_names(self) -> list[str]:
        return self.observer.limits

    def pass_time(self, seconds: float) -> None:
        """Has the clock go on, and everything looked after."""
        lane = self.lane
        lane.now += seconds
        lane.pool.now = lane.now
        for client in list(lane._clients):
            client.check(lane.now)
        lane.pool.look_after(lane.now)

    async def _dial(self, origin: Origin, way: Way, seconds: float) -> Dialled:
        self.dialled.append((origin, way))
        await self.may_dial.wait()
        if self.dial_refusal is not None:
            raise self.dial_refusal
        stream = MemoryStream()
        self.origins.append(stream)
        return Dialled(stream, *self.dialled_with)


MakeLane = Callable[..., LaneInMemory]


async def settle(turns: int = 30) -> None:
    """Lets come what comes without anybody's doing, within so many turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
