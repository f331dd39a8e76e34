"""The commands as somebody types them: what they print, where, and the status they end with."""

import http.server
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from profiles.secret_hashes import hash_secret
from proxy.cli import main

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "sentinel-password-51f"
TOKEN = "sentinel-token-0d9"


class World(http.server.BaseHTTPRequestHandler):
    """A token endpoint and an origin that wants its token, on one port."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.passwords.append(form["password"][0])
        if form["password"] == [PASSWORD]:
            self._answer(200, {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})
        else:
            self._answer(400, {"error": "invalid_grant", "error_description": f"not {form['password'][0]}"})

    def do_GET(self):
        authorized = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        self._answer(200 if authorized else 401, {"authorized": authorized})

    def _answer(self, status, data):
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def world():
    """The server, which remembers the passwords that came."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), World) as server:
        server.passwords = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def configuration(world, tmp_path, monkeypatch):
    """A configuration for the world, and an environment in which every command finds it."""
    origin = f"http://127.0.0.1:{world.server_port}"
    file = tmp_path / "grantproxy.yaml"
    file.write_text(
        f"""
listen: 127.0.0.1:0
console: null
state_dir: {tmp_path}/state
ca_dir: {tmp_path}/ca
profiles:
  orders:
    match: {{host: 127.0.0.1, port: {world.server_port}}}
    credentials: {{username: bot, password: "${{env:API_PASSWORD}}"}}
    grant: {{token_endpoint: "{origin}/token"}}
    check_url: {origin}/me
"""
    )
    file.chmod(0o600)
    for name in [name for name in os.environ if name.upper().startswith("GRANTPROXY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("API_PASSWORD", PASSWORD)
    monkeypatch.setenv("GRANTPROXY_CONFIG", str(file))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return file


def grantproxy(*arguments, **named):
    """Runs the command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "proxy", *arguments], capture_output=True, text=True, timeout=60, **named
    )


@pytest.fixture
def serving(configuration):
    """Starts `serve` and gives process and port; ends it by SIGTERM."""
    processes = []

    def start(*arguments, **named):
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **named,
        )
        processes.append(process)
        line = process.stdout.readline()
        return process, int(re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)[1])

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def through(port, url):
    """Status and body of a GET through the proxy at *port*."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{port}"}))
    try:
        with opener.open(url, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


# --- the command line itself


def test_help_names_every_command(capsys):
    """Ten of them."""
    assert main(["--help"]) == 0

    shown = capsys.readouterr().out
    for name in (
        "demo",
        "init",
        "check",
        "explain",
        "test",
        "serve",
        "web",
        "run",
        "env",
        "tokens",
        "secret",
    ):
        assert re.search(rf"^\W*{name} ", shown, re.MULTILINE), name


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        pytest.param(["chek"], "check", id="a command's near miss"),
        pytest.param(["check", "--jsn"], "--json", id="an option's near miss"),
        pytest.param(["explain"], "URL", id="a missing argument"),
        pytest.param(["serve", "--lane", "fast"], "lane", id="an unknown lane"),
        pytest.param(["tokens", "clean"], "clear", id="an unknown action"),
    ],
)
def test_wrong_use_ends_with_2_and_a_hint(arguments, hint, capsys):
    """On stderr, nothing on stdout."""
    assert main(arguments) == 2

    captured = capsys.readouterr()
    assert hint in captured.err
    assert captured.out == ""


def test_version(capsys):
    """One line."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("grantproxy ")


@pytest.mark.parametrize("debug", [False, True])
def test_an_unexpected_exception_shows_its_text_only_when_asked(debug, capsys):
    """The text of a foreign exception may hold anything."""

    def fail(*_, **__):
        raise RuntimeError("sentinel-text")

    status = main(["--debug", "check"] if debug else ["check"], application=fail)

    assert status == 1
    captured = capsys.readouterr()
    assert ("sentinel-text" in captured.err) is debug
    assert captured.out == ""


def test_an_interruption_is_quiet(capsys):
    """130, as a shell has it, and no traceback."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    assert main(["check"], application=interrupt) == 130
    assert capsys.readouterr().err == ""


# --- init and check


