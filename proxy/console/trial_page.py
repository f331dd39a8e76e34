"""The Test page of a profile: what is tried, a button, and what came of it beside the button."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import APIRouter, Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from profiles.authorization_forms import ShownField, shown_fields
from profiles.profile import Profile
from profiles.tenants import TENANT
from proxy.composition import Composition
from proxy.console.access import text_of
from proxy.console.console import Console
from proxy.console.profile_page import profile_of
from proxy.console.rendering import Failure
from proxy.console.shown_settings import shown_url
from proxy.console.trials import EntryUnfit, TrialOrder, Trials, captures_asked, is_locked
from proxy.known_secrets import secrets_of
from proxy.origin_check import TrialImpossible
from proxy.trial import Trial


@dataclass(slots=True)
class _Outcome:
    """What came of a test: the trial, or why there was none. `problems` are by the name of the input."""

    trial: Trial | None = None
    failure: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    is_guarded: bool = False
    status: int = 200


def trial_routes(console: Console, trials: Trials) -> APIRouter:
    """`/profiles/{name}/test`."""
    routes = APIRouter(include_in_schema=False)
    path = "/profiles/{name}/test"

    @routes.get(path, dependencies=[Depends(console.access.page)])
    async def show(request: Request, name: str) -> Response:
        composition = console.proxy.snapshot()
        return _page(console, request, composition, profile_of(composition, name), TrialOrder({}), _Outcome())

    @routes.post(path)
    async def submit(request: Request, name: str) -> Response:
        form = await console.access.form(request)
        composition = console.proxy.snapshot()
        profile = profile_of(composition, name)
        order = _order_of(profile, form)
        outcome = await _tried(
            trials,
            composition,
            profile,
            order,
            request.client.host if request.client is not None else "unknown",
        )
        return _page(console, request, composition, profile, order, outcome)

    return routes


async def _tried(
    trials: Trials, composition: Composition, profile: Profile, order: TrialOrder, by: str
) -> _Outcome:
    try:
        return _Outcome(await trials.run(composition, profile, order, by=by))
    except EntryUnfit as unfit:
        problems = {f"entry.{item.key}": item.message for item in unfit.problems}
        return _Outcome(problems=problems, status=422)
    except TrialImpossible as impossible:
        if impossible.capture is None or impossible.capture not in captures_asked(profile):
            return _Outcome(failure=f"{impossible}.", status=422)
        return _Outcome(problems={f"capture.{impossible.capture}": str(impossible)}, status=422)
    except Failure as failure:
        is_guarded = failure.slug == "credentials_locked"
        return _Outcome(failure=failure.detail, is_guarded=is_guarded, status=failure.status_code)


def _order_of(profile: Profile, form: FormData) -> TrialOrder:
    captures = {name: text_of(form, f"capture.{name}").strip() for name in captures_asked(profile)}
    entered = {item.key: text_of(form, f"entry.{item.key}") for item in profile.settings.form_fields}
    return TrialOrder(
        {name: value for name, value in captures.items() if value},
        text_of(form, "user").strip() if profile.is_per_user else "",
        entered if profile.is_per_user else {},
        insists=text_of(form, "insists") == "true",
    )


def _page(
    console: Console,
    request: Request,
    composition: Composition,
    profile: Profile,
    order: TrialOrder,
    outcome: _Outcome,
) -> Response:
    return console.pages.answer(
        request,
        "trial.html",
        status=outcome.status,
        name=profile.name,
        profile=profile,
        check_url=_check_url(composition, profile),
        captures=_captures(profile, order),
        tenants=[(item, item) for item in profile.tenants.names] if profile.tenants is not None else [],
        user=order.user,
        fields=_fields(composition, profile, order) if profile.is_per_user else (),
        is_locked=outcome.is_guarded or is_locked(composition, profile, order.captures, order.user),
        outcome=outcome,
    )


def _check_url(composition: Composition, profile: Profile) -> str | None:
    """As it is set, under the tenancy URL where it is a path."""
    settings, references = profile.settings, composition.configuration.references
    text, base = settings.check_url, settings.tenancy.base_url
    if text is None:
        return None
    # What a reference stands for is a secret; the reference is none.
    text = next(iter(references.written_at("profiles", profile.name, "check_url")), text)
    base = next(iter(references.written_at("profiles", profile.name, "tenancy", "base_url")), base)
    if text.startswith("/") and base is not None:
        text = base.rstrip("/") + text
    return shown_url(text, secrets_of(settings))


def _captures(profile: Profile, order: TrialOrder) -> list[tuple[str, str]]:
    """Each with its value: what was given, or the tenant where none is captured."""
    given = {TENANT: profile.tenant_of({}) or "", **order.captures}
    return [(name, given.get(name, "")) for name in captures_asked(profile)]


def _fields(composition: Composition, profile: Profile, order: TrialOrder) -> list[ShownField]:
    captures, tenants = dict(order.captures), profile.tenants
    if tenants is not None and profile.tenant_of(captures) not in tenants.names:
        # Until it is known, any tenant shows what the fields are.
        captures[TENANT] = tenants.names[0]
    references = composition.configuration.references
    referenced = references.credentials_of(profile.name, profile.tenant_of(captures))
    return shown_fields(profile, captures, order.entered or None, referenced=referenced)
