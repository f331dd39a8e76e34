"""Which paths a match entry means: `*` is one segment, `**` any number, `{name}` captures one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from profiles.host_patterns import CAPTURE

CAPTURED = "[A-Za-z0-9._~-]+"
"""What a path capture may hold: unreserved characters (RFC 3986 section 2.3), never a dot segment."""

_UNRESERVED_ENCODED = re.compile(r"%(2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])")


def normalize_path(path: str) -> str:
    """The path that an origin will understand (RFC 3986 section 6.2.2): unreserved characters decoded and
    dot segments removed, so that `/api/%2e%2e/admin` is matched as `/admin`. `%2F` stays data."""
    if "%" in path:
        path = _UNRESERVED_ENCODED.sub(lambda found: chr(int(found[1], 16)), path)
    if "/." not in path:
        return path
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


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A compiled path; no regular expression where it means every path."""

    text: str
    captures: tuple[str, ...]
    literal_length: int
    regex: re.Pattern[str] | None

    def match(self, path: str) -> dict[str, str] | None:
        """The captures of a normalised *path*, or None where it is not meant."""
        if self.regex is None:
            return {}
        found = self.regex.fullmatch(path)
        return found.groupdict() if found else None


EVERY_PATH = PathPattern("/**", (), 0, None)


def compile_path(text: str | None) -> PathPattern:
    """Compiles `/api/**`, `/v1/*/orders` or `/t/{tenant}/**`. Raises ValueError."""
    if text is None or text == "/**":
        return EVERY_PATH
    names = CAPTURE.findall(text)
    if len(set(names)) != len(names):
        raise ValueError("path captures one name twice")
    if "?" in text or "#" in text:
        raise ValueError("path holds a query or a fragment")
    pattern = ""
    for segment in text.split("/")[1:]:
        if segment == "**":
            pattern += "(?:/.*)?"
            continue
        if "**" in segment:
            raise ValueError("path may hold ** only as a whole segment")
        pattern += "/" + _segment(segment)
    literal = len(CAPTURE.sub("", text).replace("*", ""))
    return PathPattern(text, tuple(names), literal, re.compile(pattern))


def _segment(segment: str) -> str:
    without = CAPTURE.sub("", segment)
    if "{" in without or "}" in without:
        raise ValueError("path holds a brace that opens or closes no capture")
    parts = CAPTURE.split(segment)
    return (
        "".join(
            f"(?P<{part}>{CAPTURED})"
            if index % 2
            else "[^/]*".join(re.escape(piece) for piece in part.split("*"))
            for index, part in enumerate(parts)
        )
        if segment != "*"
        else "[^/]+"
    )
