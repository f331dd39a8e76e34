"""A proxy for one command: a child process on a free port that ends with the command beside it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from proxy.commands.outcome import ExitStatus

READY = "listening on "
SECONDS_TO_START = 60
SECONDS_TO_DRAIN = 10
KEPT_LINES = 50

FORWARDED = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
TYPED = (signal.SIGINT, signal.SIGQUIT)
"""What a terminal sends to every process in its foreground, the command among them."""


class PrivateProxyFailed(Exception):  # noqa: N818  -- a state of affairs that is reported
    """The proxy did not come up; the text is what it wrote on stderr."""


class PrivateProxy:
    """`grantproxy serve` as a child process, from `with` to the end of the block.

    The child ends when its stdin closes, so that it does not outlive this process however that ends.
    It has a session of its own: what is typed at the terminal is meant for the command.
    """

    def __init__(
        self, arguments: Sequence[str], environ: Mapping[str, str], *, log: IO[str] | None = None
    ) -> None:
        self.host = ""
        self.port = 0
        self._arguments = arguments
        self._environ = environ
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._pump: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603  -- our own command
            # -P: a folder `proxy` in the user's working directory is not us.
            [sys.executable, "-P", "-m", "proxy", *self._arguments],
            env=_importing_us(self._environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert self._process.stderr is not None
        self._pump = threading.Thread(target=self._keep, args=(self._process.stderr,), daemon=True)
        self._pump.start()
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def has_ended(self) -> bool:
        """Whether the proxy is gone already, which it should not be before `close`."""
        return self._process is None or self._process.poll() is not None

    def last_words(self) -> str:
        """The end of what the proxy wrote on stderr."""
        return "".join(self._last_lines).strip()

    def close(self) -> None:
        """Lets the proxy drain and waits for its end; ends it by force where it does not come to one."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(SECONDS_TO_DRAIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._pump is not None:
            self._pump.join(1)

    def _wait_until_ready(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        too_late = threading.Timer(SECONDS_TO_START, process.kill)
        too_late.start()
        try:
            for line in process.stdout:
                if line.startswith(READY):
                    host, _, port = line.removeprefix(READY).strip().rpartition(":")
                    self.host, self.port = host.strip("[]"), int(port)
                    # Whatever else it prints must not fill the pipe and stop it.
                    threading.Thread(target=self._keep, args=(process.stdout,), daemon=True).start()
                    return
        finally:
            too_late.cancel()
        process.wait()
        if self._pump is not None:
            self._pump.join(1)
        raise PrivateProxyFailed(self.last_words() or "the private proxy did not start")

    def _keep(self, stream: IO[str]) -> None:
        for line in stream:
            self._last_lines.append(line)
            if self._log is not None:
                self._log.write(line)
                self._log.flush()


def run_command(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs *command* with our own stdin, stdout and stderr and gives its exit status as a shell would.

    128 + n where signal n ended it, 127 where there is no such command, 126 where it cannot be executed.
    """
    with _held_signals() as held:
        try:
            process = subprocess.Popen(list(command), env=dict(environ))  # noqa: S603  -- what the user asked for
        except FileNotFoundError:
            return ExitStatus.COMMAND_NOT_FOUND
        except OSError:
            return ExitStatus.COMMAND_NOT_EXECUTABLE
        held.forward_to(process)
        status = process.wait()
    return status if status >= 0 else 128 - status


class _HeldSignals:
    """Signals that came before there was a command, and afterwards the way to it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def forward_to(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def __call__(self, number: int, _: FrameType | None) -> None:
        if number in TYPED and _is_in_foreground():
            # The terminal has sent it to the command as well, and many take a second one for "at once".
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


@contextlib.contextmanager
def _held_signals() -> Iterator[_HeldSignals]:
    held = _HeldSignals()
    before = {number: signal.getsignal(number) for number in FORWARDED}
    for number, handler in before.items():
        # What we were started to ignore (nohup), the command inherits ignored.
        if handler is not signal.SIG_IGN:
            signal.signal(number, held)
    try:
        yield held
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def end_with_stdin() -> None:
    """Has this process drained as by SIGTERM once its stdin closes: whoever started it is gone."""

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while sys.stdin.buffer.read(4096):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="stdin").start()


def _importing_us(environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* with which `-P -m proxy` finds us, also where we run from a checkout."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [*filter(None, [environ.get("PYTHONPATH")]), root]
    return {**environ, "PYTHONPATH": os.pathsep.join(paths)}
