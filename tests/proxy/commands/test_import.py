"""`grantproxy import` as somebody types it: what goes where, and the status it ends with."""

import io
import json

import pytest
import yaml

from proxy.cli import main

CURL = "curl -u me:sentinel-secret -d 'grant_type=password&username=bot&password=sentinel-password' https://a.example/t"
OPENAPI = """\
openapi: 3.1.0
info: {title: Orders}
servers: [{url: https://api.example.com}]
components:
  securitySchemes:
    o: {type: oauth2, flows: {password: {tokenUrl: /token, scopes: {}}}}
"""
POSTMAN = {
    "info": {"name": "Bills"},
    "item": [{"name": "x", "request": {"url": "https://b.example/x"}}],
    "auth": {
        "type": "oauth2",
        "oauth2": {
            "grant_type": "password_credentials",
            "accessTokenUrl": "https://b.example/token",
            "username": "bot",
            "password": "sentinel-password",
        },
    },
}


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder with one source of each kind, which is the working folder."""
    (tmp_path / "curl.sh").write_text(CURL)
    (tmp_path / "openapi.yaml").write_text(OPENAPI)
    (tmp_path / "collection.json").write_text(json.dumps(POSTMAN, indent="\t"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRANTPROXY_CONFIG", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["curl", "curl.sh"], "a-example"),
        (["openapi", "openapi.yaml"], "orders"),
        (["postman", "collection.json"], "bills"),
        (["curl.sh"], "a-example"),
        (["openapi.yaml"], "orders"),
        (["collection.json"], "bills"),
    ],
    ids=["curl", "openapi", "postman", "curl found out", "openapi found out", "postman found out"],
)
def test_a_profile_goes_to_standard_output(arguments, name, sources, capsys):
    """YAML there and the rest on stderr; no secret on either."""
    assert main(["import", *arguments, "--host", "api.example.com"]) == 0

    captured = capsys.readouterr()
    profiles = yaml.safe_load(captured.out)["profiles"]
    assert list(profiles) == [name]
    assert profiles[name]["match"] == [{"host": "api.example.com"}]
    assert f"set {name.upper().replace('-', '_')}_PASSWORD: credentials.password" in captured.err
    assert "sentinel" not in captured.out + captured.err


@pytest.mark.parametrize(
    "arguments",
    [["curl", "curl.sh"], ["openapi.yaml"], ["collection.json"]],
    ids=["curl", "openapi", "postman"],
)
def test_what_is_written_is_accepted_by_check(arguments, sources, monkeypatch, capsys):
    """Once the variables are set that were told."""
    assert main(["import", *arguments, "--host", "api.example.com", "-o", "grantproxy.yaml", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    for variable in report["variables"]:
        monkeypatch.setenv(variable, "x")

    assert main(["check"]) == 0


def test_what_is_missing_is_missed_by_check_too(sources, monkeypatch, capsys):
    """A token request does not tell the API: 2, with the key."""
    assert main(["import", "curl.sh", "-o", "grantproxy.yaml"]) == 0
    assert "missing: match" in capsys.readouterr().err
    monkeypatch.setenv("A_EXAMPLE_PASSWORD", "x")
    monkeypatch.setenv("A_EXAMPLE_CLIENT_SECRET", "x")

    assert main(["check"]) == 2
    assert "profiles.a-example.match: is required" in capsys.readouterr().err


def test_a_command_may_stand_after_two_dashes(capsys):
    """Word by word, with options of its own; --json tells everything in one document."""
    arguments = ["import", "--json", "--name", "mine", "--", "curl", "-k", "-d"]
    form = "grant_type=password&username=bot&password=sentinel"

    assert main([*arguments, form, "https://a.example/t"]) == 0

    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert list(report["profiles"]) == ["mine"]
    assert report["variables"] == {"MINE_PASSWORD": "credentials.password"}
    assert report["not_carried_over"][0].startswith("--insecure")
    assert report["missing"][0].startswith("match")
    assert "sentinel" not in captured.out + captured.err


def test_a_source_may_come_from_standard_input(monkeypatch, capsys):
    """As a hyphen."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"$ " + CURL.encode())))

    assert main(["import", "-"]) == 0
    assert "token_endpoint: https://a.example/t" in capsys.readouterr().out


def test_nothing_is_replaced_unasked(sources, capsys):
    """2 without --force, and the file stays."""
    file = sources / "x.yaml"
    file.write_text("mine")

    assert main(["import", "curl.sh", "-o", "x.yaml"]) == 2
    assert file.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["import", "curl.sh", "-o", "x.yaml", "--force"]) == 0
    assert "profiles:" in file.read_text()


def test_in_profiles_d_it_is_one_of_the_profiles(sources):
    """The file holds the profile, and not a configuration."""
    (sources / "profiles.d").mkdir()

    assert main(["import", "openapi.yaml", "-o", "profiles.d/orders.yaml"]) == 0
    assert "grant" in yaml.safe_load((sources / "profiles.d" / "orders.yaml").read_text())


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("curl https://a.example -d grant_type=client_credentials", "another grant"),
        ('{"openapi": "3.1.0"}', "password flow"),
        ('{"item": []}', "no OAuth 2.0 settings"),
    ],
    ids=["curl", "openapi", "postman"],
)
def test_a_source_without_a_password_grant_ends_with_1(content, hint, sources, capsys):
    """It says what it looked for, and writes nothing."""
    (sources / "source").write_text(content)

    assert main(["import", "source", "-o", "x.yaml"]) == 1

    captured = capsys.readouterr()
    assert "nothing to import" in captured.err
    assert hint in captured.err
    assert captured.out == ""
    assert not (sources / "x.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["none.yaml"], "no such file"),
        (["postman"], "is missing"),
        (["postmen", "collection.json"], "postman"),
        (["postman", "openapi.yaml"], "no Postman collection"),
        (["openapi", "collection.json"], "no OpenAPI document"),
        (["binary"], "UTF-8"),
        (["text"], "neither"),
        (["broken"], "neither JSON nor YAML"),
        (["curl.sh", "--name", "a b"], "--name"),
        (["."], "cannot be read"),
    ],
    ids=[
        *("no file", "no source", "near miss", "no collection", "no document", "binary", "text", "broken"),
        *("name", "folder"),
    ],
)
def test_wrong_use_ends_with_2(arguments, hint, sources, capsys):
    """With what is wrong, and never with what is in the source."""
    (sources / "binary").write_bytes(b"\xff\xfe\x00sentinel")
    (sources / "text").write_text("sentinel")
    (sources / "broken").write_text("[sentinel")

    assert main(["import", *arguments]) == 2

    captured = capsys.readouterr()
    assert hint in captured.err
    assert "sentinel" not in captured.err


def test_the_command_is_listed(capsys):
    """Under its own name, which is a word of the language in the code."""
    assert main(["--help"]) == 0
    assert " import " in capsys.readouterr().out
