"""Form fields: what is entered is held to the field's data type, and required means required."""

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from profiles.form_fields import account_of, entered_values, form_values, preset_values, typed
from profiles.model import FormFieldSettings, ProfileSettings


def field(**more: object) -> FormFieldSettings:
    return FormFieldSettings.model_validate({"key": "pin", **more})


@pytest.mark.parametrize(
    ("data_type", "text", "value"),
    [
        pytest.param("string", " a&b=c ", " a&b=c ", id="string-as-it-is"),
        pytest.param("number", "4711", 4711, id="number"),
        pytest.param("number", "-1.5", -1.5, id="fraction"),
        pytest.param("number", "0042", "0042", id="leading-zeros-stay"),
        pytest.param("number", "1e3", "1e3", id="exponent-stays-text"),
        pytest.param("number", "+7", "+7", id="plus-stays"),
        pytest.param("number", "12345678901234567890123", 12345678901234567890123, id="large"),
        pytest.param("boolean", "true", True, id="true"),
        pytest.param("boolean", "false", False, id="false"),
        pytest.param("date", "2031-02-28", "2031-02-28", id="date"),
        pytest.param("email", "o'neil+x@mail.example.com", "o'neil+x@mail.example.com", id="email"),
    ],
)
def test_value_of_the_data_type_is_taken(data_type: str, text: str, value: object) -> None:
    """Numbers and booleans become such where that loses nothing; everything else stays the text."""
    taken = typed(field(data_type=data_type), text)

    assert (taken, type(taken)) == (value, type(value))


@pytest.mark.parametrize(
    ("data_type", "text"),
    [
        ("number", ""),
        ("number", "NaN"),
        ("number", "Infinity"),
        ("number", "1_000"),
        ("number", "0x1f"),
        ("number", "1 "),
        ("number", "true"),
        ("number", "\u0664\u0662"),
        ("number", "1e999"),
        ("boolean", "yes"),
        ("boolean", "True"),
        ("boolean", ""),
        ("date", "2031-02-29"),
        ("date", "20310228"),
        ("date", "28.02.2031"),
        ("date", "\u0662031-02-28"),
        ("email", "bot"),
        ("email", "bot@"),
        ("email", "a b@example.com"),
        ("email", "bot@example.com\r\nBcc: x"),
        ("email", "bot@-example.com"),
    ],
)
def test_value_of_another_type_is_refused(data_type: str, text: str) -> None:
    """What the authorization server would not understand is told before it is asked."""
    with pytest.raises(ValueError, match="as its form field's data_type says"):
        typed(field(data_type=data_type), text)


@given(st.sampled_from(["number", "boolean", "date", "email"]), st.text(max_size=40))
@settings(deadline=None)
def test_any_text_is_taken_or_refused(data_type: str, text: str) -> None:
    """No text crashes the check, and what is taken says the same as what was entered."""
    try:
        value = typed(field(data_type=data_type), text)
    except ValueError:
        return

    assert str(value).lower() == text


@pytest.mark.parametrize(
    ("settings_of_field", "entered", "message"),
    [
        pytest.param({}, None, "is missing, and its form field is required", id="required"),
        pytest.param({}, "", "is empty, and its form field is required", id="required-and-empty"),
        pytest.param({"required": False}, None, None, id="optional"),
        pytest.param({"required": False}, "", None, id="optional-and-empty"),
        pytest.param(
            {"required": False, "visibility": "hidden"},
            None,
            "is missing, and its form field is hidden: nobody can enter a value",
            id="hidden",
        ),
        pytest.param(
            {"required": False, "visibility": "read-only"},
            None,
            "is missing, and its form field is read_only: nobody can enter a value",
            id="read-only",
        ),
        pytest.param({"visibility": "hidden"}, "4711", None, id="hidden-and-preset"),
    ],
)
def test_missing_values_are_told(settings_of_field: dict, entered: str | None, message: str | None) -> None:
    """Required fields need a value, and so do those that nobody is shown or may change."""
    given = {} if entered is None else {"pin": SecretStr(entered)}

    _, problems = form_values([field(**settings_of_field)], given)

    assert [problem.message for problem in problems] == ([] if message is None else [message])


