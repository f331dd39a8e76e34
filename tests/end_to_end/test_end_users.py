"""Per-user profiles over both lanes: each end user authorizes for themselves, by a page or in a terminal."""

from __future__ import annotations

import base64
import html
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import profile
from tests.end_to_end.lanes import on_one_lane
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.proxy_process import ProxyProcess, grantproxy_command, proxy_environment
from tests.end_to_end.servers.raw_origin import RawConnection, RawOrigin

ALICE, BOB, GATEWAY = "alice", "bob", "gateway"
PASSWORDS = {name: f"p&{secrets.token_hex(8)}ü" for name in (ALICE, BOB, GATEWAY)}
SECRETS = {name: secrets.token_hex(8) for name in (ALICE, BOB, GATEWAY)}
PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def server(make_authorization_server: Callable[..., AuthlibServer]) -> AuthlibServer:
    """It knows each of the end users."""
    return make_authorization_server(users=dict(PASSWORDS))


@pytest.fixture
def configuration(server: AuthlibServer) -> Callable[..., dict[str, Any]]:
    def make(origin: Origin, host: str = "127.0.0.1", **more: Any) -> dict[str, Any]:
        settings = {"mode": "per_user", "credentials": {}, **more}
        return {
            "console": "127.0.0.1:0",
            "end_user_header": "X-End-User",
            "clients": {name: {"secret": secret} for name, secret in SECRETS.items()},
            "profiles": {"orders": profile(server, origin, host, **settings)},
        }

    return make


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    """Reaches the console without the proxy, as a person's does."""
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def credentials(name: str) -> tuple[str, str]:
    return name, SECRETS[name]


def entered(name: str, **more: str) -> dict[str, str]:
    return {"username": name, "password": PASSWORDS[name], **more}


def authorize(browser: httpx.Client, url: str, **fields: str) -> httpx.Response:
    """Fills in the page behind a link, and sends it to where its form says."""
    action = re.search(r'<form method="post" action="([^"]+)"', browser.get(url).text)
    assert action is not None
    return browser.post(httpx.URL(url).join(html.unescape(action[1])), data=fields)


def token_of(origin: Origin) -> str:
    """What the last request that reached the origin carried."""
    return origin.requests[-1].values("authorization")[0].partition(" ")[2]


@pytest.mark.parametrize("is_tls", [pytest.param(False, id="http"), pytest.param(True, id="https")])
def test_each_end_user_authorizes_and_gets_a_token_of_their_own(
    is_tls: bool,
    proxy: Callable[..., ProxyProcess],
    configuration: Any,
    make_origin: Callable[..., Origin],
    server: AuthlibServer,
    send: Sender,
    browser: httpx.Client,
) -> None:
    """Nothing is forwarded before; then nobody's token is another's, and no secret was printed (I2, I4)."""
    origin = make_origin(tls=is_tls)
    origin.accepts = server.accepts
    running = proxy(configuration(origin))
    tokens = {}

    for name in (ALICE, BOB):
        url = origin.url("/protected/echo")
        refused = send("httpx", running, "POST", url, credentials=credentials(name))
        assert (refused.status, refused.json()["slug"]) == (403, "authorization_required")
        done = authorize(browser, refused.json()["authorize_url"], **entered(name))
        assert done.status_code == 200
        assert name in done.text
        assert send("curl", running, "GET", url, credentials=credentials(name)).status == 200
        tokens[name] = token_of(origin)
        assert server.state.token_of(tokens[name]).username == name

    assert len(origin.requests) == 2
    assert len(set(tokens.values())) == 2
    shown = running.log_text()
    assert [
        item for item in (*PASSWORDS.values(), *SECRETS.values(), *tokens.values()) if item in shown
    ] == []
    assert running.complaints() == []


def test_a_client_names_the_end_user_and_the_origin_does_not_hear_of_it(
    proxy: Callable[..., ProxyProcess],
    configuration: Any,
    origin: Origin,
    server: AuthlibServer,
    send: Sender,
    browser: httpx.Client,
) -> None:
    """Only an authenticated one; what names them is taken out of requests that no profile owns, too."""
    running = proxy(configuration(origin))
    other = origin.url("/echo").replace("127.0.0.1", "localhost")

    def ask(url: str, user: str, client: str | None = GATEWAY) -> Any:
        headers = {"X-End-User": user}
        return send("httpx", running, "GET", url, headers, credentials=client and credentials(client))

    url = origin.url("/echo")
    authorize(browser, ask(url, ALICE).json()["authorize_url"], **entered(ALICE))

    assert ask(url, ALICE, None).status == 407
    assert ask(url, BOB).json()["slug"] == "authorization_required"
    assert ask(url, ALICE).status == 200
    assert ask(other, ALICE).status == 200
    assert [request.values("x-end-user") for request in origin.requests] == [[], []]
    assert server.state.token_of(origin.requests[0].values("authorization")[0].split()[1]).username == ALICE


