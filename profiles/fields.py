"""The authorization fields of a profile: compiled once, rendered once a token, written into each request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from profiles import payloads
from profiles.errors import PathNotInjectable, TokenResponseInvalid
from profiles.escaping import FIELD_NAME, escape_path_segment, escape_query, field_value
from profiles.model import FieldSettings, Place
from profiles.placeholders import MissingValue, Template, compile_template
from profiles.requests import HeaderFields, RequestHead
from profiles.shown_literals import shown_literal

MASK = "***"
_MASKS = re.compile(r"(?:\*\*\*)+")

_NOT_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
)
"""Fields that frame the message or route it: to set them would change more than the authorization."""


class FieldDescription(NamedTuple):
    """A field as `explain` shows it."""

    place: Place
    key: str
    value: str


class InjectedPayload(NamedTuple):
    """A body with the fields written into it, and the header section that fits it."""

    content: bytes
    headers: HeaderFields


@dataclass(frozen=True, slots=True)
class Field:
    """One compiled field."""

    place: Place
    key: str
    value: Template


class FieldPlan:
    """All fields of a profile, by place."""

    def __init__(self, fields: Sequence[Field], payload_limit: int) -> None:
        self._fields = tuple(fields)
        self._payload_limit = payload_limit
        self.names = frozenset(name for item in fields for name in item.value.names)
        self.per_request = any(name.startswith("request.") for name in self.names)
        self.header_names = frozenset(
            item.key.lower().encode("ascii") for item in fields if item.place is Place.HEADER
        )
        self.path_places = _path_places([item.key for item in fields if item.place is Place.PATH])
        self.has_payload = any(item.place is Place.PAYLOAD for item in fields)

    def prepare(self, values: Mapping[str, Any]) -> PreparedFields:
        """Renders the fields. Raises TokenResponseInvalid where a value is missing or cannot stand."""
        return self._rendered(lambda item: _value_of(item, values))

    def masked(self) -> PreparedFields:
        """The fields with `***` in the place of every value, for display."""
        return self._rendered(_masked)

    def describe(self) -> list[FieldDescription]:
        """What is written where, values masked."""
        return [FieldDescription(item.place, item.key, _masked(item)) for item in self._fields]

    def _rendered(self, value_of: Callable[[Field], Any]) -> PreparedFields:
        headers, query, path, payload = [], [], [], []
        for item in self._fields:
            value = value_of(item)
            match item.place:
                case Place.HEADER:
                    headers.append((item.key.encode("ascii"), _checked(item, field_value, value)))
                case Place.QUERY:
                    escaped = _checked(item, escape_query, value)
                    query.append((item.key, f"{escape_query(item.key)}={escaped}"))
                case Place.PATH:
                    path.append((item.key, _checked(item, escape_path_segment, value)))
                case Place.PAYLOAD:
                    payload.append((item.key, value))
        return PreparedFields(
            self, tuple(headers), tuple(query), tuple(path), tuple(payload), self._payload_limit
        )


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFields:
    """Rendered fields, ready to be written into any number of requests. The repr shows no value."""

    plan: FieldPlan = field(repr=False)
    headers: HeaderFields = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(repr=False)
    path: tuple[tuple[str, str], ...] = field(repr=False)
    payload: tuple[tuple[str, Any], ...] = field(repr=False)
    payload_limit: int = 0

    def apply(self, head: RequestHead) -> tuple[HeaderFields, str]:
        """Header section and target with the fields in. Raises PathNotInjectable."""
        headers, target = head.headers, head.target
        if self.headers:
            headers = _with_headers(headers, self.headers, self.plan)
        if self.path:
            target = _with_path(target, self.path, self.plan.path_places)
        if self.query:
            target = _with_query(target, self.query)
        return headers, target

    def inject_payload(self, content: bytes, headers: HeaderFields) -> InjectedPayload:
        """The body with the fields in. Raises PayloadNotInjectable or PayloadTooLarge."""
        return InjectedPayload(*payloads.inject(content, headers, self.payload, limit=self.payload_limit))

    def masked(self) -> PreparedFields:
        """The same with every value hidden."""
        return self.plan.masked()


def compile_fields(settings: Sequence[FieldSettings], *, payload_limit: int) -> FieldPlan:
    """Compiles the fields of a profile. Raises ValueError naming the key that is wrong."""
    fields: list[Field] = []
    seen: set[tuple[Place, str]] = set()
    for item in settings:
        name = item.key.lower() if item.place is Place.HEADER else item.key
        if (item.place, name) in seen:
            raise ValueError(f"{item.key} is set twice in the {item.place.value}")
        seen.add((item.place, name))
        if item.place is Place.HEADER:
            if not FIELD_NAME.fullmatch(item.key):
                raise ValueError(f"{item.key!r} is not a header field's name")
            if name in _NOT_OURS or name.startswith("proxy-"):
                raise ValueError(
                    f"{item.key} frames or routes the message and cannot be an authorization field"
                )
        try:
            template = compile_template(item.value)
            if item.place is Place.HEADER:
                field_value(template.masked("x"))
        except ValueError as error:
            raise ValueError(f"the value of {item.key} {error}") from None
        fields.append(Field(item.place, item.key, template))
    return FieldPlan(fields, payload_limit)


def _masked(item: Field) -> str:
    """The value with `***` for what is dynamic and for fixed words beside it; its scheme stays."""
    if item.value.literal is not None:
        return MASK
    shown = "".join(
        MASK if index % 2 else shown_literal(part, MASK, begins=index == 0)
        for index, part in enumerate(item.value.parts)
    )
    return _MASKS.sub(lambda _: MASK, shown)


def _value_of(item: Field, values: Mapping[str, Any]) -> Any:
    try:
        return item.value.value(values) if item.place is Place.PAYLOAD else item.value.render(values)
    except MissingValue as missing:
        raise TokenResponseInvalid(
            f"nothing gave {missing.args[0]} a value, which {item.key} needs"
        ) from None


def _checked[T](item: Field, check: Callable[[str], T], value: str) -> T:
    try:
        return check(value)
    except ValueError as error:
        raise TokenResponseInvalid(f"the value of {item.place.value} field {item.key} {error}") from None


def _with_headers(headers: HeaderFields, ours: HeaderFields, plan: FieldPlan) -> HeaderFields:
    """Ours in the place of every field of the same name, whatever its case (invariant I3)."""
    if len(ours) == 1:
        # Nearly every request: of one field, which it has not, and most names are not even as long.
        length = len(ours[0][0])
        for key, _ in headers:
            if len(key) == length and key.lower() in plan.header_names:
                break
        else:
            return (*headers, *ours)
    return (*[item for item in headers if item[0].lower() not in plan.header_names], *ours)


def _with_query(target: str, ours: tuple[tuple[str, str], ...]) -> str:
    """Ours at the end; the client's own, however they are spelt, out; the rest byte for byte."""
    path, _, query = target.partition("?")
    names = {key.encode() for key, _ in ours}
    kept = [item for item in query.split("&") if _query_key(item) not in names] if query else []
    return path + "?" + "&".join([*kept, *(text for _, text in ours)])


