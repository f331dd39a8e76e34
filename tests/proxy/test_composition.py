"""The wiring: from a configuration to what decides, and from one snapshot to the next."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from profiles.errors import ConfigurationError, Problem
from profiles.requests import Origin, RequestHead
from proxy.composition import Composition, compose
from proxy.configuration_files import load_configuration

Compose = Callable[..., Composition]

ORDERS: dict[str, Any] = {
    "match": [{"host": "api.example.com"}],
    "credentials": {"username": "bot", "password": "hunter2"},
    "grant": {"token_endpoint": "https://api.example.com/token"},
}


def changed(**settings: Any) -> dict[str, Any]:
    return {**ORDERS, **settings}


@pytest.fixture
def composed(tmp_path: Path) -> Compose:
    """Writes profiles as YAML, loads and composes them; `before` is the snapshot that is replaced."""

    def write_and_compose(
        profiles: dict[str, Any], before: Composition | None = None, **settings: Any
    ) -> Composition:
        file = tmp_path / "grantproxy.yaml"
        file.write_text(yaml.safe_dump({**settings, "profiles": profiles}, sort_keys=False))
        file.chmod(0o600)
        configuration = load_configuration(file, environ={}, cwd=tmp_path)
        return compose(configuration, environ={}, before=before)

    return write_and_compose


def problems_of(composed: Compose, profiles: dict[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        composed(profiles)
    return caught.value.problems


def line_of(problem: Problem) -> str:
    assert problem.file is not None
    assert problem.line is not None
    return problem.file.read_text().splitlines()[problem.line - 1].strip()


# What is wrong


@pytest.mark.parametrize(
    ("settings", "key", "line"),
    [
        pytest.param(
            {"grant": {"token_endpoint": "ftp://x/"}}, "grant", "token_endpoint: ftp://x/", id="grant"
        ),
        pytest.param({"check_url": "/me"}, "check_url", "check_url: /me", id="check-url"),
        pytest.param(
            {"fields": [{"in": "header", "key": "A", "value": "{{nobody}}"}]},
            "fields",
            "fields:",
            id="fields",
        ),
        pytest.param({"match": [{"host": "a..b"}]}, "match.0", "- host: a..b", id="match"),
    ],
)
def test_a_problem_of_a_profile_has_its_place(
    composed: Compose, settings: dict[str, Any], key: str, line: str
) -> None:
    """File, line and key of what is to be mended."""
    (problem,) = problems_of(composed, {"orders": changed(**settings)})

    assert problem.key.startswith(f"profiles.orders.{key}")
    assert line_of(problem) in (line, f"{key}:")


def test_all_problems_are_reported_together(composed: Compose) -> None:
    """Those of every profile, and each with its own key."""
    wrong = changed(check_url="ftp://x/", fields=[{"in": "header", "key": "A B", "value": "x"}])

    problems = problems_of(composed, {"a": wrong, "b": ORDERS, "c": changed(check_url="ftp://x/")})

    assert sorted(problem.key for problem in problems) == [
        "profiles.a.check_url",
        "profiles.a.fields",
        "profiles.c.check_url",
    ]


def test_two_profiles_that_claim_the_same_are_named(composed: Compose) -> None:
    """At the second one, which names the first: neither may silently win."""
    (problem,) = problems_of(composed, {"orders": ORDERS, "billing": ORDERS})

    assert problem.key == "profiles.billing.match"
    assert "orders" in problem.message
    assert "api.example.com" in problem.message
    assert line_of(problem) == "match:"


@pytest.mark.parametrize(
    "match",
    [
        pytest.param({"host": "*.example.com"}, id="wildcard-is-less-precise"),
        pytest.param({"host": "api.example.com", "path": "/a/**"}, id="longer-path"),
        pytest.param({"host": "api.example.com", "methods": ["GET"]}, id="methods"),
        pytest.param({"host": "other.example.com"}, id="another-host"),
    ],
)
def test_a_more_precise_profile_is_no_conflict(composed: Compose, match: dict[str, Any]) -> None:
    """Precision decides, so both may stand."""
    assert set(composed({"orders": ORDERS, "other": changed(match=[match])}).profiles) == {"orders", "other"}


def test_no_problem_shows_a_value(composed: Compose) -> None:
    """Invariant I4: a secret in a text that does not compile stays where it is."""
    secret = secrets.token_hex(8)
    wrong = changed(
        check_url=f"ftp://{secret}/",
        grant={"token_endpoint": f"ftp://{secret}/"},
        credentials={"username": "bot", "password": secret},
        fields=[{"in": "header", "key": "A", "value": f"{secret} {{{{ {{{{"}],
    )

    problems = problems_of(composed, {"orders": wrong})

    assert len(problems) == 3
    assert not [problem for problem in problems if secret in str(problem)]


# What is there


def head(host: str = "api.example.com", path: str = "/x") -> RequestHead:
    return RequestHead("GET", Origin("https", host, 443), path, ())


def test_the_authorizer_decides_by_the_configuration(composed: Compose) -> None:
    """The profiles are in the index, `unmatched` and `clients` where requests are decided about."""
    made = composed({"orders": ORDERS}, unmatched="refuse", clients={"bot-1": {"secret": "x"}})

    selection = made.authorizer.select(head(), sni=None, host_fields=())

    assert selection is not None
    assert selection.profile is made.profiles["orders"]
    assert made.authorizer.refuse_connection("other.example.com", 443) is not None
    assert made.clients.are_demanded


def test_captures_are_whose_token_it_is(composed: Compose) -> None:
    """Two tenants of one profile have two keys, and none sees the other's token."""
    made = composed({"orders": changed(match=[{"host": "{tenant}.example.com"}])})
    profile = made.profiles["orders"]

    keys = [made.subject_of(profile, (("tenant", name),)).key for name in ("acme", "umbrella", "acme")]

    assert keys[0] == keys[2] != keys[1]