def test_naming_nobody_by_a_detour_names_nobody(
    proxy: Callable[..., ProxyProcess],
    configuration: Any,
    raw_origin: Callable[..., RawOrigin],
    send: Sender,
    browser: httpx.Client,
) -> None:
    """Connection cannot take the name away before it is read, and no trailer section carries one on."""
    seen: list[bytes] = []

    async def script(connection: RawConnection) -> None:
        seen.append(await connection.read_head())
        await connection.read(len(b"2\r\nab\r\n0\r\n"))
        seen.append(await connection.read_head())
        await connection.answer("200 OK", b"done", "Connection: close")

    origin = raw_origin(script)
    running = proxy(configuration(origin))
    basic = base64.b64encode(f"{GATEWAY}:{SECRETS[GATEWAY]}".encode()).decode()
    url = f"http://127.0.0.1:{origin.port}/x"
    led = send("httpx", running, "GET", url, credentials=credentials(GATEWAY))
    authorize(browser, led.json()["authorize_url"], **entered(GATEWAY))
    common = (f"Host: 127.0.0.1:{origin.port}", f"Proxy-Authorization: Basic {basic}")

    with RawClient(running.host, running.port) as client:
        client.request(f"GET {url} HTTP/1.1", *common, "Connection: X-End-User", f"X-End-User: {ALICE}")
        nominated = client.read_answer()
    with RawClient(running.host, running.port) as client:
        chunked = ("Transfer-Encoding: chunked", "Trailer: X-End-User")
        body = f"2\r\nab\r\n0\r\nX-End-User: {ALICE}\r\nX-Sum: 1\r\n\r\n".encode()
        client.request(f"POST {url} HTTP/1.1", *common, *chunked, body=body)
        trailed = client.read_answer()

    assert nominated.json()["slug"] == "authorization_required"
    assert trailed.status == 200
    assert seen[1] == b"X-Sum: 1\r\n\r\n"
    assert ALICE.encode() not in seen[0]


def test_a_browser_is_led_to_the_page_and_back(
    proxy: Callable[..., ProxyProcess],
    configuration: Any,
    origin: Origin,
    server: AuthlibServer,
    send: Sender,
    browser: httpx.Client,
) -> None:
    """It says for whom it is, and what was wrong in plain words; what was typed stays, but passwords."""
    running = proxy(configuration(origin))
    url = origin.url("/echo?x=1")
    led = send("httpx", running, "GET", url, PERSON, credentials=credentials(ALICE))
    assert led.status == 303
    address = led.value("location") or ""

    wrong = authorize(browser, address, username=ALICE, password="wr<o>ng")
    assert wrong.status_code == 422
    assert "did not accept what you entered" in wrong.text
    assert f'value="{ALICE}"' in wrong.text
    assert "wr&lt;o" not in wrong.text
    server.fail_with(503)
    away = authorize(browser, address, **entered(ALICE))
    assert away.status_code in (422, 503)
    assert "cannot be reached" in html.unescape(away.text)
    server.recover()
    done = authorize(browser, address, **entered(ALICE))

    assert done.status_code == 200
    assert f'href="{html.escape(url)}"' in done.text
    assert send("httpx", running, "GET", url, PERSON, credentials=credentials(ALICE)).status == 200
    assert browser.get(address).status_code == 403


