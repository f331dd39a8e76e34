"""The API's failures: problem documents (RFC 9457) with a slug for programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from profiles.errors import Refusal, TenantUnknown
from profiles.form_fields import FieldProblem
from proxy.console.rendering import Failure

MEDIA_TYPE = "application/problem+json"


class Misfit(BaseModel):
    """One thing that is wrong in a request."""

    place: Annotated[str, Field(alias="in", examples=["body.url"])]
    message: str


class Problem(BaseModel):
    """Why something was not done. No member repeats what was sent."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(examples=["urn:grantproxy:problem:profile_unknown"])]
    title: str
    status: int
    slug: Annotated[str, Field(description="Stable, for programs.", examples=["profile_unknown"])]
    detail: str | None = None
    problems: Annotated[
        list[Misfit] | None, Field(description="With 422: where something is wrong, and what.")
    ] = None


_DESCRIPTIONS = {
    400: "The request cannot be read.",
    401: "Not signed in: `not_signed_in`.",
    403: "Refused: `csrf_token_wrong`, `cross_site`, or the slug of a refusal.",
    404: "There is no such profile: `profile_unknown`.",
    409: "Not as things are.",
    413: "The body is larger than 1 MiB.",
    422: "Something in the request is not right: `invalid`, or a slug that says more.",
    429: "Too many failed sign-ins from this address: `too_many_attempts`. `Retry-After` says until when.",
    500: "The console failed.",
    502: "The authorization server gave no token: `token_request_rejected`, `token_response_invalid`, "
    "`token_endpoint_unreachable`, `connector_unavailable`.",
    503: "The credentials are locked: `credentials_locked`.",
    504: "A server did not answer in time: `token_endpoint_unreachable`, `test_timed_out`.",
}

WITH_BODY = (400, 403, 413, 422)
"""What an operation that takes a body, and changes something, may answer whatever it does."""

Answers = dict[int | str, dict[str, Any]]


def failures(*statuses: int, **descriptions: str) -> Answers:
    """What an operation answers besides its success: 401 and 429, and *statuses*; *descriptions* are by
    `on_STATUS` in the place of the usual ones."""
    return {
        status: {
            "description": descriptions.get(f"on_{status}", _DESCRIPTIONS[status]),
            "content": {
                MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
                # A length that is announced is refused before anybody looks at what it is of.
                **({"text/plain": {"schema": {"type": "string"}}} if status == 413 else {}),
            },
        }
        for status in sorted({401, 429, *statuses})
    }


def failure_of(refusal: Refusal) -> Failure:
    """A refusal of the domain as an answer of the API."""
    # It is about what this request says, and not about who may do it.
    status = 422 if isinstance(refusal, TenantUnknown) else refusal.status_code
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after is not None else None
    detail = f"{refusal.title}: {refusal.detail}" if refusal.detail else refusal.title
    members = dict(refusal.members)
    if refusal.profile is not None:
        members["profile"] = refusal.profile
    return Failure(status, refusal.slug, detail, headers=headers, members=members)


def misfit(slug: str, detail: str, place: str | None = None) -> Failure:
    """422 for what is well-formed and does not fit; *place* is in the body."""
    problems = [{"in": f"body.{place}", "message": detail}] if place else []
    return Failure(422, slug, detail, members={"problems": problems} if problems else None)


def misfits_of(problems: list[FieldProblem]) -> Failure:
    """422 for what does not fit the form fields of a profile."""
    members = {"problems": [{"in": f"body.entered.{item.key}", "message": item.message} for item in problems]}
    detail = "; ".join(f"{item.key} {item.message}" for item in problems)
    return Failure(422, "entry_invalid", detail, members=members)
