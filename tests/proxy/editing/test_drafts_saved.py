"""Profiles are checked, written where they belong, and moved out of the configuration's file."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from profiles.errors import ConfigurationError
from proxy.composition import compose
from proxy.configuration_files import Configuration, load_configuration
from proxy.editing.drafts import (
    Draft,
    NameRefused,
    begin_profile,
    draft_profile,
    open_profile,
    save,
)
from proxy.editing.file_writing import CannotWrite, ChangedMeanwhile
from proxy.editing.kept_secrets import shown_to_programs, with_kept_secrets
from proxy.editing.overrides import overriding_variables
from proxy.editing.programs import drafted_settings, shown_profile
from proxy.editing.written_profiles import CannotEdit
from proxy.unfinished_moves import note_of, noted
from proxy.yaml_documents import parse_document

SENTINEL = f"sentinel{secrets.token_hex(8)}"

MAIN = """\
# The head
profiles:
  orders:   # Orders API
    match: [{host: api.example.com}]
    credentials: {username: "${env:USER_NAME}", password: "${env:PASSWORD}"}   # of the bot
    grant: {token_endpoint: "https://api.example.com/oauth/token"}
  # another
  billing:
    match: [{host: billing.example.com}]
    credentials: {username: bot, password: hunter2}
    grant: {token_endpoint: "https://billing.example.com/oauth/token"}
"""

REPORTS = """\
# Reports
match:
  - host: reports.example.com
credentials:
  username: ${env:USER_NAME}
  password: ${env:PASSWORD}   # kept elsewhere
grant:
  token_endpoint: https://reports.example.com/oauth/token
# timeout: 10
"""

ENVIRON = {"USER_NAME": "bot", "PASSWORD": "from-environ"}


@pytest.fixture
def loaded(tmp_path: Path) -> Configuration:
    (tmp_path / "grantproxy.yaml").write_text(MAIN)
    (tmp_path / "profiles.d").mkdir()
    (tmp_path / "profiles.d" / "reports.yaml").write_text(REPORTS)
    return load_configuration(None, environ=ENVIRON, cwd=tmp_path)


def drafted(loaded: Configuration, name: str, **changes: Any) -> Draft:
    written = open_profile(loaded, name)
    assert written is not None
    return draft_profile(loaded, written, {**written.settings, **changes})


def begun(loaded: Configuration, name: str, **changes: Any) -> Draft:
    settings = {**parse_document(REPORTS).value, "match": {"host": f"{name.lower()}.example.com"}, **changes}
    return draft_profile(loaded, begin_profile(loaded, name), settings)


def files(folder: Path) -> Mapping[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_profile_of_its_own_file_is_changed_there(loaded: Configuration) -> None:
    """Comments stay, the version before is kept, and the configuration loads with the change."""
    draft = drafted(loaded, "reports", margin=60)
    assert draft.is_right

    save(draft)

    folder = loaded.file.parent / "profiles.d"
    assert (folder / "reports.yaml").read_text() == REPORTS.replace("# timeout", "margin: 60\n# timeout")
    assert (folder / "reports.yaml.previous").read_text() == REPORTS
    assert loaded.again().settings.profiles["reports"].margin == 60
    assert loaded.file.read_text() == MAIN


def test_a_profile_of_the_configurations_file_moves(loaded: Configuration) -> None:
    """With its comments; of the rest of that file not a byte changes."""
    draft = drafted(loaded, "orders", check_url="/api/me", tenancy={"base_url": "https://api.example.com"})
    assert draft.is_right

    save(draft)

    start, end = MAIN.index("  orders:"), MAIN.index("  # another")
    assert loaded.file.read_text() == MAIN[:start] + MAIN[end:]
    assert loaded.file.with_name("grantproxy.yaml.previous").read_text() == MAIN
    own = (loaded.file.parent / "profiles.d" / "orders.yaml").read_text()
    assert own.startswith("# Orders API\nmatch: [{host: api.example.com}]\n")
    assert "   # of the bot\n" in own
    assert sorted(loaded.again().settings.profiles) == ["billing", "orders", "reports"]


def test_a_move_whose_second_step_fails_is_undone(loaded: Configuration) -> None:
    """The profile stands where it stood, once."""
    draft = drafted(loaded, "orders", margin=60)
    changed = MAIN + "# somebody else\n"
    loaded.file.write_text(changed)

    with pytest.raises(ChangedMeanwhile):
        save(draft)

    assert files(loaded.file.parent) == {"grantproxy.yaml": changed, "profiles.d/reports.yaml": REPORTS}


_CUT_SHORT = """
import os, shutil, sys
from pathlib import Path
from proxy.configuration_files import load_configuration
from proxy.editing.drafts import draft_profile, open_profile, save

