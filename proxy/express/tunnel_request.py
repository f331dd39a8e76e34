"""A CONNECT: who asks, and whether its tunnel is looked into, carried unseen, or refused."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from profiles.answers import answer_of
from profiles.errors import HostsDisagree, InternalError, Refusal, RequestMalformed
from profiles.requests import Origin
from proxy.express import client_holds, writing
from proxy.express.dialling import dial
from proxy.express.framing import frame_request
from proxy.express.heads import RequestStart
from proxy.express.targets import origin_of, tunnel_end_of

if TYPE_CHECKING:
    from proxy.express.client_connection import ClientConnection, Phase
    from proxy.express.lane import ExpressLane
    from proxy.express.request_reader import RequestReader

logger = logging.getLogger(__name__)


class TunnelRequest:
    """One request for a tunnel (RFC 9110 section 9.3.6)."""

    def __init__(
        self, client: ClientConnection, lane: ExpressLane, reader: RequestReader, start: RequestStart
    ) -> None:
        self._client, self._lane, self._reader, self._snapshot = client, lane, reader, lane.snapshot
        self._start = start
        self._end = Origin("", "", 0)
        self._task: asyncio.Task[None] | None = None
        self._has_ended = False
        self._keeps_alive = True

    def begin(self) -> None:
        """Decides. Raises RequestMalformed."""
        if self._client.tunnel is not None:
            raise RequestMalformed("the request asks for a tunnel within a tunnel")
        if not any(name == b"host" for name, _ in self._start.of_interest):
            # A tunnel is for whom its target says; clients of old say no more, and none of it is forwarded.
            self._start.of_interest = [*self._start.of_interest, (b"host", self._start.target)]
        framing = frame_request(self._start)
        if framing.length:
            raise RequestMalformed("a CONNECT has a body")
        self._keeps_alive = framing.keeps_alive
        self._end = tunnel_end_of(self._start.target)
        self._task = asyncio.get_running_loop().create_task(
            self._guarded(framing.hosts[0], framing.proxy_authorization)
        )

    def client_left(self) -> None:
        self._has_ended = True
        if self._task is not None:
            self._task.cancel()

    def client_takes_no_more(self) -> None:
        """Nothing much is sent here."""

    def client_takes_more(self) -> None:
        """Nothing much is sent here."""

    async def _guarded(self, host_field: bytes, credentials: bytes | None) -> None:
        try:
            await self._open(host_field, credentials)
        except Refusal as refusal:
            self._refuse(refusal)
        except Exception as error:
            logger.error("a tunnel failed: %s", type(error).__name__)  # noqa: TRY400
            self._refuse(InternalError())

    async def _open(self, host_field: bytes, credentials: bytes | None) -> None:
        composition, client, end = self._snapshot.composition, self._client, self._end
        if origin_of("https", host_field).host != end.host:
            raise HostsDisagree(f"the tunnel goes to {end.host}, Host names another")
        if composition.clients.are_demanded:
            value = None if credentials is None else credentials.decode("latin-1")
            client.name = await composition.clients.authenticate(value)
        refusal = composition.authorizer.refuse_connection(end.host, end.port)
        if refusal is not None:
            raise refusal
        if self._client_has_left():
            return
        if composition.authorizer.may_own(end.host, end.port):
            client.write(writing.ESTABLISHED)
            self._enter(self._lane.tunnel_phase(client, self._reader.head, end))
            return
        # It is opened first: its client hears of a dead end, and where the server speaks first, that works.
        seconds = self._lane.limits.connect_timeout
        dialled = await dial(end._replace(scheme="http"), self._snapshot.ways.direct, seconds)
        if self._client_has_left():
            dialled.stream.abort()
        else:
            client.write(writing.ESTABLISHED)
            relay = client.begin_relay(dialled.stream)
            self._enter(self._lane.foreign_tunnel_phase(client, relay, end))
            relay.start_second(dialled.received, has_ended=dialled.has_ended)

    def _enter(self, opening: Phase) -> None:
        """What the client says from here on is in its tunnel."""
        self._client.phase = opening
        self._client.release(client_holds.BEHIND)
        if behind := self._reader.take_behind():
            opening.receive(behind)
        self._lane.opened_tunnel(self._client)

    def _client_has_left(self) -> bool:
        return self._has_ended

    def _refuse(self, refusal: Refusal) -> None:
        if self._has_ended:
            return
        answer = answer_of(refusal)
        closes = answer.status == 400 or not self._keeps_alive
        self._client.write(writing.own_answer(answer, closes=closes, minor=self._start.minor))
        self._lane.tunnel_refused(self._client, self._end, answer.status, refusal)
        self._reader.course_ended(closes=closes, is_whole=True)
