"""The narrated demo: a real authorization server, an API that demands its tokens, and the proxy in front."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from rich.console import Console

from proxy.demo import serve_in_thread
from proxy.demo.authorization_server import AuthorizationServer, DemoClient, create_authorization_server
from proxy.demo.protected_api import ProtectedApi, create_protected_api

SECONDS_TO_START = 30
AT_ONCE = 50
ACCESS_LIFETIME = 3.0
"""Seconds; short, so that the demo can wait for an expiry."""


@dataclass
class Scene:
    """What the steps of the story act on. `direct` goes past the proxy, `proxied` through it."""

    server: AuthorizationServer
    api: ProtectedApi
    api_url: str
    proxy_url: str
    direct: httpx.Client
    proxied: httpx.Client
    memory: dict[str, Any] = field(default_factory=dict)

    def asked(self, grant_type: str) -> int:
        """How many token requests of a grant type have arrived so far."""
        return self.server.token_requests[grant_type]


@dataclass(frozen=True)
class Step:
    """One sentence of the story, and the act that shows it true: it returns what was seen."""

    sentence: str
    act: Callable[[Scene], tuple[bool, str]]


def run_demo(*, keep: bool = False) -> int:
    """Plays the story and gives the exit status: 0 when every step went as expected."""
    console = Console(highlight=False, soft_wrap=True)
    console.print("grantproxy demo: an authorization server, an API, and a proxy between it and a bot\n")
    with _scene() as scene:
        console.print(f"  the API               {scene.api_url}")
        console.print(f"  grantproxy            {scene.proxy_url}\n")
        expected = 0
        for number, step in enumerate(STEPS, 1):
            holds, seen = _outcome_of(step, scene)
            expected += holds
            mark = "[green]ok[/green]" if holds else "[red]NOT AS EXPECTED[/red]"
            console.print(f"{number:2}. {step.sentence}\n      {seen}  {mark}")
        console.print(f"\n{expected} of {len(STEPS)} steps as expected", soft_wrap=True)
        if keep:
            _keep(console, scene)
    return 0 if expected == len(STEPS) else 1


def _outcome_of(step: Step, scene: Scene) -> tuple[bool, str]:
    try:
        return step.act(scene)
    except (httpx.HTTPError, KeyError, ValueError) as error:
        return False, f"failed: {type(error).__name__}"


def _keep(console: Console, scene: Scene) -> None:
    console.print(f"\nstill running; try: curl -x {scene.proxy_url} {scene.api_url}/api/me\nCtrl-C ends it")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


@contextlib.contextmanager
def _scene() -> Iterator[Scene]:
    """The servers in threads, the proxy as the process that a user would start."""
    password, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    server = create_authorization_server(
        users={"bot": password},
        clients=[DemoClient("demo-client", secret)],
        access_lifetime=ACCESS_LIFETIME,
        extra_members={"account_id": "4711", "api_key": secrets.token_urlsafe(8)},
    )
    api = create_protected_api(server)
    with (
        contextlib.ExitStack() as stack,
        tempfile.TemporaryDirectory(prefix="grantproxy-demo-") as folder,
    ):
        token_url = stack.enter_context(serve_in_thread(server.app))
        api_url = stack.enter_context(serve_in_thread(api.app))
        file = Path(folder) / "grantproxy.yaml"
        configuration = _configuration(folder, token_url, api_url)
        file.write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
        environ = {**_own_environment(), "DEMO_PASSWORD": password, "DEMO_SECRET": secret}
        proxy_url = stack.enter_context(_running_proxy(file, environ))
        direct = stack.enter_context(httpx.Client(trust_env=False))
        proxied = stack.enter_context(httpx.Client(trust_env=False, proxy=proxy_url, timeout=30))
        yield Scene(server, api, api_url, proxy_url, direct, proxied)


def _own_environment() -> dict[str, str]:
    """The user's environment without their own configuration of grantproxy."""
    return {key: value for key, value in os.environ.items() if not key.upper().startswith("GRANTPROXY_")}


def _configuration(folder: str, token_url: str, api_url: str) -> dict[str, Any]:
    port = int(api_url.rpartition(":")[2])
    grant = {
        "token_endpoint": f"{token_url}/oauth/token",
        "client_id": "demo-client",
        "client_secret": "${env:DEMO_SECRET}",
    }
    bearer = {"in": "header", "key": "Authorization", "value": "Bearer {{access_token}}"}
    credentials = {"username": "bot", "password": "${env:DEMO_PASSWORD}"}
    return {
        "listen": "127.0.0.1:0",
        "console": None,
        "state_dir": f"{folder}/state",
        "ca_dir": f"{folder}/ca",
        "profiles": {
            "demo": {
                "match": [{"host": "127.0.0.1", "port": port, "path": "/api/**"}],
                "credentials": credentials,
                "grant": grant,
            },
            "four-places": {
                "match": [{"host": "127.0.0.1", "port": port, "path": "/accounts/**"}],
                "credentials": credentials,
                "grant": grant,
                "fields": [
                    bearer,
                    {"in": "query", "key": "api_key", "value": "{{token.api_key}}"},
                    {"in": "payload", "key": "customer.id", "value": "{{username}}"},
                    {"in": "path", "key": "accountId", "value": "{{token.account_id}}"},
                ],
            },
            "wrong-password": {
                "match": [{"host": "localhost", "port": port}],
                "credentials": {"username": "bot", "password": "not the password"},
                "grant": grant,
            },
        },
    }


