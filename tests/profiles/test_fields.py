"""Authorization fields: what a profile may set, and what becomes of the client's own."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import PathNotInjectable, PayloadTooLarge, TokenResponseInvalid
from profiles.fields import FieldPlan, compile_fields
from profiles.model import FieldSettings
from profiles.requests import HeaderFields, Origin, RequestHead

SECRET = "s3cr3t-sentinel"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
segments = texts.filter(lambda text: text not in ("", ".", ".."))


def plan(*fields: tuple[str, str, str], limit: int = 1000) -> FieldPlan:
    settings = [FieldSettings(**{"in": place, "key": key, "value": value}) for place, key, value in fields]
    return compile_fields(settings, payload_limit=limit)


def head(target: str = "/", headers: HeaderFields = ()) -> RequestHead:
    return RequestHead("GET", Origin("https", "api.example.com", 443), target, headers)


def target_of(fields: FieldPlan, target: str, values: dict[str, Any]) -> str:
    return fields.prepare(values).apply(head(target))[1]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        pytest.param(("header", "X Key", "v"), "not a header field's name", id="space-in-name"),
        pytest.param(("header", "X-Kéy", "v"), "not a header field's name", id="name-not-ascii"),
        pytest.param(("header", "Host", "v"), "frames or routes", id="host"),
        pytest.param(("header", "content-LENGTH", "1"), "frames or routes", id="content-length"),
        pytest.param(("header", "Transfer-Encoding", "chunked"), "frames or routes", id="transfer-encoding"),
        pytest.param(("header", "Proxy-Authorization", "v"), "frames or routes", id="proxy-field"),
        pytest.param(("header", "X-Key", "a\r\nb"), "X-Key holds characters", id="literal-with-line-break"),
        pytest.param(
            ("header", "X-Key", " {{tenant}}"), "X-Key holds characters", id="literal-leading-space"
        ),
        pytest.param(("query", "key", "{{"), "key holds braces", id="malformed-placeholder"),
    ],
)
def test_field_that_may_not_be_set_is_a_configuration_error(
    field: tuple[str, str, str], message: str
) -> None:
    """What cannot work is found when the profile is loaded, and the message names the key."""
    with pytest.raises(ValueError, match=message):
        plan(field)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        pytest.param(("header", "X-Key"), ("header", "x-key"), True, id="header-in-other-case"),
        pytest.param(("query", "k"), ("query", "k"), True, id="query"),
        pytest.param(("query", "k"), ("query", "K"), False, id="query-keys-have-case"),
        pytest.param(("query", "k"), ("path", "k"), False, id="other-place"),
    ],
)
def test_same_place_and_key_twice_is_refused(
    first: tuple[str, str], second: tuple[str, str], refused: bool
) -> None:
    """One field of a profile does not overwrite another."""
    expectation = pytest.raises(ValueError, match="set twice") if refused else nullcontext()

    with expectation:
        plan((*first, "a"), (*second, "b"))


def test_header_replaces_every_one_of_the_client() -> None:
    """All of the client's fields of that name go, in any case; ours is there once; the rest stays."""
    client = ((b"A", b"1"), (b"authorization", b"evil"), (b"B", b"2"), (b"AUTHORIZATION", b"evil"))

    headers, target = (
        plan(("header", "Authorization", "Bearer {{access_token}}"))
        .prepare({"access_token": "t"})
        .apply(head("/x?y", client))
    )

    assert headers == ((b"A", b"1"), (b"B", b"2"), (b"Authorization", b"Bearer t"))
    assert target == "/x?y"


@pytest.mark.parametrize("fields", [["Authorization"], ["Authorization", "X-Key"]], ids=["one", "two"])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"Authorization", b"AUTHORIZATION", b"Authorisation", b"x-key", b"X-Ley", b""]),
            st.sampled_from([b"1", b"2"]),
        )
    )
)
def test_header_leaves_no_field_of_its_name_and_every_other_one(
    fields: list[str], client: list[tuple[bytes, bytes]]
) -> None:
    """Invariant I3, in any case and number, in the client's order; names that are as long stay."""
    names = {name.lower() for name in fields}
    prepared = plan(*(("header", name, "v") for name in fields)).prepare({})

    headers, _ = prepared.apply(head("/", tuple(client)))

    rest = [item for item in client if item[0].decode().lower() not in names]
    assert headers == (*rest, *((name.encode(), b"v") for name in fields))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("/x", "/x?k=v", id="no-query"),
        pytest.param("/x?", "/x?k=v", id="empty-query"),
        pytest.param("/x?a=1", "/x?a=1&k=v", id="beside-another"),
        pytest.param("/x?k=evil&a=1&k=evil", "/x?a=1&k=v", id="every-occurrence"),
        pytest.param("/x?%6b=evil", "/x?k=v", id="percent-encoded"),
        pytest.param("/x?%6B=evil", "/x?k=v", id="percent-encoded-upper"),
        pytest.param("/x?k", "/x?k=v", id="without-value"),
        pytest.param("/x?k==k", "/x?k=v", id="equals-in-value"),
        pytest.param("/x?K=1&kk=2&a=k", "/x?K=1&kk=2&a=k&k=v", id="other-names-stay"),
        pytest.param("/x?b=%7e+%20&&a", "/x?b=%7e+%20&&a&k=v", id="rest-byte-for-byte"),
        pytest.param("/x?a=?k=1", "/x?a=?k=1&k=v", id="question-mark-in-query"),
        pytest.param("/k=1?a=%ff", "/k=1?a=%ff&k=v", id="path-and-odd-bytes-stay"),
    ],
)
def test_query_field_replaces_the_clients(target: str, expected: str) -> None:
    """Ours is there once, the client's own is not, however it was spelt."""
    assert target_of(plan(("query", "k", "v")), target, {}) == expected


