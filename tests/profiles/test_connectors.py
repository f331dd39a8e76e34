"""The URL of a connector: what it may hold, and that its credentials stay hidden."""

from __future__ import annotations

import base64
import logging

import pytest

from profiles.connectors import overview_of, parse_connector, reason_of
from profiles.errors import ConnectorUnavailable

SENTINEL = "sentinel-7f3a"
DOWN = ConnectorUnavailable("refuses connections")
NO_WAY = ConnectorUnavailable("refuses the way", is_about_itself=False)


@pytest.mark.parametrize(
    ("text", "address", "username", "password"),
    [
        pytest.param("http://gateway:3128", "http://gateway:3128", None, "", id="plain"),
        pytest.param("HTTP://Gateway.Example.:3128/", "http://gateway.example:3128", None, "", id="spelling"),
        pytest.param("http://gateway", "http://gateway:80", None, "", id="port-of-http"),
        pytest.param("https://gateway", "https://gateway:443", None, "", id="port-of-https"),
        pytest.param("socks5://gateway", "socks5://gateway:1080", None, "", id="port-of-socks"),
        pytest.param("http://[::1]:3128", "http://[::1]:3128", None, "", id="ipv6"),
        pytest.param("http://[::1]", "http://[::1]:80", None, "", id="ipv6-without-port"),
        pytest.param("http://bücher.example:1", "http://xn--bcher-kva.example:1", None, "", id="idn"),
        pytest.param("http://u:p@gateway:1", "http://gateway:1", "u", "p", id="credentials"),
        pytest.param("http://u@gateway:1", "http://gateway:1", "u", "", id="user-name-alone"),
        pytest.param("http://:p@gateway:1", "http://gateway:1", "", "p", id="password-alone"),
        pytest.param("http://u:a%40b%25@gateway:1", "http://gateway:1", "u", "a@b%", id="percent-encoded"),
        pytest.param(
            "http://u:a/b@c#d?e:f@gateway:1", "http://gateway:1", "u", "a/b@c#d?e:f", id="as-they-are"
        ),
        pytest.param("http://u:%7Bx%7D@gateway:1", "http://gateway:1", "u", "{x}", id="braces-encoded"),
        pytest.param("http://u:ü@gateway:1", "http://gateway:1", "u", "ü", id="not-ascii"),
    ],
)
def test_a_url_is_read(text, address, username, password):
    """Scheme, host and port as text; user name and password decoded."""
    connector = parse_connector(text)

    assert str(connector) == address
    assert (connector.username, connector.password) == (username, password)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(f"{SENTINEL}:3128", "must be the URL of a proxy", id="no-scheme"),
        pytest.param(f"ftp://{SENTINEL}", "must be the URL of a proxy", id="scheme"),
        pytest.param(f"socks4://{SENTINEL}", "must be the URL of a proxy", id="socks4"),
        pytest.param(f"http://u:{SENTINEL}@", "names no proxy", id="no-host"),
        pytest.param(f"http://{SENTINEL}:x", "names no proxy", id="port"),
        pytest.param(f"http://{SENTINEL}:65536", "names no proxy", id="port-too-large"),
        pytest.param(f"http://{SENTINEL}:0", "port", id="port-zero"),
        pytest.param(f"http://{SENTINEL}:", "no port after its colon", id="port-empty"),
        pytest.param(f"http://u:p@{SENTINEL} x:1", "names no proxy", id="space"),
        pytest.param(f"http://gateway/{SENTINEL}", "a path or a query", id="path"),
        pytest.param(f"http://gateway?{SENTINEL}", "a path or a query", id="query"),
        pytest.param(f"http://gateway#{SENTINEL}", "a path or a query", id="fragment"),
        pytest.param("http://{tenant}.gateway:1", "no placeholder", id="placeholder-in-host"),
        pytest.param("http://u:{{password}}@gateway:1", "no placeholder", id="placeholder-in-password"),
        pytest.param("http://{{ tenant }}:1", "no placeholder", id="placeholder-with-spaces"),
        pytest.param(f"http://u%3A{SENTINEL}:p@gateway:1", "a colon in it", id="colon-in-user-name"),
        pytest.param(f"http://u:{SENTINEL}%0D%0AX@gateway:1", "control characters", id="line-break"),
        pytest.param(f"http://u:{SENTINEL}%FF@gateway:1", "not UTF-8", id="not-utf-8"),
        pytest.param(f"http://u:{SENTINEL}\ud800@gateway:1", "not UTF-8", id="half-a-surrogate-pair"),
        pytest.param(f"socks5://{SENTINEL}@gateway:1", "1 to 255 bytes", id="socks-without-password"),
        pytest.param(f"socks5://u:{SENTINEL * 20}@gateway:1", "1 to 255 bytes", id="socks-too-long"),
    ],
)
def test_what_is_no_proxy_is_refused(text, says):
    """With what is wrong, and never with the text."""
    with pytest.raises(ValueError, match=says) as raised:
        parse_connector(text)

    assert SENTINEL not in str(raised.value)
    # What is shown of a chain is shown too.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_credentials_are_hidden():
    """In text, repr and overview; only the field that is sent has them."""
    connector = parse_connector(f"https://bot-{SENTINEL}:{SENTINEL}@gateway:1")

    shown = f"{connector} {connector!r} {overview_of(connector)} {[connector.condition]}"
    scheme, _, encoded = (connector.proxy_authorization or b"").partition(b" ")
    assert SENTINEL not in shown
    assert (scheme, base64.b64decode(encoded).decode()) == (b"Basic", f"bot-{SENTINEL}:{SENTINEL}")


