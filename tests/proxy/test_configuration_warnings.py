"""What `check` and `serve` warn of: settings that are right and do not do what one would expect of them."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from profiles.errors import Problem
from proxy.cli import main
from proxy.configuration_files import load_configuration

CLEARTEXT = (
    "the console has no TLS of its own: beyond loopback, put one in front of it, or its sign-in and what it "
    "shows can be read on the way"
)
MINIMAL = """\
profiles:
  orders:
    match: [{host: api.example.com}]
    credentials: {username: bot, password: hunter2}
    grant: {token_endpoint: "https://api.example.com/oauth/token"}
"""


def warnings_of(file: Path, text: str, environ: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    file.write_text(text)
    file.chmod(0o600)
    return load_configuration(file, environ=environ or {}, cwd=file.parent).warnings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "grantproxy.yaml"


def test_a_console_beyond_loopback_is_warned_of_where_it_was_written(file: Path) -> None:
    """Beyond loopback its sign-in travels in the clear."""
    (warning,) = warnings_of(file, MINIMAL + "console: 0.0.0.0:8082\n")

    assert (warning.file, warning.line, warning.key) == (file, 6, "console")
    assert "8082" not in str(warning).removeprefix(f"{file}:6")


def test_a_console_from_the_environment_is_warned_of_by_its_variable(file: Path) -> None:
    """The place of a warning is where the user can change it."""
    (warning,) = warnings_of(file, MINIMAL, {"GRANTPROXY_CONSOLE": "0.0.0.0:9"})

    assert str(warning).startswith("GRANTPROXY_CONSOLE: console: ")


@pytest.mark.parametrize(
    "text",
    [MINIMAL, MINIMAL + "console: null\n", MINIMAL + "console: '[::1]:1'\n"],
    ids=["left-out", "turned-off", "loopback"],
)
def test_no_console_is_no_reason_to_warn(file: Path, text: str) -> None:
    """Nor is one that only this machine reaches."""
    assert warnings_of(file, text) == ()


PER_USER = MINIMAL.replace("credentials: {username: bot, password: hunter2}", "mode: per_user")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param(PER_USER, ["profiles.orders.mode"], id="no-clients"),
        pytest.param(PER_USER + "clients: {bot: {secret: s}}\n", [], id="clients"),
        pytest.param(
            MINIMAL + "    mode: per_user\nclients: {bot: {secret: s}}\n",
            ["profiles.orders.credentials.password"],
            id="a-password-for-everybody",
        ),
        pytest.param(
            PER_USER + "clients: {bot: {secret: s}}\nconsole: null\n",
            ["profiles.orders.mode"],
            id="no-console",
        ),
        pytest.param(
            PER_USER + "clients: {bot: {secret: s}}\nlisten: 0.0.0.0:8080\n",
            ["console"],
            id="links-lead-here",
        ),
        pytest.param(
            PER_USER + "clients: {bot: {secret: s}}\nconsole: 192.0.2.1:8082\n",
            ["console", "console"],
            id="no-links-in-the-clear",
        ),
        pytest.param(
            PER_USER
            + "clients: {bot: {secret: s}}\nlisten: 0.0.0.0:8080\nconsole_url: https://console.example.com\n",
            [],
            id="links-lead-somewhere",
        ),
        pytest.param(MINIMAL + "end_user_header: X-User\n", ["end_user_header"], id="unbelieved-header"),
        pytest.param(MINIMAL + "console_secret: hunter2\n", ["console_secret"], id="short-secret"),
        pytest.param(MINIMAL + "console_secret: hunter2-hunter2\n", [], id="long-secret"),
    ],
)
def test_what_end_users_and_sign_in_lack_is_warned_of(text: str, keys: list[str], file: Path) -> None:
    """Each by its key, and no secret in it."""
    found = warnings_of(file, text)

    assert [warning.key for warning in found] == keys
    assert "hunter2" not in "".join(map(str, found))


def test_check_reports_warnings_and_ends_with_0(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON in a list of their own, each with file, line and key; a warning is no problem."""
    warnings_of(file, MINIMAL + "console: 0.0.0.0:8082\n")

    status = main(["check", "--json", "--config", str(file)])

    report = json.loads(capsys.readouterr().out)
    assert (status, report["ok"], report["problems"]) == (0, True, [])
    assert [(each["key"], each["line"], each["file"]) for each in report["warnings"]] == [
        ("console", 6, str(file))
    ]


def test_check_says_a_warning_in_one_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, and counted in the result."""
    warnings_of(file, MINIMAL + "console: 0.0.0.0:8082\n")

    main(["check", "--config", str(file)])

    shown = capsys.readouterr()
    assert shown.err == f"warning: {file}:6: console: {CLEARTEXT}\n"
    assert "1 profile, 1 warning" in shown.out


def test_warnings_show_while_problems_keep_the_configuration_from_working(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A profile that does not compile hides no warning."""
    warnings_of(file, MINIMAL.replace("https:", "ftp:") + "console: 0.0.0.0:8082\n")

    status = main(["check", "--json", "--config", str(file)])

    report = json.loads(capsys.readouterr().out)
    assert (status, len(report["problems"]), len(report["warnings"])) == (2, 1, 1)


def test_serve_warns_before_it_listens(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever starts the proxy sees the same line, here ahead of an address that is in use."""
    warnings_of(file, MINIMAL + "console: 0.0.0.0:8082\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        status = main(["serve", "--config", str(file), "--listen", address])

    first, second = capsys.readouterr().err.splitlines()
    assert status == 2
    assert first.startswith(f"warning: {file}:6: console: ")
    assert "is in use" in second