@pytest.mark.parametrize("spelling", ["a b", "a+b", "a%20b", "%61%20%62", "a%2bb"])
def test_space_in_a_query_key_has_several_spellings(spelling: str) -> None:
    """A plus and %20 are both a space; %2B is a plus, and another key."""
    target = target_of(plan(("query", "a b", "v")), f"/?{spelling}=evil", {})

    assert ("evil" in target) is (spelling == "a%2bb")


@pytest.mark.parametrize("spelling", ["schl%C3%BCssel", "schl\xc3\xbcssel", "schl%c3\xbcssel"])
def test_query_key_beyond_ascii_is_found_raw_too(spelling: str) -> None:
    """Bytes that a client did not encode are compared as bytes; a target's text stands for them."""
    assert "evil" not in target_of(plan(("query", "schlüssel", "v")), f"/?{spelling}=evil", {})


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["k", "a", "K", "k ", ""]), texts, st.booleans()), max_size=5), texts
)
def test_query_keeps_the_clients_other_fields(items: list[tuple[str, str, bool]], value: str) -> None:
    """Whatever the client sends, a reader finds its other fields and ours, and no other of our name."""

    def spelt(key: str, all_encoded: bool) -> str:
        return "".join(f"%{byte:02X}" for byte in key.encode()) if all_encoded else quote(key)

    query = "&".join(f"{spelt(key, encoded)}={quote(text)}" for key, text, encoded in items)

    target = target_of(plan(("query", "k", "{{v}}")), f"/p?{query}", {"v": value})

    others = [(key, text) for key, text, _ in items if key != "k"]
    assert parse_qsl(target.partition("?")[2], keep_blank_values=True) == [*others, ("k", value)]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("/a/{id}/b", "/a/x%2Fy/b", id="braces"),
        pytest.param("/a/%7Bid%7D/b", "/a/x%2Fy/b", id="encoded-braces"),
        pytest.param("/a/%7bid%7d", "/a/x%2Fy", id="encoded-in-lower-case"),
        pytest.param("/{id}/{id}", "/x%2Fy/x%2Fy", id="every-place"),
        pytest.param("/{id}?q={id}", "/x%2Fy?q={id}", id="not-in-the-query"),
        pytest.param("/{id}/{other}", "/x%2Fy/{other}", id="other-braces-stay"),
    ],
)
def test_path_field_fills_its_place(target: str, expected: str) -> None:
    """The value is one segment's worth of percent-encoded text in the client's path."""
    assert target_of(plan(("path", "id", "{{id}}")), target, {"id": "x/y"}) == expected


@pytest.mark.parametrize("target", ["/{account id}", "/%7baccount%20id%7d", "/%7Baccount%20id%7D"])
def test_path_key_may_be_encoded_itself(target: str) -> None:
    """A client library encodes the whole place, key included."""
    assert target_of(plan(("path", "account id", "v")), target, {}) == "/v"


@pytest.mark.parametrize("target", ["/{ä}", "/%7b%c3%a4%7D", "/{%C3%a4}"])
def test_path_key_in_any_hexadecimal_case(target: str) -> None:
    """The digits of percent-encoding have no case."""
    assert target_of(plan(("path", "ä", "v")), target, {}) == "/v"


@pytest.mark.parametrize("target", ["/{a}", "/{a}/id", "/{a}/{Id}", "/{a}?{id}", "/{a}/{id"])
def test_path_without_the_place_is_refused(target: str) -> None:
    """A request whose path has no place for a field is not forwarded, and the refusal names the key."""
    with pytest.raises(PathNotInjectable, match=r"\{id\}"):
        target_of(plan(("path", "id", "v"), ("path", "a", "w")), target, {})


