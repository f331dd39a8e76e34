"""What the API answers. No document has a member for a token or a secret."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from profiles.recent_requests import RecentRequest
from profiles.tokens import TokenState
from proxy.console.states import ProfileState, Status, Warned, status_of_token

Instant = Annotated[float, Field(description="Seconds since the epoch.", examples=[1735689600.0])]


class Document(BaseModel):
    """Of an answer; it is read from attributes where it can be."""

    model_config = ConfigDict(from_attributes=True)


class Hour(Document):
    """Counts by minute, the current one last."""

    requests: list[int]
    renewals: list[int]
    ends_at: Annotated[Instant, Field(description="When the current minute began.")]


class Warning(Document):  # noqa: A001  -- what the document is called
    """What somebody should look at, and the profiles that it is about; `more` were too many to name."""

    text: str
    profiles: list[str]
    more: int

    @classmethod
    def of(cls, warned: Warned) -> Warning:
        return cls.model_validate(warned)


class Overview(Document):
    """How it stands with the proxy."""

    is_ready: Annotated[bool, Field(description="Whether it takes requests: not while it drains.")]
    address: Annotated[str | None, Field(description="Where it listens.")]
    unmatched: Annotated[Literal["tunnel", "refuse"], Field(description="What hosts of no profile get.")]
    console_editing: bool
    profiles: int
    states: Annotated[dict[Status, int], Field(description="How many profiles are in each state.")]
    warnings: list[Warning]
    last_hour: Hour


class Profile(Document):
    """One profile at a glance."""

    name: str
    description: str
    status: Status
    note: Annotated[str, Field(description="More than the status, in words.")]
    at: Annotated[Instant | None, Field(description="The instant that the note ends in.")]
    users: Annotated[
        int | None, Field(description="End users who have authorized; null for a preauthorized profile.")
    ]
    requests: Annotated[int, Field(description="In the last hour.")]
    renewals: Annotated[int, Field(description="Token requests of the last hour.")]

    @classmethod
    def of(cls, state: ProfileState) -> Profile:
        return cls.model_validate(state)


class Profiles(Document):
    """One page of the profiles that were asked for, by name."""

    profiles: list[Profile]
    page: int
    pages: int
    total: int


class Token(Document):
    """A token that is held, or credentials that are locked; never the token itself."""

    captures: Annotated[dict[str, str], Field(description="The tenant, and what token requests mention.")]
    user: Annotated[str, Field(description="The end user; empty for a preauthorized profile.")]
    status: Status
    obtained_at: Instant | None
    expires_at: Instant | None
    has_refresh_token: bool
    locked_since: Annotated[Instant | None, Field(description="Since when the lock-out guard is closed.")]
    cooling_until: Instant | None
    is_renewing: bool

    @classmethod
    def of(cls, state: TokenState, now: float) -> Token:
        return cls(
            captures=dict(state.captures),
            user=state.user,
            status=status_of_token(state, now),
            obtained_at=state.obtained_at,
            expires_at=state.expires_at,
            has_refresh_token=state.has_refresh_token,
            locked_since=state.locked_since,
            cooling_until=state.cooling_until,
            is_renewing=state.renewing,
        )


class Tokens(Document):
    """One page of a profile's tokens, by captures and end user."""

    tokens: list[Token]
    page: int
    pages: int
    total: int


class Setting(Document):
    """One setting as people see it: `lines` say what it is, with secrets hidden."""

    label: str
    key: str
    lines: list[str]
    is_default: bool


class SettingGroup(Document):
    """A part of the settings; form fields and authorization fields are tables."""

    title: str
    settings: list[Setting]
    columns: list[str]
    rows: list[list[str]]


class ProfileDetails(Profile):
    """One profile with its settings, masked, and a page of its tokens."""

    mode: Literal["preauthorized", "per_user"]
    matches: Annotated[list[str], Field(description="The requests that it owns, an entry each.")]
    settings: list[SettingGroup]
    tokens: Tokens


class AccessEntry(Document):
    """A request through the proxy, as the access log has it."""

    at: Instant
    client: str | None
    method: str
    origin: str
    path: Annotated[str, Field(description="Without its query.")]
    status: Annotated[int | None, Field(description="Null where nobody could be answered.")]
    refusal: Annotated[str | None, Field(description="The slug, where the proxy answered itself.")]
    token: Annotated[str | None, Field(description="How its token was had.")]
    replayed: bool
    duration: Annotated[float, Field(description="Seconds.")]

    @classmethod
    def of(cls, request: RecentRequest) -> AccessEntry:
        record = request.record
        return cls(
            at=request.at,
            client=record.client,
            method=record.method,
            origin=record.origin,
            path=record.path,
            status=record.status,
            refusal=record.refusal,
            token=record.token,
            replayed=record.replayed,
            duration=record.duration,
        )


class RecentRequests(Document):
    """A profile's last requests, the newest first."""

    requests: list[AccessEntry]
