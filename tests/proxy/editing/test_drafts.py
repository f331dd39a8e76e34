"""A draft takes the place of what is on disk, and is checked with everything around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiles.errors import ConfigurationError
from proxy.composition import compose
from proxy.configuration_files import Configuration, load_configuration
from proxy.configuration_search import file_of_profile

MAIN = """\
profiles:
  orders:
    match: [{host: api.example.com}]
    credentials: {username: bot, password: hunter2}
    grant: {token_endpoint: "https://api.example.com/oauth/token"}
"""

BILLING = """\
match: [{host: HOST}]
credentials: {username: bot, password: hunter2}
grant: {token_endpoint: "https://billing.example.com/oauth/token"}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Configuration:
    (tmp_path / "grantproxy.yaml").write_text(MAIN)
    return load_configuration(None, environ={"PASSWORD": "from-environ"}, cwd=tmp_path)


def test_a_draft_is_read_in_the_place_of_its_file(loaded: Configuration) -> None:
    """What is on disk stays as it is, and is not looked at."""
    draft = loaded.again(drafts={loaded.file: MAIN.replace("hunter2", '"${env:PASSWORD}"')})

    password = draft.settings.profiles["orders"].credentials["password"]
    assert password.get_secret_value() == "from-environ"
    assert loaded.file.read_text() == MAIN


@pytest.mark.parametrize("has_folder", [True, False], ids=["folder", "no-folder"])
def test_a_draft_may_be_of_a_file_that_is_not_there_yet(loaded: Configuration, *, has_folder: bool) -> None:
    """A profile that is about to be written is among the others, be there a folder for it or not."""
    folder = loaded.file.parent / "profiles.d"
    if has_folder:
        folder.mkdir()
        (folder / "another.yaml").write_text(BILLING.replace("HOST", "another.example.com"))

    draft = loaded.again(drafts={folder / "billing.yaml": BILLING.replace("HOST", "billing.example.com")})

    names = ["another", "billing", "orders"] if has_folder else ["billing", "orders"]
    assert sorted(draft.settings.profiles) == names
    assert sorted(draft.again().settings.profiles) == [name for name in names if name != "billing"]


@pytest.mark.parametrize(
    "name", [".billing.yaml", "billing.yaml.previous", "billing.txt", "deep/billing.yaml"]
)
def test_a_draft_of_what_would_not_be_read_is_not_read(loaded: Configuration, name: str) -> None:
    """A previous version and a partial one are no profiles."""
    draft = loaded.again(drafts={loaded.file.parent / "profiles.d" / name: "no: profile"})

    assert list(draft.settings.profiles) == ["orders"]


def test_a_draft_is_checked_together_with_the_others(loaded: Configuration) -> None:
    """That two profiles claim the same requests is seen before anything is written."""
    drafts = {loaded.file.parent / "profiles.d" / "twin.yaml": BILLING.replace("HOST", "api.example.com")}

    with pytest.raises(ConfigurationError, match="claims the same requests as orders") as caught:
        compose(loaded.again(drafts=drafts), environ={})

    assert [problem.key for problem in caught.value.problems] == ["profiles.twin.match"]


def test_what_is_wrong_with_a_draft_is_placed_by_key(loaded: Configuration) -> None:
    """Each problem has the key that it belongs to."""
    text = BILLING.replace("HOST", "a.example.com") + "timeout: soon\nfields: []\n"

    with pytest.raises(ConfigurationError) as caught:
        loaded.again(drafts={loaded.file.parent / "profiles.d" / "billing.yaml": text})

    assert [(problem.key, problem.line) for problem in caught.value.problems] == [
        ("profiles.billing.timeout", 4),
        ("profiles.billing.fields", 5),
    ]


@pytest.mark.parametrize(
    ("present", "found"),
    [([], "orders.yaml"), (["orders.yml"], "orders.yml"), (["orders.yaml", "orders.yml"], "orders.yaml")],
    ids=["neither", "yml", "both"],
)
def test_the_file_of_a_profile_is_the_one_that_is_there(
    tmp_path: Path, present: list[str], found: str
) -> None:
    """A new one ends in .yaml."""
    (tmp_path / "profiles.d").mkdir()
    for name in present:
        (tmp_path / "profiles.d" / name).touch()

    assert file_of_profile(tmp_path / "grantproxy.yaml", "orders") == tmp_path / "profiles.d" / found
