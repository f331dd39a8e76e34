"""The console as its operator has it: `grantproxy serve` profiles in profiles.d, the servers behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml
from playwright.sync_api import Page

from tests.end_to_end.clients.answers import Answer
from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import profile
from tests.end_to_end.servers.authlib_server import AuthlibServer, authlib_server
from tests.end_to_end.servers.origin import Origin, serve_origin
from tests.end_to_end.servers.proxy_process import ProxyProcess, run_proxy

CONSOLE_AT = re.compile(r"console at (http://[^\s/]+)/\?token=(\S+)")
IN_MAIN_FILE = "standing"
"""The profile that grantproxy.yaml itself holds."""


@dataclass(frozen=True)
class AddedProfile:
    """A profile of one test's own; the host is a loopback name that the proxy alone resolves."""

    name: str
    host: str
    file: Path


@dataclass
class ConsoleGround:
    """A running console. `url` has no slash at the end."""

    proxy: ProxyProcess
    url: str
    token: str = field(repr=False)
    server: AuthlibServer
    origin: Origin
    send: Sender
    _numbers: Iterator[int] = field(default_factory=count, repr=False)

    @property
    def host(self) -> str:
        """With the port."""
        return urlsplit(self.url).netloc

    @property
    def profiles_folder(self) -> Path:
        return self.proxy.config_file.with_name("profiles.d")

    def open(self, page: Page, path: str) -> None:
        page.goto(f"{self.url}{path}")

    def sign_in(self, page: Page) -> None:
        """Gives the page's context the cookie that the printed link gives: `page` is at no page yet."""
        with self.client(headers={}) as client:
            client.get(f"/sign-in?token={self.token}")
            cookies = [
                {"name": name, "value": value, "url": self.url} for name, value in client.cookies.items()
            ]
        page.context.add_cookies(cookies)

    def client(self, **options: Any) -> httpx.Client:
        """A program that signs in to the API by the token; `headers={}` has it ask without."""
        options.setdefault("headers", {"Authorization": f"Bearer {self.token}"})
        return httpx.Client(base_url=self.url, trust_env=False, timeout=10, **options)

    def new_name(self) -> str:
        """Of a profile that there has not been yet."""
        return f"orders-{next(self._numbers)}"

    def add(self, *, name: str = "", **settings: Any) -> AddedProfile:
        """Has the proxy adopt one more profile, for the authorization server and for a host of its own."""
        name = name or self.new_name()
        added = profile(self.server, self.origin, f"{name}.localhost", **settings)
        return self.add_text(name, yaml.safe_dump(added, sort_keys=False))

    def add_text(self, name: str, text: str) -> AddedProfile:
        """The same for a file as it was written by hand."""
        file = self.profiles_folder / f"{name}.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            self.reload()
        except AssertionError:
            file.unlink()  # it would be refused with the next one, too
            raise
        return AddedProfile(name, f"{name}.localhost", file)

    def reload(self) -> None:
        self.proxy.output.forget()
        self.proxy.reload()
        assert "was not reloaded" not in self.proxy.log_text(), self.proxy.log_text()

    def ask(self, added: AddedProfile, path: str = "/protected/echo", **options: Any) -> Answer:
        """A request of a bot through the proxy, to the profile's host."""
        return self.send("httpx", self.proxy, "GET", self.origin.url(path, added.host), **options)


@contextmanager
def run_console(
    folder: Path, defaults: Mapping[str, Any], test_ca: Path, **config: Any
) -> Iterator[ConsoleGround]:
    """Runs a proxy with a console on a free port, an authorization server, an origin that takes its tokens.

    The lane is the one that `serve` takes by itself: the console depends on none.
    """
    (folder / "profiles.d").mkdir(parents=True)
    defaults = {**defaults, "console": "127.0.0.1:0", "state_dir": str(folder / "state")}
    with ExitStack() as stack:
        server, origin = stack.enter_context(authlib_server()), stack.enter_context(serve_origin())
        profiles = {IN_MAIN_FILE: profile(server, origin, f"{IN_MAIN_FILE}.localhost")}
        running = stack.enter_context(
            run_proxy({"profiles": profiles, **config}, folder=folder, defaults=defaults, test_ca=test_ca)
        )
        origin.accepts = server.accepts
        url, token = running.wait_for_log(CONSOLE_AT.pattern).groups()
        yield ConsoleGround(running, url, token, server, origin, Sender(test_ca))
