"""The stage of the pictures: a proxy with its console, and behind it an authorization server and an API."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from flask import Flask, jsonify

from proxy.demo import serve_in_thread
from proxy.demo.authorization_server import AuthorizationServer, DemoClient, create_authorization_server
from proxy.demo.protected_api import create_protected_api
from tests.end_to_end.servers.certificates import make_test_ca
from tests.end_to_end.servers.proxy_process import ProxyProcess, run_proxy

HERE = Path(__file__).parent
BEGIN = 1_772_442_000.0
"""2026-03-02 09:00 UTC: a Monday."""
CLIENTS = ("erp", "ada", "grace")
CONSOLE_AT = r"console at (http://[^\s/]+)/\?token=(\S+)"


@dataclass
class Scene:
    """`url` is the console's. The clock stands still but for `pass_minutes`."""

    proxy: ProxyProcess
    url: str
    token: str = field(repr=False)
    server: AuthorizationServer
    clients: Mapping[str, httpx.Client]
    passwords: Mapping[str, str] = field(repr=False)
    clock: Path
    now: float = BEGIN

    def pass_minutes(self, minutes: float) -> None:
        self.now += 60 * minutes
        self.clock.write_bytes(struct.pack("d", self.now))

    def request(self, url: str, client: str = "erp", method: str = "GET", **options: Any) -> httpx.Response:
        """As a program sends it, through the proxy."""
        return self.clients[client].request(method, url, **options)


@contextmanager
def playing_scene() -> Iterator[Scene]:
    """Starts all of it on free ports. Every secret is made anew; no picture shows one."""
    passwords = {name: secrets.token_urlsafe(16) for name in (*CLIENTS, "bot", "client")}
    server = create_authorization_server(
        users={name: passwords[name] for name in (*CLIENTS, "bot")},
        clients=[DemoClient("bot-client", passwords["client"])],
        extra_members={"account_id": "4711"},
        access_lifetime=7200,
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grantproxy-screenshots-")))
        clock = folder / "clock"
        clock.write_bytes(struct.pack("d", BEGIN))
        ca = make_test_ca(folder, ["*.example.com", "*.tickets.example.com"])
        world = application(server)
        tls, plain = (
            stack.enter_context(serve_in_thread(world, context)) for context in (ca.server_context(), None)
        )
        environment = {
            "BOT_PASSWORD": passwords["bot"],
            "BOT_SECRET": passwords["client"],
            "CLOCK": str(clock),
            "STAGE": json.dumps({443: urlsplit(tls).port, 80: urlsplit(plain).port}),
            "PYTHONPATH": os.pathsep.join([str(HERE / "inside"), str(HERE.parents[1])]),
        }
        environment |= {f"{name.upper()}_SECRET": passwords[name] for name in CLIENTS}
        running = stack.enter_context(
            run_proxy(
                {"clients": {name: {"secret": f"${{env:{name.upper()}_SECRET}}"} for name in CLIENTS}},
                folder=configuration_folder(folder),
                defaults={
                    "listen": "127.0.0.1:0",
                    "console": "127.0.0.1:0",
                    "ca_dir": str(folder / "ca"),
                    "state_dir": str(folder / "state"),
                    "trusted_ca": str(ca.path),
                },
                test_ca=ca.path,
                env=environment,
            )
        )
        trust = ssl.create_default_context(cafile=str(running.ca_bundle))
        clients = {
            name: stack.enter_context(client_of(running, name, passwords[name], trust)) for name in CLIENTS
        }
        url, token = running.wait_for_log(CONSOLE_AT).groups()
        yield Scene(running, url, token, server, clients, passwords, clock)


def configuration_folder(folder: Path) -> Path:
    """With the profiles of the pictures in profiles.d."""
    profiles = folder / "grantproxy" / "profiles.d"
    profiles.mkdir(parents=True)
    for file in (HERE / "profiles").glob("*.yaml"):
        (profiles / file.name).write_bytes(file.read_bytes())
    return profiles.parent


def client_of(proxy: ProxyProcess, name: str, secret: str, trust: ssl.SSLContext) -> httpx.Client:
    way = httpx.Proxy(proxy.url, auth=(name, secret))
    return httpx.Client(proxy=way, verify=trust, trust_env=False, timeout=60)


def application(server: AuthorizationServer) -> Any:
    """By the Host field: the authorization server, with one endpoint of manners of its own, or the API."""
    api, newer = create_protected_api(server).app, Flask("newer_login")

    @newer.post("/v2/session")
    def session() -> Any:
        made = {"token": secrets.token_urlsafe(32), "expires_in_ms": 3_600_000}
        return jsonify(status="ok", data=made)

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if environ["HTTP_HOST"].startswith("login."):
            return (newer if path.startswith("/v2/") else server.app)(environ, start_response)
        if path.startswith("/api/") and path != "/api/me":
            environ["PATH_INFO"] = "/api/echo"  # the API is larger than the demo's
        return api(environ, start_response)

    return answer
