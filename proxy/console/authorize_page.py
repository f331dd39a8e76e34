"""The page on which an end user authorizes a per-user profile, reached by a link that is for them alone.

Nobody signs in for it: the link is what permits it, and permits nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from profiles.authorization_forms import shown_fields
from profiles.errors import Refusal, TenantUnknown
from profiles.invitations import Invitation, InvitationRefused
from profiles.placeholders import MissingValue
from profiles.plain_words import plain_words
from profiles.profile import Profile
from proxy.composition import Composition
from proxy.console.access import text_of
from proxy.console.console import Console

MOST_FIELDS = 200


def authorize_routes(console: Console) -> APIRouter:
    """`/authorize/PROFILE?link=...`."""
    routes = APIRouter(include_in_schema=False)
    path = "/authorize/{profile}"

    @routes.get(path)
    async def show(request: Request, profile: str) -> Response:
        visit = _Visit(console, request, profile)
        return visit.refused or visit.form()

    @routes.post(path)
    async def submit(request: Request, profile: str) -> Response:
        console.access.refuse_foreign(request)
        visit = _Visit(console, request, profile)
        if visit.refused is not None:
            return visit.refused
        return await visit.enter(await request.form(max_files=0, max_fields=MOST_FIELDS))

    return routes


class _Visit:
    """One request with a link; `refused` is the answer where the link does not hold."""

    refused: Response | None = None
    _invitation: Invitation
    _profile: Profile

    def __init__(self, console: Console, request: Request, name: str) -> None:
        self._console, self._request = console, request
        self._link = request.query_params.get("link", "")
        self._composition: Composition = console.proxy.snapshot()
        # Who is signed in here is of no matter: the link is somebody else's, or theirs as an end user.
        request.state.session = None
        try:
            self._invitation = self._composition.invitations.read(name, self._link)
            self._profile = _per_user_profile(self._composition, name)
            self._profile.entered_for(dict(self._invitation.captures))
        except InvitationRefused as refused:
            self.refused = self._refusal(str(refused))
        except TenantUnknown:
            self.refused = self._refusal("What this link was for is not there any more.")

    @property
    def _consent(self) -> str:
        """What the box is called: form fields are called by their keys, of which none has a colon."""
        keys = {item.key for item in self._profile.settings.form_fields}
        return ":consent" if "consent" in keys else "consent"

    def form(
        self,
        entered: Mapping[str, str] | None = None,
        *,
        consents: bool = False,
        problems: Mapping[str, str] | None = None,
        failure: str = "",
        status: int = 200,
    ) -> Response:
        """The form; *problems* are by form-field key, *failure* is what came of the whole."""
        profile, invitation = self._profile, self._invitation
        captures = dict(invitation.captures)
        references = self._composition.configuration.references
        referenced = references.credentials_of(profile.name, profile.tenant_of(captures))
        return self._answer(
            "authorize.html",
            status,
            fields=shown_fields(profile, captures, entered, referenced=referenced),
            consent=self._consent,
            consents=consents,
            offers_consent=profile.settings.regenerate,
            problems=problems or {},
            failure=failure,
            link=self._link,
            recipient=_recipient(profile, invitation),
        )

    async def enter(self, form: FormData) -> Response:
        """Submits what was entered, and says what came of it."""
        invitation, invitations = self._invitation, self._composition.invitations
        keys = {item.key for item in self._profile.settings.form_fields}
        entered = {key: text_of(form, key) for key in keys}
        consents = text_of(form, self._consent) == "true"
        entry, wrong = self._profile.entry_of(dict(invitation.captures), entered, consents=consents)
        if wrong:
            problems = {item.key: item.message for item in wrong}
            return self.form(entered, consents=consents, problems=problems, status=422)
        subject = self._composition.subject_of(self._profile, invitation.captures, invitation.user)
        # At once, so that the same link cannot be submitted twice beside each other.
        invitations.use(invitation)
        try:
            await self._composition.tokens.authorize(subject, entry)
        except Refusal as refusal:
            invitations.give_back(invitation)
            failure, status = plain_words(refusal), _status_of(refusal)
            return self.form(entered, consents=consents, failure=failure, status=status)
        except BaseException:
            invitations.give_back(invitation)
            raise
        return self._answer("authorized.html", 200, return_to=_way_back(invitation))

    def _refusal(self, reason: str) -> Response:
        return self._console.pages.answer(self._request, "authorize_refused.html", status=403, reason=reason)

    def _answer(self, template: str, status: int, **context: Any) -> Response:
        described = self._profile.settings.description or self._profile.name
        common = {"profile": self._profile.name, "described": described, "user": self._invitation.user}
        return self._console.pages.answer(self._request, template, status=status, **common, **context)


def _per_user_profile(composition: Composition, name: str) -> Profile:
    profile = composition.profiles.get(name)
    if profile is None or not profile.is_per_user:
        raise InvitationRefused("What this link was for is not there any more.")
    return profile


def _recipient(profile: Profile, invitation: Invitation) -> str:
    """The host that a password goes to; empty where only what is entered can tell."""
    values = profile.values(dict(invitation.captures), invitation.user)
    try:
        return urlsplit(profile.grant.password.endpoint.render(values)).hostname or ""
    except (MissingValue, ValueError):
        return ""


def _status_of(refusal: Refusal) -> int:
    """A password that was refused is a mistake in the form; the rest is what it is."""
    return 429 if refusal.status_code == 429 else 422 if refusal.status_code == 502 else 503


def _way_back(invitation: Invitation) -> str | None:
    """Where a browser came from; it was asked for through the proxy, so its scheme is one of these."""
    url = invitation.return_to
    return url if url is not None and url.startswith(("http://", "https://")) else None
