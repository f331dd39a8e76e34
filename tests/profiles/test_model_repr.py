"""What the repr of settings shows: names, choices and numbers, and no text that a reference may give."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

# The proxy's own settings are of the same kind, and have to be known to be among the subclasses.
import proxy.settings  # noqa: F401
from profiles.model import ProfileSettings, Settings


def all_settings(model: type[Settings] = Settings) -> Iterator[type[Settings]]:
    for subclass in model.__subclasses__():
        yield subclass
        yield from all_settings(subclass)


SETTINGS = [
    pytest.param(model, name, id=f"{model.__name__}.{name}")
    for model in all_settings()
    for name in model.model_fields
    if name != "key"
]


@pytest.mark.parametrize(("model", "name"), SETTINGS)
def test_no_setting_shows_its_text(model: type[Settings], name: str) -> None:
    """Whatever shape a text comes in, neither `repr` nor `str` of the model has it."""
    text = secrets.token_hex(8)
    shapes: list[Any] = [text, SecretStr(text), (text,), [text], {"a": text}, {"a": {"b": [text]}}, (1, text)]

    shown = [f"{model_with(model, name, shape)!r} {model_with(model, name, shape)}" for shape in shapes]

    assert not [each for each in shown if text in each]


def model_with(model: type[Settings], name: str, value: Any) -> BaseModel:
    """Only `model_construct` takes every shape, and a repr must not rest on the validation."""
    return model.model_construct(**{name: value})


def test_a_whole_profile_shows_none_of_its_texts() -> None:
    """Validated as a file is, with a sentinel in the place of each text (invariant I4)."""
    sentinels: list[str] = []

    def text() -> str:
        sentinels.append(secrets.token_hex(8))
        return sentinels[-1]

    profile = ProfileSettings.model_validate(
        {
            "description": text(),
            "match": [{"host": text(), "path": f"/{text()}"}],
            "tenancy": {"base_url": text(), "tenant": text()},
            "credentials": {"username": text(), "password": text()},
            "form_fields": [
                {"key": "username", "title": text(), "help": text()},
                {"key": "password", "title": text(), "type": "password"},
            ],
            "grant": {
                "token_endpoint": text(),
                "refresh_endpoint": text(),
                "client_id": text(),
                "client_secret": text(),
                "scope": [text()],
                "headers": {"X-Key": text()},
                "query": {"key": text()},
                "parameters": {"audience": text(), "more": {"deep": [text()]}},
                "body": {"a": text()},
                "refresh_body": {"a": text()},
                "response": {"access_token": text()},
            },
            "fields": [
                {"in": "header", "key": "Authorization", "value": f"Key {text()} {{{{access_token}}}}"}
            ],
            "auth_error": [{"status": 200, "body": text()}],
            "check_url": text(),
        }
    )

    assert len(sentinels) > 20
    assert not [each for each in sentinels if each in f"{profile!r} {profile}"]


def test_names_choices_and_numbers_show() -> None:
    """A repr that showed nothing would help nobody: keys tell which profile one has before one."""
    profile = ProfileSettings.model_validate(
        {
            "match": {"host": "api.example.com", "port": 8443},
            "credentials": {"username": "bot", "password": "hunter2"},
            "grant": {"token_endpoint": "https://api.example.com/token", "headers": {"X-Tenant": "acme"}},
            "fields": [{"in": "header", "key": "X-Token", "value": "{{access_token}}"}],
        }
    )

    shown = repr(profile)

    assert "credentials=['password', 'username']" in shown
    assert "headers=['X-Tenant']" in shown
    assert "key='X-Token'" in shown
    assert "port=8443" in shown
    assert "status=401" in shown
