"""Measures `grantproxy serve` with authorized requests against stock mitmdump with a three-line header script.

    make bench                          # or: python benchmarks/run.py --pairs 5 --seconds 4

Everything runs on loopback on this machine: nginx as origin, a small token endpoint, wrk as client (plain HTTP)
or a client of our own with persistent tunnels (HTTPS, which wrk cannot send through a proxy). The contenders
take turns, A B A B ..., and medians and ratios are written to docs/benchmarks.md. Output of all of them, access
log included, goes to /dev/null.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import importlib.metadata
import json
import os
import platform
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CONNECTIONS = 32
TUNNELS = 8
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{matched}; listen 127.0.0.1:{unmatched}; return 200 "ok"; }}
  server {{ listen 127.0.0.1:{tls} ssl; ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
           return 200 "ok"; }}
}}
"""
STOCK_SCRIPT = """
def request(flow):
    flow.request.headers["Authorization"] = "Bearer fixed"
"""
WRK_SCRIPT = 'wrk.path = "http://127.0.0.1:{port}/"\nwrk.headers["Host"] = "127.0.0.1:{port}"\n'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(command: list[str], **options) -> Iterator[subprocess.Popen]:
    """Runs a program until the block is left, and ends it by its process id."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


class TokenEndpoint(http.server.BaseHTTPRequestHandler):
    """Grants a token that lives for an hour."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "benchmark", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def token_endpoint() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenEndpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def grantproxy(folder: Path, name: str, ports: list[int], token_port: int, profiles: int) -> Iterator[int]:
    """`grantproxy serve` with a profile for each of *ports*, and others to make *profiles* of them."""
    grant = {"token_endpoint": f"http://127.0.0.1:{token_port}/token"}
    credentials = {"username": "bot", "password": "benchmark"}
    entries = {
        f"p{port}": {
            "match": [{"host": "127.0.0.1", "port": port}],
            "credentials": credentials,
            "grant": grant,
        }
        for port in ports
    }
    for number in range(profiles - len(ports)):
        entries[f"other{number}"] = {
            "match": [{"host": f"h{number}.example.com"}],
            "credentials": credentials,
            "grant": grant,
        }
    port = free_port()
    configuration = {
        "listen": f"127.0.0.1:{port}",
        "state_dir": str(folder / name),
        "ca_dir": str(folder / "ca"),
        "trusted_ca": str(folder / "leaf.pem"),
        "profiles": entries,
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(configuration))
    command = [sys.executable, "-m", "proxy", "serve", "--config", str(file)]
    with process(command, cwd=ROOT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        if not running.stdout.readline().startswith(b"listening on"):
            raise SystemExit("grantproxy did not start")
        yield port


def make_certificate(folder: Path) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "leaf.key")]
    subprocess.run([*command, "-out", str(folder / "leaf.pem")], check=True, capture_output=True)


def wrk(folder: Path, proxy_port: int, origin_port: int, seconds: float) -> dict[str, float]:
    """Requests a second, and latencies in milliseconds, of keep-alive requests in absolute form."""
    script = folder / f"{origin_port}.lua"
    script.write_text(WRK_SCRIPT.format(port=origin_port))
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{max(1, round(seconds))}s",
        "--latency",
        "-s",
        str(script),
    ]
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{proxy_port}"], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"not every answer was 200:\n{output}")
    found = {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])}
    for share in ("50%", "99%"):
        value, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", output).groups()
        found[share] = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return found


