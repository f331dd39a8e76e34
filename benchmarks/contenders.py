"""The proxies that are measured: each has one worker, and writes the same authorization into requests."""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from environments import environment
from origins import AUTHORIZATION, TOKEN, Origin
from processes import LOOPBACK, cpu_seconds, free_port, program, running

MANY_PROFILES = 10_000
PLACEHOLDER = "PLACEHOLDER_of_the_benchmark_000"
"""What keys-on-the-wire replaces by the token; it has to be of such a form."""
MITMPROXY_SCRIPT = f"""
def request(flow):
    flow.request.headers["Authorization"] = "{AUTHORIZATION}"
"""
PROXY_PY_PLUGIN = f"""
from proxy.http.proxy import HttpProxyBasePlugin

class AuthorizationPlugin(HttpProxyBasePlugin):
    def handle_client_request(self, request):
        request.add_header(b"Authorization", b"{AUTHORIZATION}")
        return request
"""
ENVOY_TYPES = "type.googleapis.com/envoy.extensions"
ENVOY_CONFIGURATION = f"""
static_resources:
  listeners:
  - address: {{socket_address: {{address: {LOOPBACK}, port_value: %d}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {ENVOY_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: forward
          generate_request_id: false
          http_protocol_options: {{allow_absolute_url: true}}
          route_config:
            virtual_hosts:
            - name: everyone
              domains: ["*"]
              request_headers_to_add:
              - header: {{key: Authorization, value: {AUTHORIZATION}}}
                append_action: OVERWRITE_IF_EXISTS_OR_ADD
              routes:
              - match: {{prefix: /}}
                route: {{cluster: origins, timeout: 0s}}
          http_filters:
          - name: envoy.filters.http.dynamic_forward_proxy
            typed_config:
              "@type": {ENVOY_TYPES}.filters.http.dynamic_forward_proxy.v3.FilterConfig
              dns_cache_config: &addresses {{name: addresses, dns_lookup_family: V4_ONLY}}
          - name: envoy.filters.http.router
            typed_config: {{"@type": {ENVOY_TYPES}.filters.http.router.v3.Router}}
  clusters:
  - name: origins
    lb_policy: CLUSTER_PROVIDED
    cluster_type:
      name: envoy.clusters.dynamic_forward_proxy
      typed_config:
        "@type": {ENVOY_TYPES}.clusters.dynamic_forward_proxy.v3.ClusterConfig
        dns_cache_config: *addresses
"""


