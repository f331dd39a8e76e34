"""How a way is asked for: the bytes of CONNECT and of SOCKS 5, in whatever pieces they come."""

from __future__ import annotations

import base64

import pytest

from profiles.connector_handshakes import LONGEST_HEAD, handshake_with
from profiles.connectors import parse_connector
from profiles.errors import ConnectorUnavailable

SENTINEL = "sentinel-5b1c"
NAMED = b"\x05\x01\x00\x03\x0bexample.com\x01\xbb"
BOUND = {
    "ipv4": b"\x01\x7f\x00\x00\x01\x1f\x90",
    "ipv6": b"\x04" + bytes(16) + b"\x1f\x90",
    "name": b"\x03\x07gateway\x1f\x90",
}


def handshake(url="http://gateway:3128", host="example.com", port=443):
    return handshake_with(parse_connector(url), host, port)


def played(handshake, *pieces):
    """What is sent in answer to each piece; the start comes first."""
    return [handshake.start(), *(handshake.receive(piece) for piece in pieces)]


def byte_by_byte(data):
    return [bytes([byte]) for byte in data]


# CONNECT


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("example.com", b"example.com:443"),
        ("EXAMPLE.com.", b"example.com:443"),
        ("::1", b"[::1]:443"),
        ("bücher.example", b"xn--bcher-kva.example:443"),
    ],
)
def test_connect_names_the_host(host, authority):
    """As target and as Host, and nothing else is said without credentials."""
    (sent,) = played(handshake(host=host))

    assert sent == b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (authority, authority)


def test_connect_carries_the_credentials():
    """In Proxy-Authorization (RFC 9110 section 11.7.2)."""
    (sent,) = played(handshake("http://bot:s%40cret@gateway"))

    assert b"\r\nProxy-Authorization: Basic %s\r\n\r\n" % base64.b64encode(b"bot:s@cret") in sent


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="plain"),
        pytest.param(b"HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n", id="http-1.0"),
        pytest.param(b"HTTP/1.1 204\r\n\r\n", id="no-reason"),
        pytest.param(b"HTTP/1.1 200 OK\n\n", id="bare-line-feeds"),
        pytest.param(b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", id="interim"),
    ],
)
@pytest.mark.parametrize("pieces", [lambda data: [data], byte_by_byte], ids=["whole", "byte-by-byte"])
def test_a_tunnel_is_had(answer, pieces):
    """Any 2xx gives it, however the answer comes."""
    shaken = handshake()

    sent = played(shaken, *pieces(answer))

    assert shaken.is_done
    assert (sent[1:], shaken.rest) == ([b""] * len(sent[1:]), b"")


def test_what_comes_behind_the_answer_is_the_hosts():
    """A server that speaks first loses nothing."""
    shaken = handshake()

    played(shaken, b"HTTP/1.1 200 OK\r\n\r\n220 welcome\r\n")

    assert shaken.rest == b"220 welcome\r\n"


@pytest.mark.parametrize(
    ("url", "answer", "reason", "was_refused", "is_about_itself"),
    [
        pytest.param(
            "http://u:p@gateway",
            f"HTTP/1.1 407 {SENTINEL}\r\nX: y\r\n\r\n",
            "refuses the credentials (407)",
            True,
            True,
            id="407",
        ),
        pytest.param(
            "http://gateway",
            "HTTP/1.1 407 \r\n\r\n",
            "asks for credentials (407)",
            True,
            True,
            id="407-without",
        ),
        pytest.param(
            "http://gateway",
            f"HTTP/1.1 502 {SENTINEL}\r\n\r\n",
            "refuses the way (it answered 502)",
            True,
            False,
            id="502",
        ),
        pytest.param(
            "http://gateway",
            "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n",
            "refuses the way (it answered 302)",
            True,
            False,
            id="redirect",
        ),
        pytest.param(
            "http://gateway", f"{SENTINEL}\r\n\r\n", "does not speak HTTP", False, True, id="no-http"
        ),
        pytest.param(
            "http://gateway", "x" * (LONGEST_HEAD + 1), "answers without an end", False, True, id="endless"
        ),
    ],
)
def test_connect_refused(url, answer, reason, was_refused, is_about_itself):
    """In our own words, with what follows from it: another try, or another host."""
    shaken = handshake(url)

    with pytest.raises(ConnectorUnavailable) as raised:
        played(shaken, answer.encode())

    refusal = raised.value
    assert refusal.reason == reason
    assert (refusal.was_refused, refusal.is_about_itself) == (was_refused, is_about_itself)
    assert not shaken.is_done


