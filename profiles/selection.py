"""Which profile owns a request: an index over all match entries, in which the most specific one wins.

Exact hosts and literal host suffixes are dictionary keys, so ten thousand profiles cost what one does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from profiles.host_patterns import HostPattern, Precision, compile_host
from profiles.model import MatchSettings
from profiles.origins import normalize_host
from profiles.path_patterns import PathPattern, compile_path, normalize_path
from profiles.requests import RequestHead


@dataclass(frozen=True, slots=True, eq=False)
class MatchRule:
    """One compiled entry of `match`."""

    host: HostPattern
    scheme: str | None
    port: int | None
    methods: frozenset[str]
    path: PathPattern

    @property
    def captures(self) -> frozenset[str]:
        """The names that a matching request gives values to."""
        return frozenset(self.host.captures) | frozenset(self.path.captures)

    @property
    def rank(self) -> tuple[int, int, int, int, int]:
        """How specific the rule is: precision of the host, its length, literal path, methods, origin."""
        length = len(self.host.suffix)
        named = (self.scheme is not None) + (self.port is not None)
        return (self.host.precision, length, self.path.literal_length, bool(self.methods), named)

    def describe(self) -> str:
        """The entry in one line: `https://{tenant}.example.com/api/** [GET, POST]`."""
        port = f":{self.port}" if self.port is not None else ""
        methods = f" [{', '.join(sorted(self.methods))}]" if self.methods else ""
        return f"{self.scheme or 'any'}://{self.host.text}{port}{self.path.text}{methods}"

    def misses(self, head: RequestHead, path: str) -> str | None:
        """Why the rule does not own a request to a host that it means, or None where it does."""
        if self.scheme is not None and self.scheme != head.origin.scheme:
            return f"scheme is not {self.scheme}"
        if self.port is not None and self.port != head.origin.port:
            return f"port is not {self.port}"
        if self.methods and head.method not in self.methods:
            return f"method is not {' or '.join(sorted(self.methods))}"
        if self.path.match(path) is None:
            return f"path is not {self.path.text}"
        return None


class Selection[P](NamedTuple):
    """The profile that owns a request, and what its match entry captured."""

    name: str
    profile: P
    captures: tuple[tuple[str, str], ...]
    rule: MatchRule


class Candidate(NamedTuple):
    """A match entry for the request's host, and what became of it."""

    name: str
    rule: MatchRule
    outcome: str


class Ambiguity(NamedTuple):
    """Two profiles that claim the same requests with equal precision."""

    first: str
    second: str
    rule: MatchRule


def compile_match(settings: MatchSettings) -> MatchRule:
    """Compiles one entry of `match`. Raises ValueError saying what is wrong with it."""
    host, path = compile_host(settings.host), compile_path(settings.path)
    if set(host.captures) & set(path.captures):
        raise ValueError("host and path capture one name")
    return MatchRule(host, settings.scheme, settings.port, frozenset(settings.methods), path)


class ProfileIndex[P]:
    """All match entries of one snapshot of the profiles."""

    def __init__(self, entries: Iterable[tuple[str, MatchRule, P]]) -> None:
        self._exact: dict[str, list[tuple[str, MatchRule, P]]] = defaultdict(list)
        self._suffixes: dict[str, list[tuple[str, MatchRule, P]]] = defaultdict(list)
        for entry in sorted(entries, key=lambda entry: entry[1].rank, reverse=True):
            table = self._exact if entry[1].host.precision is Precision.EXACT else self._suffixes
            table[entry[1].host.suffix].append(entry)
        self._exact.default_factory = self._suffixes.default_factory = None

    def select(self, head: RequestHead) -> Selection[P] | None:
        """The most specific entry that owns the request, or None where no profile does."""
        host = normalize_host(head.origin.host)
        path: str | None = None
        for name, rule, profile in self._entries_for(host):
            captured = rule.host.match(host)
            if captured is None:
                continue
            if path is None:
                path = normalize_path(head.path)
            if rule.misses(head, path) is not None:
                continue
            if rule.path.captures:
                captured |= rule.path.match(path) or {}
            return Selection(name, profile, tuple(sorted(captured.items())) if captured else (), rule)
        return None

    def may_own(self, host: str, port: int, scheme: str = "https") -> bool:
        """Whether some request to this host, port and scheme can have an owner."""
        try:
            host = normalize_host(host)
        except ValueError:
            return False
        return any(
            rule.scheme in (None, scheme) and rule.port in (None, port) and rule.host.match(host) is not None
            for _, rule, _ in self._entries_for(host)
        )

    def candidates(self, head: RequestHead) -> list[Candidate]:
        """Every entry that means the request's host, best first, with why it won or lost."""
        host, path = normalize_host(head.origin.host), normalize_path(head.path)
        found: list[Candidate] = []
        owned = False
        for name, rule, _ in self._entries_for(host):
            if rule.host.match(host) is None:
                continue
            outcome = rule.misses(head, path)
            if outcome is None:
                outcome = "a more specific entry comes first" if owned else "owns the request"
                owned = True
            found.append(Candidate(name, rule, outcome))
        return found

    def hosts(self) -> Iterator[str]:
        """The hosts of all entries as they are written, for a hint at a near miss."""
        for table in (self._exact, self._suffixes):
            for entries in table.values():
                yield from (rule.host.text for _, rule, _ in entries)

    def _entries_for(self, host: str) -> Iterator[tuple[str, MatchRule, P]]:
        """The entries that may mean *host*, most specific first."""
        yield from self._exact.get(host, ())
        if not self._suffixes:
            return
        found: list[tuple[str, MatchRule, P]] = []
        end = host.find(".")
        while end != -1:
            found.extend(self._suffixes.get(host[end + 1 :], ()))
            end = host.find(".", end + 1)
        if len(found) > 1:
            found.sort(key=lambda entry: entry[1].rank, reverse=True)
        yield from found


def ambiguities(entries: Iterable[tuple[str, MatchRule]]) -> list[Ambiguity]:
    """Pairs of profiles of which none is more specific; the names of captures make no difference."""
    groups: dict[object, list[tuple[str, MatchRule]]] = defaultdict(list)
    for name, rule in entries:
        host = rule.host.regex.pattern if rule.host.regex else rule.host.suffix
        path = rule.path.regex.pattern if rule.path.regex else ""
        key = (rule.host.precision, _anonymous(host), _anonymous(path), rule.rank)
        groups[key].append((name, rule))
    found = []
    for group in groups.values():
        for index, (name, rule) in enumerate(group):
            for other, other_rule in group[index + 1 :]:
                if name != other and _overlap(rule, other_rule):
                    found.append(Ambiguity(name, other, other_rule))
                    break
    return found


def _anonymous(pattern: str) -> str:
    """A pattern without the names of its captures."""
    parts = pattern.split("(?P<")
    return parts[0] + "".join("(" + part.partition(">")[2] for part in parts[1:])


def _overlap(first: MatchRule, second: MatchRule) -> bool:
    """Whether some request fits both rules, which mean the same hosts and paths."""
    if None not in (first.scheme, second.scheme) and first.scheme != second.scheme:
        return False
    if None not in (first.port, second.port) and first.port != second.port:
        return False
    return not first.methods or not second.methods or bool(first.methods & second.methods)
