"""Whom the proxies talk to: nginx, a server that reads uploads to their end, and a token endpoint."""

from __future__ import annotations

import contextlib
import grp
import http.server
import json
import os
import pwd
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from processes import LOOPBACK, free_port, program, running

TOKEN = "benchmark"
AUTHORIZATION = f"Bearer {TOKEN}"
"""What a request to a matched origin has to carry, or it is answered with 401 and ends the measurement."""
BODY_SIZE = 100_000_000
"""Bytes, of what is downloaded and uploaded."""
SMALL, BODY = "/", "/body"
CERTIFICATE = (
    "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
)
NGINX_CONFIGURATION = """
user {user}; worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
  server {{
    listen {loopback}:{matched}; listen {loopback}:{matched_tls} ssl;
    if ($http_authorization != "{authorization}") {{ return 401; }}
    location / {{ return 200 "ok"; }}
    location /body {{ root {folder}; }}
  }}
  server {{
    listen {loopback}:{unmatched}; listen {loopback}:{unmatched_tls} ssl;
    if ($http_authorization != "") {{ return 401; }}
    location / {{ return 200 "ok"; }}
    location /body {{ root {folder}; }}
  }}
}}
"""


@dataclass(frozen=True)
class Ports:
    """Where the origin listens: what a profile owns and what none does, over plain HTTP and over TLS."""

    matched: int
    matched_tls: int
    unmatched: int
    unmatched_tls: int

    def port(self, *, matched: bool, tls: bool) -> int:
        """The one of the four that is meant."""
        plain, secured = (self.matched, self.matched_tls) if matched else (self.unmatched, self.unmatched_tls)
        return secured if tls else plain


@dataclass(frozen=True)
class Origin:
    """nginx, which answers at once, and beside it the server that takes uploads."""

    ports: Ports
    uploads: Ports
    pid: int

    @property
    def owned(self) -> tuple[int, ...]:
        """The ports that the profile owns."""
        return tuple(port for at in (self.ports, self.uploads) for port in (at.matched, at.matched_tls))


@contextlib.contextmanager
def origin(folder: Path) -> Iterator[Origin]:
    """nginx with two bytes at / and 100 MB at /body; and the server that reads what is uploaded."""
    files = ["-keyout", str(folder / "leaf.key"), "-out", str(folder / "leaf.pem")]
    subprocess.run([program("openssl"), *CERTIFICATE.split(), *files], check=True, capture_output=True)
    with (folder / "body").open("wb") as body:
        body.truncate(BODY_SIZE)
    ports = Ports(*(free_port() for _ in range(4)))
    configuration = folder / "nginx.conf"
    user = f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"
    values = {"folder": folder, "user": user, "loopback": LOOPBACK, "authorization": AUTHORIZATION}
    configuration.write_text(NGINX_CONFIGURATION.format(**values, **vars(ports)))
    nginx = [program("nginx"), "-c", str(configuration), "-p", str(folder)]
    with running(nginx, ports.matched_tls) as pid, _uploads(folder) as uploads:
        yield Origin(ports, uploads, pid)


@contextlib.contextmanager
def _uploads(folder: Path) -> Iterator[Ports]:
    ports = Ports(*(free_port() for _ in range(4)))
    served = [str(port) for port in vars(ports).values()]
    command = [sys.executable, str(Path(__file__).with_name("upload_server.py")), str(folder), *served]
    with running(command, ports.unmatched_tls):
        yield ports


class _TokenEndpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Grants a token that lives for longer than the measurement."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 36000}).encode()
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
