"""Health and metrics, without sign-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from profiles.errors import TokenRequestRejected
from tests.proxy.console.conftest import SENTINELS

Watch = Callable[..., Any]


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_process_that_answers_is_alive(watch: Watch) -> None:
    """Ready or not."""
    watched = watch()
    watched.proxy.is_ready = False
    async with watched.client() as client:
        answer = await client.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_it_is_ready_while_it_takes_requests(watch: Watch) -> None:
    """An orchestrator sends nothing to one that drains."""
    watched = watch()
    async with watched.client() as client:
        before = await client.get("/readyz")
        watched.proxy.is_ready = False
        after = await client.get("/readyz")

    assert (before.status_code, after.status_code) == (200, 503)


async def test_metrics_tell_what_was_counted(watch: Watch) -> None:
    """By profile, grant and outcome, and with the state of tokens and guards."""
    watched = watch()
    tallies = watched.composition.tallies
    tallies.request_ended("orders", "forwarded", replayed=True)
    tallies.token_requested("orders", "refresh", "granted", 0.03)
    tallies.authorization_took(0.0002)
    tallies.limit_reached("header_timeout")
    await watched.use()
    async with watched.client() as client:
        answer = await client.get("/metrics")

    found = samples(answer.text)
    orders = ("profile", "orders")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert found["grantproxy_requests_total", (("outcome", "forwarded"), orders)] == 1
    assert found["grantproxy_replays_total", (orders,)] == 1
    granted = (("grant", "refresh"), ("outcome", "granted"), orders)
    assert found["grantproxy_token_requests_total", granted] == 1
    assert found["grantproxy_token_request_seconds_bucket", (("le", "0.025"), orders)] == 0
    assert found["grantproxy_token_request_seconds_bucket", (("le", "0.05"), orders)] == 1
    assert found["grantproxy_token_request_seconds_count", (orders,)] == 1
    assert found["grantproxy_added_latency_seconds_count", ()] == 1
    assert found["grantproxy_limits_reached_total", (("limit", "header_timeout"),)] == 1
    assert found["grantproxy_tokens", (orders,)] == 1
    assert 3500 < found["grantproxy_token_expiry_seconds", (orders,)] <= 3600
    assert found["grantproxy_credentials_locked", (orders,)] == 0
    assert found["grantproxy_profiles", ()] == 1
    assert {name for name, _ in found if not name.startswith("grantproxy_")} == set()


async def test_metrics_show_a_guard_that_is_closed(watch: Watch) -> None:
    """The one state in which somebody has to do something."""
    watched = watch()
    watched.grants.refusal = TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
    with pytest.raises(TokenRequestRejected):
        await watched.use()
    async with watched.client() as client:
        answer = await client.get("/metrics")

    assert samples(answer.text)["grantproxy_credentials_locked", (("profile", "orders"),)] == 1


async def test_no_label_names_a_token_a_user_a_tenant_or_a_path(watch: Watch) -> None:
    """Invariant I4, and a bounded number of series."""
    watched = watch(
        {
            "match": [{"host": "{tenant}.localhost", "port": 9000, "path": "/api/**"}],
            "grant": {"token_endpoint": "http://{tenant}.localhost:9001/token"},
        }
    )
    await watched.use(captures=(("tenant", "acme"),))
    async with watched.client() as client:
        answer = await client.get("/metrics")

    labels = {name for _, labels in samples(answer.text) for name, _ in labels}
    assert labels <= {"profile", "grant", "outcome", "le"}
    assert [text for text in (*SENTINELS, "acme", "bot", "/api") if text in answer.text] == []
