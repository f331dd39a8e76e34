"""What a user interface or a dump shows of an authorized flow."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from mitmproxy import http

from addons.access_log import record_of
from addons.authorization import Authorization
from addons.masking import Masking
from profiles.access_records import json_line
from tests.addons.conftest import MakeWorld
from tests.addons.test_authorization import field, flow_to

LITERAL = secrets.token_hex(8)

FIELDS = [
    field("header", "Authorization", f"Key {LITERAL} {{{{access_token}}}}"),
    field("header", "X-Fixed", LITERAL),
    field("query", "key", f"{LITERAL}-{{{{access_token}}}}"),
    field("path", "id"),
]


async def finished(
    world: MakeWorld,
    masking: Masking,
    profile: dict[str, Any],
    flow: http.HTTPFlow,
    *,
    rejected: bool = False,
) -> http.HTTPFlow:
    """The flow after its way through the hooks, in the order in which mitmproxy calls them."""
    ours = Authorization(world(profile).authorizer)
    await ours.requestheaders(flow)
    stream: Any = flow.request.stream
    if callable(stream):
        stream(flow.request.raw_content or b"")
    await ours.request(flow)
    flow.response = http.Response.make(401 if rejected else 200)
    await ours.responseheaders(flow)
    if rejected:
        masking.grantproxy_renew(flow)
        await ours.grantproxy_renew(flow)
        flow.response = http.Response.make(200)
        await ours.responseheaders(flow)
    masking.response(flow)
    return flow


async def test_the_request_is_shown_as_it_went_out_with_its_values_hidden(world: MakeWorld) -> None:
    """Where something was injected shows, and what it was does not, fixed words included (invariant I4)."""
    flow = await finished(world, Masking(), {"fields": FIELDS}, flow_to("/api/{id}?a=1"))

    assert flow.request.headers["authorization"] == "Key *** ***"
    assert flow.request.headers["x-fixed"] == "***"
    assert flow.request.path == "/api/%2A%2A%2A?a=1&key=%2A%2A%2A"
    shown = repr(flow.get_state())
    assert LITERAL not in shown
    assert "token-1" not in shown


async def test_reveal_shows_the_values(world: MakeWorld) -> None:
    """Asked for by `--reveal`, what went out is there to the letter."""
    flow = await finished(world, Masking(reveal=True), {"fields": FIELDS}, flow_to("/api/{id}?a=1"))

    assert flow.request.headers["authorization"] == f"Key {LITERAL} token-1"
    assert flow.request.path == f"/api/token-1?a=1&key={LITERAL}-token-1"


@pytest.mark.parametrize(
    ("reveal", "shown"),
    [(False, b'{"a":1,"t":"***"}'), (True, b'{"a":1,"t":"token-1"}')],
    ids=["masked", "revealed"],
)
async def test_an_injected_payload_is_shown_in_its_place(
    world: MakeWorld, reveal: bool, shown: bytes
) -> None:
    """The client's own members stay, and the length fits what is shown."""
    flow = flow_to("/api/x", ("Content-Type", "application/json"), body=b'{"a":1}')

    await finished(world, Masking(reveal=reveal), {"fields": [field("payload", "t")]}, flow)

    assert flow.request.raw_content == shown
    assert flow.request.headers["content-length"] == str(len(shown))


async def test_a_flow_says_whose_it_was(world: MakeWorld) -> None:
    """The comment names profile and token event, and no value."""
    flow = await finished(world, Masking(), {}, flow_to())

    assert flow.comment == "profile orders, token password"


async def test_a_rejected_sending_is_a_flow_of_its_own(world: MakeWorld) -> None:
    """Shown with its answer before the token is renewed, and hidden like the second."""
    shown: list[http.HTTPFlow] = []
    flow = await finished(world, Masking(show=shown.append), {}, flow_to(), rejected=True)

    (first,) = shown
    assert first.id != flow.id
    assert first.response is not None
    assert (first.response.status_code, first.request.headers["authorization"]) == (401, "Bearer ***")
    assert (first.marked, "sent once more" in first.comment) == (":repeat:", True)
    assert flow.comment == "profile orders, token refreshed, sent once more"


async def test_reveal_shows_the_token_of_each_sending(world: MakeWorld) -> None:
    """The first one's and the second one's, and not one in both."""
    shown: list[http.HTTPFlow] = []
    masking = Masking(reveal=True, show=shown.append)
    flow = await finished(world, masking, {}, flow_to(), rejected=True)

    assert shown[0].request.headers["authorization"] == "Bearer token-1"
    assert flow.request.headers["authorization"] == "Bearer token-2"


async def test_a_body_that_takes_no_mask_is_not_shown(world: MakeWorld) -> None:
    """Where the real value fitted and the mask does not, nothing of what was sent may show."""
    flow = flow_to("/api/x", ("Content-Type", "application/json"), body=b'{"own": 1}')
    ours = Authorization(world({"fields": [field("payload", "t")], "payload_limit": 25}).authorizer)
    await ours.requestheaders(flow)
    await ours.request(flow)
    # Decoded in the meantime by somebody who looked at it, the body is no JSON any more.
    flow.request.raw_content = b"token-1"
    flow.response = http.Response.make(200)

    Masking().response(flow)

    assert flow.request.raw_content == b""


@pytest.mark.parametrize("hook", ["response", "error", "grantproxy_renew"])
def test_a_flow_without_a_passage_is_left_alone(hook: str) -> None:
    """Nothing was injected, so there is nothing to hide."""
    shown: list[http.HTTPFlow] = []
    flow = flow_to("/unowned", ("Authorization", "Bearer own"))
    before = flow.get_state()

    getattr(Masking(show=shown.append), hook)(flow)

    assert flow.get_state() == before
    assert shown == []


async def test_an_error_shows_what_went_out_too(world: MakeWorld) -> None:
    """The origin broke off: the sending is masked like one that was answered."""
    flow = flow_to()
    await Authorization(world().authorizer).requestheaders(flow)

    Masking().error(flow)

    assert flow.request.headers["authorization"] == "Bearer ***"
    assert "token-1" not in json_line(record_of(flow, 0), 0)
