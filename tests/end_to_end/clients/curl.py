"""curl, a process for each request."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests.end_to_end.clients.answers import Answer, ClientFailed, Order

WRITE_OUT = '{"status": %{response_code}, "version": "%{http_version}", "headers": %{header_json}}'


def send_with_curl(order: Order, *options: str) -> Answer:
    """Sends with the installed curl; it decodes gzip where the answer is compressed."""
    with tempfile.TemporaryDirectory() as folder:
        body_file = Path(folder, "body")
        command = ["curl", "--silent", "--show-error", "--noproxy", "", "--max-time", str(order.timeout)]
        command += ["--output", str(body_file), "--write-out", WRITE_OUT, "--compressed", *options]
        if order.method == "HEAD":
            command.append("--head")
        else:
            command += ["--request", order.method]
        for name, value in order.headers:
            command += ["--header", f"{name}: {value}" if value else f"{name};"]
        if order.body is not None:
            command += ["--data-binary", "@-"]
            if not any(name.lower() == "content-type" for name, _ in order.headers):
                command += ["--header", "Content-Type:"]  # no form where nobody said so
        if order.proxy_url is not None:
            command += ["--proxy", order.proxy_url, "--suppress-connect-headers"]
        if order.ca_file is not None:
            command += ["--cacert", str(order.ca_file), "--proxy-cacert", str(order.ca_file)]
        done = subprocess.run(
            [*command, "--", order.url],
            input=order.body or b"",
            capture_output=True,
            timeout=order.timeout + 5,
            env={"PATH": os.environ["PATH"], **order.environment},
        )
        if done.returncode != 0:
            raise ClientFailed(done.stderr.decode(errors="replace").strip())
        told = json.loads(done.stdout)
        body = body_file.read_bytes() if order.method != "HEAD" and body_file.exists() else b""
        headers = [(name, value) for name, values in told["headers"].items() for value in values]
        return Answer(told["status"], headers, body, told["version"])