@dataclass(frozen=True)
class Surroundings:
    """What a contender is started in: a folder for its files, the origin, the token endpoint's port."""

    folder: Path
    origin: Origin
    token_port: int

    @property
    def certificate(self) -> Path:
        """The origin's, which is its own authority."""
        return self.folder / "leaf.pem"


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs: where it listens, its process, and what the client itself has to say."""

    port: int | None
    """None is no proxy: the client talks to the origin."""
    pid: int
    authorization: str | None = None

    def cpu_seconds(self) -> float:
        """User and system time so far, of all its processes."""
        return cpu_seconds(self.pid) if self.pid else math.nan


type Start = Callable[[Surroundings], contextlib.AbstractContextManager[Proxy]]


@dataclass(frozen=True)
class Contender:
    """Somebody who takes part: the name on the page, and how it is started."""

    name: str
    start: Start


@contextlib.contextmanager
def _stock_mitmdump(around: Surroundings) -> Iterator[Proxy]:
    script, port = around.folder / "stock.py", free_port()
    script.write_text(MITMPROXY_SCRIPT)
    command = [str(Path(sys.executable).with_name("mitmdump")), "-s", str(script)]
    with running(command + _mitmproxy_options(around, "stock", port), port) as pid:
        yield Proxy(port, pid)


@contextlib.contextmanager
def _keys_on_the_wire(around: Surroundings) -> Iterator[Proxy]:
    secrets, bindings, port = around.folder / "secrets.yaml", around.folder / "bindings.yaml", free_port()
    secrets.write_text(yaml.safe_dump({"secrets": {"token": TOKEN}}))
    secrets.chmod(0o600)
    secret = {
        "placeholder": PLACEHOLDER,
        "inject": {"type": "header", "header": "Authorization", "format": "Bearer {token}"},
        "bindings": [{"host": LOOPBACK}],
    }
    configuration = {
        "binding_source": "file",
        "audit": {"path": str(around.folder / "audit.jsonl")},
        "backend": {"type": "static", "config": {"path": str(secrets)}},
        "secrets": {"token": secret},
    }
    bindings.write_text(yaml.safe_dump(configuration))
    command = [str(environment("keys-on-the-wire") / "keys-on-the-wire"), "--set", f"kow_config={bindings}"]
    log = around.folder / "keys-on-the-wire.log"
    with running(command + _mitmproxy_options(around, "keys", port), port, log=log) as pid:
        yield Proxy(port, pid, authorization=f"Bearer {PLACEHOLDER}")


def _mitmproxy_options(around: Surroundings, name: str, port: int) -> list[str]:
    settings = [f"ssl_verify_upstream_trusted_ca={around.certificate}", f"confdir={around.folder / name}"]
    options = ["-q", "--listen-host", LOOPBACK, "--listen-port", str(port)]
    return options + [word for setting in settings for word in ("--set", setting)]


@contextlib.contextmanager
def _proxy_py(around: Surroundings) -> Iterator[Proxy]:
    folder, port = around.folder / "proxy-py", free_port()
    (folder / "certificates").mkdir(parents=True, exist_ok=True)
    (folder / "authorization_plugin.py").write_text(PROXY_PY_PLUGIN)
    authority = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=benchmark"]
    _openssl([*authority, "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem")])
    _openssl(["genrsa", "-out", str(folder / "leaf.key"), "2048"])
    interception = {
        "ca-key-file": folder / "ca.key",
        "ca-cert-file": folder / "ca.pem",
        "ca-signing-key-file": folder / "leaf.key",
        "ca-cert-dir": folder / "certificates",
        "ca-file": around.certificate,
    }
    command = [str(environment("proxy-py") / "proxy"), "--hostname", LOOPBACK]
    command += ["--port", str(port), "--num-acceptors", "1", "--num-workers", "1", "--log-level", "ERROR"]
    command += ["--plugins", "authorization_plugin.AuthorizationPlugin", "--data-dir", str(folder)]
    command += [word for name, value in interception.items() for word in (f"--{name}", str(value))]
    log = around.folder / "proxy-py.log"
    with running(command, port, environment={"PYTHONPATH": str(folder)}, log=log) as pid:
        yield Proxy(port, pid)


@contextlib.contextmanager
def _envoy(around: Surroundings) -> Iterator[Proxy]:
    configuration, port = around.folder / "envoy.yaml", free_port()
    configuration.write_text(ENVOY_CONFIGURATION % port)
    # The command execs the program that the wheel brings along, so the process stays the one that is ended.
    command = [str(environment("envoy") / "envoy"), "-c", str(configuration)]
    command += ["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error"]
    with running(command, port, log=around.folder / "envoy.log") as pid:
        yield Proxy(port, pid)


@contextlib.contextmanager
def _nobody(_: Surroundings) -> Iterator[Proxy]:
    yield Proxy(None, 0, authorization=AUTHORIZATION)


def grantproxy(lane: str, profiles: int = 1) -> Contender:
    """`grantproxy serve` with one profile for the origin among *profiles* of them."""

    @contextlib.contextmanager
    def start(around: Surroundings) -> Iterator[Proxy]:
        name, port = f"grantproxy-{lane}-{profiles}", free_port()
        file = around.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(_configuration(around, name, port, profiles)))
        command = [sys.executable, "-m", "proxy", "serve", "--config", str(file), "--lane", lane]
        with running(command, port) as pid:
            yield Proxy(port, pid)

    many = f", {profiles:,} profiles" if profiles > 1 else ""
    return Contender(f"grantproxy, {lane} lane{many}", start)


def _configuration(around: Surroundings, name: str, port: int, profiles: int) -> dict[str, object]:
    rest = {
        "credentials": {"username": "bot", "password": "benchmark"},
        "grant": {"token_endpoint": f"http://{LOOPBACK}:{around.token_port}/token"},
    }
    owned = [{"host": LOOPBACK, "port": owned} for owned in around.origin.owned]
    others = {f"p{number}": {"match": [{"host": f"h{number}.test"}], **rest} for number in range(1, profiles)}
    return {
        "listen": f"{LOOPBACK}:{port}",
        "console": None,
        "state_dir": str(around.folder / f"{name}-state"),
        "ca_dir": str(around.folder / f"{name}-ca"),
        "trusted_ca": str(around.certificate),
        "profiles": {"origin": {"match": owned, **rest}, **others},
    }


def _openssl(arguments: list[str]) -> None:
    subprocess.run([program("openssl"), *arguments], check=True, capture_output=True)


STOCK = Contender("stock mitmdump", _stock_mitmdump)
PROXY_PY = Contender("proxy.py", _proxy_py)
ENVOY = Contender("Envoy", _envoy)
KEYS_ON_THE_WIRE = Contender("keys-on-the-wire", _keys_on_the_wire)
NGINX = Contender("nginx, no proxy", _nobody)
