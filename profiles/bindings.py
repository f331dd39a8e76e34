"""A profile bound to what a match captured: whose token its requests get, and the fields with it, rendered
once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiles.errors import AuthorizationRequired
from profiles.fields import PreparedFields
from profiles.held_tokens import HeldToken
from profiles.invitations import Invitations, asks_for_page
from profiles.profile import Profile
from profiles.requests import RequestHead
from profiles.tokens import Obtained, Subject, Tokens

Captures = tuple[tuple[str, str], ...]


class Binding:
    """Made once for each profile and set of captures, and kept: what is the same for all its requests."""

    __slots__ = (
        "_captures",
        "_invitations",
        "_prepared",
        "_prepared_with",
        "at_hand",
        "profile",
        "subject",
        "tokens",
    )

    def __init__(
        self,
        profile: Profile,
        captures: Captures,
        subject: Subject,
        tokens: Tokens,
        invitations: Invitations | None = None,
    ) -> None:
        self.profile = profile
        self.subject = subject
        self.tokens = tokens
        self.at_hand = tokens.at_hand(subject)
        self._captures = captures
        self._invitations = invitations
        self._prepared_with: HeldToken | None = None
        self._prepared: PreparedFields | None = None

    async def obtain(self, head: RequestHead) -> Obtained:
        """A valid token for a request. Raises a Refusal."""
        try:
            return await self.tokens.obtain(self.subject)
        except AuthorizationRequired as required:
            raise self._with_link(required, head) from None

    async def renew_rejected(self, rejected: HeldToken, head: RequestHead) -> Obtained | None:
        """What `Tokens.renew_rejected` gives for a request. Raises a Refusal."""
        try:
            return await self.tokens.renew_rejected(self.subject, rejected)
        except AuthorizationRequired as required:
            raise self._with_link(required, head) from None

    def _with_link(self, required: AuthorizationRequired, head: RequestHead) -> AuthorizationRequired:
        """One of this request's own: everybody who waits gets the same refusal, and a link works once."""
        key, url = self.subject.key, None
        is_led = asks_for_page(head)
        if self._invitations is not None:
            return_to = f"{head.origin}{head.target}" if is_led else None
            url = self._invitations.url_for(key, return_to=return_to)
        hint = "" if url else f"; have them run `grantproxy authorize {key.profile} --user {key.user}`"
        return AuthorizationRequired(
            f"{required.detail}{hint}", profile=key.profile, authorize_url=url, is_led=is_led
        )

    def fields_with(self, token: HeldToken, head: RequestHead) -> PreparedFields:
        """The fields' values for *token*: rendered once for each token, unless a value names the request."""
        if self._prepared_with is token and self._prepared is not None:
            return self._prepared
        plan = self.profile.fields
        values = field_values(self.profile, dict(self._captures), token, self.subject.key.user)
        if plan.per_request:
            values["request.host"] = head.origin.host
            values["request.method"] = head.method
            values["request.path"] = head.path
            return plan.prepare(values)
        self._prepared = plan.prepare(values)
        self._prepared_with = token
        return self._prepared


def field_values(
    profile: Profile, captures: Mapping[str, str], token: HeldToken, user: str = ""
) -> dict[str, Any]:
    """What the placeholders of `fields` stand for, but for those that name the request."""
    values = {**profile.values(captures, user), **token.entered}
    values["access_token"] = token.access_token
    values["refresh_token"] = token.refresh_token
    # Servers leave it out; then it is what nearly every token is (RFC 6750).
    values["token_type"] = token.token_type or "Bearer"
    values["token"] = token.members
    return values
