"""Every decision about a request: who owns it, which token it gets, where that is written, whether it is
sent once more. A lane (an adapter that moves bytes) asks here and does what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

from profiles.errors import CleartextRefused, HostsDisagree, OriginNotAllowed, ProfileNotAllowed
from profiles.exchange import Exchange
from profiles.fields import PreparedFields
from profiles.held_tokens import HeldToken
from profiles.origins import check_agreement
from profiles.profile import Profile
from profiles.requests import RequestHead
from profiles.selection import ProfileIndex, Selection
from profiles.tokens import Subject, TokenEvent, Tokens

Captures = tuple[tuple[str, str], ...]

SubjectOf = Callable[[Profile, Captures], Subject]
"""Binds a profile and what the match captured to the network: whose token, and how it is had."""

MAXIMUM_BINDINGS = 10_000
"""A capture's values come from clients, so what is remembered for each has to be bounded."""


@dataclass(slots=True)
class Binding:
    """A profile bound to one set of captures: whose token, and the fields with it, rendered once."""

    subject: Subject
    token: HeldToken | None = None
    prepared: PreparedFields | None = None


class Authorizer:
    """Decides about requests for one snapshot of the profiles; a reload builds a new one.

    `allowed` names the profiles that a client may use, for the clients that may not use all.
    """

    def __init__(
        self,
        index: ProfileIndex[Profile],
        tokens: Tokens,
        subject_of: SubjectOf,
        *,
        refuse_unmatched: bool = False,
        allowed: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._index = index
        self._tokens = tokens
        self._subject_of = subject_of
        self._refuse_unmatched = refuse_unmatched
        self._allowed = allowed or {}
        self._bindings: LRUCache[tuple[str, Captures], Binding] = LRUCache(MAXIMUM_BINDINGS)

    def may_own(self, host: str, port: int) -> bool:
        """Whether TLS to this host has to be intercepted: some profile can match a request inside it."""
        return self._index.may_own(host, port, "https")

    def refuse_connection(self, host: str, port: int) -> OriginNotAllowed | None:
        """The refusal of a tunnel to a host that no profile owns, where the configuration wants one."""
        if not self._refuse_unmatched or self._index.may_own(host, port, "https"):
            return None
        if self._index.may_own(host, port, "http"):
            return None
        return OriginNotAllowed(f"no profile owns {host}")

    def select(
        self, head: RequestHead, *, sni: str | None, host_fields: tuple[str, ...], client: str | None = None
    ) -> Selection[Profile] | None:
        """The profile that owns the request, or None for one that is forwarded as it came.

        Raises HostsDisagree, OriginNotAllowed, CleartextRefused, ProfileNotAllowed or TenantUnknown.
        """
        if len(host_fields) > 1 and len(set(host_fields)) > 1:
            raise HostsDisagree("the request names more than one host")
        check_agreement(head.origin, sni, host_fields[0] if host_fields else None)
        selection = self._index.select(head)
        if selection is None:
            if self._refuse_unmatched:
                raise OriginNotAllowed(f"no profile owns {head.origin}")
            return None
        profile = selection.profile
        if head.origin.scheme != "https" and not profile.cleartext.permits(head.origin.host):
            raise CleartextRefused(
                f"{head.origin} is reached without TLS; allow_cleartext permits it", profile=profile.name
            )
        if client is not None and profile.name not in self._allowed.get(client, (profile.name,)):
            raise ProfileNotAllowed(
                f"client {client} may not use profile {profile.name}", profile=profile.name
            )
        if profile.tenants is not None:
            profile.tenants.of(dict(selection.captures))
        return selection

    def authorize_at_once(self, selection: Selection[Profile], head: RequestHead) -> Exchange | None:
        """The steady state: the exchange with the token held in memory, or None when one has to be had."""
        binding = self._binding(selection)
        token = self._tokens.current(binding.subject)
        if token is None:
            return None
        return self._exchange(selection, binding, head, token, TokenEvent.CACHED)

    async def authorize(self, selection: Selection[Profile], head: RequestHead) -> Exchange:
        """The exchange with a token that is obtained if need be. Raises a Refusal about the token."""
        binding = self._binding(selection)
        obtained = await self._tokens.obtain(binding.subject)
        return self._exchange(selection, binding, head, obtained.token, obtained.event)

    def _binding(self, selection: Selection[Profile]) -> Binding:
        key = (selection.name, selection.captures)
        binding = self._bindings.get(key)
        if binding is None:
            subject = self._subject_of(selection.profile, selection.captures)
            binding = self._bindings[key] = Binding(subject)
        return binding

    def _exchange(
        self,
        selection: Selection[Profile],
        binding: Binding,
        head: RequestHead,
        token: HeldToken,
        event: TokenEvent,
    ) -> Exchange:
        def prepare(token: HeldToken) -> PreparedFields:
            return _prepared(selection, binding, head, token)

        return Exchange(
            selection.profile,
            binding.subject,
            self._tokens,
            token=token,
            fields=prepare(token),
            prepare=prepare,
            event=event,
        )


def _prepared(
    selection: Selection[Profile], binding: Binding, head: RequestHead, token: HeldToken
) -> PreparedFields:
    """The fields' values for *token*: rendered once for each token, unless a value names the request."""
    plan = selection.profile.fields
    if binding.token is token and binding.prepared is not None:
        return binding.prepared
    values = field_values(selection.profile, dict(selection.captures), token)
    if plan.per_request:
        values["request.host"] = head.origin.host
        values["request.method"] = head.method
        values["request.path"] = head.path
        return plan.prepare(values)
    binding.prepared = plan.prepare(values)
    binding.token = token
    return binding.prepared


def field_values(profile: Profile, captures: Mapping[str, str], token: HeldToken) -> dict[str, Any]:
    """What the placeholders of `fields` stand for, but for those that name the request."""
    values = profile.values(captures)
    values["access_token"] = token.access_token
    values["refresh_token"] = token.refresh_token
    # Servers leave it out; then it is what nearly every token is (RFC 6750).
    values["token_type"] = token.token_type or "Bearer"
    values["token"] = token.members
    return values
