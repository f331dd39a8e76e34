"""Which paths a match entry means: `*` is one segment, `**` any number, `{name}` captures one."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, unquote

from profiles.segment_patterns import CAPTURE, Alphabet, SegmentPattern, compile_segment

CAPTURED = Alphabet(frozenset(string.ascii_letters + string.digits + "._~-"), "[A-Za-z0-9._~-]{1,128}")
"""What a path capture may hold: unreserved characters (RFC 3986 section 2.3), at most 128 of them."""

_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
_MAY_HIDE_DOTS = re.compile(r"%|\\|\.\.|/\.")


def is_plain(path: str) -> bool:
    """Whether `normalize_path` leaves *path* as it is and `lenient_path` has nothing to say of it."""
    # What `_MAY_HIDE_DOTS` finds, in a third of its time.
    return not ("%" in path or "/." in path or ".." in path or "\\" in path)


def normalize_path(path: str) -> str:
    """The path as RFC 3986 section 6.2.2 reads it: unreserved characters decoded, other escapes in upper
    case, dot segments removed, so that `/api/%2e%2e/admin` is `/admin`. `%2F` stays data."""
    if "%" in path:
        path = _ENCODED.sub(_spelled, path)
    return _without_dot_segments(path) if "/." in path else path


def _spelled(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def lenient_path(path: str) -> str | None:
    """What a careless origin makes of *path* where dot segments are in play, else None.

    There are origins that decode `%2F` (or twice), take `\\` for `/`, drop `;parameters` and join empty
    segments before they remove dot segments. Read so, `/api/..%2Fadmin`, `/api/..;/admin` and
    `/api//../admin` all lead out of `/api`.
    """
    if _MAY_HIDE_DOTS.search(path) is None:
        return None
    for _ in range(3):
        if "%" not in path:
            break
        path = unquote(path, "latin-1")
    segments = [part.partition(";")[0] for part in path.replace("\\", "/").split("/")]
    if "." not in segments and ".." not in segments:
        return None
    joined = "/" + "/".join(part for part in segments if part)
    joined = _without_dot_segments(joined + "/" if not segments[-1] and joined != "/" else joined)
    return quote(joined, safe="/!$&'()*+,;=:@~", encoding="latin-1")


def _without_dot_segments(path: str) -> str:
    segments: list[str] = []
    parts = path.split("/")[1:]
    for index, part in enumerate(parts):
        if part in (".", ".."):
            if part == ".." and segments:
                segments.pop()
            if index == len(parts) - 1:
                segments.append("")
        else:
            segments.append(part)
    return "/" + "/".join(segments)


class Depth(Enum):
    """`**`: any number of segments, none included."""

    ANY = "**"


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A compiled path; no regular expression where it means every path.

    `precision` orders patterns: more literal characters first (slashes aside), then fewer `**`, more
    segments, fewer `*` and fewer captures.
    """

    text: str
    captures: tuple[str, ...]
    segments: tuple[str | SegmentPattern | Depth, ...]
    precision: tuple[int, int, int, int, int]
    regex: re.Pattern[str] | None

    def match(self, path: str) -> dict[str, str] | None:
        """The captures of a normalised *path*, or None where it is not meant."""
        if self.regex is None:
            return {}
        found = self.regex.fullmatch(path)
        if found is None:
            return None
        return found.groupdict() if self.captures else {}


EVERY_PATH = PathPattern("/**", (), (Depth.ANY,), (0, -1, 0, 0, 0), None)


def compile_path(text: str | None) -> PathPattern:
    """Compiles `/api/**`, `/v1/*/orders` or `/t/{tenant}/**`. Raises ValueError."""
    if text is None or text == "/**":
        return EVERY_PATH
    names = CAPTURE.findall(text)
    if len(set(names)) != len(names):
        raise ValueError("path captures one name twice")
    if "?" in text or "#" in text:
        raise ValueError("path holds a query or a fragment")
    try:
        segments = tuple(_segment(part) for part in text.split("/")[1:])
    except ValueError as error:
        raise ValueError(f"path {error}") from None
    if {".", ".."} & set(segments):
        raise ValueError("path holds a dot segment, which no path that is matched has")
    literal = len(CAPTURE.sub("", text).replace("*", "").replace("/", ""))
    deep = segments.count(Depth.ANY)
    stars = text.replace("**", "").count("*")
    precision = (literal, -deep, len(segments) - deep, -stars, -len(names))
    return PathPattern(text, tuple(names), segments, precision, re.compile(_source(segments)))


def _segment(text: str) -> str | SegmentPattern | Depth:
    if text == "**":
        return Depth.ANY
    if "**" in text:
        raise ValueError("may hold ** only as a whole segment")
    return compile_segment(text, CAPTURED, literal=_as_sent)


def _as_sent(text: str) -> str:
    """A literal piece as it stands in a normalised path, percent-encoded where it has to be."""
    return _ENCODED.sub(_spelled, quote(text, safe="%!$&'()*+,;=:@~"))


def _source(segments: tuple[str | SegmentPattern | Depth, ...]) -> str:
    """The regular expression: what stands between two `**` is taken where it first comes, which is enough
    and never tried elsewhere, so that no path makes it slow."""
    pieces: list[str] = [""]
    for segment in segments:
        if segment is Depth.ANY:
            pieces.append("")
        elif isinstance(segment, SegmentPattern):
            pieces[-1] += "/" + segment.source
        else:
            pieces[-1] += "/" + re.escape(segment)
    first, *between = pieces
    if not between:
        return first
    *middle, last = between
    # Whatever comes first, a segment that was begun has to be through: the next one starts with "/".
    source = first + "".join(f"(?>(?:/[^/]*)*?{piece}(?=/|$))" for piece in middle if piece)
    return source + "(?:/[^/]*)*" + last if last else source + "(?:/.*)?"