def test_init_writes_what_check_accepts(tmp_path, monkeypatch, capsys):
    """Once its variable is set; before that, check names file, line and key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRANTPROXY_CONFIG", raising=False)
    monkeypatch.delenv("ORDERS_PASSWORD", raising=False)

    assert main(["init"]) == 0
    assert main(["check"]) == 2
    assert re.search(
        r"grantproxy\.yaml:\d+: .*credentials\.password: .*ORDERS_PASSWORD", capsys.readouterr().err
    )
    monkeypatch.setenv("ORDERS_PASSWORD", PASSWORD)
    assert main(["check"]) == 0
    assert "1 profile, 0 warnings" in capsys.readouterr().out


def test_init_replaces_nothing_unasked(tmp_path, capsys):
    """2 without --force, and the file stays."""
    file = tmp_path / "x.yaml"
    file.write_text("mine")

    assert main(["init", "--output", str(file)]) == 2
    assert file.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["init", "--output", str(file), "--force"]) == 0
    assert "profiles:" in file.read_text()


def test_check_reports_loading_and_compiling_problems(configuration, capsys):
    """Each with its place, none with a value."""
    text = configuration.read_text().replace("check_url: http", "check_url: ftp")
    configuration.write_text(text)

    assert main(["check", "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    (problem,) = report["problems"]
    assert report["ok"] is False
    assert problem["key"] == "profiles.orders.check_url"
    assert problem["file"] == str(configuration)
    assert text.splitlines()[problem["line"] - 1].strip().startswith("check_url")


def test_check_reports_success_as_json(configuration, capsys):
    """No problem, no warning, no secret."""
    assert main(["check", "--json"]) == 0

    shown = capsys.readouterr().out
    assert json.loads(shown) == {"ok": True, "profiles": 1, "problems": [], "warnings": []}
    assert PASSWORD not in shown


# --- explain


def test_explain_shows_the_owner_and_no_secret(configuration, world, capsys):
    """0 where a profile owns the request."""
    assert main(["explain", f"http://127.0.0.1:{world.server_port}/x"]) == 0

    shown = capsys.readouterr().out
    assert "owned by orders" in shown
    assert "Authorization: Bearer ••••{access_token}" in shown
    assert PASSWORD not in shown
    assert not world.passwords


def test_explain_without_an_owner_ends_with_1(configuration, capsys):
    """And says what happens instead."""
    assert main(["explain", "https://other.example.com/", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["tls"] == "tunnelled"


# --- test


def test_test_succeeds_without_showing_a_secret(configuration, world, capsys):
    """The grant, the check, one line."""
    assert main(["test", "orders"]) == 0

    captured = capsys.readouterr()
    assert "the origin answered 200" in captured.out
    assert TOKEN not in captured.out + captured.err
    assert world.passwords == [PASSWORD]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_test_fails_with_headers_and_response(configuration, world, capsys, monkeypatch, arguments):
    """The password that the server echoes is masked."""
    monkeypatch.setenv("API_PASSWORD", "sentinel-wrong")

    assert main(["test", "orders", *arguments]) == 1
    shown = capsys.readouterr().out
    assert "invalid_grant" in shown
    assert "sentinel-wrong" not in shown
    if not arguments:
        for word in ("Auth Test Failed", "Headers", "Response", "not ••••"):
            assert word in shown


def test_an_unknown_profile_is_wrong_use(configuration, capsys):
    """With its near miss."""
    assert main(["test", "ordrs"]) == 2
    assert "did you mean orders?" in capsys.readouterr().err


# --- serve and tokens


@pytest.mark.parametrize("arguments", [["--workers", "2"]])
def test_what_is_not_built_is_refused(arguments, configuration, capsys):
    """Rather than ignored."""
    assert main(["serve", *arguments]) == 2
    assert "not part of this release yet" in capsys.readouterr().err


def test_a_port_in_use_is_named(configuration, world, capsys):
    """2, and what to do."""
    address = f"127.0.0.1:{world.server_port}"

    assert main(["serve", "--listen", address]) == 2
    assert f"{address} is in use" in capsys.readouterr().err


def test_tokens_shows_and_clears_what_the_proxy_holds(configuration, world, serving):
    """Never the token itself."""
    _, port = serving()
    url = f"http://127.0.0.1:{world.server_port}/x"
    at = ["--listen", f"127.0.0.1:{port}"]

    assert through(port, url) == (200, {"authorized": True})
    table = grantproxy("tokens", *at)
    states = json.loads(grantproxy("tokens", "--json", *at).stdout)
    cleared = grantproxy("tokens", "clear", "orders", *at)
    again = through(port, url)

    assert re.search(r"^orders +valid", table.stdout, re.MULTILINE)
    assert (states[0]["profile"], states[0]["locked_since"]) == ("orders", None)
    assert "1 forgotten" in cleared.stdout
    assert again == (200, {"authorized": True})
    assert world.passwords == [PASSWORD, PASSWORD]
    assert TOKEN not in table.stdout + str(states) + cleared.stdout


def test_tokens_without_a_proxy_ends_with_1(configuration, capsys):
    """So that it can serve as a health check."""
    assert main(["tokens", "--listen", "127.0.0.1:1"]) == 1
    assert "no proxy runs at 127.0.0.1:1" in capsys.readouterr().err


def test_clearing_an_unknown_profile_is_wrong_use(configuration, capsys):
    """With its near miss, whether a proxy runs or not."""
    assert main(["tokens", "clear", "order"]) == 2
    assert "did you mean orders?" in capsys.readouterr().err


def test_a_locked_password_is_not_tried_by_accident(configuration, world, serving, monkeypatch):
    """`test` asks the running proxy first; --force insists."""
    monkeypatch.setenv("API_PASSWORD", "sentinel-wrong")
    _, port = serving()
    configuration.write_text(configuration.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    through(port, f"http://127.0.0.1:{world.server_port}/x")

    refused = grantproxy("test", "orders")
    submitted = len(world.passwords)
    forced = grantproxy("test", "orders", "--force")

    assert (refused.returncode, forced.returncode) == (1, 1)
    assert "--force" in refused.stderr
    assert (submitted, len(world.passwords)) == (1, 2)


def test_sigterm_ends_serve_with_0(serving):
    """Nothing is wrong with being told to stop."""
    process, _ = serving()

    process.terminate()

    assert process.wait(30) == 0


# --- run and env


def test_run_sends_the_command_through_its_own_proxy(configuration, world):
    """The bare request is authorized, the output is the command's alone."""
    url = f"http://127.0.0.1:{world.server_port}/x"
    code = f"import urllib.request as r; print(r.urlopen({url!r}).read().decode())"

    ended = grantproxy("run", "--", sys.executable, "-c", code)

    assert ended.returncode == 0
    assert json.loads(ended.stdout) == {"authorized": True}
    assert ended.stderr == ""


