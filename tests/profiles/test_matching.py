"""Which profile owns a request: hosts, paths, precedence, and everything that must not be fooled."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.ambiguities import ambiguities
from profiles.errors import HostsDisagree, PathAmbiguous
from profiles.host_patterns import compile_host
from profiles.model import MatchSettings
from profiles.origins import (
    LONGEST,
    agree_at_sight,
    check_agreement,
    is_loopback,
    normalize_host,
    parse_authority,
)
from profiles.path_patterns import compile_path, is_plain, lenient_path, normalize_path
from profiles.requests import Origin, RequestHead
from profiles.selection import ProfileIndex, compile_match


def head(url: str, method: str = "GET") -> RequestHead:
    scheme, _, rest = url.partition("://")
    authority, slash, target = rest.partition("/")
    host, port = parse_authority(authority, scheme)
    return RequestHead(method, Origin(scheme, host, port), slash + target or "/", ())


def index(**profiles: dict | list) -> ProfileIndex[str]:
    return ProfileIndex(
        (name, compile_match(MatchSettings.model_validate(entry)), name)
        for name, entries in profiles.items()
        for entry in (entries if isinstance(entries, list) else [entries])
    )


def owner(profiles: ProfileIndex[str], url: str, method: str = "GET") -> str | None:
    selection = profiles.select(head(url, method))
    return selection.name if selection else None


@pytest.mark.parametrize(
    ("pattern", "host", "owns"),
    [
        pytest.param("example.com", "example.com", True, id="exact"),
        pytest.param("Example.COM", "example.com", True, id="case"),
        pytest.param("example.com", "example.com.", True, id="trailing-dot"),
        pytest.param("example.com", "evilexample.com", False, id="hazard-18-prefix-without-anchor"),
        pytest.param("example.com", "example.com.evil.com", False, id="hazard-18-suffix-without-anchor"),
        pytest.param("*.example.com", "a.example.com", True, id="wildcard"),
        pytest.param("*.example.com", "a.b.example.com", True, id="wildcard-deeper"),
        pytest.param("*.example.com", "example.com", False, id="wildcard-not-itself"),
        pytest.param("*.example.com", "evilexample.com", False, id="wildcard-anchored"),
        pytest.param("{tenant}.example.com", "acme.example.com", True, id="capture"),
        pytest.param("{tenant}.example.com", "a.b.example.com", False, id="capture-one-label"),
        pytest.param("api-{tenant}.example.com", "api-acme.example.com", True, id="capture-in-label"),
        pytest.param("api-{tenant}.example.com", "api.example.com", False, id="capture-not-empty"),
        pytest.param("[2001:db8::1]", "2001:0db8:0::1", True, id="ipv6-spellings"),
        pytest.param("bücher.example", "xn--bcher-kva.example", True, id="idn"),
        pytest.param("example.com", "exampl\u0435.com", False, id="idn-look-alike"),
    ],
)
def test_host_pattern_means_exactly_its_hosts(pattern: str, host: str, owns: bool) -> None:
    """A host pattern means its hosts in every spelling, and no other host."""
    compiled = compile_host(pattern)

    assert (compiled.match(normalize_host(host)) is not None) is owns


@pytest.mark.parametrize(
    "host",
    [
        "*",
        "a.*.com",
        "*x.example.com",
        "{a}.{a}.example.com",
        "{tenant}",
        "exa mple.com",
        "a/b",
        "a{.example.com",
    ],
)
def test_host_pattern_that_means_nothing_clear_is_refused(host: str) -> None:
    """A pattern that could be read two ways is a configuration error."""
    with pytest.raises(ValueError, match="host"):
        compile_host(host)


@pytest.mark.parametrize(
    "host", ["acme.evil.com#", "user@example.com", "a%2eb", "a..b", "-", "", "a b", "1.2.3", "a" * 64]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    """Text that could smuggle a second host is no host at all."""
    with pytest.raises(ValueError, match="is not"):
        normalize_host(host)


@given(st.text(max_size=30))
def test_captures_hold_nothing_but_label_characters(text: str) -> None:
    """A capture can never bring a dot, slash or percent sign along."""
    try:
        found = compile_host("{tenant}.example.com").match(normalize_host(f"{text}.example.com"))
    except ValueError:
        return

    assert found is None or set(found["tenant"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.lists(st.sampled_from(["a", "b", "evil", "example", "com"]), min_size=1, max_size=5))
def test_wildcard_owns_only_what_ends_with_its_suffix(labels: list[str]) -> None:
    """A host selected by a wildcard always ends with a dot and its suffix."""
    host = ".".join(labels)

    owned = owner(index(p={"host": "*.example.com"}), f"https://{host}/")

    assert (owned == "p") is host.endswith(".example.com")


@pytest.mark.parametrize(
    ("pattern", "path", "owns"),
    [
        pytest.param("/api/**", "/api/x/y", True, id="any-depth"),
        pytest.param("/api/**", "/api", True, id="any-depth-none"),
        pytest.param("/api/**", "/apis", False, id="segment-boundary"),
        pytest.param("/v1/*/orders", "/v1/7/orders", True, id="one-segment"),
        pytest.param("/v1/*/orders", "/v1/7/8/orders", False, id="one-segment-only"),
        pytest.param("/api/**", "/api/../admin", False, id="dot-segments"),
        pytest.param("/api/**", "/api/%2e%2e/admin", False, id="encoded-dot-segments"),
        pytest.param("/api/**", "/api/%2E./admin", False, id="mixed-dot-segments"),
        pytest.param("/admin/**", "/api/../admin/x", True, id="dot-segments-lead-here"),
        pytest.param("/api/**", "/%61pi/x", True, id="encoded-unreserved"),
        pytest.param("/a/*", "/a/b%2Fc", True, id="encoded-slash-is-data"),
        pytest.param("/api/**", "/api/x?y=/../z", True, id="query-is-not-path"),
    ],
)
def test_path_pattern_means_what_the_origin_will_understand(pattern: str, path: str, owns: bool) -> None:
    """Paths are matched after decoding and dot segments, as an origin resolves them."""
    profiles = index(p={"host": "example.com", "path": pattern})

    assert (owner(profiles, f"https://example.com{path}") == "p") is owns


@given(st.text(alphabet="ab./%2eE", max_size=12))
def test_normalised_path_has_no_dot_segment(text: str) -> None:
    """No spelling of a dot segment survives."""
    assert not {".", ".."} & set(normalize_path("/" + text).split("/"))


@pytest.mark.parametrize(
    ("pattern", "path", "owns"),
    [
        pytest.param("/caf\u00e9/**", "/caf%c3%a9/x", True, id="escapes-in-either-case"),
        pytest.param("/a b/*", "/a%20b/x", True, id="space-as-sent"),
        pytest.param("/r/report-*.json", "/r/report-7.json", True, id="star-within-a-segment"),
        pytest.param("/r/report-*.json", "/r/report-7/x.json", False, id="star-stays-in-its-segment"),
        pytest.param("/**/orders/**", "/v1/x/orders/7", True, id="deep-on-either-side"),
        pytest.param("/**/orders/**", "/v1/x/orders2/7", False, id="deep-ends-at-a-segment"),
        pytest.param("/**/a/**/b", "/a/a/x/b/b", True, id="deep-finds-the-last"),
        pytest.param("/x/{a}-{b}", "/x/one-two", True, id="two-captures"),
        pytest.param("/x/{a}", "/x/" + "a" * 129, False, id="capture-of-129"),
        pytest.param("/x/*", "/x/", False, id="star-is-not-empty"),
    ],
)
def test_path_pattern_means_its_segments(pattern: str, path: str, owns: bool) -> None:
    """Stars, captures and literal pieces mean what the profile reference says of them."""
    assert (compile_path(pattern).match(normalize_path(path)) is not None) is owns


@pytest.mark.parametrize(
    "path", ["/a/***", "/a**", "/{a}/{a}", "/{a}{b}", "/{a}-{b}-{c}", "/{a}-*", "/a}", "/a?b", "/a/../b"]
)
def test_path_pattern_that_means_nothing_clear_is_refused(path: str) -> None:
    """What could be divided in many ways, or never match, is a configuration error."""
    with pytest.raises(ValueError, match="path"):
        compile_path(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/" + "*a" * 20 + "*b", "/" + "a" * 8000),
        ("/**/b/**/c/**/d/**/e/**/f", "/b/c/d/e" * 2000),
        ("/**/{a}-{b}/x", "/" + "a-" * 4000 + "/" * 4000),
    ],
    ids=["stars", "deep", "captures"],
)
def test_no_path_makes_a_pattern_slow(pattern: str, path: str) -> None:
    """What would take a backtracking matcher hours has no match, and the suite goes on."""
    assert compile_path(pattern).match(path) is None


TWO_READINGS = [
    "/api//../admin",
    "/api/..;/admin",
    "/api/..%2fadmin",
    "/api/%2e%2e%2Fadmin",
    "/api/..%252fadmin",
    "/api/..%5cadmin",
    "/api/..\\admin",
    "/api/x/..;a=b/../admin",
    "/api/.%2E;x/admin/1",
]


@pytest.mark.parametrize("path", TWO_READINGS)
@pytest.mark.parametrize(
    "others", [{}, {"admin": {"host": "example.com", "path": "/admin/**"}}], ids=["nobody", "another"]
)
def test_path_that_hides_dot_segments_is_refused_where_its_owner_depends_on_the_reading(
    path: str, others: dict
) -> None:
    """A credential for /api never goes out with a path that some origins take for /admin (invariant I1)."""
    profiles = index(api={"host": "example.com", "path": "/api/**"}, **others)

    with pytest.raises(PathAmbiguous):
        owner(profiles, f"https://example.com{path}")


@pytest.mark.parametrize("path", TWO_READINGS)
def test_path_with_one_owner_in_every_reading_is_owned(path: str) -> None:
    """Whoever owns the whole origin owns such paths as well."""
    assert owner(index(p={"host": "example.com"}), f"https://example.com{path}") == "p"


@pytest.mark.parametrize(
    "path",
    ["/projects/group%2Fname/x", "/a;v=1/b", "/a//b", "/file.json", "/a/..b", "/.well-known/x", "/a%25b"],
)
def test_path_without_dot_segments_has_one_reading(path: str) -> None:
    """Escapes, parameters, empty segments and dots in names are data."""
    assert lenient_path(path) is None


@given(st.lists(st.sampled_from(["a", "..", ".", "", "%2e", "%2f", ";x", "\\", "%5C", "%252e"]), max_size=8))
def test_lenient_reading_holds_no_dot_segment(parts: list[str]) -> None:
    """Read a second time, the lenient reading says the same."""
    lenient = lenient_path("/" + "/".join(parts))

    assert lenient is None or not {".", ".."} & set(lenient.split("/"))


@given(st.text(alphabet="ab./%2eE;\\\n", max_size=12))
def test_plain_path_has_one_reading_which_is_itself(text: str) -> None:
    """Where nothing is hidden there is nothing to decode, to remove or to read in another way."""
    path = "/" + text

    if is_plain(path):
        assert normalize_path(path) == path
        assert lenient_path(path) is None


PRECEDENCE = {
    "exact": {"host": "acme.example.com"},
    "capture": {"host": "{tenant}.example.com"},
    "wildcard": {"host": "*.example.com"},
    "path": {"host": "acme.example.com", "path": "/api/**"},
    "longer": {"host": "acme.example.com", "path": "/api/orders/**"},
    "methods": {"host": "acme.example.com", "path": "/api/orders/**", "methods": ["POST"]},
}


@pytest.mark.parametrize(
    ("url", "method", "expected"),
    [
        ("https://acme.example.com/", "GET", "exact"),
        ("https://globex.example.com/", "GET", "capture"),
        ("https://a.b.example.com/", "GET", "wildcard"),
        ("https://acme.example.com/api/x", "GET", "path"),
        ("https://acme.example.com/api/orders/1", "GET", "longer"),
        ("https://acme.example.com/api/orders/1", "POST", "methods"),
        ("https://example.com/", "GET", None),
    ],
)
def test_most_specific_entry_wins_in_any_order(url: str, method: str, expected: str | None) -> None:
    """Host before path before methods decides, whatever the order of the profiles."""
    for names in itertools.permutations(PRECEDENCE):
        profiles = index(**{name: PRECEDENCE[name] for name in names})

        assert owner(profiles, url, method) == expected


@pytest.mark.parametrize(
    ("better", "worse", "url"),
    [
        pytest.param({"path": "/api/*"}, {"path": "/api/**"}, "https://a.example.com/api/x", id="star"),
        pytest.param(
            {"path": "/api/{x}"}, {"path": "/api/*/**"}, "https://a.example.com/api/x", id="capture"
        ),
        pytest.param({"path": "/**/x"}, {"path": "/**"}, "https://a.example.com/a/x", id="deep"),
        pytest.param(
            {"host": "api-{t}.example.com"},
            {"host": "{t}.example.com"},
            "https://api-a.example.com/",
            id="host",
        ),
        pytest.param(
            {"host": "*.b.example.com"}, {"host": "*.example.com"}, "https://a.b.example.com/", id="suffix"
        ),
        pytest.param({"port": 8443}, {}, "https://a.example.com:8443/", id="port"),
    ],
)
def test_the_order_of_entries_never_decides(better: dict, worse: dict, url: str) -> None:
    """Of two entries that both fit, the more specific one owns the request, whichever comes first."""
    better, worse = ({"host": "a.example.com"} | entry for entry in (better, worse))

    assert owner(index(better=better, worse=worse), url) == "better"
    assert owner(index(worse=worse, better=better), url) == "better"


@given(
    st.lists(st.sampled_from(["/api/x", "/api/*", "/{a}/x", "/**", "/api/**", "/*/x", "/b/**"]), unique=True),
    st.lists(st.sampled_from(["api", "x", "b", ""]), max_size=3),
)
def test_entries_that_are_not_reported_as_ambiguous_have_one_order(
    patterns: list[str], path: list[str]
) -> None:
    """Where the check of the configuration finds nothing, shuffling the profiles changes no owner."""
    entries = {pattern: {"host": "example.com", "path": pattern} for pattern in patterns}
    rules = [(name, compile_match(MatchSettings.model_validate(entry))) for name, entry in entries.items()]
    url = "https://example.com/" + "/".join(path)

    forwards, backwards = index(**entries), index(**dict(reversed(entries.items())))

    assert ambiguities(rules) or owner(forwards, url) == owner(backwards, url)


ENTRIES = st.fixed_dictionaries(
    {"host": st.sampled_from(["a.test", "b.test", "*.test", "{x}.test"])},
    optional={
        "scheme": st.sampled_from(["http", "https"]),
        "port": st.sampled_from([443, 8443]),
        "methods": st.just(["GET"]),
        "path": st.sampled_from(["/**", "/api/**", "/api", "/*", "/{y}/**", "/"]),
    },
)
REQUESTS = st.builds(
    RequestHead,
    st.sampled_from(["GET", "POST"]),
    st.builds(
        Origin,
        st.sampled_from(["http", "https", "ftp"]),
        st.sampled_from(["a.test", "b.test", "c.test", "A.Test.", "x.a.test", "other"]),
        st.sampled_from([80, 443, 8443]),
    ),
    st.lists(st.sampled_from(["/", "api", "..", "x", ";", "%2F", "%2e", "?", "\\", "\xe9"]), max_size=5).map(
        lambda parts: "/" + "".join(parts)
    ),
    st.just(()),
)


@given(st.lists(ENTRIES, min_size=1, max_size=6), st.lists(REQUESTS, min_size=1, max_size=6))
def test_owner_that_is_found_without_the_path_is_the_owner(
    entries: list[dict], requests: list[RequestHead]
) -> None:
    """What the origin alone decides is what is found by path, method and every reading of the path."""
    profiles = index(**{f"p{number}": entry for number, entry in enumerate(entries)})

    for request in requests:
        owner = profiles.owner_of_all(request.origin)

        if owner is not None:
            assert profiles.select_by_path(request) == profiles.select(request) == owner
            (best, *_) = [item for item in profiles.candidates(request) if item.outcome == "owns the request"]
            assert best.name == owner.name


@pytest.mark.parametrize(
    ("entries", "url", "decided"),
    [
        pytest.param([{}], "https://a.test", True, id="one-entry"),
        pytest.param([{"path": "/**"}], "https://a.test", True, id="every-path"),
        pytest.param([{"path": "/api/**"}], "https://a.test", False, id="path"),
        pytest.param([{"methods": ["GET"]}], "https://a.test", False, id="methods"),
        pytest.param([{}, {"path": "/api/**"}], "https://a.test", False, id="a-path-comes-first"),
        pytest.param([{}, {"methods": ["GET"]}], "https://a.test", False, id="a-method-comes-first"),
        pytest.param([{"scheme": "https"}], "https://a.test:444", True, id="scheme"),
        pytest.param([{"scheme": "http"}], "https://a.test", False, id="another-scheme"),
        pytest.param([{"port": 8443}], "https://a.test:8443", True, id="port"),
        pytest.param([{"port": 8443}], "https://a.test", False, id="another-port"),
        pytest.param(
            [{}, {"port": 8443, "path": "/api/**"}], "https://a.test", True, id="path-of-another-port"
        ),
        pytest.param(
            [{}, {"port": 8443, "path": "/api/**"}], "https://a.test:8443", False, id="path-of-this-port"
        ),
        pytest.param(
            [{}, {"scheme": "http", "path": "/api/**"}], "https://a.test", True, id="path-of-another-scheme"
        ),
        pytest.param(
            [{}, {"host": "*.test", "path": "/api/**"}], "https://a.test", True, id="wildcard-beside"
        ),
        pytest.param([{"host": "*.test"}], "https://a.test", False, id="wildcard"),
        pytest.param([{"host": "{x}.test"}], "https://a.test", False, id="capture"),
    ],
)
def test_origin_alone_decides_where_path_and_method_have_no_say(
    entries: list[dict], url: str, decided: bool
) -> None:
    """Then one selection is made for all requests, and it is the one that a look at the path would find."""
    profiles = index(**{f"p{number}": {"host": "a.test"} | entry for number, entry in enumerate(entries)})
    request = head(url)

    found = profiles.owner_of_all(request.origin)

    assert (found is not None) is decided
    assert found is None or profiles.select(request) is found


def test_ten_thousand_ports_of_one_host_are_told_apart() -> None:
    """The owner of each is at hand."""
    profiles = index(p=[{"host": "a.test", "port": port} for port in range(1, 10_001)], q={"host": "a.test"})

    assert owner(profiles, "https://a.test:9999/") == "p"
    assert owner(profiles, "https://a.test:10001/") == "q"


def test_many_paths_of_one_host_are_told_apart() -> None:
    """The right one of many paths is found below a common beginning, and open entries come after it."""
    entries = {f"p{number}": {"host": "h.example.com", "path": f"/api/p{number}/**"} for number in range(500)}
    profiles = index(
        **entries, rest={"host": "h.example.com", "path": "/api/**"}, top={"host": "h.example.com"}
    )

    assert owner(profiles, "https://h.example.com/api/p77/x") == "p77"
    assert owner(profiles, "https://h.example.com/api/q/x") == "rest"
    assert owner(profiles, "https://h.example.com/api") == "rest"
    assert owner(profiles, "https://h.example.com/") == "top"


def test_less_precise_host_is_tried_when_the_precise_one_does_not_fit() -> None:
    """An exact host with another path leaves the request to the wildcard."""
    profiles = index(a={"host": "x.example.com", "path": "/a"}, b={"host": "*.example.com"})

    assert owner(profiles, "https://x.example.com/b") == "b"


def test_captures_of_host_and_path_are_selected_together() -> None:
    """Captures come sorted, so that they can be a key."""
    profiles = index(p={"host": "{tenant}.example.com", "path": "/t/{area}/**"})

    selection = profiles.select(head("https://acme.example.com/t/north/1"))

    assert selection is not None
    assert selection.captures == (("area", "north"), ("tenant", "acme"))


def test_ten_thousand_profiles_select_as_one_does() -> None:
    """The right one of ten thousand is found, for exact hosts and for captures."""
    entries = {f"p{number}": {"host": f"h{number}.example.com"} for number in range(5000)}
    entries |= {f"c{number}": {"host": f"{{tenant}}.d{number}.example.org"} for number in range(5000)}
    profiles = index(**entries)

    assert owner(profiles, "https://h4321.example.com/") == "p4321"
    assert owner(profiles, "https://acme.d4321.example.org/") == "c4321"
    assert owner(profiles, "https://h5000.example.com/") is None


@pytest.mark.parametrize(
    ("host", "port", "scheme", "expected"),
    [
        ("api.example.com", 443, "https", True),
        ("api.example.com", 8443, "https", False),
        ("plain.example.com", 443, "https", False),
        ("other.com", 443, "https", False),
        ("not a host", 443, "https", False),
    ],
)
def test_interception_is_limited_to_what_a_profile_can_match(
    host: str, port: int, scheme: str, expected: bool
) -> None:
    """Host, port and scheme decide; a method or path is not known yet."""
    profiles = index(
        p={"host": "api.example.com", "port": 443, "path": "/x", "methods": ["PUT"]},
        q={"host": "plain.example.com", "scheme": "http"},
    )

    assert profiles.may_own(host, port, scheme) is expected


@pytest.mark.parametrize(
    ("first", "second", "ambiguous"),
    [
        ({"host": "a.com"}, {"host": "A.com."}, True),
        ({"host": "{x}.a.com"}, {"host": "{y}.a.com"}, True),
        ({"host": "a.com", "path": "/x/**"}, {"host": "a.com", "path": "/y/**"}, False),
        ({"host": "a.com", "methods": ["GET"]}, {"host": "a.com", "methods": ["POST"]}, False),
        ({"host": "a.com", "methods": ["GET", "PUT"]}, {"host": "a.com", "methods": ["PUT"]}, True),
        ({"host": "a.com", "port": 1}, {"host": "a.com", "port": 2}, False),
        ({"host": "a.com"}, {"host": "*.a.com"}, False),
        ({"host": "a-{x}.a.com"}, {"host": "{y}-b.a.com"}, True),
        ({"host": "a-{x}.a.com"}, {"host": "b-{y}.a.com"}, False),
        ({"host": "*.a.com", "path": "/x/*"}, {"host": "*.a.com", "path": "/*/x"}, True),
        ({"host": "a.com", "path": "/x/*"}, {"host": "a.com", "path": "/*/x"}, True),
        ({"host": "a.com", "path": "/x/**/y"}, {"host": "a.com", "path": "/y/**/x"}, False),
        ({"host": "a.com", "path": "/**/xx/**"}, {"host": "a.com", "path": "/**/yy/**"}, True),
        ({"host": "a.com", "path": "/a-*"}, {"host": "a.com", "path": "/*-a"}, True),
        ({"host": "a.com", "path": "/{p}/x"}, {"host": "a.com", "path": "/{q}/x"}, True),
        ({"host": "a.com", "path": "/{p}/x"}, {"host": "a.com", "path": "/{q}/y"}, False),
    ],
)
def test_equal_claims_of_two_profiles_are_found(first: dict, second: dict, ambiguous: bool) -> None:
    """Two profiles that claim the same requests with equal precision are an ambiguity."""
    entries = [
        (name, compile_match(MatchSettings.model_validate(entry)))
        for name, entry in (("one", first), ("two", second))
    ]

    assert bool(ambiguities(entries)) is ambiguous


@pytest.mark.parametrize(
    ("sni", "host", "agrees"),
    [
        (None, None, True),
        ("api.example.com", "api.example.com", True),
        ("API.example.com", "api.example.com:443", True),
        ("api.example.com", "api.example.com.", True),
        ("other.example.com", "api.example.com", False),
        ("api.example.com", "other.example.com", False),
        ("api.example.com", "api.example.com:8443", False),
        (None, "api.example.com, evil.com", False),
        (None, "user@api.example.com", False),
        (None, "", False),
    ],
)
def test_connection_sni_and_host_have_to_agree(sni: str | None, host: str | None, agrees: bool) -> None:
    """One of the three naming another origin refuses the request (invariant I1)."""
    connection = Origin("https", "api.example.com", 443)

    if agrees:
        check_agreement(connection, sni, host)
    else:
        with pytest.raises(HostsDisagree):
            check_agreement(connection, sni, host)


@pytest.mark.parametrize(
    ("origin", "sni", "host", "at_sight", "agrees"),
    [
        (("https", "a.test", 443), "a.test", "a.test", True, True),
        (("https", "a.test", 443), None, "a.test:443", True, True),
        (("http", "a.test", 8080), None, "a.test:8080", True, True),
        (("http", "a.test", 8080), None, None, True, True),
        (("http", "a.test", 8080), None, "a.test", False, False),
        (("https", "a.test", 443), "b.test", "a.test", False, False),
        (("https", "a.test", 443), "A.test", "a.test", False, True),
        (("http", "a.test", 8080), None, "A.test:08080", False, True),
        (("http", "::1", 8080), None, "[::1]:8080", False, True),
        (("http", "::1", 8080), None, "::1:8080", False, False),
        (("http", "::1:80", 80), None, "::1:80:80", False, False),
    ],
)
def test_what_nearly_every_program_says_agrees_at_sight(
    origin: tuple, sni: str | None, host: str | None, at_sight: bool, agrees: bool
) -> None:
    """Whatever else is said is parsed; nothing agrees at sight that would not agree when it is parsed."""
    connection = Origin(*origin)

    assert agree_at_sight(connection, sni, host) is at_sight
    if agrees:
        check_agreement(connection, sni, host)
    else:
        with pytest.raises(HostsDisagree):
            check_agreement(connection, sni, host)


@pytest.mark.parametrize("host", ["a.test:" + "0" * LONGEST + "80", "a" + "\xad" * LONGEST + ".test"])
def test_host_without_end_is_no_host(host: str) -> None:
    """What is remembered of clients' hosts is bounded in length as in number."""
    with pytest.raises(HostsDisagree):
        check_agreement(Origin("http", "a.test", 80), None, host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("acme.localhost", True),
        ("127.9.8.7", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
    ],
)
def test_loopback_is_told_from_other_hosts(host: str, expected: bool) -> None:
    """Only what cannot leave the machine is loopback."""
    assert is_loopback(host) is expected
