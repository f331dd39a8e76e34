"""Asks connectors for a way before anybody needs one: at the start of the proxy, and for `check --online`."""

from __future__ import annotations

import asyncio
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from profiles.connector_handshakes import handshake_with
from profiles.connectors import Connector, reason_of
from profiles.errors import ConnectorUnavailable, Refusal
from profiles.origins import DEFAULT_PORTS
from profiles.placeholders import MissingValue
from profiles.profile import Profile
from proxy.composition import Composition

SECONDS = 10.0
"""How long a connector may take to give a way."""


class Checked(NamedTuple):
    """What became of a check; `failure` is None where the connector is available."""

    profile: str
    connector: Connector
    failure: ConnectorUnavailable | None


async def check_connectors(composition: Composition) -> list[Checked]:
    """Asks each profile's connector for the way that its token requests take."""
    profiles = [item for item in composition.profiles.values() if item.connector is not None]
    return list(await asyncio.gather(*(_check(item, composition.verify) for item in profiles)))


async def note_unavailable(composition: Composition) -> None:
    """Checks the connectors of which nothing is known yet; the log says which cannot be used."""
    unknown = {connector for connector in composition.connectors if connector.condition.available is None}
    if not unknown:
        return
    for _, connector, failure in await check_connectors(composition):
        # It may have been used meanwhile, and what that has shown is newer.
        if connector in unknown and connector.condition.available is None:
            if failure is None:
                connector.reached()
            else:
                connector.failed(failure)


async def _check(profile: Profile, verify: ssl.SSLContext) -> Checked:
    assert profile.connector is not None
    failure = None
    try:
        async with asyncio.timeout(SECONDS):
            await _ask(profile.connector, verify, _target_of(profile))
    except ConnectorUnavailable as unavailable:
        failure = unavailable
    except TimeoutError:
        failure = ConnectorUnavailable("does not answer in time")
    except (OSError, asyncio.IncompleteReadError) as error:
        failure = ConnectorUnavailable(reason_of(str(error)))
    return Checked(profile.name, profile.connector, failure)


async def _ask(connector: Connector, verify: ssl.SSLContext, target: tuple[str, int] | None) -> None:
    """Connects, and where there is a *target* asks for a tunnel to it, which nothing is sent through."""
    context = verify if connector.scheme == "https" else None
    reader, writer = await asyncio.open_connection(connector.host, connector.port, ssl=context)
    try:
        if target is None:
            return
        handshake = handshake_with(connector, *target)
        writer.write(handshake.start())
        while not handshake.is_done:
            received = await reader.read(4096)
            if not received:
                raise ConnectorUnavailable("closed the connection")
            writer.write(handshake.receive(received))
    finally:
        writer.close()


def _target_of(profile: Profile) -> tuple[str, int] | None:
    """Where token requests need a tunnel to; None where they need none, or a request has to say where."""
    endpoint = profile.grant.password.endpoint
    assert profile.connector is not None
    if endpoint.scheme != "https" and profile.connector.scheme != "socks5":
        return None
    try:
        parts = urlsplit(endpoint.render(profile.values({})))
    except (MissingValue, ValueError, Refusal):
        return None
    return parts.hostname or "", parts.port or DEFAULT_PORTS[endpoint.scheme]