def test_no_problem_quotes_what_was_entered() -> None:
    """A value of the wrong type is a password as well (invariant I4)."""
    entered = secrets.token_urlsafe()
    fields = [field(key=kind, data_type=kind) for kind in ("number", "boolean", "date", "email")]

    _, problems = form_values(fields, {item.key: SecretStr(entered) for item in fields})

    assert len(problems) == 4
    assert entered not in repr(problems)


PER_USER = {
    "match": {"host": "api.example.com"},
    "mode": "per_user",
    "credentials": {"realm": "eu", "team": "7", "username": "first.last"},
    "form_fields": [
        {"key": "username"},
        {"key": "password", "type": "password"},
        {"key": "pin", "data_type": "number", "required": False},
        {"key": "realm", "visibility": "hidden"},
        {"key": "team", "visibility": "read_only", "data_type": "number"},
    ],
    "grant": {"token_endpoint": "https://login.example.com/token"},
}


def per_user(**changes):
    return ProfileSettings.model_validate(PER_USER | changes)


def test_an_end_user_enters_what_is_visible():
    """What is not is the profile's, whatever is sent for it; optional and empty is no value."""
    settings = per_user()
    preset, problems = preset_values(settings, settings.credentials)
    entered = {"username": "a", "password": "p", "pin": "", "realm": "us", "team": "8", "other": "x"}

    values, wrong = entered_values(settings, preset, entered)

    assert (problems, wrong) == ([], [])
    assert values == {"username": "a", "password": "p", "realm": "eu", "team": 7}


@pytest.mark.parametrize(
    ("entered", "keys"),
    [
        pytest.param({}, ["username", "password"], id="nothing"),
        pytest.param({"username": "", "password": "p"}, ["username"], id="empty"),
        pytest.param({"username": "a", "password": "p", "pin": "x"}, ["pin"], id="wrong-type"),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_by_its_key(entered, keys):
    """All of it, so that nobody has to send a form twice for two mistakes."""
    settings = per_user()

    _, problems = entered_values(settings, {}, entered)

    assert [problem.key for problem in problems] == keys


def test_a_password_for_everybody_is_nobodys():
    """It is no value of the profile's, so no end user is let through by it."""
    settings = per_user(credentials={"realm": "eu", "team": "7", "password": "for-all"})

    values, problems = preset_values(settings, settings.credentials)

    assert (values, problems) == ({"realm": "eu", "team": 7}, [])


@pytest.mark.parametrize(
    ("credentials", "keys"),
    [
        pytest.param({"realm": "eu", "team": "7"}, [], id="invisible-ones"),
        pytest.param({"realm": "eu"}, ["team"], id="lacks-a-read-only-one"),
        pytest.param({"realm": "eu", "team": "x"}, ["team"], id="wrong-type"),
    ],
)
def test_a_per_user_profile_presets_what_nobody_can_enter(credentials, keys):
    """What nobody can enter has to be there."""
    settings = per_user(credentials=credentials)

    _, problems = preset_values(settings, settings.credentials)

    assert [problem.key for problem in problems] == keys


@pytest.mark.parametrize(
    ("keys", "account"),
    [
        pytest.param(["company", "username"], "b", id="by-its-name"),
        pytest.param(["company", "Email"], "b", id="in-any-case"),
        pytest.param(["company", "badge"], "a\nb", id="all-that-are-no-password"),
        pytest.param([], "", id="none"),
    ],
)
def test_an_account_is_what_its_field_says(keys, account):
    """Or all there is: one company's people are not one account."""
    form = [*({"key": key} for key in keys), {"key": "password", "type": "password"}]
    settings = per_user(form_fields=form, credentials={})

    assert account_of(settings, {**dict(zip(keys, "ab", strict=False)), "password": "p"}) == account
