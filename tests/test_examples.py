"""Each example is a configuration that `check` accepts; one of them is the page of the source's settings."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def variables_of(example: Path) -> dict[str, str]:
    """A value for each variable that the example takes a secret from; digits, for some are numbers."""
    names = re.findall(r"\$\{env:([A-Za-z0-9_]+)\}", example.read_text())
    return dict.fromkeys(names, "4711")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_check_accepts_the_example(example: Path, tmp_path: Path) -> None:
    """With its variables set, and without any other preparation."""
    environ = {"PATH": "", "HOME": str(tmp_path), **variables_of(example)}

    checked = subprocess.run(
        [sys.executable, "-m", "proxy", "check", "--json", "--config", str(example)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (checked.returncode, checked.stderr) == (0, "")
    assert json.loads(checked.stdout)["problems"] == []


@pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if variables_of(path)], ids=lambda path: path.stem
)
def test_example_says_which_variable_is_missing(example: Path, tmp_path: Path) -> None:
    """Whoever copies it learns what to set."""
    checked = subprocess.run(
        [sys.executable, "-m", "proxy", "check", "--config", str(example)],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert checked.returncode == 2
    assert [name for name in variables_of(example) if name not in checked.stderr] == []


def test_the_page_of_the_sources_settings_is_its_example_piece_by_piece() -> None:
    """What one reads there in order is what is loaded above."""
    page = (ROOT / "docs" / "source-settings.md").read_text()
    pieces = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)

    example = (ROOT / "examples" / "source-settings.yaml").read_text()
    assert example.split("\n", 1)[1] == "".join(pieces)


SOURCE_SETTINGS = [
    "Authorization Type",
    "Name",
    "Subdomain",
    "tenancy URL",
    "{tenant}",
    "Pre-authorize",
    "Allow users to authorize",
    "Auto-Refresh Token Regeneration",
    "Title of Field",
    "Field Key",
    "Help Hint",
    "Field Type",
    "Mandatory",
    "Data Type",
    "Visibility",
    "Header",
    "Payload",
    "Query String",
    "Path Param",
    "Field Value",
    "Token URL",
    "PUT",
    "POST",
    "PATCH",
    "DELETE",
    "GET",
    "JSON",
    "RSS",
    "XML",
    "URL Encoded JSON",
    "CSV",
    "Text",
    "Twitter Encoded JSON",
    "Multipart/Form-data",
    "Multipart/Related",
    "Oracle ADF",
    "Refresh Token URL",
    "Auth Error Status Code",
    "Connector",
    "Authorization Check URL",
    "Auth Test Failed",
    "Headers",
    "Response",
]


@pytest.mark.parametrize("setting", SOURCE_SETTINGS)
def test_the_page_names_every_setting_of_the_source(setting: str) -> None:
    """By the words that stand in its dialogs."""
    page = (ROOT / "docs" / "source-settings.md").read_text()

    assert setting in page.replace("\n", " ")