def test_without_credentials_no_field_is_sent():
    """A connector that asks for none is told none."""
    assert parse_connector("http://gateway").proxy_authorization is None


def test_connectors_are_told_apart_by_their_credentials():
    """A connection that one has opened is not the other's."""
    first, same, other = (parse_connector(f"http://u:{password}@gateway") for password in "aab")
    first.failed(DOWN)

    assert first == same
    assert first != other
    assert len({first, same, other}) == 2


def test_the_last_use_is_what_is_known():
    """Nothing before the first, then how the last one went."""
    connector = parse_connector("http://gateway")
    seen = [overview_of(connector)]
    for note in (lambda: connector.failed(DOWN), connector.reached):
        note()
        seen.append(overview_of(connector))

    assert [(item["available"], item["reason"]) for item in seen] == [
        (None, ""),
        (False, "refuses connections"),
        (True, ""),
    ]


def test_a_failure_is_logged_once(caplog):
    """Until the connector was available again: requests that fail by the thousand fill no log."""
    connector = parse_connector(f"http://u:{SENTINEL}@gateway")
    caplog.set_level(logging.WARNING)

    for note in (DOWN, DOWN, NO_WAY, DOWN, None, None, DOWN):
        if note is None:
            connector.reached()
        else:
            connector.failed(note)

    assert [record.getMessage() for record in caplog.records] == [
        "connector http://gateway:80 is unavailable: it refuses connections",
        "connector http://gateway:80 is unavailable: it refuses the way",
        "connector http://gateway:80 is available again",
        "connector http://gateway:80 is unavailable: it refuses connections",
    ]


def test_a_host_it_does_not_reach_is_no_news_twice(caplog):
    """Where one host of two is reached, its refusals of the other come and go with every request."""
    connector = parse_connector("http://gateway")
    caplog.set_level(logging.WARNING)

    for _ in range(3):
        connector.failed(NO_WAY)
        connector.reached()

    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[Errno 111] Connect call failed ('127.0.0.1', 1)", "refuses connections"),
        ("All connection attempts failed", "refuses connections"),
        ("[Errno -2] Name or service not known", "has a host name that is not known"),
        ("certificate verify failed: self-signed", "has a certificate that is not accepted"),
        ("[SSL: WRONG_VERSION_NUMBER]", "does not speak TLS with us"),
        (SENTINEL, "cannot be reached"),
    ],
)
def test_why_a_connection_failed_is_said_in_our_words(text, reason):
    """The texts of libraries and peers are looked at and not shown."""
    assert reason_of(text) == reason