def _query_key(item: str) -> bytes:
    """The key as the origin reads it; the text of a target stands for bytes (Latin-1)."""
    key = item.partition("=")[0].replace("+", " ")
    try:
        return unquote_to_bytes(key.encode("latin-1"))
    except UnicodeEncodeError:
        return unquote_to_bytes(key.encode("utf-8", "surrogateescape"))


def _path_places(keys: Sequence[str]) -> re.Pattern[str]:
    """Finds `{key}`, its braces and the key also percent-encoded; the group tells which key it is."""
    spellings = "|".join(f"({re.escape(key)}|{_encoded_pattern(key)})" for key in keys)
    return re.compile(rf"(?:\{{|%7[Bb])(?:{spellings})(?:\}}|%7[Dd])")


def _encoded_pattern(key: str) -> str:
    """Keys have case, the hexadecimal digits of their percent-encoding have not."""
    return re.sub(r"%[0-9A-F]{2}", lambda octet: f"(?i:{octet[0]})", re.escape(quote(key, safe="")))


def _with_path(target: str, ours: tuple[tuple[str, str], ...], places: re.Pattern[str]) -> str:
    """Every place filled in one pass, so that no value can make a place for another."""
    path, question, query = target.partition("?")
    filled: set[int] = set()

    def value_at(place: re.Match[str]) -> str:
        index = (place.lastindex or 1) - 1
        filled.add(index)
        return ours[index][1]

    path = places.sub(value_at, path)
    for index, (key, _) in enumerate(ours):
        if index not in filled:
            raise PathNotInjectable(f"the path holds no {{{key}}}")
    return path + question + query
