"""Where a reference may stand, and that what it stands for is not shown where it may."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
import yaml

from profiles.authorization_forms import shown_fields
from profiles.errors import ConfigurationError
from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.explanation import as_lines, explain, masked, parse_request
from proxy.sealed_secrets import SealedSecrets

SECRET = f"sentinel{secrets.token_hex(8)}"
PROFILE = {
    "match": [{"host": "{tenant}.example.com"}],
    "credentials": {"username": "bot", "password": "hunter2-hunter2"},
    "grant": {"token_endpoint": "https://login.example.com/token"},
}


def written(folder: Path, **changes: object) -> Path:
    file = folder / "grantproxy.yaml"
    configuration = {"profiles": {"orders": {**PROFILE, **changes}}, "state_dir": str(folder / "state")}
    file.write_text(yaml.safe_dump(configuration))
    file.chmod(0o600)
    return file


def problems_of(file: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(file, environ={"SECRET": SECRET}, cwd=file.parent)
    assert SECRET not in str(refused.value)
    return [f"{problem.key}: {problem.message}" for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        pytest.param({"description": "${env:SECRET}"}, "description", id="description"),
        pytest.param({"description": "a ${file:x} b"}, "description", id="in-a-description"),
        pytest.param({"tenancy": {"tenant": "${env:SECRET}"}}, "tenancy.tenant", id="tenant"),
        pytest.param({"match": [{"host": "${env:SECRET}"}]}, "match.0.host", id="host"),
        pytest.param({"match": [{"host": "a.test", "path": "/${env:SECRET}"}]}, "match.0.path", id="path"),
        pytest.param(
            {"match": [{"host": "a.test", "methods": ["${env:SECRET}"]}]}, "match.0.methods.0", id="method"
        ),
        pytest.param(
            {"fields": [{"in": "header", "key": "${env:SECRET}", "value": "x"}]},
            "fields.0.key",
            id="field's-key",
        ),
        pytest.param(
            {"form_fields": [{"key": "username", "title": "${env:SECRET}"}, {"key": "password"}]},
            "form_fields.0.title",
            id="title",
        ),
        pytest.param(
            {"form_fields": [{"key": "username", "help": "${env:SECRET}"}, {"key": "password"}]},
            "form_fields.0.help",
            id="help",
        ),
    ],
)
def test_what_is_shown_takes_no_reference(changes, key, tmp_path):
    """End users see titles, and everybody a description."""
    assert problems_of(written(tmp_path, **changes)) == [
        f"profiles.orders.{key}: takes no reference: it is shown as it is"
    ]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        pytest.param({"check_url": "https://a.example.com/{}"}, "check_url", id="url"),
        pytest.param(
            {"grant": {"token_endpoint": "https://a.example.com/{}"}}, "grant.token_endpoint", id="endpoint"
        ),
        pytest.param({"timeout": "{}"}, "timeout", id="number"),
    ],
)
def test_an_encrypted_secret_stands_where_none_is_shown(changes, key, tmp_path):
    """Its text can be copied from one setting into another, and must not come out in the clear."""
    configuration = load_configuration(written(tmp_path), environ={}, cwd=tmp_path)
    sealed = SealedSecrets(configuration.key_source).seal(SECRET)
    text = yaml.safe_dump(changes).replace("{}", sealed)

    found = problems_of(written(tmp_path, **yaml.safe_load(text)))

    assert found == [f"profiles.orders.{key}: takes no encrypted secret: it is shown as it is"]


def test_an_explanation_for_others_hides_what_references_stand_for(tmp_path):
    """Though it begins like a scheme, and though a connector's host is no secret elsewhere."""
    fields = [
        {"in": "header", "key": "X-Key", "value": "${env:SECRET} {{access_token}}"},
        {"in": "header", "key": "X-Own", "value": "Own {{access_token}}"},
    ]
    file = written(tmp_path, connector="http://${env:SECRET}:3128", fields=fields)
    configuration = load_configuration(file, environ={"SECRET": SECRET}, cwd=tmp_path)
    composition = compose(configuration, environ={})

    explanation = explain(composition, parse_request("https://acme.example.com/x", "GET"))
    shown = "\n".join(as_lines(masked(explanation, configuration.references)))

    assert explanation.outcome == "authorized"
    assert SECRET not in shown
    assert "Own ••••{access_token}" in shown
    assert SECRET not in repr(configuration)


def test_the_key_of_all_secrets_is_no_setting(tmp_path):
    """Whoever had it shown could open what is encrypted."""
    credentials = {"username": "bot", "password": "${env:GRANTPROXY_SECRET_KEY}"}
    file = written(tmp_path, credentials=credentials)

    with pytest.raises(ConfigurationError, match="no variable to take a setting from"):
        load_configuration(file, environ={"GRANTPROXY_SECRET_KEY": SECRET}, cwd=tmp_path)


def test_preset_values_that_are_references_are_not_shown_to_end_users(tmp_path):
    """Read-only or where they begin: the page hides them, and others' are shown."""
    form = [
        {"key": "username"},
        {"key": "team", "visibility": "read_only"},
        {"key": "unit", "visibility": "read_only"},
        {"key": "password", "type": "password"},
    ]
    credentials = {"username": "${env:SECRET}", "team": "${env:SECRET}", "unit": "blue"}
    file = written(tmp_path, mode="per_user", form_fields=form, credentials=credentials)
    configuration = load_configuration(file, environ={"SECRET": SECRET}, cwd=tmp_path)
    profile = compose(configuration, environ={}).profiles["orders"]

    referenced = configuration.references.credentials_of("orders", None)
    shown = {item.key: item for item in shown_fields(profile, {}, referenced=referenced)}

    assert referenced == {"username", "team"}
    assert {key: item.value for key, item in shown.items()} == {
        "username": "",
        "team": "",
        "unit": "blue",
        "password": "",
    }
    assert [key for key, item in shown.items() if item.is_hidden] == ["team", "password"]


@pytest.mark.parametrize(
    "name",
    [
        "/proc/self/environ",
        "state/secret-key",
        "state/../state/secret-key",
        "grantproxy.yaml",
        "~/.mitmproxy/mitmproxy-ca.pem",
    ],
)
def test_no_setting_is_taken_from_the_proxys_own_secrets(name, tmp_path):
    """Nor from what the system tells of processes."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "secret-key").write_text(SECRET)
    credentials = {"username": "bot", "password": f"${{file:{name}}}"}

    (problem,) = problems_of(written(tmp_path, credentials=credentials))

    assert problem.endswith("is no file to take a setting from")
