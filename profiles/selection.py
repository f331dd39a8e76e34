"""Which profile owns a request: an index over all match entries, in which the most specific one wins.

Hosts, literal host suffixes and a literal path segment are dictionary keys, so ten thousand profiles cost
what one does.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from profiles.errors import PathAmbiguous
from profiles.host_patterns import HostPattern, Precision, compile_host
from profiles.model import MatchSettings
from profiles.origins import normalize_host
from profiles.path_patterns import PathPattern, compile_path, lenient_path, normalize_path
from profiles.requests import RequestHead

Rank = tuple[int, int, tuple[int, ...], bool, int]


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
    def rank(self) -> Rank:
        """How specific the rule is: precision of the host, its length, that of the path, methods, origin."""
        named = (self.scheme is not None) + (self.port is not None)
        return (
            self.host.precision,
            self.host.literal_length,
            self.path.precision,
            bool(self.methods),
            named,
        )

    def describe(self) -> str:
        """The entry in one line: `https://{tenant}.example.com/api/** [GET, POST]`."""
        port = f":{self.port}" if self.port is not None else ""
        methods = f" [{', '.join(sorted(self.methods))}]" if self.methods else ""
        return f"{self.scheme or 'any'}://{self.host.text}{port}{self.path.text}{methods}"

    def misses(self, head: RequestHead) -> str | None:
        """Why the rule does not own a request whose host and path it means, or None where it does."""
        if self.scheme is not None and self.scheme != head.origin.scheme:
            return f"scheme is not {self.scheme}"
        if self.port is not None and self.port != head.origin.port:
            return f"port is not {self.port}"
        if self.methods and head.method not in self.methods:
            return f"method is not {' or '.join(sorted(self.methods))}"
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


def compile_match(settings: MatchSettings) -> MatchRule:
    """Compiles one entry of `match`. Raises ValueError saying what is wrong with it."""
    host, path = compile_host(settings.host), compile_path(settings.path)
    if set(host.captures) & set(path.captures):
        raise ValueError("host and path capture one name")
    return MatchRule(host, settings.scheme, settings.port, frozenset(settings.methods), path)


type Entry[P] = tuple[str, MatchRule, P]

FEW = 4
"""So many entries are gone through as quickly as they are told apart."""


class _Shelf[P]:
    """The entries of one host or host suffix, told apart by the path segment that tells most of them."""

    def __init__(self, entries: Iterable[Entry[P]]) -> None:
        self.entries = tuple(sorted(entries, key=_rank, reverse=True))
        self.doors = tuple(
            {(rule.host.text, rule.scheme, rule.port): rule for _, rule, _ in self.entries}.values()
        )
        """One rule for each host, scheme and port."""
        self._depth = self._best_depth()
        self._by_segment: dict[str, tuple[Entry[P], ...]] = {}
        self._rest: tuple[Entry[P], ...] = self.entries
        if self._depth is not None:
            self._divide(self._depth)

    def for_path(self, path: str) -> tuple[Entry[P], ...]:
        """The entries that may own *path*, most specific first."""
        if self._depth is None:
            return self.entries
        parts = path.split("/", self._depth + 2)
        if len(parts) <= self._depth + 1:
            return self._rest
        return self._by_segment.get(parts[self._depth + 1], self._rest)

    def _best_depth(self) -> int | None:
        if len(self.entries) <= FEW:
            return None
        seen: dict[int, set[str]] = defaultdict(set)
        for _, rule, _ in self.entries:
            for depth, segment in enumerate(_leading_literals(rule.path)):
                seen[depth].add(segment)
        return max(seen, key=lambda depth: len(seen[depth]), default=None)

    def _divide(self, depth: int) -> None:
        named: dict[str, list[Entry[P]]] = defaultdict(list)
        rest: list[Entry[P]] = []
        for entry in self.entries:
            literals = _leading_literals(entry[1].path)
            (named[literals[depth]] if len(literals) > depth else rest).append(entry)
        self._rest = tuple(rest)
        self._by_segment = {
            segment: tuple(sorted([*entries, *rest], key=_rank, reverse=True))
            for segment, entries in named.items()
        }


def _rank(entry: Entry[object]) -> Rank:
    return entry[1].rank


def _leading_literals(path: PathPattern) -> list[str]:
    return list(itertools.takewhile(lambda segment: isinstance(segment, str), path.segments))  # type: ignore[arg-type]


class ProfileIndex[P]:
    """All match entries of one snapshot of the profiles."""

    def __init__(self, entries: Iterable[Entry[P]]) -> None:
        exact: dict[str, list[Entry[P]]] = defaultdict(list)
        suffixes: dict[str, list[Entry[P]]] = defaultdict(list)
        for entry in entries:
            host = entry[1].host
            (exact if host.precision is Precision.EXACT else suffixes)[host.suffix].append(entry)
        self._exact = {host: _Shelf(found) for host, found in exact.items()}
        self._suffixes = {suffix: _Shelf(found) for suffix, found in suffixes.items()}

    def select(self, head: RequestHead) -> Selection[P] | None:
        """The most specific entry that owns the request, or None where no profile does.

        Raises PathAmbiguous where the owner depends on how the origin reads the path.
        """
        host = normalize_host(head.origin.host)
        shelves = self._shelves_for(host)
        if not shelves:
            return None
        path = head.path
        selection = self._owner(shelves, head, host, normalize_path(path))
        lenient = lenient_path(path)
        if lenient is not None:
            other = self._owner(shelves, head, host, lenient)
            if (other and (other.name, other.captures)) != (
                selection and (selection.name, selection.captures)
            ):
                raise PathAmbiguous(
                    "the path hides dot segments: who owns it depends on how the origin reads it",
                    profile=selection.name if selection else None,
                )
        return selection

    def _owner(
        self, shelves: list[_Shelf[P]], head: RequestHead, host: str, path: str
    ) -> Selection[P] | None:
        for name, rule, profile in _in_order(shelves, path):
            captured = rule.host.match(host)
            if captured is None:
                continue
            below = rule.path.match(path)
            if below is None or rule.misses(head) is not None:
                continue
            captured |= below
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
            for shelf in self._shelves_for(host)
            for rule in shelf.doors
        )

    def candidates(self, head: RequestHead) -> list[Candidate]:
        """Every entry that means the request's host, best first, with why it won or lost."""
        host, path = normalize_host(head.origin.host), normalize_path(head.path)
        entries = [entry for shelf in self._shelves_for(host) for entry in shelf.entries]
        found: list[Candidate] = []
        owned = False
        for name, rule, _ in sorted(entries, key=_rank, reverse=True):
            if rule.host.match(host) is None:
                continue
            outcome = rule.misses(head)
            if outcome is None and rule.path.match(path) is None:
                outcome = f"path is not {rule.path.text}"
            if outcome is None:
                outcome = "a more specific entry comes first" if owned else "owns the request"
                owned = True
            found.append(Candidate(name, rule, outcome))
        return found

    def hosts(self) -> Iterator[str]:
        """The hosts of all entries as they are written, for a hint at a near miss."""
        for table in (self._exact, self._suffixes):
            for shelf in table.values():
                yield from (rule.host.text for _, rule, _ in shelf.entries)

    def _shelves_for(self, host: str) -> list[_Shelf[P]]:
        """Where the entries stand that may mean *host*."""
        exact = self._exact.get(host)
        found = [] if exact is None else [exact]
        if self._suffixes:
            end = host.find(".")
            while end != -1:
                shelf = self._suffixes.get(host[end + 1 :])
                if shelf is not None:
                    found.append(shelf)
                end = host.find(".", end + 1)
        return found


def _in_order[P](shelves: list[_Shelf[P]], path: str) -> Iterable[Entry[P]]:
    """The entries that may own *path*, most specific first."""
    if len(shelves) == 1:
        return shelves[0].for_path(path)
    return sorted((entry for shelf in shelves for entry in shelf.for_path(path)), key=_rank, reverse=True)
