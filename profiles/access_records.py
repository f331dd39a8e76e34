"""What a line of the access log says: who asked what of whom, what came of it, how its token was had.

The path stands in it as the client sent it, without its query; nothing that was injected does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted


@dataclass(slots=True)
class AccessRecord:
    """One request at its end. What is None, nobody knows or there was not.

    `client` is a name or an address, `path` has no query, `refusal` is a slug, `token` a
    `subjects.TokenEvent`, `duration` in seconds.
    """

    client: str | None
    profile: str | None
    origin: str
    method: str
    path: str
    status: int | None
    refusal: str | None
    token: str | None
    replayed: bool
    duration: float


def json_line(record: AccessRecord, at: float) -> str:
    """A record for programs, one JSON object in ASCII; *at* is its instant, seconds since the epoch."""
    # On the way of every request: `json.dumps` and `datetime` take six times as long. All but the instant,
    # the path and the duration is mostly as it was in a line before.
    return (
        f'{{"time":"{_instant(round(at * 1_000_000) // 1000)}"'
        f"{_asked(record.client, record.profile, record.origin, record.method)}"
        f',"path":{_quoted(record.path)}'
        f"{_became(record.status, record.refusal, record.token, record.replayed)}"
        f',"duration":{_number(round(record.duration, 4))}}}'
    )


@lru_cache(maxsize=4096)
def _asked(client: str | None, profile: str | None, origin: str, method: str) -> str:
    return (
        f',"client":{_text(client)},"profile":{_text(profile)}'
        f',"origin":{_quoted(origin)},"method":{_quoted(method)}'
    )


@lru_cache(maxsize=1024)
def _became(status: int | None, refusal: str | None, token: str | None, replayed: bool) -> str:
    return (
        f',"status":{"null" if status is None else status},"refusal":{_text(refusal)}'
        f',"token":{_text(token)},"replayed":{"true" if replayed else "false"}'
    )


def readable_line(record: AccessRecord, at: float) -> str:
    """A record for people; *at* is its instant, seconds since the epoch."""
    clock = _date_and_time(int(at))[11:]
    # A path may hold what a terminal would obey: C1 control characters, in Latin-1.
    path = "".join([item if item.isprintable() else "?" for item in record.path])
    parts = [clock, str(record.status or "---"), record.method, f"{record.origin}{path}"]
    if record.profile:
        parts.append(f"[{record.profile}: {record.token or 'no token'}]")
    if record.replayed:
        parts.append("replayed")
    if record.refusal:
        parts.append(record.refusal)
    parts.append(f"{record.duration * 1000:.0f} ms")
    return " ".join(parts)


@lru_cache(maxsize=8)
def _instant(milliseconds: int) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{_date_and_time(seconds)}.{milliseconds:03}+00:00"


@lru_cache(maxsize=8)
def _date_and_time(seconds: int) -> str:
    """The instant in ISO 8601 up to the second, in UTC: one and the same for thousands of lines."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _text(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


@lru_cache(maxsize=1024)
def _number(number: float) -> str:
    """A duration in JSON; few are told apart by four decimals."""
    return repr(number)