@on_one_lane
def test_links_hold_for_nothing_else(
    proxy: Callable[..., ProxyProcess],
    configuration: Any,
    origin: Origin,
    server: AuthlibServer,
    send: Sender,
    browser: httpx.Client,
) -> None:
    """Forged, used, of another proxy, of another site: no password is submitted, nobody gets a token."""
    running, other = proxy(configuration(origin)), proxy(configuration(origin))

    def link(of: ProxyProcess, name: str) -> str:
        answer = send("httpx", of, "GET", origin.url("/echo"), credentials=credentials(name))
        return str(answer.json()["authorize_url"])

    mine, foreign = link(running, ALICE), link(other, ALICE)
    console = f"http://{urlsplit(mine).netloc}"
    forged = [
        mine[:-3],
        f"{console}/authorize/orders?link={foreign.partition('link=')[2]}",
        mine.replace("/orders?", "/stock?"),
        f"{console}/authorize/orders",
    ]

    for url in forged:
        assert browser.get(url).status_code == 403
        assert browser.post(url, data=entered(ALICE)).status_code == 403
    data = entered(ALICE)
    assert browser.post(mine, data=data, headers={"Origin": "https://evil.example"}).status_code == 403
    assert browser.post(mine, data=data, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert server.requests == 0
    assert browser.post(mine, data=data).status_code == 200
    assert browser.post(mine, data=data).status_code == 403

    assert server.requests == 1
    assert send("httpx", running, "GET", origin.url("/echo"), credentials=credentials(BOB)).status == 403


@on_one_lane
def test_an_end_user_who_does_not_consent_is_asked_again(
    proxy: Callable[..., ProxyProcess],
    configuration: Any,
    origin: Origin,
    server: AuthlibServer,
    send: Sender,
    browser: httpx.Client,
) -> None:
    """Once the refresh token has died; who consents is not, and their password is submitted by itself."""
    origin.accepts = server.accepts
    running = proxy(configuration(origin))
    url = origin.url("/protected/echo")

    def ask(name: str) -> Any:
        return send("httpx", running, "GET", url, credentials=credentials(name))

    authorize(browser, ask(ALICE).json()["authorize_url"], **entered(ALICE))
    authorize(browser, ask(BOB).json()["authorize_url"], **entered(BOB, consent="true"))
    assert [ask(ALICE).status, ask(BOB).status] == [200, 200]
    server.revoke_access_tokens()
    server.kill_refresh_tokens()

    assert [ask(ALICE).status, ask(BOB).status] == [403, 200]
    assert running.access_log(6)[-1]["token"] == "password"


@on_one_lane
def test_entering_in_a_terminal_does_the_same(
    proxy: Callable[..., ProxyProcess],
    configuration: Any,
    origin: Origin,
    server: AuthlibServer,
    send: Sender,
    test_ca: Any,
) -> None:
    """For the running proxy, and by a pipe where there is no terminal; the console need not be there."""
    running = proxy({**configuration(origin), "console": None})
    refused = send("httpx", running, "GET", origin.url("/echo"), PERSON, credentials=credentials(ALICE))
    assert "authorize_url" not in refused.json()
    assert "grantproxy authorize orders --user alice" in refused.json()["detail"]

    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [*grantproxy_command(), *arguments, "--config", str(running.config_file)]
        command += ["--listen", f"{running.host}:{running.port}"]
        environment = proxy_environment(test_ca, {})
        return subprocess.run(
            command, input=given, env=environment, capture_output=True, text=True, timeout=60
        )

    wrong = run("authorize", "orders", "--user", ALICE, given="username=alice\npassword=no\n")
    right = f"username=alice\npassword={PASSWORDS[ALICE]}\n"
    done = run("authorize", "orders", "--user", ALICE, "--consent", given=right)
    held = run("tokens", "--user", ALICE)

    assert (wrong.returncode, done.returncode) == (1, 0), done.stderr
    assert "did not accept" in wrong.stderr
    assert "alice has authorized" in done.stdout
    assert send("httpx", running, "GET", origin.url("/echo"), credentials=credentials(ALICE)).status == 200
    assert re.search(r"orders\s+alice\s+valid", held.stdout)
    cleared = run("tokens", "clear", "orders", "--user", ALICE)
    assert "1 forgotten" in cleared.stdout
    assert send("httpx", running, "GET", origin.url("/echo"), credentials=credentials(ALICE)).status == 403
    everything = "".join(item.stdout + item.stderr for item in (wrong, done, held, cleared))
    assert PASSWORDS[ALICE] not in everything + running.log_text()


@on_one_lane
def test_without_clients_there_is_one_end_user(
    proxy: Callable[..., ProxyProcess],
    configuration: Any,
    origin: Origin,
    send: Sender,
    browser: httpx.Client,
) -> None:
    """Whoever reaches a loopback listener; a name that nobody vouches for is not believed."""
    config = configuration(origin)
    del config["clients"]
    running = proxy(config)
    url, named = origin.url("/echo"), {"X-End-User": ALICE}

    page = browser.get(send("httpx", running, "GET", url, named).json()["authorize_url"]).text
    assert "local" in page
    authorize(browser, send("httpx", running, "GET", url).json()["authorize_url"], **entered(ALICE))

    assert send("httpx", running, "GET", url, named).status == 200
    assert "warning" in running.log_text()