def test_run_keeps_credentials_from_the_command(configuration):
    """Neither the referenced variable nor any of ours is there; status and arguments are the command's."""
    script = 'env; test "$1" = "a b" && exit 41'

    ended = grantproxy("run", "sh", "-c", script, "sh", "a b")

    assert ended.returncode == 41
    assert PASSWORD not in ended.stdout
    assert "GRANTPROXY_" not in ended.stdout
    assert "PATH=" in ended.stdout


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param(["/nonexistent/command"], 127, id="no such command"),
        pytest.param(["sh", "-c", "kill -KILL $$"], 137, id="killed"),
    ],
)
def test_run_ends_with_the_status_of_the_command(configuration, command, status):
    """As a shell has it."""
    assert grantproxy("run", "--", *command).returncode == status


def test_run_with_a_broken_configuration_runs_nothing(configuration):
    """2, and the problem; what only the proxy finds comes out as well."""
    configuration.write_text(configuration.read_text().replace("check_url: http", "check_url: ftp"))

    ended = grantproxy("run", "--", "echo", "sentinel")

    assert ended.returncode == 2
    assert "check_url" in ended.stderr
    assert ended.stdout == ""


def test_the_private_proxy_ends_however_run_ends(configuration):
    """Even SIGKILL, which nobody can act upon."""
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "proxy",
            "run",
            "--",
            "sh",
            "-c",
            "echo $HTTP_PROXY; exec sleep 60 >/dev/null 2>&1",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            port = int(process.stdout.readline().rpartition(":")[2])
            process.kill()

            assert ends(port)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def ends(port):
    """Waits for the end of whoever listens on *port*: it closes its connections, and takes no new ones."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            return connection.recv(1) == b""
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def test_env_is_evaluated_by_a_shell(configuration, tmp_path):
    """Every line is an assignment, and the files that they name are there."""
    lines = grantproxy("env", "--listen", "127.0.0.1:8080")
    script = (
        lines.stdout + 'echo "$HTTPS_PROXY" && test -r "$SSL_CERT_FILE" && test -r "$NODE_EXTRA_CA_CERTS"'
    )

    evaluated = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True)

    assert evaluated.stdout == "http://127.0.0.1:8080\n"
    assert PASSWORD not in lines.stdout
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize("command", [["env"], ["run", "--", "true"]], ids=lambda command: command[0])
def test_a_hashed_secret_cannot_be_told_to_a_program(configuration, capsys, command):
    """A hash in the proxy's URL would be a wrong secret, and puzzle whoever looks for the reason."""
    stored = hash_secret("sentinel-client")
    configuration.write_text(configuration.read_text() + f"clients: {{bot: {{secret: '{stored}'}}}}\n")
    name, *rest = command

    assert main([name, "--config", str(configuration), "--client", "bot", *rest]) == 2

    shown = capsys.readouterr()
    assert "stored as a hash" in shown.err
    assert stored not in shown.err + shown.out


def test_env_prints_a_clients_secret_only_when_asked(configuration, capsys):
    """It is the one command that prints a secret."""
    text = configuration.read_text() + "clients: {bot: {secret: sentinel-client}}\n"
    configuration.write_text(text)

    assert main(["env", "--json"]) == 0
    assert "sentinel-client" not in capsys.readouterr().out
    assert main(["env", "--json", "--client", "bot"]) == 0
    assert json.loads(capsys.readouterr().out)["HTTP_PROXY"].startswith("http://bot:sentinel-client@")
    assert main(["env", "--client", "bat"]) == 2
    assert main(["run", "--", "true"]) == 2
