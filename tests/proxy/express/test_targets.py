"""Where a request goes to, by its target alone, in every form that RFC 9112 section 3.2 has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from profiles.errors import RequestMalformed
from profiles.requests import Origin
from proxy.express.targets import check_inner_target, destination_of, origin_of, text_of, tunnel_end_of


def is_refused(read: Callable[[], object]) -> bool:
    with pytest.raises(RequestMalformed) as raised:
        read()
    return raised.value.status_code == 400


@pytest.mark.parametrize(
    ("target", "origin", "inner"),
    [
        pytest.param(b"http://a/", ("http", "a", 80), "/", id="usual"),
        pytest.param(b"http://a:8080/b", ("http", "a", 8080), "/b", id="port"),
        pytest.param(b"http://a:80/b", ("http", "a", 80), "/b", id="default-port"),
        pytest.param(b"http://a:/b", ("http", "a", 80), "/b", id="empty-port"),
        pytest.param(b"http://a:0080/b", ("http", "a", 80), "/b", id="port-with-zeros"),
        pytest.param(b"https://a/b", ("https", "a", 443), "/b", id="https"),
        pytest.param(b"https://a:80/b", ("https", "a", 80), "/b", id="https-on-80"),
        pytest.param(b"HTTP://a/b", ("http", "a", 80), "/b", id="schemes-have-no-case"),
        pytest.param(b"hTTpS://a/b", ("https", "a", 443), "/b", id="https-in-any-case"),
        pytest.param(b"http://EXAMPLE.com./b", ("http", "example.com", 80), "/b", id="host-has-one-spelling"),
        pytest.param(b"http://192.0.2.1/b", ("http", "192.0.2.1", 80), "/b", id="ipv4"),
        pytest.param(b"http://[2001:db8::1]/b", ("http", "2001:db8::1", 80), "/b", id="ipv6"),
        pytest.param(b"http://[2001:DB8:0::1]:81/b", ("http", "2001:db8::1", 81), "/b", id="ipv6-and-port"),
        pytest.param(b"http://a", ("http", "a", 80), "/", id="empty-path"),
        pytest.param(b"http://a?q", ("http", "a", 80), "/?q", id="query-without-path"),
        pytest.param(b"http://a:81?q=/x", ("http", "a", 81), "/?q=/x", id="slash-in-a-query-without-path"),
        pytest.param(b"http://a/?", ("http", "a", 80), "/?", id="empty-query"),
        pytest.param(b"http://a/b?c?d/e", ("http", "a", 80), "/b?c?d/e", id="query"),
        pytest.param(b"http://a//b", ("http", "a", 80), "//b", id="two-slashes"),
        pytest.param(b"http://a/../b/./", ("http", "a", 80), "/../b/./", id="dots-untouched"),
        pytest.param(b"http://a/%2e%2F%zz", ("http", "a", 80), "/%2e%2F%zz", id="percents-untouched"),
        pytest.param(b"http://a/http://b/", ("http", "a", 80), "/http://b/", id="a-url-for-a-path"),
        pytest.param(b"http://a/b@c", ("http", "a", 80), "/b@c", id="at-in-the-path"),
        pytest.param(b"http://a?b@c", ("http", "a", 80), "/?b@c", id="at-in-the-query"),
        pytest.param(b"http://a/\xc3\xa4", ("http", "a", 80), "/\xc3\xa4", id="octets-above-ascii"),
        pytest.param(b"http://a_b-c/", ("http", "a_b-c", 80), "/", id="names-of-containers"),
    ],
)
def test_absolute_form_names_origin_and_target(
    target: bytes, origin: tuple[str, str, int], inner: str
) -> None:
    """Section 3.2.2: what the origin gets is path and query as they were sent."""
    destination = destination_of(target, b"GET")

    assert destination.origin == Origin(*origin)
    assert destination.target == inner


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(b"/", id="origin-form"),
        pytest.param(b"//a/b", id="network-path"),
        pytest.param(b"*", id="asterisk-form"),
        pytest.param(b"a", id="host-alone"),
        pytest.param(b"a:80", id="authority-form"),
        pytest.param(b"a/b", id="relative"),
        pytest.param(b"?a", id="query-alone"),
        pytest.param(b"ftp://a/", id="another-scheme"),
        pytest.param(b"ws://a/", id="websocket-scheme"),
        pytest.param(b"file:///etc/passwd", id="file"),
        pytest.param(b"httpx://a/", id="nearly-http"),
        pytest.param(b"xhttp://a/", id="nearly-http-too"),
        pytest.param(b"http:a", id="no-slashes"),
        pytest.param(b"http:/a", id="one-slash"),
        pytest.param(b"http:\\\\a", id="backslashes"),
        pytest.param(b"http://", id="nothing-behind"),
        pytest.param(b"http:///b", id="no-host"),
        pytest.param(b"http://?b", id="no-host-but-a-query"),
        pytest.param(b"http://:80/", id="port-alone"),
        pytest.param(b"http://b@a/", id="user"),
        pytest.param(b"http://b:c@a/", id="user-and-password"),
        pytest.param(b"http://@a/", id="empty-user"),
        pytest.param(b"http://a@b@c/", id="two-ats"),
        pytest.param(b"http://a%40b/", id="percent-in-the-host"),
        pytest.param(b"http://a\\@b/", id="backslash-before-an-at"),
        pytest.param(b"http://a\\b/", id="backslash-in-the-host"),
        pytest.param(b"http://a;b/", id="semicolon-in-the-host"),
        pytest.param(b"http://a,b/", id="comma-in-the-host"),
        pytest.param(b"http://a..b/", id="empty-label"),
        pytest.param(b"http://./", id="dot-alone"),
        pytest.param(b"http://a:b/", id="port-no-number"),
        pytest.param(b"http://a:+80/", id="port-with-a-sign"),
        pytest.param(b"http://a:-1/", id="negative-port"),
        pytest.param(b"http://a:65536/", id="port-too-large"),
        pytest.param(b"http://a:80:80/", id="two-ports"),
        pytest.param(b"http://a:\xb2/", id="port-above-ascii"),
        pytest.param(b"http://1.2.3/", id="ipv4-too-short"),
        pytest.param(b"http://1.2.3.256/", id="ipv4-too-large"),
        pytest.param(b"http://2130706433/", id="ipv4-as-a-number"),
        pytest.param(b"http://0x7f.1/", id="ipv4-hexadecimal"),
        pytest.param(b"http://[::1/", id="ipv6-open"),
        pytest.param(b"http://::1/", id="ipv6-without-brackets"),
        pytest.param(b"http://[::1]a/", id="behind-ipv6"),
        pytest.param(b"http://[a]/", id="brackets-around-a-name"),
        pytest.param(b"http://a/#b", id="fragment"),
        pytest.param(b"http://a#b", id="fragment-behind-the-host"),
        pytest.param(b"http://a#@b/", id="fragment-before-an-at"),
        pytest.param(b"http://a/b?c#", id="empty-fragment"),
        pytest.param(b"http://ex\xc3\xa4mple.com/", id="utf-8"),
        pytest.param(b"http://ex\xaample.com/", id="a-letter-that-idna-maps-to-another"),
        pytest.param(b"http://exam\xadple.com/", id="a-soft-hyphen-that-idna-drops"),
        pytest.param(b"http://" + b"a." * 500 + b"a/", id="long-host"),
        pytest.param(b"http://a:" + b"0" * 2000 + b"80/", id="long-port"),
    ],
)
def test_what_names_no_origin_in_one_way_is_refused(target: bytes) -> None:
    """A proxy is asked for whole URLs, and nothing about them is guessed."""
    assert is_refused(lambda: destination_of(target, b"GET"))


@pytest.mark.parametrize(
    ("target", "inner"),
    [
        pytest.param(b"http://a", "*", id="bare"),
        pytest.param(b"http://a:81", "*", id="bare-with-port"),
        pytest.param(b"http://a/", "/", id="path"),
        pytest.param(b"http://a?q", "/?q", id="query"),
    ],
)
def test_a_bare_options_is_about_the_server(target: bytes, inner: str) -> None:
    """Section 3.2.4: the last proxy on the way says so with an asterisk."""
    assert destination_of(target, b"OPTIONS").target == inner


@pytest.mark.parametrize("target", [b"/", b"/a?b", b"//a", b"/%zz", b"/a:b@c", b"/\xff", b"/http://b/"])
def test_within_a_tunnel_origin_form_is_asked_for(target: bytes) -> None:
    """Section 3.2.1, as it was sent."""
    assert check_inner_target(target, b"GET") == target.decode("latin-1")


@pytest.mark.parametrize(
    ("target", "method"),
    [
        pytest.param(b"http://a/", b"GET", id="absolute-form"),
        pytest.param(b"https://a/", b"GET", id="absolute-form-of-https"),
        pytest.param(b"a:443", b"GET", id="authority-form"),
        pytest.param(b"*", b"GET", id="asterisk-form"),
        pytest.param(b"*a", b"OPTIONS", id="more-than-an-asterisk"),
        pytest.param(b"a", b"GET", id="relative"),
        pytest.param(b"?a", b"GET", id="query-alone"),
        pytest.param(b"\\a", b"GET", id="backslash"),
        pytest.param(b"/a#b", b"GET", id="fragment"),
    ],
)
def test_within_a_tunnel_nothing_names_another_origin(target: bytes, method: bytes) -> None:
    """The tunnel's end has been named already (I1)."""
    assert is_refused(lambda: check_inner_target(target, method))


