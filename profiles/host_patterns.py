"""Which hosts a match entry means: an exact name, everything below a name, or a name with captures."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from enum import IntEnum

from profiles.origins import normalize_host
from profiles.segment_patterns import CAPTURE, Alphabet, SegmentPattern, compile_segment

CAPTURED = Alphabet(frozenset(string.ascii_lowercase + string.digits + "-"), "(?!-)[a-z0-9-]{1,63}(?<!-)")
"""What a capture may hold: part of one label of a host name, so it can never bring a host along."""


class Precision(IntEnum):
    """How precisely a pattern names a host: the larger wins."""

    WILDCARD = 1
    CAPTURE = 2
    EXACT = 3


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A compiled host. `suffix` is the literal end that the index looks it up by (no leading dot), `labels`
    its parts from left to right; a wildcard's are those of its suffix."""

    text: str
    precision: Precision
    suffix: str
    labels: tuple[str | SegmentPattern, ...]
    captures: tuple[str, ...] = ()
    regex: re.Pattern[str] | None = None

    @property
    def literal_length(self) -> int:
        """How many characters of it are no capture and no star."""
        if self.precision is not Precision.CAPTURE:
            return len(self.suffix)
        return len(CAPTURE.sub("", self.text.removesuffix(".")))

    def match(self, host: str) -> dict[str, str] | None:
        """The captures of a normalised *host*, or None where it is not meant."""
        if self.precision is Precision.EXACT:
            return {} if host == self.suffix else None
        if self.precision is Precision.WILDCARD:
            return {} if host.endswith(self.suffix) and host[: -len(self.suffix)].endswith(".") else None
        assert self.regex is not None
        found = self.regex.fullmatch(host)
        return found.groupdict() if found else None


def compile_host(text: str) -> HostPattern:
    """Compiles `api.example.com`, `*.example.com` or `{tenant}.example.com`. Raises ValueError."""
    if text.startswith("*."):
        suffix = _literal(text[2:])
        return HostPattern(text, Precision.WILDCARD, suffix, tuple(suffix.split(".")))
    if "*" in text:
        raise ValueError("host may hold * only as a whole first label: *.example.com")
    if "{" not in text and "}" not in text:
        host = _literal(text)
        return HostPattern(text, Precision.EXACT, host, tuple(host.split(".")))
    names = CAPTURE.findall(text)
    if len(set(names)) != len(names):
        raise ValueError("host captures one name twice")
    labels = text.removesuffix(".").split(".")
    last = max(index for index, label in enumerate(labels) if "{" in label or "}" in label)
    suffix = ".".join(labels[last + 1 :])
    if not suffix:
        raise ValueError("host needs a literal end after its captures: {tenant}.example.com")
    # The literal parts are checked by the host that stands in for all that can match.
    _literal(CAPTURE.sub("x", text))
    try:
        compiled = tuple(compile_segment(label, CAPTURED, literal=str.lower) for label in labels)
    except ValueError as error:
        raise ValueError(f"host {error}") from None
    pattern = r"\.".join(
        label.source if isinstance(label, SegmentPattern) else re.escape(label) for label in compiled
    )
    return HostPattern(text, Precision.CAPTURE, _literal(suffix), compiled, tuple(names), re.compile(pattern))


def _literal(text: str) -> str:
    try:
        return normalize_host(text)
    except ValueError as error:
        raise ValueError(f"host {error}") from None
