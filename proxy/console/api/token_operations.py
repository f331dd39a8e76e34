"""The API's operations on tokens: renew, forget, unlock; and the link by which an end user authorizes."""

from __future__ import annotations

import logging
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from profiles.authorization import Captures as Pairs
from profiles.errors import Refusal
from profiles.invitations import LIFETIME
from profiles.profile import Profile
from proxy.composition import Composition
from proxy.console.api.captures import check_complete, held_for
from proxy.console.api.documents import Instant
from proxy.console.api.problems import WITH_BODY, failure_of, failures
from proxy.console.api.texts import Asked, Captures, ProfileName, User
from proxy.console.console import Console
from proxy.console.profile_page import profile_of
from proxy.console.rendering import Failure

logger = logging.getLogger(__name__)


class OneToken(Asked):
    """Which token: by its captures and its end user, as the profile lists them."""

    captures: Annotated[Captures, Field(examples=[{"tenant": "acme"}])] = {}
    user: User = ""


class SomeTokens(Asked):
    """Which tokens: what is left out may be any."""

    captures: Captures | None = None
    user: User | None = None


class Invited(Asked):
    """Who is to authorize, and for what."""

    user: Annotated[User, Field(min_length=1, examples=["anna"])]
    captures: Captures = {}


class Renewed(BaseModel):
    """A new token was had."""

    expires_at: Instant


class Counted(BaseModel):
    """How many tokens it was about."""

    count: int


class Invitation(BaseModel):
    """A link for one end user, which works once: whoever holds it may authorize in their name."""

    authorize_url: str
    expires_in: Annotated[int, Field(description="Seconds.")]


def token_operations(console: Console, **options: Any) -> APIRouter:
    """`/api/profiles/{name}/tokens/...` and `/api/profiles/{name}/invitations`."""
    routes = APIRouter(**options)
    path = "/api/profiles/{name}"

    @routes.post(
        f"{path}/tokens/renew",
        operation_id="renewToken",
        summary="Get a new token now",
        tags=["tokens"],
        responses=failures(*WITH_BODY, 404, 502, 503, 504, on_404=_NO_TOKEN),
    )
    async def renew(name: ProfileName, which: OneToken, request: Request) -> Renewed:
        """In the place of one that is held, though that is still valid; it is used on where none is had."""
        composition = console.proxy.snapshot()
        profile = profile_of(composition, name)
        captures = held_for(profile, which.captures)
        _demand_held(composition, profile, captures, which.user)
        try:
            subject = composition.subject_of(profile, captures, which.user)
            obtained = await composition.tokens.renew(subject)
        except Refusal as refusal:
            _log(request, f"renew of {name}", refusal.slug)
            raise failure_of(refusal) from None
        _log(request, f"renew of {name}", "success")
        return Renewed(expires_at=obtained.token.expires_at)

    @routes.post(
        f"{path}/tokens/forget",
        operation_id="forgetTokens",
        summary="Forget tokens",
        tags=["tokens"],
        responses=failures(*WITH_BODY, 404),
    )
    async def forget(name: ProfileName, which: SomeTokens, request: Request) -> Counted:
        """With their lock-out guards; the next request gets a new one, or its end user authorizes again."""
        composition = console.proxy.snapshot()
        captures = _some(profile_of(composition, name), which)
        count = await composition.tokens.clear(name, captures=captures, user=which.user)
        _log(request, f"forget of {name}", "success")
        return Counted(count=count)

    @routes.post(
        f"{path}/tokens/unlock",
        operation_id="unlockTokens",
        summary="Have refused credentials tried again",
        tags=["tokens"],
        responses=failures(*WITH_BODY, 404),
    )
    async def unlock(name: ProfileName, which: SomeTokens, request: Request) -> Counted:
        """The next request submits them once more; if they are refused again, they are locked again."""
        composition = console.proxy.snapshot()
        captures = _some(profile_of(composition, name), which)
        count = await composition.tokens.unlock(name, captures=captures, user=which.user)
        _log(request, f"unlock of {name}", "success")
        return Counted(count=count)

    @routes.post(
        f"{path}/invitations",
        operation_id="createInvitation",
        summary="Make a link by which an end user authorizes",
        tags=["tokens"],
        responses=failures(*WITH_BODY, 404, 409, on_409=_NO_INVITATION),
    )
    async def invite(name: ProfileName, invited: Invited, request: Request) -> Invitation:
        """For a per-user profile. The link is a capability: hand it to the end user and to nobody else."""
        composition = console.proxy.snapshot()
        profile = profile_of(composition, name)
        if not profile.is_per_user:
            detail = "The profile is preauthorized, with one token for all: nobody has to authorize."
            raise Failure(409, "preauthorized", detail)
        captures = held_for(profile, invited.captures)
        check_complete(profile, invited.captures)
        try:
            key = composition.subject_of(profile, captures, invited.user).key
        except Refusal as refusal:
            raise failure_of(refusal) from None
        url = composition.invitations.url_for(key)
        if url is None:
            raise Failure(409, "no_console_url", "There is no address that a link could lead to.")
        _log(request, f"invitation to {name}", "success")
        return Invitation(authorize_url=url, expires_in=int(LIFETIME))

    return routes


_NO_TOKEN = "There is no such profile, or no such token: `profile_unknown`, `token_unknown`."  # noqa: S105
_NO_INVITATION = "No link can be made: `preauthorized`, or `no_console_url` where the console has no address."


def _some(profile: Profile, which: SomeTokens) -> Pairs | None:
    return None if which.captures is None else held_for(profile, which.captures)


def _demand_held(composition: Composition, profile: Profile, captures: Pairs, user: str) -> None:
    """Raises a Failure for a token that nobody has asked for: a made-up tenant would be asked for at its
    own address. A profile whose requests all share one may have it before the first."""
    held = {
        (item.captures, item.user) for item in composition.tokens.overview() if item.profile == profile.name
    }
    is_the_one = not profile.is_per_user and not user and captures == profile.token_captures(())
    if not is_the_one and (captures, user) not in held:
        raise Failure(404, "token_unknown", "No token is held for that. The first request gets one.")


def _log(request: Request, what: str, outcome: str) -> None:
    # Whose token it is may be a person's name.
    who = request.client.host if request.client is not None else "unknown"
    logger.warning("console: %s by %s: %s", what, who, outcome)
