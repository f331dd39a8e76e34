"""What one sees when debugging: mitmweb and mitmdump with our addons, each replay, and no token."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.end_to_end.servers.authlib_server import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    USERNAME,
    AuthlibServer,
)
from tests.end_to_end.servers.origin import Origin

PROJECT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def configuration(
    tmp_path: Path, proxy_defaults: dict[str, Any], authorization_server: AuthlibServer, origin: Origin
) -> Path:
    origin.accepts = authorization_server.accepts
    file = tmp_path / "grantproxy.yaml"
    grant = {
        "token_endpoint": authorization_server.token_endpoint,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    profile = {
        "match": [{"host": "127.0.0.1", "port": origin.port}],
        "credentials": {"username": USERNAME, "password": PASSWORD},
        "grant": grant,
    }
    file.write_text(yaml.safe_dump({**proxy_defaults, "profiles": {"orders": profile}}))
    return file


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith("GRANTPROXY_")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def line_with(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"{text} was not printed")


def send_twice(port: int, origin: Origin, server: AuthlibServer) -> list[int]:
    """A request with a good token, and one whose token is revoked first."""
    with httpx.Client(proxy=f"http://127.0.0.1:{port}", trust_env=False) as client:
        first = client.get(origin.url("/protected/echo")).status_code
        server.revoke_access_tokens()
        return [first, client.get(origin.url("/protected/echo")).status_code]


@pytest.mark.parametrize("reveal", [False, True], ids=["masked", "revealed"])
def test_web_shows_each_sending_and_masks_what_was_injected(
    reveal: bool, configuration: Path, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """The rejected sending is a flow of its own, and `--reveal` alone shows values."""
    port, web_port = free_port(), free_port()
    command = [sys.executable, "-m", "proxy", "web", "--config", str(configuration)]
    command += [
        "--listen",
        f"127.0.0.1:{port}",
        "--web-port",
        str(web_port),
        *(["--reveal"] if reveal else []),
    ]
    with running(*command) as process:
        line_with(process, f"listening on 127.0.0.1:{port}")
        token = line_with(process, "token=").partition("token=")[2].split()[0]
        statuses = send_twice(port, origin, authorization_server)
        answer = httpx.get(f"http://127.0.0.1:{web_port}/flows?token={token}", trust_env=False)

    flows = answer.json()
    assert statuses == [200, 200]
    assert sorted(flow["response"]["status_code"] for flow in flows) == [200, 200, 401]
    shown = [dict(flow["request"]["headers"])["Authorization"] for flow in flows]
    assert all((value == "Bearer ***") is not reveal for value in shown)
    tokens = {request.bearer_token for request in origin.requests}
    assert all((str(value) in json.dumps(flows)) is reveal for value in tokens)


def test_mitmweb_has_the_console_beside_it(
    configuration: Path, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """With what came of the requests that went through, and what reads the configuration anew."""
    port, web_port, console_port = free_port(), free_port(), free_port()
    command = [sys.executable, "-m", "proxy", "web", "--config", str(configuration)]
    command += ["--listen", f"127.0.0.1:{port}", "--web-port", str(web_port)]
    command += ["--console", f"127.0.0.1:{console_port}"]
    with running(*command) as process:
        address = line_with(process, "console at").split()[-1]
        send_twice(port, origin, authorization_server)
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            signed_in = browser.get(address)
            page = browser.get(f"http://127.0.0.1:{console_port}/profiles/orders").text
        text = configuration.read_text()
        configuration.write_text(text.replace("orders:", "stock:"))
        process.send_signal(signal.SIGHUP)
        line_with(process, "the configuration was reloaded")
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            renamed = browser.get(address)

    assert (signed_in.status_code, renamed.status_code) == (200, 200)
    assert "orders" in signed_in.text
    assert "/protected/echo" in page
    assert "stock" in renamed.text


def test_stock_mitmdump_loads_the_addons_and_saves_no_token(
    configuration: Path, authorization_server: AuthlibServer, origin: Origin, tmp_path: Path
) -> None:
    """Invariant I4 for saved flows: the dump holds the masked field and no token."""
    port, dump = free_port(), tmp_path / "flows"
    mitmdump = str(Path(sys.executable).with_name("mitmdump"))
    command = [mitmdump, "-s", "addons/script.py", "--set", f"grantproxy_config={configuration}"]
    command += ["--listen-host", "127.0.0.1", "-p", str(port), "-w", str(dump)]
    with running(*command) as process:
        line_with(process, "listening at")
        statuses = send_twice(port, origin, authorization_server)

    saved = dump.read_bytes()
    tokens = {request.bearer_token for request in origin.requests}
    assert statuses == [200, 200]
    assert b"Bearer ***" in saved
    assert all(token is not None and token.encode() not in saved for token in tokens)
    assert PASSWORD.encode() not in saved
