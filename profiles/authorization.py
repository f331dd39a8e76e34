"""Every decision about a request: who owns it, which token it gets, where that is written, whether it is
sent once more. A lane (an adapter that moves bytes) asks here and does what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cachetools import LRUCache

from profiles.bindings import Binding, Captures, field_values
from profiles.end_users import EndUsers
from profiles.errors import (
    CleartextRefused,
    HostsDisagree,
    OriginNotAllowed,
    ProfileNotAllowed,
    ProxyAuthenticationRequired,
    TraceRefused,
)
from profiles.exchange import Exchange
from profiles.invitations import Invitations
from profiles.origins import agree_at_sight, check_agreement
from profiles.profile import Profile
from profiles.requests import RequestHead
from profiles.selection import ProfileIndex, Selection
from profiles.tokens import Subject, TokenEvent, Tokens

__all__ = ["MAXIMUM_BINDINGS", "Authorizer", "Captures", "SubjectOf", "field_values"]

SubjectOf = Callable[[Profile, Captures, str], Subject]
"""Binds profile, captures and end user to the network: whose token, and how it is had."""

MAXIMUM_BINDINGS = 10_000
"""A capture's values and end users come from clients, so what is remembered for each has to be bounded."""


class Authorizer:
    """Decides about requests for one snapshot of the profiles; a reload builds a new one.

    `allowed` names the profiles that a client may use, for the clients that may not use all; `clients` are
    all that there are, None where none is demanded. `invitations` makes the links by which end users
    authorize.
    """

    def __init__(
        self,
        index: ProfileIndex[Profile],
        tokens: Tokens,
        subject_of: SubjectOf,
        *,
        refuse_unmatched: bool = False,
        allowed: Mapping[str, frozenset[str]] | None = None,
        clients: frozenset[str] | None = None,
        end_users: EndUsers | None = None,
        invitations: Invitations | None = None,
    ) -> None:
        self._index = index
        self._tokens = tokens
        self._subject_of = subject_of
        self._refuse_unmatched = refuse_unmatched
        self._allowed = allowed or {}
        self._clients = clients
        self._end_users = end_users or EndUsers()
        self.end_user_fields = self._end_users.fields
        """What names end users, in lower case: a lane keeps it for `select`, and out of trailers."""
        self._invitations = invitations
        self._bindings: LRUCache[tuple[str, Captures, str], Binding] = LRUCache(MAXIMUM_BINDINGS)
        self._without_captures: dict[str, Binding] = {}

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

        What names the end user is taken out of *head*, whoever owns it. Raises HostsDisagree,
        OriginNotAllowed, CleartextRefused, ProxyAuthenticationRequired, ProfileNotAllowed, TraceRefused,
        TenantUnknown, EndUserInvalid or EndUserNotAllowed.
        """
        named: tuple[bytes, ...] = ()
        if self._clients is None:
            # A connection that is older than the configuration may still have a name.
            client = None
        if self.end_user_fields:
            named, head.headers = self._end_users.take(head.headers)
        if len(host_fields) > 1 and len(set(host_fields)) > 1:
            raise HostsDisagree("the request names more than one host")
        origin, host_field = head.origin, host_fields[0] if host_fields else None
        # On the way of nearly every request: the index knows the host, and there is nothing to parse.
        selection = self._index.owner_of_all(origin)
        if selection is None or not agree_at_sight(origin, sni, host_field):
            check_agreement(origin, sni, host_field)
        selection = selection or self._index.select_by_path(head)
        if selection is None:
            if self._refuse_unmatched:
                raise OriginNotAllowed(f"no profile owns {origin}")
            return None
        profile = selection.profile
        if head.method == "TRACE":
            # RFC 9110 section 9.3.8: no TRACE with fields in it that might be disclosed by the answer.
            raise TraceRefused("a profile owns the request", profile=profile.name)
        if origin.scheme != "https" and not profile.cleartext.permits(origin.host):
            raise CleartextRefused(
                f"{origin} is reached without TLS; allow_cleartext permits it", profile=profile.name
            )
        self._check_client(client, profile.name)
        if profile.tenants is not None:
            profile.tenants.of(dict(selection.captures))
        head.end_user = self._end_users.identify(client, named) if profile.is_per_user else ""
        return selection

    def _check_client(self, client: str | None, profile: str) -> None:
        if self._clients is not None and client is not None and client not in self._clients:
            # Its tunnel is older than the configuration, which has the client no more.
            raise ProxyAuthenticationRequired("the client of this connection is no client of this proxy")
        if client is not None and profile not in self._allowed.get(client, (profile,)):
            raise ProfileNotAllowed(f"client {client} may not use profile {profile}", profile=profile)

    def authorize_at_once(self, selection: Selection[Profile], head: RequestHead) -> Exchange | None:
        """The steady state: the exchange with the token held in memory, or None when one has to be had."""
        binding = self._binding(selection, head.end_user)
        token = binding.at_hand.current()
        if token is None:
            return None
        return Exchange(binding, head, token, TokenEvent.CACHED)

    async def authorize(self, selection: Selection[Profile], head: RequestHead) -> Exchange:
        """The exchange with a token that is obtained if need be. Raises a Refusal about the token."""
        binding = self._binding(selection, head.end_user)
        obtained = await binding.obtain(head)
        return Exchange(binding, head, obtained.token, obtained.event)

    def _binding(self, selection: Selection[Profile], end_user: str) -> Binding:
        captures = selection.captures
        if not captures and not end_user:
            # As many as there are profiles, so nothing has to tell the least used.
            binding = self._without_captures.get(selection.name)
            if binding is None:
                binding = self._without_captures[selection.name] = self._bound(selection, "")
            return binding
        key = (selection.name, captures, end_user)
        binding = self._bindings.get(key)
        if binding is None:
            binding = self._bindings[key] = self._bound(selection, end_user)
        return binding

    def _bound(self, selection: Selection[Profile], end_user: str) -> Binding:
        profile, captures = selection.profile, selection.captures
        subject = self._subject_of(profile, captures, end_user)
        return Binding(profile, captures, subject, self._tokens, self._invitations)
