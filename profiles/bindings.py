"""A profile bound to what a match captured: whose token its requests get, and the fields with it, rendered
once."""

from __future__ import annotations

import shlex
import weakref
from collections.abc import Mapping
from typing import Any

from profiles.errors import AuthorizationRequired
from profiles.fields import PreparedFields
from profiles.held_tokens import HeldToken, TokenKey
from profiles.invitations import Invitations, asks_for_page
from profiles.profile import Profile
from profiles.requests import Origin, RequestHead
from profiles.tokens import Obtained, Subject, Tokens

Captures = tuple[tuple[str, str], ...]


class Binding:
    """Made once for each profile and set of captures, and kept: what is the same for all its requests."""

    __slots__ = (
        "_captures",
        "_invitations",
        "_prepared",
        "_prepared_for",
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
        self._prepared_with: weakref.ref[HeldToken] | None = None
        self._prepared_for = 0
        """The id of that token, while it lives."""
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
        is_led = asks_for_page(head) and not self._leads_to(head.origin)
        if self._invitations is not None:
            return_to = f"{head.origin}{head.target}" if is_led else None
            url = self._invitations.url_for(
                key, return_to=return_to, allow_cleartext=self.profile.cleartext.allowed
            )
        hint = "" if url else f"; have them run {_command(key)}"
        return AuthorizationRequired(
            f"{required.detail}{hint}", profile=key.profile, authorize_url=url, is_led=is_led
        )

    def _leads_to(self, origin: Origin) -> bool:
        """Whether the page is at an origin that the profile owns: leading there would come back here."""
        base_url = self._invitations.base_url if self._invitations is not None else None
        return base_url is not None and str(origin) == base_url

    def fields_with(self, token: HeldToken, head: RequestHead) -> PreparedFields:
        """The fields' values for *token*: rendered once for each token, unless a value names the request."""
        if self._prepared_for == id(token) and self._prepared is not None:
            return self._prepared
        self._check_entered(token, head)
        plan = self.profile.fields
        values = field_values(self.profile, dict(self._captures), token, self.subject.key.user)
        if plan.per_request:
            values["request.host"] = head.origin.host
            values["request.method"] = head.method
            values["request.path"] = head.path
            return plan.prepare(values)
        prepared = self._prepared = plan.prepare(values)
        # What was forgotten is not kept here: nobody may come for it any more, and it holds what was entered.
        self._prepared_with, self._prepared_for = weakref.ref(token, self._drop), id(token)
        return prepared

    def _drop(self, reference: weakref.ref[HeldToken]) -> None:
        if reference is self._prepared_with:
            self._prepared_with, self._prepared_for, self._prepared = None, 0, None

    def _check_entered(self, token: HeldToken, head: RequestHead) -> None:
        """Raises AuthorizationRequired where a reload asks for more than the end user has entered."""
        if not self.profile.is_per_user:
            return
        preset = self.profile.entered_for(dict(self._captures)).form_values
        if not self.profile.kept_keys <= token.entered.keys() | preset.keys():
            required = AuthorizationRequired("the profile asks for more than the end user has entered")
            raise self._with_link(required, head)


def _command(key: TokenKey) -> str:
    return f"`grantproxy authorize {key.profile} --user {shlex.quote(key.user)}`"


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
