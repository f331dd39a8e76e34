"""What the addon tells of each request."""

from __future__ import annotations

from typing import Any

import pytest
from mitmproxy.test import tflow

from addons.authorization import Authorization
from addons.flows import passage_of, refuse
from addons.metrics import Metrics
from profiles.errors import CredentialsLocked, OriginNotAllowed
from profiles.tallies import Tallies
from tests.addons.test_authorization import flow_to


@pytest.fixture
def tallies() -> Tallies:
    return Tallies()


async def owned_flow(world: Any) -> Any:
    flow = flow_to("/api/x")
    await Authorization(world().authorizer).requestheaders(flow)
    assert flow.response is None
    return flow


async def test_a_request_of_a_profile_is_counted_under_it(world: Any, tallies: Tallies) -> None:
    """With the time between its header section and its authorization, and once."""
    flow = await owned_flow(world)
    flow.request.timestamp_start = 1000.0
    metrics = Metrics(tallies, clock=lambda: 1000.25)

    metrics.requestheaders(flow)
    metrics.response(flow)

    assert tallies.requests == {("orders", "forwarded"): 1}
    assert tallies.replays == {}
    assert (tallies.authorization_seconds.count, tallies.authorization_seconds.sum) == (1, 0.25)


async def test_a_replay_is_counted(world: Any, tallies: Tallies) -> None:
    """Beside the request, which is one however often it was sent."""
    flow = await owned_flow(world)
    passage_of(flow).exchange.replayed = True

    Metrics(tallies).response(flow)

    assert tallies.requests == {("orders", "forwarded"): 1}
    assert tallies.replays == {"orders": 1}


@pytest.mark.parametrize(
    ("refusal", "counted"),
    [
        pytest.param(OriginNotAllowed("x"), ("", "origin_not_allowed"), id="of-no-profile"),
        pytest.param(CredentialsLocked("x", profile="orders"), ("orders", "credentials_locked"), id="of-one"),
    ],
)
@pytest.mark.parametrize("hook", ["response", "http_connect_error"])
def test_a_refusal_is_counted_by_its_slug(refusal: Any, counted: Any, hook: str, tallies: Tallies) -> None:
    """At a request and at CONNECT."""
    flow = tflow.tflow()
    refuse(flow, refusal)

    getattr(Metrics(tallies), hook)(flow)

    assert tallies.requests == {counted: 1}


def test_what_no_profile_owns_has_no_profile(tallies: Tallies) -> None:
    """Forwarded as it came, or failed; the time it took is not ours."""
    metrics = Metrics(tallies)
    flows = [tflow.tflow(), tflow.tflow()]

    for flow in flows:
        metrics.requestheaders(flow)
    metrics.response(flows[0])
    metrics.error(flows[1])

    assert tallies.requests == {("", "forwarded"): 1, ("", "failed"): 1}
    assert tallies.authorization_seconds.count == 0


async def test_a_clock_that_was_set_back_is_no_negative_time(world: Any, tallies: Tallies) -> None:
    """Wall clocks are."""
    flow = await owned_flow(world)
    flow.request.timestamp_start = 1000.0

    Metrics(tallies, clock=lambda: 1.0).requestheaders(flow)

    assert tallies.authorization_seconds.sum == 0
