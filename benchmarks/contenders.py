"""What runs on loopback while requests are counted: the origin, a token endpoint and the two proxies."""

from __future__ import annotations

import contextlib
import http.server
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
LOOPBACK = "127.0.0.1"
START_TIMEOUT = 60.0
"""Seconds; 10,000 profiles take a few."""
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
NGINX_CONFIGURATION = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {loopback}:{matched}; listen {loopback}:{unmatched}; listen {loopback}:{tls} ssl;
    ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
    return 200 "ok";
  }}
}}
"""
STOCK_SCRIPT = """
def request(flow):
    flow.request.headers["Authorization"] = "Bearer fixed"
"""


@dataclass(frozen=True)
class Origin:
    """Ports of one nginx: plain HTTP that a profile owns, plain HTTP that none does, TLS that one owns."""

    matched: int
    unmatched: int
    tls: int


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs: where it listens, and its process."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time so far (proc_pid_stat(5): fields 14 and 15); nan where there is no /proc."""
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return math.nan


def program(name: str) -> str:
    """The full path of an installed program, also of one in /usr/sbin, which is not on every PATH."""
    found = shutil.which(name, path=PATH)
    if found is None:
        raise SystemExit(f"{name} is not installed; make bench installs it on Debian as root")
    return found


@contextlib.contextmanager
def origin(folder: Path) -> Iterator[Origin]:
    """nginx, answering every request with two bytes."""
    certificate = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    files = ["-keyout", str(folder / "leaf.key"), "-out", str(folder / "leaf.pem")]
    subprocess.run([program("openssl"), *certificate.split(), *files], check=True, capture_output=True)
    ports = Origin(_free_port(), _free_port(), _free_port())
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, loopback=LOOPBACK, **vars(ports)))
    with _running([program("nginx"), "-c", str(configuration), "-p", str(folder)], ports.tls):
        yield ports


@contextlib.contextmanager
def stock_mitmdump(folder: Path) -> Iterator[Proxy]:
    """The contender: mitmdump as it comes, with a script that sets a fixed header."""
    script, port = folder / "stock.py", _free_port()
    script.write_text(STOCK_SCRIPT)
    options = ["-q", "-s", str(script), "--listen-host", LOOPBACK, "--listen-port", str(port)]
    options += ["--set", "ssl_insecure=true", "--set", f"confdir={folder / 'stock'}"]
    with _running([str(Path(sys.executable).with_name("mitmdump")), *options], port) as pid:
        yield Proxy(port, pid)


@contextlib.contextmanager
def grantproxy(folder: Path, ports: Origin, token_port: int, profiles: int) -> Iterator[Proxy]:
    """`grantproxy serve` with one profile for the origin among *profiles* of them."""
    credentials = {"username": "bot", "password": "benchmark"}
    rest = {
        "credentials": credentials,
        "grant": {"token_endpoint": f"http://{LOOPBACK}:{token_port}/token"},
    }
    owned = [{"host": LOOPBACK, "port": port} for port in (ports.matched, ports.tls)]
    others = {f"p{number}": {"match": [{"host": f"h{number}.test"}], **rest} for number in range(1, profiles)}
    port = _free_port()
    configuration = {
        "listen": f"{LOOPBACK}:{port}",
        "console": None,
        "state_dir": str(folder / f"state-{profiles}"),
        "ca_dir": str(folder / f"ca-{profiles}"),
        "trusted_ca": str(folder / "leaf.pem"),
        "profiles": {"origin": {"match": owned, **rest}, **others},
    }
    file = folder / f"grantproxy-{profiles}.yaml"
    file.write_text(yaml.safe_dump(configuration))
    with _running([sys.executable, "-m", "proxy", "serve", "--config", str(file)], port) as pid:
        yield Proxy(port, pid)


class _TokenEndpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Grants a token that lives for longer than the measurement."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "benchmark", "token_type": "Bearer", "expires_in": 36000}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def token_endpoint() -> Iterator[int]:
    """An authorization server that believes everybody. Yields its port."""
    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), _TokenEndpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[int]:
    """Runs a program, silenced, from when it listens on *port* until the block is left. Yields its pid."""
    nowhere = subprocess.DEVNULL
    started = subprocess.Popen(command, cwd=ROOT, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    try:
        _wait_until_listening(started, port)
        yield started.pid
    finally:
        started.terminate()
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def _wait_until_listening(started: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while started.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{started.args!r} does not listen on port {port}")