folder, environ, steps = Path(sys.argv[1]), {"USER_NAME": "bot", "PASSWORD": "x"}, 0

def hook(event, arguments):
    global steps
    if event in ("os.rename", "os.link", "os.remove"):
        if steps == 0:
            os._exit(1)
        steps -= 1

for number in range(100):
    copy = folder.with_name(f"copy{number}")
    shutil.copytree(folder, copy)
    loaded = load_configuration(copy / "grantproxy.yaml", environ=environ, cwd=copy)
    written = open_profile(loaded, "orders")
    draft = draft_profile(loaded, written, {**written.settings, "margin": 60})
    child = os.fork()
    if not child:
        steps = number
        sys.addaudithook(hook)
        save(draft)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def test_a_move_that_is_cut_short_leaves_the_profile_whole(tmp_path: Path) -> None:
    """As by a power failure before any of its steps: the proxy starts with the version before, or the new
    one, and says what is left to do."""
    folder = tmp_path / "original"
    folder.mkdir()
    (folder / "grantproxy.yaml").write_text(MAIN)

    subprocess.run([sys.executable, "-c", _CUT_SHORT, folder], check=True, cwd=Path(__file__).parents[3])

    seen = []
    for number in range(len(list(tmp_path.glob("copy*")))):
        copy = tmp_path / f"copy{number}"
        loaded = load_configuration(copy / "grantproxy.yaml", environ=ENVIRON, cwd=copy)
        assert sorted(loaded.settings.profiles) == ["billing", "orders"]
        warnings = [str(warning) for warning in loaded.warnings if "cut short" in warning.message]
        seen.append((loaded.settings.profiles["orders"].margin, len(warnings)))
    assert list(dict.fromkeys(seen)) == [(30, 0), (60, 1), (60, 0)]
    assert sorted(path.name for path in (tmp_path / f"copy{len(seen) - 1}/profiles.d").iterdir()) == [
        "orders.yaml"
    ]


def test_two_profiles_of_one_name_are_no_move_that_was_cut_short(loaded: Configuration) -> None:
    """Not even where the one that was left behind has been changed since: both are named."""
    own = loaded.file.parent / "profiles.d" / "orders.yaml"
    own.write_text(REPORTS.replace("reports", "orders"))
    note_of(own).write_bytes(noted(parse_document(MAIN).value["profiles"]["orders"]))
    assert loaded.again().settings.profiles["orders"].match[0].host == "orders.example.com"

    loaded.file.write_text(MAIN.replace("api.example.com/oauth", "api.example.com/changed"))

    with pytest.raises(ConfigurationError, match=r"defined twice, first in .*grantproxy.yaml:3: take it out"):
        loaded.again()


@pytest.mark.parametrize("name", ["new", "a.b", "UPPER", "x.yaml", "reports.2", "0"])
def test_a_new_profile_gets_a_file_of_its_name(loaded: Configuration, name: str) -> None:
    """Whatever the name looks like, as long as it is one."""
    draft = begun(loaded, name)
    assert draft.problems == draft.elsewhere == ()

    save(draft)

    assert name in loaded.again().settings.profiles
    assert (loaded.file.parent / "profiles.d" / f"{name}.yaml").exists()


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "-a", "a-", ".a", "a b", "a\n", "ä", "a\0", "orders", "reports", "%2e"],
)
def test_a_name_that_is_none_or_taken_is_refused(loaded: Configuration, name: str) -> None:
    """Nothing leads out of the folder, and nobody's profile is written over."""
    with pytest.raises(NameRefused):
        begin_profile(loaded, name)


def test_two_that_begin_the_same_profile_do_not_overwrite_each_other(loaded: Configuration) -> None:
    """The second one learns of the first."""
    first, second = begun(loaded, "twice"), begun(loaded, "twice", margin=60)
    save(first)

    with pytest.raises(ChangedMeanwhile, match="is there already"):
        save(second)

    assert loaded.again().settings.profiles["twice"].margin == 30


def test_two_that_edit_the_same_version_do_not_overwrite_each_other(loaded: Configuration) -> None:
    """The digest of what was read differs, and the file is compared once more when it is written."""
    first, second = drafted(loaded, "reports", margin=60), drafted(loaded, "reports", timeout=5)
    save(first)

    with pytest.raises(ChangedMeanwhile):
        save(second)

    again = open_profile(loaded, "reports")
    assert again is not None
    assert again.digest != first.written.digest == second.written.digest
    assert loaded.again().settings.profiles["reports"].timeout == 30


