"""Where a reference may stand, and that what it stands for is not shown where it may."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
import yaml

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
        pytest.param({"match": [{"host": "{}"}]}, "match.0.host", id="host"),
        pytest.param(
            {"fields": [{"in": "header", "key": "{}", "value": "x"}]}, "fields.0.key", id="key-of-a-field"
        ),
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
    """They may stand in what a request is matched by, too."""
    fields = [{"in": "header", "key": "${env:SECRET}", "value": "{{access_token}}"}]
    file = written(
        tmp_path, match=[{"host": "{tenant}.example.com", "path": "/${env:SECRET}/**"}], fields=fields
    )
    configuration = load_configuration(file, environ={"SECRET": SECRET}, cwd=tmp_path)
    composition = compose(configuration, environ={})

    explanation = explain(composition, parse_request(f"https://acme.example.com/{SECRET}/x", "GET"))
    shown = "\n".join(as_lines(masked(explanation, configuration.referenced))[1:])

    assert explanation.outcome == "authorized"
    assert SECRET not in shown
    assert SECRET not in repr(configuration)


@pytest.mark.parametrize("name", ["/proc/self/environ", "state/secret-key", "state/../state/secret-key"])
def test_no_setting_is_taken_from_the_proxys_own_secrets(name, tmp_path):
    """Nor from what the system tells of processes."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "secret-key").write_text(SECRET)
    credentials = {"username": "bot", "password": f"${{file:{name}}}"}

    (problem,) = problems_of(written(tmp_path, credentials=credentials))

    assert problem.endswith("is no file to take a setting from")
