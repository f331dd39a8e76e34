"""grantproxy as its user runs it: `grantproxy serve` in a process of its own, all that it prints kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import yaml

from tests.end_to_end.servers.processes import end_process, status_of

COMMAND = Path(sys.executable).with_name("grantproxy")
INSIDE = Path(__file__).with_name("inside")
PROJECT = Path(__file__).parents[3]
LISTENING = re.compile(r"listening on (\S+):(\d+)")
RELOADED = re.compile(r"the configuration was (not )?reloaded")
TASKS = re.compile(r"^\{\"tasks\": .*\}$", re.MULTILINE)
ACCESS_LOG_MEMBERS = {"method", "path", "status"}


def grantproxy_command() -> list[str]:
    """The installed command, or the package where there is none."""
    return [str(COMMAND)] if COMMAND.exists() else [sys.executable, "-m", "proxy"]


@dataclass
class Output:
    """Lines a process has printed, by stream, as they come."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _open_streams: int = 0

    def collect(self, name: str, stream: IO[bytes]) -> threading.Thread:
        self._open_streams += 1
        thread = threading.Thread(target=self._read, args=(name, stream), name=f"output-{name}", daemon=True)
        thread.start()
        return thread

    def _read(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            with self._changed:
                self.lines.append((name, line.decode(errors="replace").rstrip("\n")))
                self._changed.notify_all()
        with self._changed:
            self._open_streams -= 1
            self._changed.notify_all()

    def text(self, name: str | None = None) -> str:
        with self._changed:
            return "\n".join(line for stream, line in self.lines if name in (None, stream))

    def forget_access_log(self) -> None:
        """Keeps what is no line of the access log, which grows with the traffic."""
        with self._changed:
            self.lines = [item for item in self.lines if not item[1].startswith("{")]

    def forget(self) -> None:
        """Begins anew, for the next test of a process that goes on."""
        with self._changed:
            self.lines.clear()

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Waits until the condition holds; False when time is up, or the output over, and it does not."""
        with self._changed:
            self._changed.wait_for(lambda: condition() or self._open_streams == 0, timeout)
        return condition()


@dataclass
class ProxyProcess:
    """A running proxy. `ca_bundle` holds its CA and the test CA: for clients that go through it anywhere."""

    config_file: Path
    ca_dir: Path
    test_ca: Path
    process: subprocess.Popen[bytes]
    output: Output
    defaults: Mapping[str, Any]
    host: str = ""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.ca_dir / "mitmproxy-ca-cert.pem"

    @property
    def ca_bundle(self) -> Path:
        bundle = self.config_file.with_name("ca-bundle.pem")
        if not bundle.exists():
            bundle.write_bytes(b"".join(file.read_bytes() for file in (self.test_ca, self.ca_file)))
        return bundle

    def log_text(self) -> str:
        """Everything printed so far, on both streams."""
        return self.output.text()

    def stdout(self) -> str:
        return self.output.text("stdout")

    def stderr(self) -> str:
        return self.output.text("stderr")

    def access_log(self, count: int = 0, timeout: float = 10) -> list[dict[str, Any]]:
        """The entries of the access log, once there are *count* of them: one may come after its answer."""
        if not self.output.wait_until(lambda: len(self._entries()) >= count, timeout):
            raise TimeoutError(f"{len(self._entries())} of {count} entries in the access log")
        return self._entries()

    def _entries(self) -> list[dict[str, Any]]:
        entries = []
        for line in self.log_text().splitlines():
            if line.startswith("{"):
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if entry.keys() >= ACCESS_LOG_MEMBERS:
                    entries.append(entry)
        return entries

    def wait_for_log(self, pattern: str, timeout: float = 10) -> re.Match[str]:
        """Waits until a regular expression is found in what has been printed."""
        if not self.output.wait_until(lambda: re.search(pattern, self.log_text()) is not None, timeout):
            raise TimeoutError(f"{pattern!r} was not printed within {timeout} s:\n{self.log_text()}")
        found = re.search(pattern, self.log_text())
        assert found is not None
        return found

    def rewrite(self, config: Mapping[str, Any] | str) -> None:
        """Writes another configuration; `reload` makes the proxy read it."""
        self.config_file.write_text(configuration_text(config, self.defaults), encoding="utf-8")

    def reload(self, config: Mapping[str, Any] | str | None = None) -> None:
        """Sends SIGHUP, with another configuration if one is given, and waits for its adoption or refusal."""
        if config is not None:
            self.rewrite(config)
        before = len(RELOADED.findall(self.log_text()))
        self.process.send_signal(signal.SIGHUP)
        if not self.output.wait_until(lambda: len(RELOADED.findall(self.log_text())) > before, 10):
            raise TimeoutError(f"nothing was said about a reload:\n{self.log_text()}")

    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self, timeout: float = 5) -> int:
        """Ends the proxy (SIGTERM drains; killed after *timeout* seconds) and returns its status."""
        return end_process(self.process, timeout)

    def tasks(self) -> list[str]:
        """The names of the event loop's tasks."""
        before = len(TASKS.findall(self.stderr()))
        self.process.send_signal(signal.SIGUSR1)
        if not self.output.wait_until(lambda: len(TASKS.findall(self.stderr())) > before, 10):
            raise TimeoutError("the process does not tell its tasks")
        names: list[str] = json.loads(TASKS.findall(self.stderr())[-1])["tasks"]
        return names

    def open_files(self) -> list[str]:
        """What the process has open, from /proc: sockets, files, and what the event loop needs."""
        links = []
        for number in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                links.append(str(number.readlink()))
        return links

    def complaints(self) -> list[str]:
        """The lines on stderr that are neither of the access log nor asked for."""
        return [
            line for line in self.stderr().splitlines() if line and not line.startswith(("{", "warning:"))
        ]

    def resident_memory(self) -> int:
        """Bytes of the process in memory, from /proc."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024


def configuration_text(config: Mapping[str, Any] | str, defaults: Mapping[str, Any]) -> str:
    """The configuration as YAML, completed by *defaults*; a text is kept as it is, the defaults follow it."""
    if isinstance(config, str):
        given = yaml.safe_load(config) or {}
        missing = {key: value for key, value in defaults.items() if key not in given}
        return f"{config.rstrip()}\n{yaml.safe_dump(missing)}" if missing else config
    return yaml.safe_dump({**defaults, **config}, sort_keys=False, allow_unicode=True)


@contextmanager
def run_proxy(
    config: Mapping[str, Any] | str,
    *,
    folder: Path,
    defaults: Mapping[str, Any],
    test_ca: Path,
    env: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    command: Sequence[str] = (),
    start_timeout: float = 20,
) -> Iterator[ProxyProcess]:
    """Runs `grantproxy serve` over a configuration until the block is left.

    `defaults` names `ca_dir`; an error before it listens is raised with everything it printed.
    """
    config_file = folder / "grantproxy.yaml"
    config_file.write_text(configuration_text(config, defaults), encoding="utf-8")
    process = subprocess.Popen(
        [*(command or grantproxy_command()), "serve", "--config", str(config_file), *args],
        env=proxy_environment(test_ca, env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    output = Output()
    assert process.stdout is not None
    assert process.stderr is not None
    threads = [output.collect("stdout", process.stdout), output.collect("stderr", process.stderr)]
    running = ProxyProcess(config_file, Path(str(defaults["ca_dir"])), test_ca, process, output, defaults)
    try:
        if not output.wait_until(lambda: LISTENING.search(running.stdout()) is not None, start_timeout):
            status = status_of(process)
            raise AssertionError(f"the proxy does not listen (status {status}):\n{running.log_text()}")
        found = LISTENING.search(running.stdout())
        assert found is not None
        running.host, running.port = found[1], int(found[2])
        yield running
    finally:
        end_process(process)
        for thread in threads:
            thread.join(5)
        process.stdout.close()
        process.stderr.close()


def proxy_environment(test_ca: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a proxy under test: none of the machine's proxies, the test CA, what is `inside`."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("GRANTPROXY_")
    }
    # The project itself is for the package run where no command is installed.
    folders = [str(INSIDE), *([] if COMMAND.exists() else [str(PROJECT)])]
    python_path = os.pathsep.join(filter(None, [*folders, environment.get("PYTHONPATH", "")]))
    defaults = {"SSL_CERT_FILE": str(test_ca), "PYTHONPATH": python_path, "PYTHONUNBUFFERED": "1"}
    return {**environment, **defaults, **extra}