def test_what_is_wrong_is_told_by_key_before_anything_is_written(loaded: Configuration) -> None:
    """By the same models and the same compiling as everywhere."""
    before = files(loaded.file.parent)

    wrong = drafted(loaded, "orders", margin="soon", fields=[], grant={})
    twin = drafted(loaded, "orders", match=[{"host": "reports.example.com"}])
    unknown = drafted(loaded, "orders", fields=[{"in": "header", "key": "X", "value": "{{nobody}}"}])

    assert sorted(problem.key for problem in wrong.problems) == ["fields", "grant.token_endpoint", "margin"]
    assert not twin.is_right
    assert [problem.key for problem in unknown.problems] == ["fields"]
    assert files(loaded.file.parent) == before


def test_what_a_profile_makes_wrong_for_another_is_told(loaded: Configuration) -> None:
    """Two profiles that claim the same requests are told at one of them, whichever was changed."""
    draft = drafted(loaded, "billing", match={"host": "reports.example.com"})

    assert draft.problems == ()
    (problem,) = draft.elsewhere
    assert "claims the same requests" in problem.message


def test_what_was_wrong_before_keeps_nobody_from_saving(loaded: Configuration) -> None:
    """Of two broken profiles, one has to be put right first."""
    folder = loaded.file.parent / "profiles.d"
    (folder / "broken.yaml").write_text("match: []\n")

    draft = drafted(loaded, "reports", margin=60)
    other = drafted(loaded, "reports", margin="soon")

    assert draft.is_right
    assert {problem.file for problem in draft.standing} == {folder / "broken.yaml"}
    assert not other.is_right


def test_a_configuration_that_cannot_be_read_keeps_everybody_from_saving(loaded: Configuration) -> None:
    """Nothing is known of the profile then."""
    loaded.file.write_text("profiles: [\n")

    assert not drafted(loaded, "reports", margin=60).is_right


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("match: [\n", ":2 is not valid YAML"),
        ("a: 1\na: 2\n", ":2 is there twice, first on line 1: put that right first"),
        ("- a\n", "must be a mapping: put that right first"),
        ("\xff", "is not UTF-8 text"),
    ],
    ids=["no-yaml", "twice", "list", "no-text"],
)
def test_a_file_that_cannot_be_read_is_not_edited(loaded: Configuration, text: str, reason: str) -> None:
    """It says where, and shows nothing of it."""
    (loaded.file.parent / "profiles.d" / "reports.yaml").write_text(text, encoding="latin-1")

    with pytest.raises(CannotEdit, match=reason):
        open_profile(loaded, "reports")


def test_a_link_is_not_written_through(loaded: Configuration) -> None:
    """It is read, and a save says why it cannot be."""
    file = loaded.file.parent / "profiles.d" / "reports.yaml"
    target = loaded.file.parent / "elsewhere.yaml"
    file.rename(target)
    file.symlink_to(target)

    with pytest.raises(CannotWrite, match="is a symbolic link"):
        save(drafted(loaded, "reports", margin=60))

    assert target.read_text() == REPORTS


@pytest.mark.parametrize(
    "original",
    [REPORTS.replace("\n", "\r\n"), "\ufeff" + REPORTS, "\ufeff" + REPORTS.replace("\n", "\r\n")],
    ids=["dos", "byte-order-mark", "both"],
)
def test_line_breaks_and_byte_order_mark_stay(loaded: Configuration, original: str) -> None:
    """As the file's owner likes them."""
    file = loaded.file.parent / "profiles.d" / "reports.yaml"
    file.write_bytes(original.encode())

    save(drafted(loaded, "reports", margin=60))

    break_ = "\r\n" if "\r\n" in original else "\n"
    assert file.read_bytes().decode() == original.replace("# timeout", f"margin: 60{break_}# timeout")


def test_a_profile_with_a_file_that_ends_in_yml_stays_there(loaded: Configuration) -> None:
    """And gets no second file."""
    folder = loaded.file.parent / "profiles.d"
    (folder / "reports.yaml").rename(folder / "reports.yml")

    save(drafted(loaded, "reports", margin=60))

    assert sorted(path.name for path in folder.iterdir()) == ["reports.yml", "reports.yml.previous"]


def test_previous_versions_are_no_profiles(loaded: Configuration) -> None:
    """After any save, the same profiles are read."""
    save(drafted(loaded, "reports", margin=60))
    save(drafted(loaded, "orders", margin=60))

    assert sorted(loaded.again().settings.profiles) == ["billing", "orders", "reports"]


