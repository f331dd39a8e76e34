"""Configured clients get through, and what they say to the proxy ends there."""

from __future__ import annotations

import base64

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addons.flows import client_name_of, refusal_of
from addons.proxy_authentication import ProxyAuthentication
from profiles.clients import Clients
from profiles.secret_hashes import hash_secret

SECRET = "s3cret:with colon"


def basic(name: str, secret: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"


def flow_with(*values: str, method: str = "GET", like: http.HTTPFlow | None = None) -> http.HTTPFlow:
    flow = tflow.tflow(client_conn=like.client_conn if like else None)
    flow.request.method = method
    flow.request.headers.set_all("Proxy-Authorization", values)
    return flow


@pytest.fixture
def demanding() -> ProxyAuthentication:
    return ProxyAuthentication(Clients({"bot-1": SECRET}))


async def pass_by(addon: ProxyAuthentication, flow: http.HTTPFlow) -> http.Response | None:
    """The answer of the addon to a request or a CONNECT."""
    await (addon.http_connect if flow.request.method == "CONNECT" else addon.requestheaders)(flow)
    return flow.response


@pytest.mark.parametrize("method", ["GET", "CONNECT"])
@pytest.mark.parametrize(
    "values",
    [
        pytest.param((), id="none"),
        pytest.param((basic("bot-1", "wrong"),), id="wrong-secret"),
        pytest.param((basic("bot-2", SECRET),), id="unknown-name"),
        pytest.param((basic("BOT-1", SECRET),), id="other-case"),
        pytest.param((basic("bot-1", ""),), id="empty-secret"),
        pytest.param(("Basic !!!",), id="no-base64"),
        pytest.param(("Basic",), id="scheme-alone"),
        pytest.param((basic("bot-1", SECRET, "Bearer"),), id="other-scheme"),
    ],
)
async def test_whoever_is_no_client_is_challenged(
    demanding: ProxyAuthentication, method: str, values: tuple[str, ...]
) -> None:
    """407 with a challenge (RFC 9110 section 11.7.1), on plain requests and on CONNECT."""
    answer = await pass_by(demanding, flow_with(*values, method=method))

    assert answer is not None
    assert answer.status_code == 407
    assert answer.headers["proxy-authenticate"].startswith("Basic realm=")
    assert SECRET not in (answer.text or "")


@pytest.mark.parametrize("method", ["GET", "CONNECT"])
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
async def test_a_client_is_known_by_its_name(
    demanding: ProxyAuthentication, method: str, scheme: str
) -> None:
    """The scheme's case does not matter (RFC 9110 section 11.1)."""
    flow = flow_with(basic("bot-1", SECRET, scheme), method=method)

    assert await pass_by(demanding, flow) is None
    assert client_name_of(flow.client_conn) == "bot-1"


@pytest.mark.parametrize("clients", [{}, {"bot-1": SECRET}], ids=["open", "demanding"])
@pytest.mark.parametrize("value", [basic("bot-1", SECRET), basic("bot-1", "wrong")], ids=["right", "wrong"])
async def test_what_is_said_to_the_proxy_is_taken_out(clients: dict[str, str], value: str) -> None:
    """Invariant I6, also where nobody asked for it, where it was refused, and for each of several fields."""
    flow = flow_with(value, value)
    flow.request.headers["PROXY-CONNECTION"] = "keep-alive"
    flow.request.headers["Accept"] = "*/*"

    await pass_by(ProxyAuthentication(Clients(clients)), flow)

    names = [name.lower() for name in flow.request.headers]
    assert [name for name in names if name.startswith("proxy-")] == []
    assert "accept" in names


async def test_inside_a_tunnel_its_connect_has_answered(demanding: ProxyAuthentication) -> None:
    """A client authenticates at CONNECT; what is inside is for the origin, and still loses the field."""
    connect = flow_with(basic("bot-1", SECRET), method="CONNECT")
    await pass_by(demanding, connect)
    inside = flow_with("Basic for-the-origin", like=connect)

    answer = await pass_by(demanding, inside)

    assert answer is None
    assert "proxy-authorization" not in inside.request.headers
    assert client_name_of(inside.client_conn) == "bot-1"


async def test_a_refused_connect_opens_nothing(demanding: ProxyAuthentication) -> None:
    """On the same connection the next plain request is asked too."""
    connect = flow_with(method="CONNECT")
    await pass_by(demanding, connect)

    answer = await pass_by(demanding, flow_with(like=connect))

    assert answer is not None
    assert answer.status_code == 407


async def test_each_request_of_a_connection_names_its_client(demanding: ProxyAuthentication) -> None:
    """Outside a tunnel nothing is remembered in the place of the field."""
    first = flow_with(basic("bot-1", SECRET))
    second = flow_with(like=first)

    answers = [await pass_by(demanding, flow) for flow in (first, second)]

    refusal = refusal_of(second)
    assert answers == [None, second.response]
    assert refusal is not None
    assert refusal.slug == "proxy_authentication_required"


@pytest.mark.parametrize("method", ["GET", "CONNECT"])
async def test_a_hashed_secret_admits_the_same_client(method: str) -> None:
    """At the first request, which waits for the check, and at the next, which does not."""
    addon = ProxyAuthentication(Clients({"bot-1": hash_secret(SECRET)}))
    flows = [flow_with(basic("bot-1", secret), method=method) for secret in (SECRET, SECRET, "wrong")]

    answers = [await pass_by(addon, flow) for flow in flows]

    assert [client_name_of(flow.client_conn) for flow in flows] == ["bot-1", "bot-1", None]
    assert [answer.status_code if answer else None for answer in answers] == [None, None, 407]


async def test_without_clients_everybody_passes() -> None:
    """An open proxy has no names."""
    flow = flow_with(basic("anyone", "x"))

    assert await pass_by(ProxyAuthentication(Clients({})), flow) is None
    assert client_name_of(flow.client_conn) is None
