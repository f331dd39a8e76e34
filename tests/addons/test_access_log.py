"""One line for each request: its members, and nothing that is nobody's business."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addons.access_log import AccessLog, record_of
from addons.authorization import Authorization
from addons.flows import refuse, set_client_name
from profiles.access_records import AccessRecord, json_line, readable_line
from profiles.errors import OriginUnreachable
from tests.addons.conftest import MakeWorld
from tests.addons.test_authorization import field, flow_to

SECRET = secrets.token_hex(8)


async def authorized(world: MakeWorld, path: str = "/api/x", **profile: Any) -> http.HTTPFlow:
    flow = flow_to(path)
    await Authorization(world(profile).authorizer).requestheaders(flow)
    flow.response = http.Response.make(200)
    return flow


async def test_a_request_is_recorded_as_the_client_sent_it(world: MakeWorld) -> None:
    """With what came of it, and how its token was had."""
    assert record_of(await authorized(world), 0.0123) == AccessRecord(
        client="127.0.0.1",
        profile="orders",
        origin="http://127.0.0.1:9000",
        method="POST",
        path="/api/x",
        status=200,
        refusal=None,
        token="password",
        replayed=False,
        duration=0.0123,
    )


async def test_a_client_is_named_by_its_name(world: MakeWorld) -> None:
    """Where proxy authentication knows it; its address otherwise."""
    flow = await authorized(world)
    set_client_name(flow.client_conn, "bot-1")

    assert record_of(flow, 0).client == "bot-1"


@pytest.mark.parametrize("line_of", [json_line, readable_line], ids=["json", "readable"])
async def test_no_query_and_nothing_injected_is_logged(world: MakeWorld, line_of: Any) -> None:
    """Invariant I4: a query may hold anything, the path is the client's before the token went in."""
    fields = [
        field("path", "id"),
        field("query", "key"),
        field("header", "A", f"{SECRET} {{{{access_token}}}}"),
    ]
    flow = await authorized(world, f"/api/{{id}}?q={SECRET}", fields=fields)

    line = line_of(record_of(flow, 0), 0)

    assert SECRET not in line
    assert "token-1" not in line
    assert "/api/{id}" in line


def test_a_refusal_is_logged_by_its_slug() -> None:
    """With the profile it was about, and no token."""
    flow = flow_to()
    refuse(flow, OriginUnreachable("x", profile="orders"))

    record = record_of(flow, 0)

    assert (record.status, record.refusal) == (502, "origin_unreachable")
    assert (record.profile, record.token) == ("orders", None)


def test_a_failed_request_has_no_status() -> None:
    """The client left, or the origin broke off in the middle of its answer."""
    assert record_of(tflow.tflow(err=True), 0).status is None


@pytest.mark.parametrize("hook", ["response", "error", "http_connect_error"])
def test_each_end_of_a_request_writes_one_line(hook: str) -> None:
    """Answered, failed, or refused at CONNECT."""
    lines: list[str] = []
    log = AccessLog(lambda record, at: lines.append(json_line(record, at)))
    flow = tflow.tflow(resp=True)
    log.requestheaders(flow)

    getattr(log, hook)(flow)

    (line,) = map(json.loads, lines)
    assert dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(line["time"]) < dt.timedelta(minutes=1)
    assert line["duration"] >= 0


def test_a_line_stays_one_line() -> None:
    """What a client puts into its path cannot start a line of its own."""
    flow = tflow.tflow(resp=True)
    flow.request.data.path = b"/a\n{}\x1b[2J"

    assert "\n" not in json_line(record_of(flow, 0), 0)
    assert "\x1b" not in json_line(record_of(flow, 0), 0)
