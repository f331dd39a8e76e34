"""Which profile owns a request: an index over all match entries, in which the most specific one wins.

Hosts, literal host suffixes and a literal path segment are dictionary keys, so ten thousand profiles cost
what one does. Where the origin alone decides, the path is not looked at.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from profiles.errors import PathAmbiguous
from profiles.host_patterns import HostPattern, Precision, compile_host
from profiles.model import MatchSettings
from profiles.origins import normalize_host
from profiles.path_patterns import (
    EVERY_PATH,
    PathPattern,
    compile_path,
    is_plain,
    lenient_path,
    normalize_path,
)
from profiles.requests import Origin, RequestHead

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

    @property
    def is_whole(self) -> bool:
        """Whether it owns all that gets to its origin: one host, and any path and method."""
        return self.host.precision is Precision.EXACT and self.path is EVERY_PATH and not self.methods

    def match(self, host: str, path: str) -> dict[str, str] | None:
        """What is captured of a normalised *host* and *path*, or None where the rule does not mean them."""
        captured = self.host.match(host)
        if captured is None:
            return None
        below = self.path.match(path)
        return captured | below if captured and below is not None else below

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
"""The name of a profile, one entry of its `match`, and the profile."""

FEW = 4
"""So many entries are gone through as quickly as they are told apart."""


class _Shelf[P]:
    """The entries of one host or host suffix, told apart by the path segment that tells most of them.

    Each stands there as what it selects where it captures nothing: made once, not for each request.
    """

    __slots__ = ("_by_segment", "_depth", "_owners", "_rest", "_sole", "doors", "entries")

    def __init__(self, entries: Iterable[Selection[P]]) -> None:
        self.entries = tuple(sorted(entries, key=_rank, reverse=True))
        rules = [entry.rule for entry in self.entries]
        self.doors = tuple({(rule.host.text, rule.scheme, rule.port): rule for rule in rules}.values())
        """One rule for each host, scheme and port."""
        best = self.entries[0]
        is_for_any = best.rule.is_whole and best.rule.scheme is None and best.rule.port is None
        self._sole = best if is_for_any else None
        self._owners = self._owners_by_origin() if not is_for_any else {}
        self._depth = self._best_depth()
        self._by_segment: dict[str, tuple[Selection[P], ...]] = {}
        self._rest: tuple[Selection[P], ...] = self.entries
        if self._depth is not None:
            self._divide(self._depth)

    def owner_of_all(self, scheme: str, port: int) -> Selection[P] | None:
        """Who owns every request to this scheme and port, of whatever path and method; None where those have
        a say."""
        if self._sole is not None:
            return self._sole
        owners = self._owners.get(scheme)
        return owners.get(port, owners[None]) if owners is not None else None

    def for_path(self, path: str) -> tuple[Selection[P], ...]:
        """The entries that may own *path*, most specific first."""
        if self._depth is None:
            return self.entries
        parts = path.split("/", self._depth + 2)
        if len(parts) <= self._depth + 1:
            return self._rest
        return self._by_segment.get(parts[self._depth + 1], self._rest)

    def _owners_by_origin(self) -> dict[str, dict[int | None, Selection[P] | None]]:
        """For each scheme that has any, the owners by port: those that entries name, and None for all others.

        The first of the entries that mean the origin, in the order of `for_path`, owns whatever gets there
        if it names neither path nor methods: so it does in each reading of a path.
        """
        first: dict[tuple[str | None, int | None], int] = {}
        for order, entry in enumerate(self.entries):
            first.setdefault((entry.rule.scheme, entry.rule.port), order)

        def owner(scheme: str, port: int | None) -> Selection[P] | None:
            doors = itertools.product((scheme, None), (port, None))
            order = min((first[door] for door in doors if door in first), default=None)
            return None if order is None or not self.entries[order].rule.is_whole else self.entries[order]

        ports = {None, *(port for _, port in first)}
        owners = {scheme: {port: owner(scheme, port) for port in ports} for scheme in ("http", "https")}
        return {scheme: by_port for scheme, by_port in owners.items() if any(by_port.values())}

    def _best_depth(self) -> int | None:
        if len(self.entries) <= FEW:
            return None
        seen: dict[int, set[str]] = defaultdict(set)
        for entry in self.entries:
            for depth, segment in enumerate(_leading_literals(entry.rule.path)):
                seen[depth].add(segment)
        return max(seen, key=lambda depth: len(seen[depth]), default=None)

    def _divide(self, depth: int) -> None:
        named: dict[str, list[Selection[P]]] = defaultdict(list)
        rest: list[Selection[P]] = []
        for entry in self.entries:
            literals = _leading_literals(entry.rule.path)
            (named[literals[depth]] if len(literals) > depth else rest).append(entry)
        self._rest = tuple(rest)
        self._by_segment = {
            segment: tuple(sorted([*entries, *rest], key=_rank, reverse=True))
            for segment, entries in named.items()
        }


def _rank(entry: Selection[Any]) -> Rank:
    return entry.rule.rank


def _leading_literals(path: PathPattern) -> list[str]:
    return list(itertools.takewhile(lambda segment: isinstance(segment, str), path.segments))  # type: ignore[arg-type]


class ProfileIndex[P]:
    """All match entries of one snapshot of the profiles."""

    def __init__(self, entries: Iterable[Entry[P]]) -> None:
        exact: dict[str, list[Selection[P]]] = defaultdict(list)
        suffixes: dict[str, list[Selection[P]]] = defaultdict(list)
        for name, rule, profile in entries:
            table = exact if rule.host.precision is Precision.EXACT else suffixes
            table[rule.host.suffix].append(Selection(name, profile, (), rule))
        self._exact = {host: _Shelf(found) for host, found in exact.items()}
        self._suffixes = {suffix: _Shelf(found) for suffix, found in suffixes.items()}

    def select(self, head: RequestHead) -> Selection[P] | None:
        """The most specific entry that owns the request, or None where no profile does.

        Raises PathAmbiguous where the owner depends on how the origin reads the path.
        """
        return self.owner_of_all(head.origin) or self.select_by_path(head)

    def owner_of_all(self, origin: Origin) -> Selection[P] | None:
        """The owner of every request to *origin*, found without a look at it.

        None where path or method or a host pattern has a say, and where the origin's host is not as
        `normalize_host` leaves it: then `select_by_path` decides.
        """
        shelf = self._exact.get(origin.host)
        return shelf.owner_of_all(origin.scheme, origin.port) if shelf is not None else None

    def select_by_path(self, head: RequestHead) -> Selection[P] | None:
        """As `select`, for a request to an origin for which `owner_of_all` gives none."""
        host = normalize_host(head.origin.host)
        shelves = self._shelves_for(host)
        if not shelves:
            return None
        path = head.path
        if is_plain(path):
            return _owner(shelves, head, host, path)
        selection = _owner(shelves, head, host, normalize_path(path))
        lenient = lenient_path(path)
        if lenient is not None:
            other = _owner(shelves, head, host, lenient)
            if (other and (other.name, other.captures)) != (
                selection and (selection.name, selection.captures)
            ):
                raise PathAmbiguous(
                    "the path hides dot segments: who owns it depends on how the origin reads it",
                    profile=selection.name if selection else None,
                )
        return selection

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
        for name, _, _, rule in sorted(entries, key=_rank, reverse=True):
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
                yield from (entry.rule.host.text for entry in shelf.entries)

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


def _owner[P](shelves: list[_Shelf[P]], head: RequestHead, host: str, path: str) -> Selection[P] | None:
    entries = shelves[0].for_path(path) if len(shelves) == 1 else _in_order(shelves, path)
    for entry in entries:
        captured = entry.rule.match(host, path)
        if captured is None or entry.rule.misses(head) is not None:
            continue
        return entry._replace(captures=tuple(sorted(captured.items()))) if captured else entry
    return None


def _in_order[P](shelves: list[_Shelf[P]], path: str) -> Iterable[Selection[P]]:
    """The entries of several shelves that may own *path*, most specific first."""
    return sorted((entry for shelf in shelves for entry in shelf.for_path(path)), key=_rank, reverse=True)
