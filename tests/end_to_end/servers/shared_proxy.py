"""One proxy for many tests: a start takes two seconds of processor time, a reload next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from proxy.control import ask, control_path
from tests.end_to_end.servers.proxy_process import ProxyProcess


class SharedProxy:
    """Called with a configuration, it has the running proxy adopt it, with no tokens and an empty log.

    There is one configuration at a time. What a reload does not change (the listener, the folders) is the
    defaults'; a test that needs a proxy to itself, or two, takes the fixture `proxy`.
    """

    def __init__(self, start: Callable[[Mapping[str, Any]], AbstractContextManager[ProxyProcess]]) -> None:
        self._start = start
        self._stack = ExitStack()
        self._running: ProxyProcess | None = None

    def __call__(self, config: Mapping[str, Any]) -> ProxyProcess:
        running = self._running
        if running is None or not running.is_running():
            self._running = self._stack.enter_context(self._start(config))
            return self._running
        running.output.forget()
        running.reload(config)
        if "was not reloaded" in running.log_text():
            raise AssertionError(f"the configuration was refused:\n{running.log_text()}")
        # Ports come round again: a token of an earlier test could be taken for this one's.
        ask(control_path(Path(str(running.defaults["state_dir"])), running.port), "clear")
        running.output.forget()
        return running

    def close(self) -> None:
        """Ends the proxy. Raises AssertionError where a test has left something for which it waits."""
        with self._stack:
            if self._running is not None and self._running.is_running():
                status = self._running.stop(timeout=30)
                assert status == 0, f"status {status} at the end:\n{self._running.log_text()}"