def tunnels(folder: Path, proxy_port: int, origin_port: int, seconds: float) -> dict[str, float]:
    """Requests a second over intercepted TLS: persistent tunnels, each with a thread of its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    counts = [0] * TUNNELS
    start = threading.Barrier(TUNNELS + 1)
    over = threading.Event()

    def run(index: int) -> None:
        with socket.create_connection(("127.0.0.1", proxy_port)) as plain:
            target = f"127.0.0.1:{origin_port}"
            plain.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            plain.recv(4096)
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                request = f"GET / HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()
                secure.sendall(request)
                secure.recv(65536)
                start.wait()
                while not over.is_set():
                    secure.sendall(request)
                    answer = secure.recv(65536)
                    if not answer.startswith(b"HTTP/1.1 200"):
                        raise SystemExit(f"an answer was not 200: {answer[:100]!r}")
                    while not answer.endswith(b"ok"):
                        answer += secure.recv(65536)
                    counts[index] += 1

    threads = [threading.Thread(target=run, args=(index,)) for index in range(TUNNELS)]
    for thread in threads:
        thread.start()
    start.wait()
    time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()
    return {"rate": sum(counts) / seconds}


Measurement = Callable[[], dict[str, float]]


def side_by_side(first: Measurement, second: Measurement, pairs: int) -> dict[str, object]:
    """Medians of both, and of the ratios pair by pair."""
    for warm_up in (first, second):
        warm_up()
    results = [(first(), second()) for _ in range(pairs)]
    ratios = [a["rate"] / b["rate"] for a, b in results]
    medians = [
        {key: statistics.median(pair[side][key] for pair in results) for key in results[0][side]}
        for side in (0, 1)
    ]
    return {
        "first": medians[0],
        "second": medians[1],
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


def measure(pairs: int, seconds: float) -> dict[str, dict[str, object]]:
    for program in ("wrk", "nginx", "openssl"):
        if not shutil.which(program) and not Path(f"/usr/sbin/{program}").exists():
            raise SystemExit(f"{program} is not installed: run make bench")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grantproxy-bench-")))
        make_certificate(folder)
        matched, unmatched, tls, stock_port = (free_port() for _ in range(4))
        nginx = NGINX.format(folder=folder, matched=matched, unmatched=unmatched, tls=tls)
        (folder / "nginx.conf").write_text(nginx)
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
        program = shutil.which("nginx", path=path) or "nginx"
        stack.enter_context(process([program, "-c", str(folder / "nginx.conf"), "-p", str(folder)]))
        token_port = stack.enter_context(token_endpoint())
        (folder / "stock.py").write_text(STOCK_SCRIPT)
        mitmdump = str(Path(sys.executable).with_name("mitmdump"))
        stock = [
            mitmdump,
            "-q",
            "--listen-host",
            "127.0.0.1",
            "-p",
            str(stock_port),
            "-s",
            str(folder / "stock.py"),
        ]
        stock += ["--set", "ssl_insecure=true", "--set", f"confdir={folder / 'stock'}"]
        stack.enter_context(process(stock))
        ours = stack.enter_context(grantproxy(folder, "ours", [matched, tls], token_port, 2))
        many = stack.enter_context(grantproxy(folder, "many", [matched, tls], token_port, 10_000))
        for port in (matched, tls, stock_port, ours, many):
            wait_for(port)

        def plain(proxy: int, origin: int) -> Measurement:
            return lambda: wrk(folder, proxy, origin, seconds)

        def secure(proxy: int) -> Measurement:
            return lambda: tunnels(folder, proxy, tls, seconds)

        return {
            "authorized / stock, HTTP": side_by_side(plain(ours, matched), plain(stock_port, matched), pairs),
            "authorized / stock, HTTPS": side_by_side(secure(ours), secure(stock_port), pairs),
            "matched / unmatched, HTTP": side_by_side(plain(ours, matched), plain(ours, unmatched), pairs),
            "10,000 profiles / 2, HTTP": side_by_side(plain(many, matched), plain(ours, matched), pairs),
        }


def page(results: dict[str, dict[str, object]], pairs: int, seconds: float) -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        "?",
    )
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("mitmproxy", "httpx"))
    rows = []
    for name, result in results.items():
        first, second = result["first"], result["second"]
        latency = "; ".join(
            f"{side['50%']:.1f} / {side['99%']:.1f}" for side in (first, second) if "50%" in side
        )
        rows.append(
            f"| {name} | {first['rate']:.0f} | {second['rate']:.0f} | {result['ratio']:.2f} "
            f"({result['lowest']:.2f} to {result['highest']:.2f}) | {latency or '-'} |"
        )
    cost = 100 * (1 - results["matched / unmatched, HTTP"]["ratio"])
    return f"""# Benchmarks

`make bench` measures and writes this page: {pairs} pairs of {seconds:g} seconds each, the two sides in turn, one process each,
{CONNECTIONS} keep-alive connections by wrk (plain HTTP), {TUNNELS} persistent tunnels by a threaded client (HTTPS; that
client takes its share of the machine, so its figures are lower than the proxies could give). nginx answers
two bytes. All output, our access log included, goes to /dev/null.

Machine: {os.cpu_count()} cores, {model}; Python {platform.python_version()}, {versions}.

| first / second | first, requests a second | second | ratio, median of pairs (range) | latency p50 / p99, ms |
|---|---|---|---|---|
{chr(10).join(rows)}

`stock` is mitmdump with a script that sets one header. The cost of authorization itself, matched against
unmatched requests through the same proxy, was {cost:.0f} % of throughput.
"""


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    given = parser.parse_args()
    text = page(measure(given.pairs, given.seconds), given.pairs, given.seconds)
    if given.print:
        print(text)
    else:
        (ROOT / "docs" / "benchmarks.md").write_text(text)
        print("written to docs/benchmarks.md")


if __name__ == "__main__":
    main()
