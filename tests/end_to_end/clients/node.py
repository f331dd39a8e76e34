"""Node's fetch, a process for each request; undici, for its ProxyAgent, is installed on first use."""

from __future__ import annotations

import base64
import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.clients.answers import Answer, ClientFailed, Order

SCRIPT = Path(__file__).with_name("fetch.mjs")
PACKAGE_FILES = (Path(__file__).with_name("package.json"), Path(__file__).with_name("package-lock.json"))


def send_with_node(order: Order) -> Answer:
    """Sends with the built-in fetch of the installed Node; skips the test where there is none."""
    told = {
        "method": order.method,
        "url": order.url,
        "headers": [list(pair) for pair in order.headers],
        "body_base64": None if order.body is None else base64.b64encode(order.body).decode(),
        "proxy_url": order.proxy_url,
        "timeout": order.timeout,
    }
    environment = {"PATH": os.environ["PATH"], **order.environment}
    if order.ca_file is not None:
        environment["NODE_EXTRA_CA_CERTS"] = str(order.ca_file)
    done = subprocess.run(
        ["node", str(SCRIPT), str(undici_folder())],
        input=json.dumps(told).encode(),
        capture_output=True,
        timeout=order.timeout + 10,
        env=environment,
    )
    if done.returncode != 0:
        raise ClientFailed(done.stderr.decode(errors="replace").strip())
    answer = json.loads(done.stdout)
    headers = [(name, value) for name, value in answer["headers"]]
    return Answer(answer["status"], headers, base64.b64decode(answer["body_base64"]), None)


@functools.cache
def undici_folder() -> Path:
    """The folder in the virtual environment that holds undici as package-lock.json has it."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: Node's fetch cannot be tried")
    folder = Path(sys.prefix, "node")
    lock = folder / "package-lock.json"
    is_installed = lock.exists() and (folder / "node_modules" / "undici" / "package.json").exists()
    if not is_installed or lock.read_bytes() != PACKAGE_FILES[1].read_bytes():
        folder.mkdir(exist_ok=True)
        for file in PACKAGE_FILES:
            shutil.copy(file, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
        if done.returncode != 0:
            lock.unlink()
            raise ClientFailed(f"npm could not install undici:\n{done.stderr.decode(errors='replace')}")
    return folder
