"""`grantproxy test` as its user runs it: against a real authorization server and origin, and odd ones."""

import json
import os
import pty
import secrets
import subprocess
from urllib.parse import quote, quote_plus

import pytest
import yaml

from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import CLIENT_SECRET, PASSWORD
from tests.end_to_end.servers.proxy_process import grantproxy_command, proxy_environment

TOKEN = f"sentinel{secrets.token_hex(12)}"
LOG_IN_PAGE = (
    f"<!DOCTYPE html><form><input type=password name=p><input type=hidden name=t value={TOKEN}></form>"
)


def in_terminal(command, typed, **options):
    """Runs the command with a terminal; *typed* are prompts, and the line that is typed at each."""
    ours, theirs = pty.openpty()
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=theirs, stdout=pipe, stderr=pipe, start_new_session=True, **options
    ) as running:
        printed = ""
        for prompt, line in typed:
            # What is typed before it is asked for, a hidden prompt throws away.
            shown = ""
            while not shown.endswith(prompt):
                character = running.stderr.read(1)
                assert character, f"it did not ask {prompt}: {printed}{shown}"
                shown += character
            printed += shown
            os.write(ours, f"{line}\n".encode())
        stdout, stderr = running.communicate(timeout=60)
    os.close(theirs)
    os.close(ours)
    return subprocess.CompletedProcess(command, running.returncode, stdout, printed + stderr)


@pytest.fixture
def trial(authorization_server, origin, proxy_defaults, test_ca, tmp_path):
    """Runs the command for the profile `orders` with changed settings; gives the ended process."""
    origin.accepts = lambda token: token == TOKEN or authorization_server.accepts(token)

    def run(*arguments, given="", typed=None, **settings):
        check_url = settings.pop("check_url", "/protected/echo")
        profile = one_profile(authorization_server, origin, check_url=origin.url(check_url), **settings)
        file = tmp_path / "grantproxy.yaml"
        file.write_text(yaml.safe_dump({**proxy_defaults, **profile}))
        file.chmod(0o600)
        command = [*grantproxy_command(), "test", "orders", "--config", str(file), *arguments]
        options = {"env": proxy_environment(test_ca, {}), "cwd": tmp_path, "text": True}
        if typed is None:
            ended = subprocess.run(command, input=given, capture_output=True, timeout=60, **options)
        else:
            ended = in_terminal(command, typed, **options)
        printed = ended.stdout + ended.stderr
        for secret in (TOKEN, PASSWORD, quote(PASSWORD), quote_plus(PASSWORD), CLIENT_SECRET):
            assert secret not in printed
        return ended

    return run


def test_a_profile_that_works_is_told_so(trial, authorization_server, origin):
    """Status 0, one password submission, one check with the token in it."""
    ended = trial()

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("orders: the origin answered 200\n")
    assert f"  GET {origin.url('/protected/echo')}\n" in ended.stdout
    assert "token: Bearer, valid for" in ended.stdout
    assert authorization_server.count("password") == 1
    assert authorization_server.accepts(origin.last.bearer_token)


def test_a_wrong_password_is_submitted_once(trial, authorization_server, origin):
    """Status 1, and what the server said of it; Authlib says invalid_request (server difference 4)."""
    ended = trial(credentials={"username": "bot", "password": "sentinel-wrong&more"})

    assert ended.returncode == 1
    first, reason, blank, request, status, *rest = ended.stdout.splitlines()
    assert (first, blank) == ("Auth Test Failed", "")
    assert "a wrong user name or password" in reason
    assert (request, status) == (f"  POST {authorization_server.token_endpoint}", "  400 Bad Request")
    assert rest.index("Headers") < rest.index("Response")
    assert "sentinel-wrong" not in ended.stdout
    assert authorization_server.requests == 1
    assert origin.requests == []


def test_json_has_everything_by_name(trial, authorization_server):
    """Request, answer, reason, proposals and notes; the status is that of the text."""
    authorization_server.answer_with(200, {"data": {"token": TOKEN}}, {"Content-Type": "application/json"})

    ended = trial("--json")

    told = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert (told["profile"], told["ok"], told["step"]) == ("orders", False, "grant")
    assert told["request"] == f"POST {authorization_server.token_endpoint}"
    assert told["answer"]["status"] == 200
    assert "application/json" in dict(told["answer"]["headers"]).values()
    assert json.loads(told["answer"]["body"]) == {"data": {"token": "••••"}}
    assert told["proposals"] == [
        {
            "setting": "grant.response.access_token",
            "value": "data.token",
            "reason": "that is where the answer has a token",
        }
    ]