@settings(deadline=None)
@given(segments, segments)
def test_path_values_make_no_places(first: str, second: str) -> None:
    """A value that looks like a place is a value: each segment reads back as what was put there."""
    fields = plan(("path", "a", "{{a}}"), ("path", "b", "{{b}}"))

    target = target_of(fields, "/{a}/%7bb%7D/c", {"a": first, "b": second})

    assert [unquote(segment) for segment in target.split("/")] == ["", first, second, "c"]


@pytest.mark.parametrize("value", ["{b}", "{a}", "%7Bb%7D"])
def test_path_value_spelt_like_a_place_stays_a_value(value: str) -> None:
    """The value of one field cannot draw another field's value in."""
    fields = plan(("path", "a", "{{a}}"), ("path", "b", "{{b}}"))

    assert SECRET in target_of(fields, "/{a}/{b}", {"a": value, "b": SECRET})
    with pytest.raises(PathNotInjectable, match=r"\{b\}"):
        target_of(fields, "/{a}", {"a": value, "b": SECRET})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        pytest.param(("header", "X", "{{token.x}}"), {"token": {}}, id="missing-member"),
        pytest.param(("header", "X", "{{token.x}}"), {"token": {"x": f"{SECRET}\r\n"}}, id="line-break"),
        pytest.param(("header", "X", "{{token.x}}"), {"token": {"x": f"{SECRET}€"}}, id="not-latin-1"),
        pytest.param(("path", "X", "{{token.x}}"), {"token": {"x": ".."}}, id="dot-segment"),
        pytest.param(("path", "X", "{{token.x}}"), {"token": {"x": f"{SECRET}\ud800"}}, id="path-surrogate"),
        pytest.param(
            ("query", "X", "{{token.x}}"), {"token": {"x": f"{SECRET}\ud800"}}, id="query-surrogate"
        ),
    ],
)
def test_value_that_cannot_be_injected_is_refused_without_showing_it(
    field: tuple[str, str, str], values: dict[str, Any]
) -> None:
    """The refusal names the field, and neither the value nor what Python says about it."""
    with pytest.raises(TokenResponseInvalid) as refused:
        plan(field).prepare(values)

    assert "X" in refused.value.detail
    assert SECRET not in refused.value.detail
    assert "codec" not in refused.value.detail


def test_missing_member_is_named() -> None:
    """Whoever reads the refusal learns which member the token response lacks."""
    with pytest.raises(TokenResponseInvalid, match=r"token\.account_id"):
        plan(("query", "a", "{{token.account_id}}")).prepare({"token": {}})


def test_no_repr_shows_a_value() -> None:
    """Prepared fields can be logged."""
    prepared = plan(("header", "X", "{{t}}"), ("query", "q", "{{t}}"), ("payload", "p", "{{t}}")).prepare(
        {"t": SECRET}
    )

    assert SECRET not in repr(prepared)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("Bearer {{access_token}}", b"Bearer ***", id="scheme-stays"),
        pytest.param(SECRET, b"***", id="fixed-value-is-a-secret"),
    ],
)
def test_masked_fields_write_asterisks(value: str, shown: bytes) -> None:
    """For display the same places are written, with no value in them."""
    masked = plan(("header", "X", value)).prepare({"access_token": SECRET}).masked()

    assert masked.apply(head()) == (((b"X", shown),), "/")


def test_description_shows_no_value() -> None:
    """`explain` gets place, key and the masked value of each field."""
    described = plan(("header", "X", "Bearer {{a}}"), ("query", "k", SECRET)).describe()

    assert [tuple(item) for item in described] == [("header", "X", "Bearer ***"), ("query", "k", "***")]


@pytest.mark.parametrize(
    ("fields", "per_request", "has_payload"),
    [
        pytest.param((("header", "X", "{{request.path}}"),), True, False, id="request"),
        pytest.param((("payload", "x", "{{access_token}}"),), False, True, id="payload"),
        pytest.param((("header", "X", "{{access_token}}"),), False, False, id="token"),
    ],
)
def test_plan_says_what_it_needs(
    fields: tuple[tuple[str, str, str], ...], per_request: bool, has_payload: bool
) -> None:
    """A lane learns whether fields are rendered anew for each request, and whether the body is needed."""
    compiled = plan(*fields)

    assert (compiled.per_request, compiled.has_payload) == (per_request, has_payload)


def test_payload_field_keeps_its_type() -> None:
    """A template that is one placeholder is written with the value's JSON type."""
    prepared = plan(("payload", "pin", "{{pin}}")).prepare({"pin": 4711})

    injected = prepared.inject_payload(b"{}", ((b"Content-Type", b"application/json"),))

    assert injected.content == b'{"pin":4711}'


def test_payload_limit_is_the_profiles() -> None:
    """A body over the profile's limit is refused."""
    prepared = plan(("payload", "a", "b"), limit=10).prepare({})

    with pytest.raises(PayloadTooLarge):
        prepared.inject_payload(b'{"x": "0123456789"}', ((b"Content-Type", b"application/json"),))
