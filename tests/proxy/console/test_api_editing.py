"""Profiles made and changed by programs: secrets kept and encrypted, lost updates refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import yaml

from profiles.errors import ConfigurationError, Problem
from proxy.composition import compose
from tests.proxy.console.conftest import CLIENT_SECRET, PASSWORD, Watched, matching
from tests.proxy.console.programs import Program

Watch = Callable[..., Any]
NEW = {
    "match": [{"host": "api.example.com"}],
    "credentials": {"username": "bot", "password": "${env:ORDERS_PASSWORD}"},
    "grant": {"token_endpoint": "https://api.example.com/token"},
}


@pytest.fixture
async def ask(watch: Watch, tmp_path: Any) -> AsyncIterator[Callable[..., Program]]:
    """`ask(profile, ...)`: a program at such a proxy, whose reload is a real one."""
    clients = []

    def make(*arguments: Any, **settings: Any) -> Program:
        watched: Watched = watch(*arguments, state_dir=str(tmp_path / "state"), **settings)

        def reload() -> None:
            before = watched.composition
            watched.composition = compose(before.configuration.again(), environ={}, before=before)

        watched.proxy.reload = reload
        clients.append(watched.client())
        return Program(watched, clients[-1])

    yield make
    for client in clients:
        await client.aclose()


def written(program: Program, name: str = "orders") -> Any:
    """What stands in the profile's own file."""
    file = program.watched.composition.configuration.file.parent / "profiles.d" / f"{name}.yaml"
    return yaml.safe_load(file.read_text())


async def test_settings_are_read_without_secrets(ask: Callable[..., Program]) -> None:
    """References are shown, other secrets are only said to be set."""
    program = ask({"credentials": {"username": "bot", "password": "${env:ORDERS_PASSWORD}"}})

    told = (await program.get("/api/profiles/orders/settings")).json()

    assert told["name"] == "orders"
    assert told["file"].endswith("grantproxy.yaml")
    assert told["settings"]["credentials"]["password"] == "${env:ORDERS_PASSWORD}"
    assert told["settings"]["grant"]["client_secret"] == {"set": True}
    assert len(told["version"]) == 64


async def test_what_was_read_can_be_sent_back_changed(ask: Callable[..., Program]) -> None:
    """What is only said to be set stays, encrypted where it was written out; the change is in force."""
    program = ask()
    read = (await program.get("/api/profiles/orders/settings")).json()
    settings = {**read["settings"], "description": "Changed", "timeout": 7}

    saved = await program.put("/api/profiles/orders", {"settings": settings, "version": read["version"]})

    profile = program.watched.composition.profiles["orders"]
    text = json.dumps(written(program))
    assert (saved.status_code, saved.json()["is_in_force"]) == (200, True)
    assert (profile.settings.description, profile.settings.timeout) == ("Changed", 7)
    assert profile.settings.credentials["password"].get_secret_value() == PASSWORD
    assert profile.settings.grant.client_secret.get_secret_value() == CLIENT_SECRET
    assert PASSWORD not in text
    assert "${encrypted:" in text
    again = (await program.get("/api/profiles/orders/settings")).json()
    assert again["version"] == saved.json()["version"] != read["version"]


async def test_a_new_secret_is_encrypted(ask: Callable[..., Program]) -> None:
    """It is in the file in no clear form, and in no answer."""
    sentinel = f"sentinel-{secrets.token_hex(8)}"
    program = ask()
    read = (await program.get("/api/profiles/orders/settings")).json()
    read["settings"]["credentials"]["password"] = sentinel
    body = {"settings": read["settings"]}

    preview = await program.post("/api/profiles/orders/preview", body)
    saved = await program.put("/api/profiles/orders", {**body, "version": read["version"]})

    credentials = program.watched.composition.profiles["orders"].settings.credentials
    assert (preview.json()["is_right"], saved.status_code) == (True, 200)
    assert credentials["password"].get_secret_value() == sentinel
    assert sentinel not in json.dumps(written(program)) + preview.text + saved.text


