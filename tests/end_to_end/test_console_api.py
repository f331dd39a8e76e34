"""The console's HTTP API against its OpenAPI document: schemathesis makes up what fits it and what does not.

The proxy is one of the test's own, and its servers are on this machine: whatever is made up can do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.end_to_end.browser.console_ground import IN_MAIN_FILE, ConsoleGround, run_console
from tests.end_to_end.servers.authlib_server import CLIENT_SECRET, PASSWORD

IN_USE, PER_USER = "orders-0", "per-user"
EXAMPLES = {GenerationMode.POSITIVE: 40, GenerationMode.NEGATIVE: 20}
"""Of each operation, signed in."""
EXAMPLES_WITHOUT = 5
MEANT: Mapping[str, Mapping[str, Any]] = {
    "explainRequest": {"body": {"url": "http://orders-0.localhost/"}},
    "createInvitation": {"name": PER_USER, "body": {"user": "ada"}},
    "testProfile": {"body": {}},
    "renewToken": {"body": {}},
    "saveProfile": {
        "name": "made-by-a-program",
        "body": {
            "settings": {
                "match": [{"host": "made-by-a-program.localhost"}],
                "credentials": {"username": "bot", "password": PASSWORD},
                "grant": {"token_endpoint": "http://127.0.0.1:1/token"},
            }
        },
    },
}
"""By operation, what chance does not come upon: a profile that it has to do with, a body that makes sense."""
REFUSALS_BY_OTHERS = frozenset({502, 503, 504})
"""What an authorization server had to do with; no other answer is above 499."""
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
FIXED = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
"""The same examples each time."""


@pytest.fixture(scope="module")
def console(
    tmp_path_factory: pytest.TempPathFactory, proxy_defaults: dict[str, Any], test_ca: Path
) -> Iterator[ConsoleGround]:
    with run_console(tmp_path_factory.mktemp("console-api"), proxy_defaults, test_ca) as ground:
        ground.ask(ground.add(name=IN_USE))
        ground.add(name=PER_USER, mode="per_user", credentials={})
        yield ground


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Goes where it is sent, whatever the machine's own proxies are."""
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


@pytest.fixture(scope="module")
def document(console: ConsoleGround) -> dict[str, Any]:
    with console.client(headers={}) as client:
        found: dict[str, Any] = client.get("/openapi.json").raise_for_status().json()
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[APIOperation]:
    found = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert found
    return found


def name_of(operation: APIOperation) -> str:
    return f"{operation.method.upper()} {operation.path}"


def test_what_fits_the_document_is_answered_as_it_says(
    console: ConsoleGround, session: requests.Session, operations: list[APIOperation]
) -> None:
    """Never with a failure of ours; and each operation does its work at least once."""
    succeeded = set()

    def note(case: Case, status: int) -> None:
        if status < 300:
            succeeded.add(case.operation.definition.raw["operationId"])

    failed = try_out(console, session, operations, GenerationMode.POSITIVE, note)

    assert failed == [], "\n\n".join(failed)
    assert {operation.definition.raw["operationId"] for operation in operations} - succeeded == set()
    assert [line for line in console.proxy.complaints() if "the console failed" in line] == []


def test_what_does_not_fit_the_document_is_refused_as_it_says(
    console: ConsoleGround, session: requests.Session, operations: list[APIOperation]
) -> None:
    """By a problem document, and never with a failure of ours."""
    failed = try_out(console, session, operations, GenerationMode.NEGATIVE, lambda case, status: None)

    assert failed == [], "\n\n".join(failed)
    assert [line for line in console.proxy.complaints() if "the console failed" in line] == []


def try_out(
    console: ConsoleGround,
    session: requests.Session,
    operations: list[APIOperation],
    mode: GenerationMode,
    note: Callable[[Case, int], None],
) -> list[str]:
    """Sends what is made up for each operation, signed in; gives what was wrong with the answers."""
    headers = {"Authorization": f"Bearer {console.token}"}

    def ask(case: Case) -> None:
        case.headers.pop("Authorization", None)
        answer = case.call(base_url=console.url, session=session, headers=headers)
        assert answer.status_code < 500 or answer.status_code in REFUSALS_BY_OTHERS
        case.validate_response(answer, checks=CHECKS)
        note(case, answer.status_code)

    return [problem for operation in operations for problem in problems_of(operation, mode, ask)]


def problems_of(operation: APIOperation, mode: GenerationMode, ask: Callable[[Case], None]) -> list[str]:
    """What went wrong with one operation. Of what is to fit, half is about profiles that there are."""
    meant = MEANT.get(operation.definition.raw["operationId"], {})

    @settings(FIXED, max_examples=EXAMPLES[mode])
    @given(
        case=operation.as_strategy(generation_mode=mode),
        name=st.sampled_from([None, meant.get("name", IN_USE)]),
        is_meant=st.booleans(),
    )
    def run(case: Case, name: str | None, *, is_meant: bool) -> None:
        if mode is GenerationMode.POSITIVE:
            if name is not None and "name" in case.path_parameters:
                case.path_parameters["name"] = name
            if is_meant and "body" in meant:
                case.body = meant["body"]
        ask(case)

    try:
        run()
    except (AssertionError, schemathesis.FailureGroup) as error:
        return [f"{name_of(operation)}: {error}"]
    return []


def test_nobody_learns_anything_without_signing_in(
    console: ConsoleGround, session: requests.Session, operations: list[APIOperation]
) -> None:
    """Each operation is answered 401 with a challenge, whatever it is sent; nothing is read before."""
    answers: dict[str, set[tuple[int, str, str]]] = {}

    def ask_as_nobody(case: Case) -> None:
        # It is made up too, and an address from which too many wrong ones come is sent away.
        case.headers.pop("Authorization", None)
        answer = case.call(base_url=console.url, session=session)
        content_type, challenge = (
            answer.headers.get(name, [""])[0] for name in ("content-type", "www-authenticate")
        )
        answers.setdefault(name_of(case.operation), set()).add(
            (answer.status_code, content_type, challenge.partition(" ")[0])
        )

    for operation in operations:
        run = settings(FIXED, max_examples=EXAMPLES_WITHOUT)(
            given(case=operation.as_strategy())(ask_as_nobody)
        )
        run()

    expected = {(401, "application/problem+json", "Bearer")}
    assert answers == {name_of(operation): expected for operation in operations}


def test_no_answer_holds_a_secret(
    console: ConsoleGround, session: requests.Session, document: dict[str, Any]
) -> None:
    """Whatever can be read, with profiles whose passwords, client secrets and tokens are known (I4)."""
    secrets = known_secrets(console)
    names = [IN_MAIN_FILE, IN_USE, PER_USER]
    paths = [path for path, methods in document["paths"].items() if "get" in methods]
    with console.client() as client:
        urls = [path.replace("{name}", name) for path in paths for name in names]
        texts = {url: client.get(url).raise_for_status().text for url in [*urls, "/openapi.json"]}

    leaks = {url: secret for url, text in texts.items() for secret in secrets if secret in text}
    assert leaks == {}


def known_secrets(console: ConsoleGround) -> list[str]:
    token = console.origin.last.bearer_token
    assert token is not None
    return [PASSWORD, CLIENT_SECRET, token, console.token]