ELSEWHERE = "set grant.response.access_token: "


@pytest.mark.parametrize(
    ("status", "media_type", "body", "status_line", "proposal"),
    [
        pytest.param(
            200,
            "application/json",
            f'{{"data": {{"token": "{TOKEN}"}}}}',
            "200 OK",
            ELSEWHERE + "data.token",
            id="elsewhere",
        ),
        pytest.param(
            200, "text/plain", f"token={TOKEN}&n=1", "200 OK", ELSEWHERE + "token", id="form-encoded"
        ),
        pytest.param(
            200,
            "application/xml",
            f"<Response><Token>{TOKEN}</Token></Response>",
            "200 OK",
            ELSEWHERE + "Token",
            id="XML",
        ),
        pytest.param(
            401,
            "application/json",
            '{"error": "invalid_client"}',
            "401 Unauthorized",
            "set grant.client_authentication: client_secret_post",
            id="client-authentication",
        ),
        pytest.param(
            400,
            "application/json",
            '{"error": "invalid_scope"}',
            "400 Bad Request",
            "set grant.scope: [",
            id="scope",
        ),
        pytest.param(
            302,
            "text/html",
            f"see /login?t={TOKEN}",
            "302 Found",
            "set grant.token_endpoint: ",
            id="redirect",
        ),
        pytest.param(200, "text/html", LOG_IN_PAGE, "200 OK", "set grant.token_endpoint: ", id="log-in-page"),
    ],
)
def test_a_token_answer_of_another_shape_has_its_proposal(
    trial, authorization_server, origin, status, media_type, body, status_line, proposal
):
    """Status 1, the answer without the token, and the setting; the origin is not asked."""
    fields = {"Content-Type": media_type, "Location": f"/login?t={TOKEN}", "X-Trace": TOKEN}
    if "input" in body or status == 302:
        del fields["X-Trace"]
    authorization_server.answer_with(
        status, body, fields if status in (200, 302) else {"Content-Type": media_type}
    )

    ended = trial()

    assert ended.returncode == 1
    assert f"\n  POST {authorization_server.token_endpoint}\n  {status_line}\n" in ended.stdout
    assert f"\n  {proposal}" in ended.stdout
    assert origin.requests == []


def test_milliseconds_are_proposed_though_the_test_succeeds(trial, authorization_server):
    """The token is good, and would be taken for good for much too long."""
    authorization_server.answer_with(200, {"access_token": TOKEN, "expires_in": 3_600_000}, {})

    ended = trial()

    assert ended.returncode == 0
    assert "set grant.expires_in_unit: milliseconds (as seconds the token would live 42 days)" in ended.stdout


@pytest.mark.parametrize(
    ("status", "headers", "body", "proposal"),
    [
        pytest.param(403, {}, "", "set auth_error: [401, 403]", id="403"),
        pytest.param(
            302, {"location": f"/login?t={TOKEN}"}, "", "set auth_error: [302, 401]", id="redirect-to-log-in"
        ),
        pytest.param(
            301, {"location": "/protected/echo/"}, "", "set check_url: /protected/echo/", id="redirect"
        ),
        pytest.param(
            200,
            {},
            LOG_IN_PAGE,
            "set auth_error: [{status: 200, body: 'type=.?password'}, 401]",
            id="log-in-page",
        ),
        pytest.param(
            401,
            {"www-authenticate": "Token"},
            "",
            'set fields: [{in: header, key: Authorization, value: "Token {{access_token}}"}]',
            id="another-scheme",
        ),
        pytest.param(
            403,
            {"www-authenticate": 'Bearer error="insufficient_scope", scope="admin"'},
            "",
            "set grant.scope: [admin]",
            id="scope",
        ),
    ],
)
def test_an_origin_that_says_no_has_its_proposal(
    trial, authorization_server, origin, status, headers, body, proposal
):
    """Status 1; the token that the origin repeats is masked."""
    authorization_server.answer_with(200, {"access_token": TOKEN, "expires_in": 60}, {})
    origin.accepts = lambda token: False
    origin.auth_error_status = status
    origin.auth_error_headers = [*headers.items(), ("x-echo", TOKEN)]
    origin.auth_error_body = body.encode()

    ended = trial()

    assert ended.returncode == 1
    assert f"\n  GET {origin.url('/protected/echo')}\n  {status} " in ended.stdout
    assert "\n  x-echo: ••••\n" in ended.stdout
    assert f"\n  {proposal}" in ended.stdout
    assert origin.last.bearer_token == TOKEN


