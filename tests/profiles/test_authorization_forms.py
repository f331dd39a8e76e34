"""What of a profile's form fields an end user sees."""

from __future__ import annotations

import pytest

from profiles.authorization_forms import shown_fields
from tests.profiles.profile_ground import compiled

FORM = [
    {"key": "username", "title": "User name", "help": "As on the badge"},
    {"key": "password", "type": "password"},
    {"key": "pin", "data_type": "number", "required": False},
    {"key": "active", "data_type": "boolean"},
    {"key": "born", "data_type": "date"},
    {"key": "mail", "data_type": "email"},
    {"key": "realm", "visibility": "hidden"},
    {"key": "team", "visibility": "read-only"},
    {"key": "code", "type": "password", "visibility": "read_only"},
]
PRESET = {"realm": "eu", "team": "blue", "code": "1234", "username": "first.last", "active": "true"}


@pytest.fixture
def profile():
    return compiled(mode="per_user", form_fields=FORM, credentials=PRESET)


def test_each_field_is_shown_by_its_settings(profile):
    """Title, help, kind of input, required or not, read-only or not; hidden ones are not there."""
    shown = {item.key: item for item in shown_fields(profile, {})}

    assert [*shown] == ["username", "password", "pin", "active", "born", "mail", "team", "code"]
    assert (shown["username"].title, shown["username"].help) == ("User name", "As on the badge")
    assert shown["password"].title == "password"
    assert {key: item.input_type for key, item in shown.items()} == {
        "username": "text",
        "password": "password",
        "pin": "text",
        "active": "select",
        "born": "date",
        "mail": "email",
        "team": "text",
        "code": "password",
    }
    assert [item.key for item in shown.values() if item.is_read_only] == ["team", "code"]
    assert [item.key for item in shown.values() if not item.is_required] == ["pin"]
    assert [item.key for item in shown.values() if item.is_numeric] == ["pin"]


def test_a_preset_value_is_where_an_end_user_begins(profile):
    """But no password stands in a page, preset or entered."""
    values = {item.key: item.value for item in shown_fields(profile, {})}

    assert (values["username"], values["team"], values["active"]) == ("first.last", "blue", "true")
    assert (values["password"], values["code"]) == ("", "")


def test_what_was_entered_stays_but_for_passwords(profile):
    """And what is read-only is the profile's, whatever was sent."""
    entered = {"username": "a", "password": "p", "team": "red", "mail": ""}

    values = {item.key: item.value for item in shown_fields(profile, {}, entered)}

    assert (values["username"], values["password"], values["team"]) == ("a", "", "blue")
