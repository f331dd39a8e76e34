"""One request on its way with a token: what is written into it, and what its answer leads to."""

from __future__ import annotations

from enum import Enum

from profiles.auth_errors import AuthErrorMatch
from profiles.bindings import Binding
from profiles.fields import InjectedPayload, PreparedFields
from profiles.held_tokens import HeldToken
from profiles.requests import HeaderFields, RequestHead
from profiles.tokens import TokenEvent

WRITTEN_QUICKLY = 256 * 1024
"""Bytes of a body; 9 MB of XML would hold every other request for 600 milliseconds."""


class Verdict(Enum):
    """What a lane does with an answer."""

    FORWARD = "forward"
    INSPECT = "inspect"
    """Hold it back, up to `auth_errors.INSPECTED_BYTES`, and ask `judge_body`."""
    RENEW = "renew"
    """Keep it from the client, ask `renew`, and send the request once more."""


class Exchange:
    """The authorization of one request, from its token to its last answer.

    The client's request is never changed in place: `authorize_head` and `authorize_payload` give what
    goes on the wire, and give it anew with the renewed token when the request is sent once more.
    """

    __slots__ = (
        "_binding",
        "_fields",
        "_head",
        "_kept",
        "_kept_bytes",
        "event",
        "profile",
        "replayed",
        "token",
    )

    def __init__(self, binding: Binding, head: RequestHead, token: HeldToken, event: TokenEvent) -> None:
        """Raises TokenResponseInvalid where a field needs what came with no token."""
        self.profile = binding.profile
        self.token = token
        self.event = event
        self.replayed = False
        self._binding = binding
        self._head = head
        self._fields = binding.fields_with(token, head)
        self._kept: list[bytes] | None = []
        self._kept_bytes = 0

    @property
    def needs_payload(self) -> bool:
        """Whether a field goes into the body, which then has to be whole before anything is sent."""
        return self.profile.fields.has_payload

    @property
    def payload_limit(self) -> int:
        """How many bytes of body are taken where `needs_payload`."""
        return int(self.profile.settings.payload_limit)

    def authorize_head(self, head: RequestHead) -> tuple[HeaderFields, str]:
        """Header section and target to send. Raises PathNotInjectable."""
        return self._fields.apply(head)

    def authorize_payload(self, content: bytes, headers: HeaderFields) -> InjectedPayload:
        """Body and header section to send. Raises PayloadNotInjectable or PayloadTooLarge."""
        return self._fields.inject_payload(content, headers)

    @staticmethod
    def writes_quickly(content: bytes, head: RequestHead) -> bool:
        """Whether `authorize_payload` takes milliseconds at most, so that other requests may wait for it."""
        # A coded body may be any number of times larger when it is decoded.
        return len(content) <= WRITTEN_QUICKLY and head.field_value(b"content-encoding") is None

    def masked(self) -> PreparedFields:
        """The same fields with every dynamic value hidden, for display."""
        return self._fields.masked()

    def keep(self, chunk: bytes) -> bytes:
        """Keeps *chunk* of the client's body for a replay, up to `replay_limit`, and gives it back."""
        if self._kept is not None:
            self._kept_bytes += len(chunk)
            if self._kept_bytes > self.profile.settings.replay_limit:
                self._kept = None
            else:
                self._kept.append(chunk)
        return chunk

    @property
    def replayable(self) -> bool:
        """Whether all of the body that came so far is still there to be sent once more."""
        return self._kept is not None

    def kept_body(self) -> bytes:
        """The client's body. Only while `replayable`."""
        return b"".join(self._kept or ())

    def judge_head(self, status: int, headers: HeaderFields) -> Verdict:
        """What to do with an answer whose head has come."""
        match self.profile.auth_errors.match_head(status, headers):
            case AuthErrorMatch.NO:
                return self._accepted()
            case AuthErrorMatch.BODY_DECIDES:
                return Verdict.INSPECT
            case AuthErrorMatch.YES:
                return self._rejected()

    def judge_body(self, status: int, headers: HeaderFields, body: bytes) -> Verdict:
        """What to do with an answer that was held back for its body; never INSPECT."""
        if self.profile.auth_errors.match_body(status, headers, body):
            return self._rejected()
        return self._accepted()

    def give_up(self) -> None:
        """The replay that was meant to be cannot be: the token is renewed for the next request."""
        self._binding.tokens.reject_and_renew(self._binding.subject, self.token)

    async def renew(self) -> bool:
        """Renews the rejected token; False where the answer is to be passed on (the key cools down).

        Raises a Refusal about the token.
        """
        obtained = await self._binding.renew_rejected(self.token, self._head)
        if obtained is None:
            return False
        self.token = obtained.token
        self.event = obtained.event
        self._fields = self._binding.fields_with(obtained.token, self._head)
        self.replayed = True
        return True

    def _accepted(self) -> Verdict:
        if self.replayed:
            self._binding.tokens.replay_accepted(self._binding.subject)
        return Verdict.FORWARD

    def _rejected(self) -> Verdict:
        if self.replayed:
            self._binding.tokens.replay_rejected(self._binding.subject, self.token)
            return Verdict.FORWARD
        if self._binding.tokens.cooling(self._binding.subject):
            return Verdict.FORWARD
        if not self.replayable:
            self.give_up()
            return Verdict.FORWARD
        return Verdict.RENEW
