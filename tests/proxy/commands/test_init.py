"""`init --preset` and `init --list-presets` as somebody types them."""

import json

import pytest
import yaml

from proxy.cli import main
from proxy.presets.catalogue import load_preset, preset_names


def test_a_preset_is_written_and_its_blanks_are_told_by_check(tmp_path, monkeypatch, capsys):
    """0 for writing, 2 for what is still blank."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRANTPROXY_CONFIG", raising=False)

    assert main(["init", "--preset", "keycloak"]) == 0
    assert "fill in" in capsys.readouterr().out
    assert main(["check"]) == 2
    assert "preset keycloak needs the realm, such as acme" in capsys.readouterr().err


def test_json_names_the_file_and_the_blanks(tmp_path, capsys):
    """For a program that fills them in."""
    file = tmp_path / "x.yaml"

    assert main(["init", "--preset", "reddit", "--output", str(file), "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["file"], report["preset"]) == (str(file), "reddit")
    assert {"key", "says", "example", "optional"} <= report["blanks"][0].keys()


def test_in_profiles_d_it_is_one_of_the_profiles(tmp_path):
    """The file holds the profile, and not a configuration."""
    (tmp_path / "profiles.d").mkdir()
    file = tmp_path / "profiles.d" / "social.yaml"

    assert main(["init", "--preset", "reddit", "--output", str(file)]) == 0

    assert yaml.safe_load(file.read_text())["extends"] == "reddit"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("keyclock", 'did you mean "keycloak"'), ("zendesk", "no password grant")],
    ids=["near miss", "withdrawn"],
)
def test_an_unknown_preset_is_wrong_use(name, hint, tmp_path, capsys):
    """2 with a hint, and nothing is written."""
    file = tmp_path / "x.yaml"

    assert main(["init", "--preset", name, "--output", str(file)]) == 2

    assert hint in capsys.readouterr().err
    assert not file.exists()


def test_the_presets_are_listed(capsys):
    """A line each, with the provider and the page."""
    assert main(["init", "--list-presets"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(preset_names())
    assert all(load_preset(line.split()[0]).page in line for line in lines[1:])


def test_the_presets_are_listed_as_json(capsys):
    """Whole: blanks, settings, description."""
    assert main(["init", "--list-presets", "--json"]) == 0

    listed = json.loads(capsys.readouterr().out)
    assert list(listed) == list(preset_names())
    assert listed["entra"]["profile"]["grant"]["token_endpoint"].startswith(
        "https://login.microsoftonline.com/"
    )
