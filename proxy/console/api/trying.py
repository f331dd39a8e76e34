"""The API's operations that try something out: test a profile, explain a request."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.requests import Request

from proxy.console.api.captures import check_captures
from proxy.console.api.documents import Document
from proxy.console.api.problems import WITH_BODY, failures, misfit, misfits_of
from proxy.console.api.texts import LONGEST_URL, Asked, Captures, Entered, ProfileName, User
from proxy.console.console import Console
from proxy.console.profile_page import profile_of
from proxy.console.trials import EntryUnfit, TrialOrder, Trials
from proxy.explanation import explain, masked, parse_request
from proxy.origin_check import TrialImpossible


class TestOrder(Asked):
    """What is to be tried."""

    captures: Annotated[Captures, Field(description="What a match entry would have captured.")] = {}
    user: Annotated[User, Field(description="The end user, for a per-user profile.")] = ""
    entered: Annotated[
        Entered, Field(description="For a per-user profile, by form field. Nothing of it is kept.")
    ] = {}
    force: Annotated[bool, Field(description="Whether to submit credentials that were refused.")] = False


class ShownAnswer(Document):
    """An answer of authorization server or origin, masked; the body is cut after 4096 characters."""

    status: int
    headers: list[tuple[str, str]]
    body: str


class Proposal(Document):
    """A setting that would fit what was answered."""

    setting: str
    value: str
    reason: str


class TestResult(Document):
    """How a test went; `request` and `answer` are those that decided."""

    profile: str
    ok: bool
    step: Literal["grant", "check"]
    reason: str
    request: str | None
    answer: ShownAnswer | None
    proposals: list[Proposal]
    notes: list[str]
    token_type: str | None
    lifetime: Annotated[float | None, Field(description="Seconds.")]
    has_refresh_token: bool
    password_refused: Annotated[bool, Field(description="Whether trying again might lock the account.")]


class Asking(Asked):
    """A request that a client would make."""

    url: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_URL),
        Field(examples=["https://api.example.com/v1"]),
    ]
    method: Annotated[
        str, StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
    ] = "GET"


class InjectedField(Document):
    """One authorization field, its value masked."""

    place: str
    key: str
    value: str


class Competitor(Document):
    """Another match entry for the host, and why it does not own the request."""

    profile: str
    rule: str
    outcome: str


class Explanation(Document):
    """What becomes of a request."""

    method: str
    url: Annotated[str, Field(description="Without its query.")]
    tls: Literal["intercepted", "tunnelled", "refused", "none"]
    outcome: Literal["authorized", "forwarded", "refused"]
    profile: str | None
    description: str
    rule: Annotated[str | None, Field(description="The match entry that owns it.")]
    captures: dict[str, str]
    tenant: str | None
    connector: str | None
    competitors: list[Competitor]
    fields: list[InjectedField]
    auth_error: str | None
    refusal: str | None
    detail: str
    did_you_mean: Annotated[str | None, Field(description="A host that a profile owns.")]


def trying_routes(console: Console, trials: Trials, **options: Any) -> APIRouter:
    """`/api/profiles/{name}/test` and `/api/explain`."""
    routes = APIRouter(**options)

    @routes.post(
        "/api/profiles/{name}/test",
        operation_id="testProfile",
        summary="Test a profile",
        tags=["profiles"],
        responses=failures(*WITH_BODY, 404, 409, 504, on_409=_NOT_NOW),
    )
    async def test(name: ProfileName, order: TestOrder, request: Request) -> TestResult:
        """Performs its grant, and calls its check URL with the fields injected. A test that failed is an
        answer like any other: `ok` tells. One test of a profile runs at a time, and for a minute at most."""
        composition = console.proxy.snapshot()
        profile = profile_of(composition, name)
        check_captures(profile, order.captures)
        ordered = TrialOrder(order.captures, order.user, order.entered, insists=order.force)
        by = request.client.host if request.client is not None else "unknown"
        try:
            trial = await trials.run(composition, profile, ordered, by=by)
        except EntryUnfit as unfit:
            raise misfits_of(unfit.problems) from None
        except TrialImpossible as impossible:
            place = f"captures.{impossible.capture}" if impossible.capture is not None else None
            raise misfit("test_impossible", str(impossible), place) from None
        return TestResult.model_validate(trial)

    @routes.post(
        "/api/explain",
        operation_id="explainRequest",
        summary="Say which profile owns a request",
        tags=["overview"],
        responses=failures(*WITH_BODY),
    )
    async def explained(asking: Asking) -> Explanation:
        """And why, and what would be injected where. Nothing is sent and no token is touched."""
        try:
            head = parse_request(asking.url, asking.method)
        except ValueError:
            detail = "That is no URL of http or https, or it holds a user name, which no request's URL does."
            raise misfit("url_invalid", detail, "url") from None
        composition = console.proxy.snapshot()
        explanation = masked(explain(composition, head), composition.configuration.references)
        return Explanation.model_validate(asdict(explanation))

    return routes


_NOT_NOW = "A test is running, or credentials were refused: `test_running`, `credentials_locked`."