@contextlib.contextmanager
def _running_proxy(file: Path, environ: dict[str, str]) -> Iterator[str]:
    """`grantproxy serve` as a process; yields its URL."""
    command = [sys.executable, "-m", "proxy", "serve", "--config", str(file)]
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [environ.get("PYTHONPATH")])])
    with subprocess.Popen(  # noqa: S603  -- our own command
        command,
        env={**environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("listening on "):
                raise RuntimeError("the proxy did not start")
            yield "http://" + line.removeprefix("listening on ").strip()
        finally:
            process.terminate()
            try:
                process.wait(SECONDS_TO_START)
            except subprocess.TimeoutExpired:
                process.kill()


def _refuses_bare(scene: Scene) -> tuple[bool, str]:
    answer = scene.direct.get(f"{scene.api_url}/api/me")
    return answer.status_code == 401, f"{answer.status_code} {answer.headers.get('www-authenticate', '')}"


def _succeeds_through_proxy(scene: Scene) -> tuple[bool, str]:
    answer = scene.proxied.get(f"{scene.api_url}/api/me")
    return answer.status_code == 200 and answer.json()[
        "user"
    ] == "bot", f"{answer.status_code} {answer.text.strip()}"


def _arrives_in_four_places(scene: Scene) -> tuple[bool, str]:
    url = f"{scene.api_url}/accounts/{{accountId}}/orders?page=2"
    answer = scene.proxied.post(url, json={"customer": {"name": "Ada"}, "total": 1.50})
    seen = answer.json()
    holds = (
        seen["header"]["Authorization"].startswith("Bearer")
        and "api_key" in seen["query"]
        and seen["query"]["page"] == "2"
        and seen["payload"] == {"customer": {"name": "Ada", "id": "bot"}, "total": 1.5}
        and seen["path"] == {"account_id": "4711"}
    )
    places = "header Authorization, query api_key, payload customer.id, path accountId"
    return holds, f"{answer.status_code}, arrived: {places}"


def _one_token_request_for_many(scene: Scene) -> tuple[bool, str]:
    scene.server.kill_refresh_tokens()
    _wait_for_expiry()
    before = sum(scene.server.token_requests.values()) - scene.server.refused_token_requests.total()

    async def at_once() -> list[int]:
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(
            trust_env=False, proxy=scene.proxy_url, limits=limits, timeout=30
        ) as client:
            answers = await asyncio.gather(*(client.get(f"{scene.api_url}/api/me") for _ in range(AT_ONCE)))
            return [answer.status_code for answer in answers]

    statuses = asyncio.run(at_once())
    granted = sum(scene.server.token_requests.values()) - scene.server.refused_token_requests.total() - before
    return statuses == [
        200
    ] * AT_ONCE and granted == 1, f"{statuses.count(200)} answers 200, {granted} token granted"


def _refreshes_after_expiry(scene: Scene) -> tuple[bool, str]:
    _wait_for_expiry()
    before = scene.asked("refresh_token"), scene.asked("password")
    answer = scene.proxied.get(f"{scene.api_url}/api/me")
    after = scene.asked("refresh_token"), scene.asked("password")
    holds = answer.status_code == 200 and after == (before[0] + 1, before[1])
    return (
        holds,
        f"{answer.status_code}, {after[0] - before[0]} refresh grant, {after[1] - before[1]} password grants",
    )


def _password_takes_over(scene: Scene) -> tuple[bool, str]:
    scene.server.kill_refresh_tokens()
    _wait_for_expiry()
    before = scene.asked("password")
    answer = scene.proxied.get(f"{scene.api_url}/api/me")
    asked = scene.asked("password") - before
    return answer.status_code == 200 and asked == 1, f"{answer.status_code}, {asked} password grant"


def _replay_hides_revocation(scene: Scene) -> tuple[bool, str]:
    scene.proxied.get(f"{scene.api_url}/api/me")
    scene.server.revoke_access_tokens()
    before = scene.api.answers[401], scene.api.answers[200]
    answer = scene.proxied.post(f"{scene.api_url}/api/echo", json={"kept": "intact"})
    rejected, accepted = scene.api.answers[401] - before[0], scene.api.answers[200] - before[1]
    holds = answer.status_code == 200 and answer.json()["payload"] == {"kept": "intact"}
    seen = f"the API answered {rejected} x 401 and {accepted} x 200, the bot saw {answer.status_code}"
    return holds and (rejected, accepted) == (1, 1), seen


def _wrong_password_once(scene: Scene) -> tuple[bool, str]:
    url = scene.api_url.replace("127.0.0.1", "localhost") + "/api/me"
    before = scene.asked("password")
    answers = [scene.proxied.get(url) for _ in range(5)]
    asked = scene.asked("password") - before
    statuses = [answer.status_code for answer in answers]
    slugs = [answer.json()["slug"] for answer in answers]
    holds = asked == 1 and slugs == ["token_request_rejected", *["credentials_locked"] * 4]
    return holds, f"5 requests answered {statuses}, the password was submitted {asked} time"


def _wait_for_expiry() -> None:
    # The lifetime is what the demo waits for here: nothing else tells that it is over.
    time.sleep(ACCESS_LIFETIME)


STEPS = (
    Step("The API refuses the bot's bare request.", _refuses_bare),
    Step(
        "The same request through the proxy succeeds: the token is had and put in.", _succeeds_through_proxy
    ),
    Step("Values arrive in header, query, payload and path.", _arrives_in_four_places),
    Step(f"{AT_ONCE} requests at once on a cold token cause one token request.", _one_token_request_for_many),
    Step("The access token expires, and is refreshed.", _refreshes_after_expiry),
    Step("The refresh token dies, and the password grant takes over.", _password_takes_over),
    Step("The token is revoked early, and one replay hides it, body and all.", _replay_hides_revocation),
    Step("A wrong password is submitted once; then the proxy answers for itself.", _wrong_password_once),
)
