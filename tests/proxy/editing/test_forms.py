"""A profile's settings become a form and settings again, and no secret is in the form."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from profiles.model import ContentType, ProfileSettings
from proxy.editing.form_table import GROUPS, SETTINGS
from proxy.editing.forms import form_of, settings_of, unknown_keys
from proxy.editing.plain_values import same
from proxy.editing.reading import Reading, tidied
from proxy.editing.row_lists import without_row
from proxy.editing.row_widgets import Pairs, Table
from proxy.editing.secret_settings import sealed_settings
from proxy.references import References
from proxy.setting_keys import entry_of, is_list, is_mapping, model_keys, unwrapped
from proxy.yaml_documents import parse_document
from tests.proxy.editing.profile_settings import PROFILES

SENTINEL = f"sentinel{secrets.randbelow(10)}{secrets.token_hex(8)}"
EXAMPLES = [
    pytest.param(profile, id=f"{file.stem}-{name}")
    for file in sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
    for name, profile in parse_document(file.read_text()).value["profiles"].items()
]


def seal(text: str) -> str:
    return f"${{encrypted:{text.encode(errors='surrogatepass').hex()}}}"


class Opened:
    """Opens what `seal` has made."""

    def unseal(self, sealed: str) -> str:
        return bytes.fromhex(sealed).decode(errors="surrogatepass")


def submitted(form: dict[str, str]) -> dict[str, str]:
    """The form as a browser sends it: line breaks are CRLF, and one-line inputs have none to send."""
    return {name: value.replace("\n", "\r\n") for name, value in form.items()}


def read(form: dict[str, str], base: dict[str, Any] | None = None) -> tuple[dict[str, Any], Reading]:
    reading = Reading(tidied(form), seal)
    return settings_of(reading, base or {}), reading


def changed(base: dict[str, Any], *removed: str, **entered: str) -> dict[str, Any]:
    """What becomes of *base* when something else is entered under these names (`__` for a dot)."""
    form = form_of(base, seal)
    form |= {name.replace("__", "."): value for name, value in entered.items()}
    return read({name: value for name, value in form.items() if name not in removed}, base)[0]


# Nothing is forgotten


def _keys_of(annotation: Any) -> set[str]:
    return set(model_keys(unwrapped(annotation)))


def _leaves(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, annotation in model_keys(model).items():
        kind = unwrapped(annotation)
        if model_keys(kind):
            yield from _leaves(kind, f"{path}{key}.")
        else:
            yield f"{path}{key}", kind


@pytest.mark.parametrize(
    ("key", "kind"), [pytest.param(*leaf, id=leaf[0]) for leaf in _leaves(ProfileSettings)]
)
def test_every_setting_has_its_place_in_the_form(key: str, kind: Any) -> None:
    """A new one cannot be forgotten, nor a new attribute of what stands in lists."""
    widget = SETTINGS[key].widget
    below = entry_of(kind) if is_list(kind) or is_mapping(kind) else None
    attributes = _keys_of(below) if below is not None else set()

    assert isinstance(widget, Table) == bool(attributes)
    if isinstance(widget, Table):
        assert {column.key for column in widget.columns} - {widget.keyed} == attributes


def test_the_form_has_nothing_that_is_no_setting() -> None:
    """Each key in the table is one that a file may have, and stands there once."""
    keys = [setting.key for group in GROUPS for setting in group.settings]

    assert sorted(keys) == sorted(key for key, _ in _leaves(ProfileSettings))


def test_every_content_type_has_the_sources_label() -> None:
    """The ten of the dialog."""
    options = dict(SETTINGS["grant.content_type"].widget.options)

    assert set(options) == {item.value for item in ContentType}
    assert options["urlencoded"] == "URL Encoded JSON"


# Both ways


@pytest.mark.parametrize("profile", EXAMPLES)
def test_examples_come_back_as_they_are(profile: dict[str, Any]) -> None:
    """Nothing is entered, nothing changes: not 401 into [401], not a default that is written there.

    What is credentials and written out is encrypted, as with every save.
    """
    result, reading = read(submitted(form_of(profile, seal)), profile)

    assert reading.problems == []
    assert same(result, sealed_settings(profile, seal))
    assert same(_resolved(result), profile)


@pytest.mark.parametrize("profile", EXAMPLES)
def test_the_form_alone_says_all_that_an_example_says(profile: dict[str, Any]) -> None:
    """Without the file, what it says means the same; defaults are left out."""
    result, reading = read(submitted(form_of(profile, seal)))

    assert reading.problems == []
    assert _meaning(result) == _meaning(profile)


def _meaning(profile: dict[str, Any]) -> Any:
    """Compares what is in force: defaults or not, one or a list of one."""
    settings = _resolved(profile)
    # A preset would bring it.
    settings["grant"] = {"token_endpoint": "/token", **settings["grant"]}
    return ProfileSettings.model_validate(settings).model_dump(mode="json")


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(PROFILES)
def test_any_profile_comes_back_as_it_is(profile: dict[str, Any]) -> None:
    """But for its secrets, which are encrypted then; references in them still lead where they led."""
    result, reading = read(submitted(form_of(profile, seal)), profile)

    assert reading.problems == []
    assert same(_resolved(result), _resolved(sealed_settings(profile, seal)))


def _resolved(value: Any) -> Any:
    """With what is encrypted written out: a secret may be sealed in pieces, between references."""
    if isinstance(value, dict):
        return {key: _resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    if not isinstance(value, str) or "${encrypted:" not in value or "${encrypted:AAAA}" in value:
        return value
    try:
        return References({"X": "x"}, Path(), lambda *_: None, Opened()).resolve(value)
    except Exception:
        return value


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(PROFILES, st.data())
def test_one_change_changes_nothing_else(profile: dict[str, Any], data: st.DataObject) -> None:
    """Whatever is entered in one place, all other settings stay as they are written."""
    form = submitted(form_of(profile, seal))
    key = data.draw(st.sampled_from(["description", "check_url", "margin", "grant.token_endpoint", "mode"]))

    result, _ = read({**form, key: "per_user" if key == "mode" else "/changed"}, profile)

    changed_one = key.partition(".")[0]
    without = {name: it for name, it in sealed_settings(profile, seal).items() if name != changed_one}
    assert same(_resolved({name: result[name] for name in without}), _resolved(without))


def test_rows_that_a_script_left_with_gaps_are_counted_anew() -> None:
    """In the order of their numbers, also below each other."""
    form = {"match.10.host": "b", "match.2.host": "a", "t.3.c.7.key": "x", "t.3.c.12.key": "y", "plain": "z"}

    tidy = tidied(form)

    assert tidy.pop("plain") == "z"
    assert tidy == {"match.1.host": "b", "match.0.host": "a", "t.0.c.0.key": "x", "t.0.c.1.key": "y"}
    assert without_row({"match.0.host": "a", "match.1.host": "b"}, "match.0") == {"match.0.host": "b"}


# What is entered

BASE: dict[str, Any] = {
    "match": {"host": "a.example", "port": "443", "comment": "unknown"},
    "credentials": {"username": "${env:USER}", "password": SENTINEL},
    "grant": {"token_endpoint": "/token", "scope": "read write", "refresh_headers": {}},
    "auth_error": 401,
    "fields": [
        {"in": "header", "key": "X-Key", "value": SENTINEL},
        {"in": "header", "key": "Authorization", "value": "Bearer {{access_token}}"},
    ],
}


@pytest.mark.parametrize(
    ("entered", "key", "value"),
    [
        ({"description": "  a ' b  "}, "description", "a ' b"),
        ({"margin": "60"}, "margin", 60),
        ({"margin": "0.5"}, "margin", 0.5),
        ({"margin": "1e3"}, "margin", "1e3"),
        ({"payload_limit": "20MiB"}, "payload_limit", "20MiB"),
        ({"match__0__host": "b"}, "match", {"host": "b", "port": "443", "comment": "unknown"}),
        ({"match__0__port": "80"}, "match", {"host": "a.example", "port": 80, "comment": "unknown"}),
        ({"match__1__host": "b"}, "match", [BASE["match"], {"host": "b"}]),
        ({"match__1__methods": "get , POST,"}, "match", [BASE["match"], {"methods": ["get", "POST"]}]),
        ({"auth_error__1__status": "403"}, "auth_error", [401, 403]),
        ({"auth_error__0__body": " x "}, "auth_error", {"status": 401, "body": " x "}),
        ({"auth_error__0__status": ""}, "auth_error", ...),
        ({"form_fields__0__key": "pin"}, "form_fields", [{"key": "pin", "required": False}]),
        ({"form_fields__0__key": "pin", "form_fields__0__required": "true"}, "form_fields", [{"key": "pin"}]),
        ({"regenerate": "true"}, "regenerate", ...),
        ({"allow_cleartext": "true"}, "allow_cleartext", True),
        ({"tenancy__tenants__0__name": "acme"}, "tenancy", {"tenants": {"acme": {}}}),
        ({"connector": "http://g:1"}, "connector", "http://g:1"),
        ({"connector": "http://bot:${env:X}@g:1"}, "connector", "http://bot:${env:X}@g:1"),
        ({"client_key_password": "${file:/run/x}"}, "client_key_password", "${file:/run/x}"),
        ({"client_key_password": " ${file:/run/x} "}, "client_key_password", "${file:/run/x}"),
        ({"client_key_password": " x "}, "client_key_password", seal(" x ")),
        ({"client_key_password": "a\tb"}, "client_key_password", seal("a\tb")),
    ],
)  # fmt: skip
def test_what_is_entered_is_written_as_a_person_would(entered: dict[str, str], key: str, value: Any) -> None:
    """Numbers as numbers, one as one, nothing as nothing; what the form does not know stays."""
    result = changed({**BASE, "regenerate": False} if key == "regenerate" else BASE, **entered)

    if key == "regenerate":
        assert result[key] is True
    else:
        assert same(result.get(key, ...), value)


@pytest.mark.parametrize(
    ("key", "entered", "value"),
    [
        ("token_endpoint", {}, "/token"),
        ("scope", {"grant__scope": "read\r\nwrite\r\n"}, "read write"),
        ("scope", {"grant__scope": "read"}, ["read"]),
        ("scope", {"grant__scope": ""}, ...),
        ("body", {"grant__body": "{}"}, {}),
        ("body", {"grant__body": "Pin: '{{pin}}'\nn: 012\non: 1"}, {"Pin": "{{pin}}", "n": 10, "on": 1}),
        ("body", {"grant__body": f"Password: {SENTINEL}"}, {"Password": seal(SENTINEL)}),
        ("refresh_headers", {}, {}),
        (
            "refresh_headers",
            {"grant__refresh_headers__0__key": "A", "grant__refresh_headers__0__value": "{{x}}"},
            {"A": "{{x}}"},
        ),
        ("refresh_query", {"grant__refresh_query~own": "true"}, {}),
        ("response", {"grant__response__scope": "s"}, {"scope": "s"}),
        ("method", {"grant__method": "POST"}, ...),
        ("method", {"grant__method": "PUT"}, "PUT"),
        ("default_lifetime", {"grant__default_lifetime": "3600"}, ...),
    ],
)  # fmt: skip
def test_settings_of_the_grant_are_entered(key: str, entered: dict[str, str], value: Any) -> None:
    """A default is left out, as long as it was not written there."""
    assert same(changed(BASE, **entered)["grant"].get(key, ...), value)


@pytest.mark.parametrize(
    ("entered", "written"),
    [("client_secret_post", ...), ("none", "none"), ("", ...)],
    ids=["same", "other", "none"],
)
def test_what_a_preset_says_is_left_out(entered: str, written: Any) -> None:
    """And written where the profile says something else, though that be the default elsewhere."""
    result = changed({**BASE, "extends": "keycloak"}, grant__client_authentication=entered)

    assert result["grant"].get("client_authentication", ...) == written


def test_a_default_that_was_written_stays() -> None:
    """Its author wanted it there, in rows as well."""
    rows = [{"key": "a", "type": "textbox", "required": True}]
    entered = {"key": "b", "type": "textbox", "required": "true"}

    result = changed(
        {**BASE, "mode": "preauthorized", "form_fields": rows},
        **{f"form_fields__1__{key}": value for key, value in entered.items()},
    )

    assert result["mode"] == "preauthorized"
    assert result["form_fields"] == [*rows, {"key": "b"}]


def test_what_is_not_said_any_more_leaves_no_empty_mapping() -> None:
    """`tenancy: {}` would say nothing."""
    base = {**BASE, "tenancy": {"tenant": "acme"}}

    assert "tenancy" not in changed(base, tenancy__tenant="")
    assert changed(base, "grant.refresh_headers~own")["grant"].keys() == {"token_endpoint", "scope"}


# Secrets


def test_no_secret_is_in_the_form_and_an_empty_input_keeps_it() -> None:
    """It comes back encrypted, though its row moved and its key was renamed."""
    form = form_of(BASE, seal)
    assert SENTINEL not in repr(form)

    form |= {"credentials.1.key": "pin", "credentials.5.key": "new", "credentials.5.value": "${env:NEW}"}
    form = {name.replace("fields.0.", "fields.8."): value for name, value in form.items()}
    result, _ = read(form, BASE)

    assert result["credentials"] == {"username": "${env:USER}", "pin": seal(SENTINEL), "new": "${env:NEW}"}
    assert [row["value"] for row in result["fields"]] == ["Bearer {{access_token}}", seal(SENTINEL)]


@pytest.mark.parametrize(
    ("entered", "left"),
    [
        ({"credentials__1__value": "other"}, {"password": seal("other")}),
        ({"credentials__1__value": "${env:P}"}, {"password": "${env:P}"}),
        ({"credentials__1__value~remove": "true"}, {}),
        ({"credentials__1__value~remove": "true", "credentials__1__value": "x"}, {}),
        ({"credentials__1__value~kept": "forged"}, {}),
        ({"credentials__1__value~kept": f"forged once {seal('x')}"}, {}),
        ({"credentials__0__value": ""}, None),
    ],
)
def test_a_secret_is_replaced_or_removed(entered: dict[str, str], left: dict[str, str] | None) -> None:
    """A reference that is shown and then deleted is gone; what is kept hidden is encrypted or nothing."""
    result = changed(BASE, **entered)["credentials"]

    assert result == ({"password": seal(SENTINEL)} if left is None else {"username": "${env:USER}", **left})


@pytest.mark.parametrize(
    "entered",
    [
        {"credentials.1.value": SENTINEL},
        {"credentials.7.value": SENTINEL},
        {"credentials.1.key": "username", "credentials.1.value": SENTINEL},
        {"credentials.1.value": SENTINEL, "credentials.1.value~remove": "true"},
        {"credentials.1.value": f"${{evn:{SENTINEL}}}"},
        {"grant.client_secret": f" {SENTINEL} "},
        {"grant.refresh_query.0.key": "x", "grant.refresh_query.0.value": SENTINEL},
        {"tenancy.tenants.0.credentials.0.value": SENTINEL},
        {"fields.3.value": f"Key {SENTINEL} {{{{access_token}}}}"},
        {"connector": f"http://bot:{SENTINEL}@g"},
        {"connector": f"bot:{SENTINEL}@g"},
        {"grant.body": f"Password: {SENTINEL}"},
        {"grant.body": f"a: b: c\nPassword: {SENTINEL}"},
        {"grant.body": f'{{"user": "x", "api_key": "{SENTINEL}"'},
        {"grant.body": f"key:\n- {SENTINEL}\n- ]"},
        {"grant.body": f"key: |\n  x\n  {SENTINEL}\nb: ["},
        {"grant.body": f"password: a\npassword: {SENTINEL}"},
        {"grant.body": "password:\nhunter2 "},
        {"grant.body": "? password\n: hunter2\n]"},
        {"grant.body": "password\n: hunter2\n["},
        {"grant.body": "a: {{b}}\npassword: 'x\nhunter2"},
        {"grant.body": "password: >\nhunter2\n["},
        {"grant.body": f"a: [\n- {SENTINEL}"},
        {"grant.body": "x: &a hunter2\npassword: *a"},
        {"grant.body": "password: hunter2\nx: 0x" + "f" * 5000},
        {"grant.parameters": "pairs: [{name: password, value: hunter2}]"},
        {"grant.parameters": f"unnamed: {SENTINEL}"},
        {"grant.parameters": f'"{SENTINEL}"'},
        {"grant.parameters": f"- {SENTINEL}"},
    ],
    ids=lambda entered: f"{len(entered)}-{next(iter(entered))}",
)
def test_a_secret_that_was_typed_is_not_shown_again(entered: dict[str, str]) -> None:
    """Neither in the form nor in a problem; where it can be kept, it is, encrypted."""
    result, reading = read({**form_of(BASE, seal), **entered}, BASE)

    for shown in (reading.shown_again, reading.problems, result, reading):
        assert SENTINEL not in repr(shown)
        assert "hunter2" not in repr(shown)


def test_a_url_is_changed_around_what_is_hidden_in_it() -> None:
    """Its query is kept as long as it stands so, and told where there is nothing to keep."""
    base = {**BASE, "check_url": "https://a/me?key=1&v=${env:V}"}
    assert form_of(base, seal)["check_url"] == "https://a/me?key=••••&v=${env:V}"

    assert changed(base)["check_url"] == base["check_url"]
    assert changed(base, check_url="https://b/me?key=••••")["check_url"] == "https://b/me?key=1"
    assert changed(base, check_url="https://b/me?key=2")["check_url"] == "https://b/me?key=2"
    settings, reading = read({**form_of(base, seal), "check_url": "https://b/me?x=••••"}, base)
    assert reading.problems == [("check_url", "•••• stands for nothing that is written here: type it")]
    assert settings["check_url"] == base["check_url"]


def test_what_was_typed_is_kept_through_another_round() -> None:
    """A form that is sent again after a problem elsewhere has the secret still."""
    _, reading = read({**form_of(BASE, seal), "grant.client_secret": "new"}, BASE)

    again, _ = read(reading.shown_again, BASE)

    assert reading.shown_again["grant.client_secret"] == ""
    assert again["grant"]["client_secret"] == seal("new")


def test_a_number_under_a_telling_name_is_kept_and_not_shown() -> None:
    """It cannot be encrypted without becoming text; moved elsewhere, it has to be typed again."""
    base = {**BASE, "grant": {**BASE["grant"], "body": {"pin": 4711, "count": 1}}}
    form = form_of(base, seal)
    assert "4711" not in form["grant.body"]

    assert changed(base)["grant"]["body"] == {"pin": 4711, "count": 1}
    _, reading = read({**form, "grant.body": form["grant.body"].replace("pin", "key")}, base)

    message = "holds a number or a date that was kept elsewhere: type it again"
    assert reading.problems == [("grant.body", message)]


def test_a_number_of_a_list_that_has_changed_has_to_be_typed_again() -> None:
    """Which of them is gone cannot be told."""
    base = {**BASE, "grant": {**BASE["grant"], "body": {"pins": [1111, 2222]}}}
    form = form_of(base, seal)

    _, reading = read({**form, "grant.body": "pins:\n- (kept as it is)\n"}, base)

    assert reading.problems == [
        ("grant.body", "holds a number or a date that was kept elsewhere: type it again")
    ]


def test_yaml_that_cannot_be_read_is_shown_as_far_as_it_holds_no_secret() -> None:
    """A missing pair of quotes costs nothing that was typed."""
    text = "UserName: {{username}}\nPassword: {{password}}\nlanguage: en\n"

    _, reading = read({**form_of(BASE, seal), "grant.body": text}, BASE)

    assert {control for control, _ in reading.problems} == {"grant.body"}
    assert reading.shown_again["grant.body"] == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a: &a {x: y}\nb: [*a, *a]", "takes no anchors (&name)", id="aliases"),
        pytest.param("<<: &a {x: y}", "takes no anchors (&name)", id="anchor"),
        pytest.param("a: [" + "x," * 2_000 + "]", "has more than 2,000 values", id="many"),
        pytest.param("a: " + "x" * 70_000, "is longer than 65,536 characters", id="long"),
        pytest.param("a: " + ":".join("1" * 900), "has a number of more than 1,000 digits", id="number"),
    ],
)
def test_what_would_take_long_is_not_read(text: str, problem: str) -> None:
    """A form is looked at while it is typed; what the file has stays meanwhile."""
    base = {**BASE, "grant": {**BASE["grant"], "body": {"a": "b"}}}

    settings, reading = read({**form_of(base, seal), "grant.body": text}, base)

    ((control, message),) = reading.problems
    assert (control, message.startswith(problem)) == ("grant.body", True)
    assert settings["grant"]["body"] == {"a": "b"}


def test_what_is_much_and_was_there_before_stays() -> None:
    """Whoever writes a file may write more than is read from a form."""
    base = {**BASE, "grant": {**BASE["grant"], "body": {"a": ["x"] * 2_100}}}

    assert changed(base)["grant"]["body"] == base["grant"]["body"]


# Problems


@pytest.mark.parametrize(
    ("entered", "problem"),
    [
        (
            {"credentials.2.key": "password", "credentials.2.value": "x"},
            ("credentials.2.key", "is there twice"),
        ),
        ({"credentials.2.value": "x"}, ("credentials.2.key", "has a value and no name")),
        (
            {"tenancy.tenants.0.name": "a", "tenancy.tenants.1.name": "a"},
            ("tenancy.tenants.1.name", "is there twice"),
        ),
        ({"grant.body": "a: 1\na: 2"}, ("grant.body", "line 2: is there twice, first on line 1")),
        (
            {"grant.body": "a: 'x"},
            ("grant.body", "line 1 is not valid YAML: a quote is opened and never closed"),
        ),
    ],
)
def test_what_cannot_be_written_is_told_at_its_control(
    entered: dict[str, str], problem: tuple[str, str]
) -> None:
    """Before any setting is checked."""
    _, reading = read({**form_of(BASE, seal), **entered}, BASE)

    assert reading.problems == [problem]


@pytest.mark.parametrize(
    ("key", "control"),
    [
        ("description", "description"),
        ("match", "match.0.host"),
        ("match.0.port", "match.0.port"),
        ("credentials.password", "credentials.1.value"),
        ("credentials.lacking", "credentials.0.key"),
        ("fields.1.value", "fields.1.value"),
        ("form_fields", "form_fields~add"),
        ("grant.refresh_query", "grant.refresh_query~own"),
        ("grant.response.scope", "grant.response.scope"),
        ("auth_error.0.status", "auth_error.0.status"),
        ("tenancy", "tenancy.base_url"),
        ("unknown", None),
        ("", None),
    ],
)
def test_a_problem_finds_the_control_of_its_key(key: str, control: str | None) -> None:
    """The nearest, where the key itself has none."""
    _, reading = read(form_of(BASE, seal), BASE)

    assert reading.control_of(key) == control


def test_unknown_keys_are_told_kept_and_taken_out() -> None:
    """At any depth; only those that were chosen go."""
    base = {**BASE, "passwort": SENTINEL, "grant": {**BASE["grant"], "tokenurl": 1}}

    assert sorted(unknown_keys(base)) == ["grant.tokenurl", "match.comment", "passwort"]
    result = changed(base, **{"unknown__0~remove": "match.comment", "unknown__1~remove": "passwort"})

    in_a_list = {**base, "match": [{"host": "a"}, {"host": "b", "comment": "c"}]}
    assert changed(in_a_list, **{"unknown__0~remove": "match.1.comment"})["match"] == [
        {"host": "a"},
        {"host": "b"},
    ]
    assert "passwort" not in result
    assert "comment" not in result["match"]
    assert result["grant"]["tokenurl"] == 1


def test_every_list_can_be_given_a_row() -> None:
    """A blank one changes nothing by itself."""
    form = form_of(BASE, seal)
    for key, setting in SETTINGS.items():
        if isinstance(setting.widget, (Table, Pairs)):
            form |= setting.widget.blank(key, 9)

    assert same(read(form, BASE)[0], sealed_settings(BASE, seal))