def test_no_repr_shows_a_secret(composed: Compose) -> None:
    """Invariant I4, for everything that hangs together here."""
    secret = secrets.token_hex(8)
    settings = changed(
        credentials={"username": "bot", "password": secret},
        grant={
            "token_endpoint": "https://api.example.com/token",
            "client_id": "c",
            "client_secret": secret,
            "headers": {"X-Key": secret},
            "parameters": {"key": secret},
        },
        fields=[{"in": "header", "key": "A", "value": f"Key {secret} {{{{access_token}}}}"}],
    )
    made = composed({"orders": settings}, clients={"bot-1": {"secret": secret}})

    subject = made.subject_of(made.profiles["orders"])
    shown = f"{made!r} {subject!r} {subject.grants!r}"

    assert secret not in shown


# One snapshot after the other


def key_of(composition: Composition) -> Any:
    return composition.subject_of(composition.profiles["orders"]).key


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"description": "Orders"}, id="description"),
        pytest.param({"auth_error": [401, 403]}, id="auth-error"),
        pytest.param({"match": [{"host": "new.example.com"}]}, id="match"),
        pytest.param({"fields": [{"in": "header", "key": "B", "value": "{{access_token}}"}]}, id="fields"),
    ],
)
def test_a_reload_keeps_the_tokens(composed: Compose, settings: dict[str, Any]) -> None:
    """What a token was had with is as before: it is found again, in the same memory."""
    before = composed({"orders": ORDERS})

    after = composed({"orders": changed(**settings)}, before=before)

    assert after.tokens is before.tokens
    assert key_of(after) == key_of(before)
    assert after.profiles["orders"] is not before.profiles["orders"]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"credentials": {"username": "bot", "password": "new"}}, id="hazard-12-password"),
        pytest.param({"credentials": {"username": "bot-2", "password": "hunter2"}}, id="hazard-12-user"),
        pytest.param({"grant": {"token_endpoint": "https://api.example.com/t2"}}, id="endpoint"),
        pytest.param({"grant": {**ORDERS["grant"], "scope": ["write"]}}, id="scope"),
        pytest.param({"grant": {**ORDERS["grant"], "headers": {"X-Tenant": "b"}}}, id="header"),
        pytest.param({"grant": {**ORDERS["grant"], "query": {"key": "b"}}}, id="query"),
        pytest.param({"grant": {**ORDERS["grant"], "parameters": {"audience": "b"}}}, id="parameter"),
        pytest.param({"grant": {**ORDERS["grant"], "client_id": "a", "client_secret": "b"}}, id="client"),
        pytest.param({"tenancy": {"tenant": "b"}}, id="tenant"),
    ],
)
def test_changed_credentials_do_not_find_the_old_token(composed: Compose, settings: dict[str, Any]) -> None:
    """hazard-12: another fingerprint is another key, so the next request has a token of its own."""
    before = composed({"orders": ORDERS})

    after = composed({"orders": changed(**settings)}, before=before)

    assert after.tokens is before.tokens
    assert key_of(after) != key_of(before)


def test_a_header_secret_of_the_grant_counts(composed: Compose) -> None:
    """It is masked in a dump of the settings, and still tells two configurations apart."""
    grants = [{**ORDERS["grant"], "headers": {"X-Key": value}} for value in ("a", "b")]

    first, second = (key_of(composed({"orders": changed(grant=grant)})) for grant in grants)

    assert first.fingerprint != second.fingerprint


def test_a_fingerprint_is_no_digest_of_the_credentials_alone(composed: Compose) -> None:
    """Keyed for the process: nobody can try passwords against it."""
    fingerprint = key_of(composed({"orders": ORDERS})).fingerprint

    assert len(fingerprint) == 64
    assert "hunter2" not in fingerprint


def test_a_reload_that_fails_leaves_the_snapshot_before(composed: Compose) -> None:
    """The error comes before anything is replaced."""
    before = composed({"orders": ORDERS})
    key = key_of(before)

    with pytest.raises(ConfigurationError):
        composed({"orders": changed(check_url="ftp://x/")}, before=before)

    assert key_of(before) == key
    assert before.authorizer.select(head(), sni=None, host_fields=()) is not None


async def test_close_ends_what_runs_beside(composed: Compose) -> None:
    """A second close has nothing to do."""
    made = composed({"orders": ORDERS})

    await made.close()
    await made.close()

    assert made.tokens.overview() == []
