"""URLs with placeholders: no value can move the request to another host, path or query."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.endpoints import compile_endpoint
from profiles.placeholders import MissingValue

BASE = "https://{tenant}.example.com/base/"
NAMES = ("tenant", "zone", "id", "pin")


def url_of(text: str, values=None, *, base_url: str | None = None, captured=()) -> str:
    endpoint = compile_endpoint(text, base_url=base_url, known=NAMES, captured=captured)
    return endpoint.render({"tenant": "acme", "zone": "eu-1", "id": "4 2", "pin": 4711, **(values or {})})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param("https://as.example/token", "https://as.example/token", id="fixed"),
        pytest.param("https://as.example", "https://as.example", id="without a path"),
        pytest.param("HTTPS://as.example:8443/t?a=b", "https://as.example:8443/t?a=b", id="port and query"),
        pytest.param("http://[::1]:80/token", "http://[::1]:80/token", id="IPv6"),
        pytest.param("/oauth/token", "https://acme.example.com/base/oauth/token", id="relative"),
        pytest.param(
            "/token?t={tenant}", "https://acme.example.com/base/token?t=acme", id="relative with a query"
        ),
        pytest.param("https://{tenant}.example.com/t", "https://acme.example.com/t", id="label"),
        pytest.param("https://{{ tenant }}.example.com/t", "https://acme.example.com/t", id="double braces"),
        pytest.param(
            "https://login-{tenant}.{{zone}}.example.com/t",
            "https://login-acme.eu-1.example.com/t",
            id="both",
        ),
        pytest.param("https://{tenant}/token", "https://acme/token", id="whole host"),
        pytest.param("https://{tenant}:8443/token", "https://acme:8443/token", id="whole host with a port"),
        pytest.param("https://api.{zone}/token", "https://api.eu-1/token", id="last label"),
        pytest.param("https://as.example/{tenant}/{{id}}", "https://as.example/acme/4%202", id="segments"),
        pytest.param(
            "https://as.example/t-{pin}?p={{pin}}", "https://as.example/t-4711?p=4711", id="a number"
        ),
        pytest.param(
            "https://as.example/t?id={id}&x={{ id }}", "https://as.example/t?id=4%202&x=4%202", id="query"
        ),
    ],
)
def test_placeholders_are_filled(text, url) -> None:
    """`{name}` and `{{name}}` alike, in host, path and query; a path stands under the base URL."""
    assert url_of(text, base_url=BASE) == url


SMUGGLED = [
    *("evil.com", "evil.com#", "evil.com/", "evil.com\\", "evil.com?", "evil.com:80", "a@evil.com"),
    *("acme.", ".acme", "acme/..", "..", ".", "%2e", "acme%2fevil", "a%23", "xn--a_b", "[::1]"),
    *("acme\n", "acme\t", "a\x00", "acme evil", "", "-acme", "acme-"),
    *("\u212aelvin", "long\u017f", "\u0430cme", "acme\u3002evil"),
]


@pytest.mark.parametrize("value", SMUGGLED)
@pytest.mark.parametrize(
    "text", ["https://{tenant}.example.com/t", "https://{tenant}/t", "https://x-{tenant}.a.b/"]
)
def test_no_value_brings_a_host_along(text, value) -> None:
    """hazard-18: letters, digits and inner hyphens of one label, and no look-alike of them."""
    with pytest.raises(ValueError, match=r"host|IPv4"):
        url_of(text, {"tenant": value})


@pytest.mark.parametrize("value", ["2130706433", "1" * 64, "a" * 64, "0x7f000001" * 7])
def test_what_values_make_has_to_be_a_host(value) -> None:
    """A number would be an IPv4 address to a resolver, and a label has 63 characters."""
    with pytest.raises(ValueError, match=r"host|IPv4"):
        url_of("https://{tenant}/t", {"tenant": value})


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_a_value_stays_in_its_part(host, segment, value) -> None:
    """Property: what is rendered has the host's end, the path's shape and the query's names as written."""
    text = "https://{tenant}.example.com/a/{zone}/b?x={id}&y=1"
    try:
        url = url_of(text, {"tenant": host, "zone": segment, "id": value})
    except ValueError:
        return

    parts = urlsplit(url)
    assert parts.netloc == f"{host.lower()}.example.com"
    assert [unquote(part) for part in parts.path.split("/")] == ["", "a", segment, "b"]
    assert parse_qsl(parts.query, keep_blank_values=True) == [("x", value), ("y", "1")]
    assert not parts.fragment