def test_within_a_tunnel_options_may_be_about_the_server() -> None:
    """Section 3.2.4."""
    assert check_inner_target(b"*", b"OPTIONS") == "*"


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        pytest.param(b"a:443", "a", 443, id="name"),
        pytest.param(b"A.example.:8443", "a.example", 8443, id="one-spelling"),
        pytest.param(b"192.0.2.1:443", "192.0.2.1", 443, id="ipv4"),
        pytest.param(b"[2001:db8::1]:443", "2001:db8::1", 443, id="ipv6"),
    ],
)
def test_a_tunnel_goes_to_host_and_port(target: bytes, host: str, port: int) -> None:
    """Section 3.2.3."""
    assert tunnel_end_of(target) == Origin("https", host, port)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(b"a", id="no-port"),
        pytest.param(b"a:", id="empty-port"),
        pytest.param(b":443", id="no-host"),
        pytest.param(b":", id="neither"),
        pytest.param(b"[::1]", id="ipv6-without-port"),
        pytest.param(b"::1:443", id="ipv6-without-brackets"),
        pytest.param(b"[::1:443", id="ipv6-open"),
        pytest.param(b"a:443/", id="path"),
        pytest.param(b"a:443?b", id="query"),
        pytest.param(b"a:443#b", id="fragment"),
        pytest.param(b"a:x", id="port-no-number"),
        pytest.param(b"a:65536", id="port-too-large"),
        pytest.param(b"a:+443", id="port-with-a-sign"),
        pytest.param(b"b@a:443", id="user"),
        pytest.param(b"b:c@a:443", id="user-and-password"),
        pytest.param(b"http://a:443", id="absolute-form"),
        pytest.param(b"/a:443", id="origin-form"),
        pytest.param(b"*", id="asterisk-form"),
        pytest.param(b"a,b:443", id="two-hosts"),
        pytest.param(b"\xe4:443", id="above-ascii"),
    ],
)
def test_what_is_not_host_and_port_opens_no_tunnel(target: bytes) -> None:
    """There is no default port for a tunnel."""
    assert is_refused(lambda: tunnel_end_of(target))


def test_a_refusal_says_nothing_of_the_target() -> None:
    """A credential may stand in it (I4)."""
    with pytest.raises(RequestMalformed) as raised:
        destination_of(b"http://bot:s3cret@a/?token=s3cret", b"GET")

    assert "s3cret" not in raised.value.detail


def test_an_origin_has_a_text_for_the_log() -> None:
    """Without the port where that is the scheme's."""
    assert text_of(origin_of("https", b"[::1]:443")) == "https://[::1]"
    assert text_of(origin_of("http", b"a:81")) == "http://a:81"
