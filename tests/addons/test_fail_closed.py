"""A deciding hook that fails refuses its flow."""

from __future__ import annotations

import asyncio
import json
import secrets

import pytest
from mitmproxy import http
from mitmproxy.test import taddons, tflow

from addons.fail_closed import fail_closed
from addons.flows import refusal_of
from profiles.errors import CleartextRefused, Refusal

SECRET = secrets.token_hex(8)


class Deciding:
    """An addon whose hook raises what it is told to."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    @fail_closed
    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        pytest.param(
            CleartextRefused("without TLS", profile="orders"), 403, "cleartext_refused", id="refusal"
        ),
        pytest.param(RuntimeError(SECRET), 500, "internal_error", id="foreign"),
        pytest.param(AssertionError(SECRET), 500, "internal_error", id="assertion"),
        pytest.param(KeyError(SECRET), 500, "internal_error", id="lookup"),
        pytest.param(RecursionError(SECRET), 500, "internal_error", id="recursion"),
        pytest.param(TimeoutError(SECRET), 500, "internal_error", id="time-out"),
    ],
)
async def test_whatever_is_raised_answers_the_flow(
    error: Exception, status: int, slug: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Invariant I2: mitmproxy would log the exception and forward the request; its text goes nowhere."""
    flow = tflow.tflow()

    await Deciding(error).requestheaders(flow)

    refusal = refusal_of(flow)
    assert refusal is not None
    assert flow.response is not None
    assert (flow.response.status_code, refusal.slug) == (status, slug)
    assert SECRET not in (flow.response.text or "")
    assert SECRET not in caplog.text


async def test_a_foreign_exception_is_logged_by_its_type_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Enough to find it, nothing that it may carry."""
    await Deciding(ValueError(SECRET)).requestheaders(tflow.tflow())

    assert [record.getMessage() for record in caplog.records] == [
        "Deciding.requestheaders failed: ValueError"
    ]
    assert caplog.records[0].exc_info is None


async def test_a_refusal_is_no_failure_and_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An outcome that we choose belongs into the access log."""
    await Deciding(Refusal("no")).requestheaders(tflow.tflow())

    assert caplog.records == []


async def test_mitmproxy_sees_no_exception() -> None:
    """Run by mitmproxy's own addon manager, the flow ends answered."""
    addon, flow = Deciding(RuntimeError(SECRET)), tflow.tflow()
    with taddons.context(addon) as tctx:
        await tctx.cycle(addon, flow)

    assert flow.response is not None
    assert json.loads(flow.response.content or b"")["status"] == 500


async def test_a_cancelled_hook_stays_cancelled() -> None:
    """A client that leaves cancels what waits for it: that is no failure to be answered."""
    flow = tflow.tflow()

    with pytest.raises(asyncio.CancelledError):
        await Deciding(asyncio.CancelledError()).requestheaders(flow)

    assert flow.response is None
