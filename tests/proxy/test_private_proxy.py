"""Running one command as a shell would, and the proxy process beside it."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from proxy.private_proxy import PrivateProxy, PrivateProxyFailed, run_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param(["true"], 0, id="success"),
        pytest.param(["sh", "-c", "exit 42"], 42, id="a status of its own"),
        pytest.param(["sh", "-c", "kill -TERM $$"], 143, id="128 + SIGTERM"),
        pytest.param(["sh", "-c", "kill -KILL $$"], 137, id="128 + SIGKILL"),
        pytest.param(["/nonexistent/command"], 127, id="no such command"),
        pytest.param(["/etc/passwd"], 126, id="not executable"),
    ],
)
def test_the_status_is_the_commands(command, status):
    """As a shell has it."""
    assert run_command(command, os.environ) == status


def test_the_command_gets_the_environment_and_nothing_else():
    """What is not passed on is not there."""
    script = 'test "$GIVEN" = yes && test -z "$WITHHELD"'

    assert run_command(["/bin/sh", "-c", script], {"GIVEN": "yes"}) == 0


def test_handlers_are_put_back():
    """After the command, signals mean what they meant before."""
    before = signal.getsignal(signal.SIGTERM)

    run_command(["true"], os.environ)

    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_signals_are_forwarded_to_the_command(name):
    """A signal to us is one to the command, which decides what it means."""
    script = f"trap 'exit 7' {name[3:]}; echo ready; while :; do sleep 0.05; done"
    code = f"""
        import os, sys
        from proxy.private_proxy import run_command
        sys.exit(run_command(["sh", "-c", {script!r}], os.environ))
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(getattr(signal, name))

        assert process.wait(30) == 7


def test_stdin_and_stdout_are_the_commands():
    """Bytes pass through untouched."""
    code = "import os; from proxy.private_proxy import run_command; run_command(['cat'], os.environ)"

    output = subprocess.run(
        [sys.executable, "-c", code], input=b"\x00\xff\n", stdout=subprocess.PIPE, cwd=ROOT, check=True
    )

    assert output.stdout == b"\x00\xff\n"


def test_a_proxy_that_does_not_start_says_why():
    """Its own words come back."""
    proxy = PrivateProxy(["serve", "--config", "/nonexistent/grantproxy.yaml"], os.environ)

    with pytest.raises(PrivateProxyFailed, match="no such file"), proxy:
        pass
    assert proxy.has_ended