async def test_a_profile_is_made(ask: Callable[..., Program]) -> None:
    """Without a version, for there is nothing yet that it could replace."""
    program = ask()
    preview = await program.post("/api/profiles/bills/preview", {"settings": NEW, "is_new": True})

    saved = await program.put("/api/profiles/bills", {"settings": NEW})

    assert preview.json()["is_right"] is True
    assert yaml.safe_load(preview.json()["yaml"])["match"] == NEW["match"]
    assert (saved.status_code, saved.json()["is_in_force"]) == (200, True)
    assert sorted(program.watched.composition.profiles) == ["bills", "orders"]
    assert written(program, "bills")["credentials"]["password"] == "${env:ORDERS_PASSWORD}"


async def test_what_is_not_right_is_not_saved(ask: Callable[..., Program]) -> None:
    """Each problem is told with its place; the value that is wrong is not repeated."""
    program = ask()
    settings = {**NEW, "timeout": "sentinel-input", "grant": {"token_endpoint": "sentinel-input"}, "usr": 1}

    preview = (
        await program.post("/api/profiles/bills/preview", {"settings": settings, "is_new": True})
    ).json()
    refused = await program.put("/api/profiles/bills", {"settings": settings})

    places = {item["in"] for item in refused.json()["problems"]}
    assert (refused.status_code, refused.json()["slug"]) == (422, "settings_invalid")
    assert {"body.settings.timeout", "body.settings.usr"} <= places
    assert preview["is_right"] is False
    assert {item["in"] for item in preview["problems"]} == places
    assert "sentinel-input" not in refused.text
    assert sorted(program.watched.composition.profiles) == ["orders"]


async def test_what_another_profile_would_suffer_is_told(ask: Callable[..., Program]) -> None:
    """Two profiles that claim the same requests."""
    program = ask()
    settings = {**NEW, "match": [{"host": "127.0.0.1", "port": 9000, "path": "/api/**"}]}

    refused = await program.put("/api/profiles/bills", {"settings": settings})

    assert (refused.status_code, refused.json()["slug"]) == (422, "settings_invalid")
    assert "claims the same requests" in refused.json()["detail"]