@pytest.mark.parametrize(
    ("text", "base_url", "message"),
    [
        pytest.param("token", None, "must be an http or https URL", id="no URL"),
        pytest.param("ftp://as.example/token", None, "must be an http or https URL", id="scheme"),
        pytest.param(
            "{tenant}://as.example/token", None, "must be an http or https URL", id="scheme placeholder"
        ),
        pytest.param("/token", None, "tenancy.base_url is not set", id="relative to nothing"),
        pytest.param("/token", "https://a.example/?x=", "query or a fragment", id="base with a query"),
        pytest.param("/token", "https://a.example/#x", "query or a fragment", id="base with a fragment"),
        pytest.param("https://a.example/t#x", None, "fragment", id="fragment"),
        pytest.param("https://evil.example#.a.example/t", None, "fragment", id="fragment in the host"),
        pytest.param("https://evil.example?.a.example/t", None, "not a URL", id="query in the host"),
        pytest.param("https://user:pw@a.example/t", None, "not a URL", id="user information"),
        pytest.param("https://evil.example\\.a.example/t", None, "not a URL", id="backslash"),
        pytest.param("https:///token", None, "not a URL", id="no host"),
        pytest.param("https://a.example:{pin}/t", None, "not a URL", id="port placeholder"),
        pytest.param("https://a.example:99999/t", None, "not a URL", id="port"),
        pytest.param(
            "https://{other}.example/t", None, "nothing provides the placeholder other", id="unknown"
        ),
        pytest.param("https://a.example/{{te nant}}", None, "braces", id="braces"),
    ],
)
def test_what_is_no_endpoint_is_refused_when_it_is_loaded(text, base_url, message) -> None:
    """With what is wrong, and without the text."""
    with pytest.raises(ValueError, match=message) as refused:
        compile_endpoint(text, base_url=base_url, known=NAMES)

    assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "https://{tenant}/t",
        "https://{{tenant}}:8443/t",
        "https://api.{tenant}/t",
        "https://{tenant}.{zone}/t",
        "https://{zone}.{tenant}/t",
        "https://as-{tenant}/t",
    ],
)
def test_a_capture_does_not_choose_the_host(text) -> None:
    """hazard-18: whoever sends a request chooses a capture, so the host's end has to be fixed."""
    captured = ("tenant", "zone")

    with pytest.raises(ValueError, match=r"lets \w+ choose the host"):
        compile_endpoint(text, base_url=None, known=NAMES, captured=captured)


@pytest.mark.parametrize(
    "text", ["https://{tenant}.example/t", "https://{tenant}.{zone}/t", "https://{zone}/{tenant}"]
)
def test_a_capture_stands_before_a_fixed_end(text) -> None:
    """What the profile itself has counts as fixed."""
    assert url_of(text, captured=("tenant",)).startswith("https://")


def test_a_missing_value_is_told_by_name() -> None:
    """Whoever renders can say what is missing."""
    endpoint = compile_endpoint("https://a.example/{id}", base_url=None, known=NAMES)

    with pytest.raises(MissingValue) as missing:
        endpoint.render({})

    assert missing.value.args == ("id",)


def test_names_and_host_tell_what_is_dynamic() -> None:
    """The placeholders of all parts, and the host where it is fixed."""
    dynamic = compile_endpoint("https://{tenant}.a.example/{id}?p={pin}", base_url=None, known=NAMES)
    fixed = compile_endpoint("https://A.example:8443/{id}", base_url=None, known=NAMES)

    assert (dynamic.names, dynamic.host) == ({"tenant", "id", "pin"}, None)
    assert (fixed.names, fixed.host) == ({"id"}, "a.example")