def test_a_save_without_a_change_writes_nothing(loaded: Configuration) -> None:
    """The version before is still the one before the last change."""
    save(drafted(loaded, "reports", margin=60))
    before = files(loaded.file.parent)

    save(drafted(loaded, "reports"))

    assert files(loaded.file.parent) == before


@pytest.mark.parametrize(
    ("profile", "outcome"),
    [
        pytest.param("  empty:\n", {}, id="null"),
        pytest.param("  empty: {}\n", {}, id="no-settings"),
        pytest.param("  empty: text\n", "something else than settings", id="text"),
        pytest.param("  empty: &x {}\n  other: *x\n", "cannot be changed here", id="shared"),
    ],
)
def test_a_profile_of_the_configurations_file_is_opened_whatever_it_is(
    loaded: Configuration, profile: str, outcome: Any
) -> None:
    """Or the reason is told."""
    loaded.file.write_text(MAIN + profile)

    if outcome == {}:
        written = open_profile(loaded, "empty")
        assert written is not None
        assert written.texts_with({"match": {"host": "a"}})[loaded.file] == MAIN
    else:
        with pytest.raises(CannotEdit, match=outcome):
            open_profile(loaded, "empty")


def test_a_configuration_that_is_no_plain_file_is_not_edited(loaded: Configuration) -> None:
    """`--config <(command)` can be read once, and not written."""
    loaded.file.unlink()

    with pytest.raises(CannotEdit, match="is no plain file"):
        open_profile(loaded, "reports")


def test_a_profile_that_is_not_there_cannot_be_opened(loaded: Configuration) -> None:
    """Nor one whose name would lead elsewhere."""
    assert open_profile(loaded, "nobody") is None


def test_editing_that_is_turned_off_is_refused(loaded: Configuration) -> None:
    """Whoever asks for it, pages or programs."""
    off = loaded.again(drafts={loaded.file: "console_editing: false\n" + MAIN})

    for attempt in (lambda: open_profile(off, "orders"), lambda: begin_profile(off, "x")):
        with pytest.raises(CannotEdit, match="console_editing is false"):
            attempt()


def test_a_preview_shows_no_secret(loaded: Configuration) -> None:
    """Neither one in a comment nor one under an unknown key."""
    file = loaded.file.parent / "profiles.d" / "reports.yaml"
    file.write_text(
        REPORTS + f"# password: {SENTINEL}\npasswort: {SENTINEL}\nclient_key_password: {SENTINEL}\n"
    )

    draft = drafted(loaded, "reports")

    assert SENTINEL not in draft.preview
    assert SENTINEL not in repr(draft)
    assert "password: ${env:PASSWORD}\n" in draft.preview
    assert [problem.key for problem in draft.problems][:1] == ["passwort"]


def test_the_draft_can_be_asked_who_owns_a_request(loaded: Configuration) -> None:
    """Its composition is what would be in force, and what is in force stays as it is."""
    before = compose(loaded, environ=loaded.environ)

    written = begin_profile(loaded, "extra")
    settings = {**parse_document(REPORTS).value, "match": {"host": "extra.example.com"}}
    draft = draft_profile(loaded, written, settings, before=before)

    assert draft.composition is not None
    assert sorted(draft.composition.profiles) == ["billing", "extra", "orders", "reports"]
    assert "extra" not in before.profiles


# Variables


def test_variables_that_win_over_the_file_are_told() -> None:
    """By the setting's key, and for this profile only."""
    environ = {
        "GRANTPROXY_PROFILES__MY_ORDERS__MARGIN": "60",
        "GRANTPROXY_PROFILES__MY_ORDERS__CREDENTIALS__PASSWORD": SENTINEL,
        "GRANTPROXY_PROFILES__MY_ORDERS__GRANT__HEADERS__X_KEY": SENTINEL,
        "GRANTPROXY_PROFILES__MY_ORDERS__NO_SUCH_KEY": "x",
        "GRANTPROXY_PROFILES__OTHER__MARGIN": "60",
        "GRANTPROXY_LISTEN": "127.0.0.1:1",
    }
    settings = {"grant": {"headers": {"X-Key": "a"}}}

    found = overriding_variables("my-orders", settings, environ, ["other"])

    start = "GRANTPROXY_PROFILES__MY_ORDERS__"
    assert found == {
        "margin": f"{start}MARGIN",
        "credentials.password": f"{start}CREDENTIALS__PASSWORD",
        "grant.headers.X-Key": f"{start}GRANT__HEADERS__X_KEY",
    }
    assert settings == {"grant": {"headers": {"X-Key": "a"}}}


# Programs