async def test_a_lost_update_is_refused(ask: Callable[..., Program]) -> None:
    """Who comes second has to look at what the first has written."""
    program = ask()
    read = (await program.get("/api/profiles/orders/settings")).json()
    first = {"settings": {**read["settings"], "timeout": 7}, "version": read["version"]}
    second = {"settings": {**read["settings"], "timeout": 9}, "version": read["version"]}

    answers = [await program.put("/api/profiles/orders", body) for body in (first, second)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["slug"] == "changed_meanwhile"
    assert written(program)["timeout"] == 7


async def test_what_is_saved_and_not_in_force_says_so(ask: Callable[..., Program]) -> None:
    """The files are written; what keeps them from being read is told."""
    program = ask()

    def reload() -> None:
        raise ConfigurationError([Problem("is wrong", key="listen")])

    program.watched.proxy.reload = reload

    saved = (await program.put("/api/profiles/bills", {"settings": NEW})).json()

    assert (saved["is_in_force"], saved["problems"]) == (False, ["listen: is wrong"])
    assert written(program, "bills")["match"] == NEW["match"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "slug"),
    [
        pytest.param("GET", "/api/profiles/nothing/settings", None, 404, "profile_unknown", id="read"),
        pytest.param(
            "POST", "/api/profiles/nothing/preview", {"settings": NEW}, 404, "profile_unknown", id="preview"
        ),
        pytest.param(
            "PUT",
            "/api/profiles/nothing",
            {"settings": NEW, "version": "x"},
            404,
            "profile_unknown",
            id="version-of-nothing",
        ),
        pytest.param("PUT", "/api/profiles/orders", {"settings": NEW}, 409, "profile_exists", id="there"),
        pytest.param(
            "PUT",
            "/api/profiles/orders",
            {"settings": NEW, "version": "x"},
            409,
            "changed_meanwhile",
            id="another-version",
        ),
        pytest.param(
            "PUT",
            "/api/profiles/bills",
            {"settings": {**NEW, "credentials": {"username": "bot", "password": {"set": True}}}},
            422,
            "settings_invalid",
            id="nothing-to-keep",
        ),
        pytest.param("PUT", "/api/profiles/bills", {"settings": {}}, 422, "settings_invalid", id="empty"),
        pytest.param("PUT", "/api/profiles/bills", {"settings": []}, 422, "invalid", id="list"),
        pytest.param("PUT", "/api/profiles/bills", {}, 422, "invalid", id="nothing"),
        pytest.param(
            "PUT", "/api/profiles/bills", {"settings": NEW, "more": 1}, 422, "invalid", id="unknown-member"
        ),
    ],
)
async def test_what_cannot_be_saved_is_told(
    ask: Callable[..., Program], method: str, path: str, body: Any, status: int, slug: str
) -> None:
    """By a slug of its own where a program can do something about it."""
    answer = await ask().ask(method, path, body)

    assert (answer.status_code, answer.json()["slug"]) == (status, slug)


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps({"description": "a\0b"}), id="nul"),
        pytest.param(json.dumps({"description": "\ud800"}), id="surrogate"),
        pytest.param(json.dumps({"credentials": {"\ud800": "x"}}), id="surrogate-key"),
        pytest.param(json.dumps({"grant": {"body": nested(40)}}), id="deep"),
        pytest.param(json.dumps({"grant": {"body": nested(900)}}), id="very-deep"),
        pytest.param('{"timeout": NaN}', id="nan"),
        pytest.param('{"timeout": 1e999}', id="infinite"),
        pytest.param(json.dumps({"timeout": 10**400}), id="large-number"),
        pytest.param(json.dumps({"match": {"host": "x"}, "grant": None}), id="null"),
        pytest.param(
            json.dumps({"description": "\x07\x85\u2028\ufeff\ufffe# x: &a *a !t"}), id="odd-characters"
        ),
        pytest.param(json.dumps({"": {"": ""}, "~": None, "<<": {"a": 1}, "1": True}), id="odd-keys"),
    ],
)
@pytest.mark.parametrize("is_saved", [False, True], ids=["preview", "save"])
async def test_settings_that_no_profile_has_are_refused(
    ask: Callable[..., Program], content: str, is_saved: bool
) -> None:
    """As wrong settings, never with a failure of ours."""
    program = ask()
    path, more = (
        ("/api/profiles/bills", "") if is_saved else ("/api/profiles/bills/preview", ', "is_new": true')
    )
    body = f'{{"settings": {content}{more}}}'

    answer = await program.ask("PUT" if is_saved else "POST", path, content=body)

    assert answer.status_code == 422 or (not is_saved and answer.json()["is_right"] is False)
    assert not (program.watched.composition.configuration.file.parent / "profiles.d" / "bills.yaml").exists()


@pytest.mark.parametrize(
    "description",
    [
        pytest.param("\x07\x1b[2J\x7f\x85\u2028\ufeff\ufffe", id="controls"),
        pytest.param("# x: &a *a !t | > - ? [ ] { } %", id="yaml"),
        pytest.param("\r\n \t\n", id="white-space"),
        pytest.param("\U0001f511 \u202eedoc", id="beyond-ascii"),
        pytest.param("$${env:HOME} {{x}}", id="escaped-reference"),
        pytest.param("null", id="null"),
    ],
)
async def test_texts_come_back_as_they_were_sent(ask: Callable[..., Program], description: str) -> None:
    """Whatever YAML would make of them."""
    program = ask()

    saved = await program.put("/api/profiles/bills", {"settings": {**NEW, "description": description}})

    read = (await program.get("/api/profiles/bills/settings")).json()
    assert (saved.status_code, saved.json()["is_in_force"]) == (200, True)
    assert read["settings"]["description"] == description


async def test_nothing_is_edited_where_that_is_turned_off(ask: Callable[..., Program]) -> None:
    """Not even read: what is written is nobody's business then."""
    program = ask(profiles={"bills": matching("/bills/**")}, console_editing=False)
    answers = [
        await program.get("/api/profiles/orders/settings"),
        await program.post("/api/profiles/orders/preview", {"settings": NEW}),
        await program.put("/api/profiles/orders", {"settings": NEW, "version": "x"}),
    ]

    assert {(answer.status_code, answer.json()["slug"]) for answer in answers} == {(403, "editing_off")}