# SOCKS 5


@pytest.mark.parametrize("bound", BOUND)
@pytest.mark.parametrize("pieces", [lambda data: [data], byte_by_byte], ids=["whole", "byte-by-byte"])
def test_socks_without_credentials(bound, pieces):
    """Greeting, request by name, reply of any address type (RFC 1928)."""
    shaken = handshake("socks5://gateway")

    sent = played(shaken, *pieces(b"\x05\x00"), *pieces(b"\x05\x00\x00" + BOUND[bound]))

    assert b"".join(sent) == b"\x05\x01\x00" + NAMED
    assert (shaken.is_done, shaken.rest) == (True, b"")


@pytest.mark.parametrize("pieces", [lambda data: [data], byte_by_byte], ids=["whole", "byte-by-byte"])
def test_socks_with_credentials(pieces):
    """RFC 1929 comes between, and only where it was agreed on."""
    shaken = handshake("socks5://bot:s%40cret@gateway")
    server = (b"\x05\x02", b"\x01\x00", b"\x05\x00\x00" + BOUND["ipv4"])

    sent = played(shaken, *(piece for part in server for piece in pieces(part)))

    assert b"".join(sent) == b"\x05\x01\x02" + b"\x01\x03bot\x06s@cret" + NAMED
    assert shaken.is_done


@pytest.mark.parametrize(
    ("host", "address"),
    [("192.0.2.7", b"\x01\xc0\x00\x02\x07"), ("2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01")],
)
def test_socks_takes_addresses_as_such(host, address):
    """An address is not sent as a name."""
    sent = played(handshake("socks5://gateway", host=host), b"\x05\x00")

    assert sent[-1] == b"\x05\x01\x00" + address + b"\x01\xbb"


def test_what_comes_behind_the_reply_is_the_hosts():
    """Also where all came at once."""
    shaken = handshake("socks5://gateway")

    played(shaken, b"\x05\x00" + b"\x05\x00\x00" + BOUND["ipv4"] + b"220 welcome")

    assert shaken.rest == b"220 welcome"


@pytest.mark.parametrize(
    ("url", "answers", "reason", "is_about_itself"),
    [
        pytest.param("socks5://gateway", [b"\x05\xff"], "asks for credentials", True, id="wants-some"),
        pytest.param(
            "socks5://gateway", [b"\x05\x02"], "asks for credentials", True, id="chooses-what-was-not-offered"
        ),
        pytest.param(
            "socks5://u:p@gateway", [b"\x05\xff"], "takes no user name and password", True, id="wants-none"
        ),
        pytest.param(
            "socks5://u:p@gateway", [b"\x05\x00"], "takes no user name and password", True, id="leaves-them"
        ),
        pytest.param(
            "socks5://u:p@gateway", [b"\x05\x02", b"\x01\x01"], "refuses the credentials", True, id="wrong"
        ),
        pytest.param(
            "socks5://gateway",
            [b"\x05\x00", b"\x05\x04\x00" + BOUND["ipv4"]],
            "does not reach the host",
            False,
            id="host-unreachable",
        ),
        pytest.param(
            "socks5://gateway", [b"\x05\x00", b"\x05\x01\x00" + BOUND["ipv6"]], "failed", False, id="failure"
        ),
        pytest.param("socks5://gateway", [b"\x04\x7a"], "does not speak SOCKS 5", True, id="malformed"),
        pytest.param("socks5://gateway", [b"HTTP/1.1 400 Bad"], "does not speak SOCKS 5", True, id="http"),
        pytest.param(
            "socks5://gateway",
            [b"\x05\x00", b"\x05\x00\x00\x09" + bytes(10)],
            "does not speak SOCKS 5",
            True,
            id="unknown-address-type",
        ),
    ],
)
def test_socks_refused(url, answers, reason, is_about_itself):
    """Each no of RFC 1928 and 1929, and what is no SOCKS at all."""
    shaken = handshake(url)

    with pytest.raises(ConnectorUnavailable) as raised:
        played(shaken, *answers)

    assert (raised.value.reason, raised.value.is_about_itself) == (reason, is_about_itself)
    assert not shaken.is_done


def test_credentials_are_not_offered_to_a_server_that_wants_none():
    """It is left rather than gone on with: what was set is meant."""
    shaken = handshake(f"socks5://u:{SENTINEL}@gateway")
    shaken.start()

    with pytest.raises(ConnectorUnavailable) as raised:
        shaken.receive(b"\x05\x00")

    assert raised.value.was_refused
    assert SENTINEL not in repr(shaken)