HELD = {
    "credentials": {"username": SENTINEL, "password": "${env:P}"},
    "fields": [
        {"in": "header", "key": "A", "value": SENTINEL},
        {"in": "header", "key": "B", "value": f"{SENTINEL}2"},
    ],
    "grant": {
        "body": {"pin": 4711, "list": [{"password": SENTINEL}]},
        "token_endpoint": f"https://api.example.com/token?key={SENTINEL}",
    },
}


def test_programs_get_no_secret_and_keep_what_they_send_back() -> None:
    """What was not changed comes back as it is written."""
    shown = shown_to_programs(HELD)

    assert SENTINEL not in repr(shown)
    assert "4711" not in repr(shown)
    assert with_kept_secrets(shown, HELD) == (HELD, [])


def test_an_entry_of_a_list_does_not_get_another_ones_secret() -> None:
    """It is told, where the entry at that place is another one."""
    shown = shown_to_programs(HELD)
    shown["fields"].reverse()
    shown["credentials"]["pin"] = {"set": True}
    shown["grant"]["token_endpoint"] += "&other=••••"

    sent, missing = with_kept_secrets(shown, HELD)

    assert SENTINEL not in repr(sent["fields"])
    assert missing == [
        "credentials.pin",
        "fields.0.value",
        "fields.1.value",
        "grant.token_endpoint",
    ]


def test_what_json_cannot_say_comes_back_as_it_is_written() -> None:
    """A date, a number that is none, and a mapping that looks like a secret's mark."""
    written = parse_document(
        "{d: 2024-01-01, t: 2001-12-14t21:59:43.10-05:00, n: .nan, i: [.inf, -.inf], b: !!binary aGk=, "
        "whole: 1.0, apikey: {set: true}, pin: 2024-01-01}"
    ).value
    settings = {"grant": {"parameters": written}}

    sent = json.loads(json.dumps(shown_to_programs(settings), allow_nan=False).replace("1.0", "1"))
    filled, missing = with_kept_secrets(sent, settings)

    assert missing == []
    assert repr(filled) == repr(settings)
    assert sent["grant"]["parameters"]["d"] == "2024-01-01"
    assert sent["grant"]["parameters"]["pin"] == {"set": True}


def programs_draft(
    loaded: Configuration, name: str, settings: Mapping[str, Any], *, is_new: bool = False
) -> Draft:
    """As `proxy.editing.programs` makes it; the key is in the variable."""
    environ = {**ENVIRON, "GRANTPROXY_SECRET_KEY": "key"}
    again = load_configuration(loaded.file, environ=environ, cwd=loaded.file.parent)
    draft = drafted_settings(again, name, settings, is_new=is_new)
    assert draft is not None
    return draft


def test_programs_save_as_the_form_does(loaded: Configuration) -> None:
    """What is kept is what is written, what is written out is encrypted, and the comments stay."""
    shown = shown_profile(loaded, "reports")
    assert shown is not None
    settings = {**shown.settings, "client_certificate": "c.pem", "client_key_password": SENTINEL}

    draft = programs_draft(loaded, "reports", settings)
    text = draft.texts[draft.written.own.path]

    assert draft.written.digest == shown.digest
    assert SENTINEL not in text
    assert text.startswith(REPORTS.removesuffix("# timeout: 10\n"))
    assert "client_key_password: ${encrypted:" in text


def test_programs_are_told_what_cannot_be_kept_once(loaded: Configuration) -> None:
    """By its key, and not what follows from it."""
    draft = programs_draft(
        loaded, "fresh", {"credentials": {"username": "bot", "password": {"set": True}}}, is_new=True
    )

    told = {problem.key: problem.message for problem in draft.problems}
    assert told["credentials.password"].startswith("there is nothing to keep here")
    assert sorted(told) == ["credentials.password", "grant", "match"]


@pytest.mark.parametrize("name", ["nobody", "../grantproxy", "..", "", "profiles.d/reports"])
def test_programs_get_no_file_that_is_no_profile(loaded: Configuration, name: str) -> None:
    """Whatever they ask for."""
    assert shown_profile(loaded, name) is None
    assert drafted_settings(loaded, name, {}) is None


def test_settings_that_are_nested_too_deeply_are_refused(loaded: Configuration) -> None:
    """Before anybody goes down into them."""
    body: Any = {}
    for _ in range(100_000):
        body = [body]

    with pytest.raises(CannotEdit, match="nested too deeply"):
        drafted_settings(loaded, "reports", {"grant": {"body": body}})


def test_settings_of_too_many_values_are_refused(loaded: Configuration) -> None:
    """Others wait while they are looked at."""
    with pytest.raises(CannotEdit, match="more than 5,000 values"):
        drafted_settings(loaded, "reports", {"grant": {"body": {"a": [0] * 5_000}}})