def test_fields_stand_where_the_proxy_writes_them(trial, authorization_server, origin):
    """Path and query are filled and masked in what is shown; a payload field is told to be left out."""
    body = {"access_token": TOKEN, "expires_in": 60, "account": f"a/{TOKEN}"}
    authorization_server.answer_with(200, body, {})

    ended = trial(
        check_url="/accounts/{accountId}/me?n=1",
        fields=[
            {"in": "path", "key": "accountId", "value": "{{token.account}}"},
            {"in": "query", "key": "api_key", "value": "{{access_token}}"},
            {"in": "payload", "key": "ssn", "value": "{{username}}"},
        ],
    )

    assert ended.returncode == 0, ended.stdout
    assert (origin.last.path, origin.last.query) == (f"/accounts/a%2F{TOKEN}/me", f"n=1&api_key={TOKEN}")
    assert f"  GET {origin.url('/accounts/••••/me?n=1&api_key=••••')}\n" in ended.stdout
    assert "note: the check is a GET without a body, so it does not carry ssn (payload)" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        pytest.param(["--user", "anna"], {}, "--user is for per-user profiles", id="user"),
        pytest.param([], {"mode": "per_user", "credentials": {}}, "say by --user", id="no-user"),
        pytest.param(
            [], {"check_url": "/{nowhere}"}, "nothing provides the placeholder nowhere", id="placeholder"
        ),
    ],
)
def test_what_cannot_be_tried_ends_with_2(trial, authorization_server, arguments, settings, told):
    """No password is submitted."""
    ended = trial(*arguments, **settings)

    assert ended.returncode == 2
    assert told in ended.stderr
    assert authorization_server.requests == 0


PER_USER = {
    "mode": "per_user",
    "credentials": {"username": "bot"},
    "form_fields": [
        {"key": "username", "title": "User name", "help": "As on the badge"},
        {"key": "password", "title": "Password", "type": "password"},
        {"key": "born", "title": "Born", "data_type": "date", "required": False},
    ],
}


def test_a_per_user_profile_is_tried_with_what_is_piped_in(trial, authorization_server, origin):
    """As `key=value` lines; the value goes on to the end of its line, and nothing of it is stored."""
    ended = trial("--user", "anna", given=f"username=bot\npassword={PASSWORD}\n", **PER_USER)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("orders: the origin answered 200\n")
    assert authorization_server.count("password") == 1
    assert authorization_server.accepts(origin.last.bearer_token)


def test_a_per_user_profile_asks_in_a_terminal(trial, authorization_server, origin):
    """By title, with the help, what is preset as default; an entry of another type is asked for again."""
    typed = [
        ("User name [bot]: ", ""),
        ("Password: ", PASSWORD),
        ("Born: ", "31.1.2031"),
        ("Born: ", "2031-01-31"),
    ]

    ended = trial("--user", "anna", typed=typed, **PER_USER)

    assert ended.returncode == 0, ended.stderr
    assert "As on the badge\nUser name [bot]: " in ended.stderr
    assert "is no date like 2031-01-31" in ended.stderr
    assert authorization_server.token_requests[-1].parameters["born"] == "2031-01-31"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param("", "password is missing", id="nothing"),
        pytest.param(f"username=bot\npassword={PASSWORD}\nborn=x", "born is no date", id="another-type"),
        pytest.param(f"{PASSWORD}\n", "line 1 of standard input is not one of username=VALUE", id="no-key"),
        pytest.param(f"pass={PASSWORD}\n", "line 1 of standard input is not one of", id="no-field"),
        pytest.param("username=a\nusername=b\n", "username more than once", id="twice"),
    ],
)
def test_an_entry_that_does_not_fit_ends_with_2(trial, authorization_server, given, told):
    """Nothing of it is shown, and no password is submitted."""
    ended = trial("--user", "anna", given=given, **PER_USER)

    assert ended.returncode == 2
    assert told in ended.stderr
    assert authorization_server.requests == 0


def test_a_missing_capture_says_how_it_is_given(trial, authorization_server):
    """The command's own way, with the name that is missing."""
    match = [{"host": "127.0.0.1", "path": "/{area}/echo"}]

    ended = trial(match=match, check_url="/{area}/echo")

    assert ended.returncode == 2
    assert "check_url needs area: give it with --capture area=VALUE" in ended.stderr
    assert authorization_server.requests == 0
