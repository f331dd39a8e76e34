"""What a client has begun to speak, told by as few bytes as tell it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.express.opening_bytes import (
    HTTP2_PREFACE,
    LONGEST_HELLO,
    Hello,
    Opening,
    hello_in,
    opening_of,
)
from tests.proxy.express.client_hellos import hello_of


@pytest.mark.parametrize(
    ("received", "opening"),
    [
        pytest.param(b"", Opening.UNDECIDED, id="nothing"),
        pytest.param(b"G", Opening.HTTP1, id="one-letter"),
        pytest.param(b"GET / HTTP/1.1\r\n", Opening.HTTP1, id="request-line"),
        pytest.param(b"get", Opening.HTTP1, id="small-letters-are-a-method-too"),
        pytest.param(b"~!", Opening.HTTP1, id="any-token"),
        pytest.param(b"1", Opening.HTTP1, id="digit"),
        pytest.param(b"\r\n", Opening.UNDECIDED, id="empty-line"),
        pytest.param(b"\r", Opening.UNDECIDED, id="cr"),
        pytest.param(b"\n", Opening.UNDECIDED, id="lf"),
        pytest.param(b"\r\n\r\nG", Opening.HTTP1, id="empty-lines-before-a-request"),
        pytest.param(b"\r\n\x00", Opening.OTHER, id="empty-line-before-nothing-known"),
        pytest.param(b"P", Opening.UNDECIDED, id="post-or-preface"),
        pytest.param(b"PR", Opening.UNDECIDED, id="propfind-or-preface"),
        pytest.param(b"PO", Opening.HTTP1, id="post"),
        pytest.param(b"PRI ", Opening.UNDECIDED, id="pri"),
        pytest.param(b"PRI / HTTP/1.1", Opening.HTTP1, id="pri-as-a-method"),
        pytest.param(b"PRI * HTTP/1.1\r\n", Opening.HTTP1, id="preface-of-another-version"),
        pytest.param(HTTP2_PREFACE, Opening.HTTP2, id="preface"),
        pytest.param(HTTP2_PREFACE + b"\0\0\x12\x04", Opening.HTTP2, id="preface-and-settings"),
        pytest.param(b"\x16", Opening.TLS, id="handshake-record"),
        pytest.param(b"\x16\x03", Opening.TLS, id="handshake-record-of-tls"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", Opening.TLS, id="client-hello"),
        pytest.param(b"\x16\x02\x00", Opening.OTHER, id="handshake-record-of-something-else"),
        pytest.param(b"\x16\xfe\xff", Opening.OTHER, id="dtls"),
        pytest.param(b"\x80\x2e\x01\x00\x02", Opening.OTHER, id="sslv2"),
        pytest.param(b"\x05\x01\x00", Opening.OTHER, id="socks5"),
        pytest.param(b"\x04\x01", Opening.OTHER, id="socks4"),
        pytest.param(b"\0", Opening.OTHER, id="nul"),
        pytest.param(b" GET", Opening.OTHER, id="space"),
        pytest.param(b"(", Opening.OTHER, id="delimiter"),
        pytest.param(b"\xc3\xa4", Opening.OTHER, id="above-ascii"),
    ],
)
def test_the_first_bytes_tell_what_is_spoken(received: bytes, opening: Opening) -> None:
    """Or that more of them are needed."""
    assert opening_of(received) is opening


@pytest.mark.parametrize("length", range(len(HTTP2_PREFACE) + 1))
def test_the_http_2_preface_is_told_by_its_first_line(length: int) -> None:
    """RFC 9113 section 3.4: before that, it may still be a method of HTTP/1.1."""
    expected = Opening.HTTP2 if length >= 16 else Opening.UNDECIDED

    assert opening_of(HTTP2_PREFACE[:length]) is expected


@pytest.mark.parametrize("length", range(1, 16))
def test_what_leaves_the_preface_is_http_1(length: int) -> None:
    """At whichever byte it does."""
    assert opening_of(HTTP2_PREFACE[:length] + b"x") is Opening.HTTP1


@given(st.binary(max_size=40))
def test_an_opening_that_was_told_is_not_taken_back(received: bytes) -> None:
    """Undecided becomes decided once; only what looks like TLS is looked at again."""
    told = [opening_of(received[:length]) for length in range(len(received) + 1)]

    decided = [opening for opening in told if opening is not Opening.UNDECIDED]
    assert told[len(told) - len(decided) :] == decided
    assert len(set(decided) - {Opening.TLS}) <= 1


# ClientHellos


@pytest.mark.parametrize(
    ("server_name", "protocols", "sni", "speaks_http1"),
    [
        pytest.param("a.example", ["http/1.1"], "a.example", True, id="usual"),
        pytest.param("A.Example", ["http/1.1"], "A.Example", True, id="name-as-it-came"),
        pytest.param("a.example", ["h2", "http/1.1"], "a.example", True, id="browser"),
        pytest.param("a.example", ["http/1.0"], "a.example", True, id="http-1.0"),
        pytest.param("a.example", [], "a.example", True, id="no-alpn"),
        pytest.param("a.example", ["h2"], "a.example", False, id="grpc"),
        pytest.param("a.example", ["acme-tls/1"], "a.example", False, id="something-else"),
        pytest.param(None, ["http/1.1"], None, True, id="no-sni"),
        pytest.param("192.0.2.1", [], None, True, id="an-address-is-no-sni"),
    ],
)
def test_a_client_hello_tells_its_name_and_its_protocols(
    server_name: str | None, protocols: list[str], sni: str | None, speaks_http1: bool
) -> None:
    """Before any byte of the handshake is spent."""
    assert hello_in(hello_of(server_name, protocols)) == Hello(sni, speaks_http1=speaks_http1)


@pytest.mark.parametrize(
    ("server_name", "protocols"),
    [
        pytest.param("a.example", ["h2", "http/1.1"], id="usual"),
        pytest.param(None, ["http/1.1"], id="no-sni"),
        pytest.param("a.example", [], id="no-alpn"),
    ],
)
def test_a_client_hello_is_waited_for_to_its_last_byte(server_name: str | None, protocols: list[str]) -> None:
    """At whichever byte it is torn apart; what comes behind it changes nothing."""
    sent = hello_of(server_name, protocols)

    assert [hello_in(sent[:length]) for length in range(len(sent))] == [None] * len(sent)
    assert {opening_of(sent[:length]) for length in range(1, len(sent))} == {Opening.TLS}
    assert hello_in(sent) == hello_in(sent + b"\x14\x03\x03\x00\x01\x01") is not None


@pytest.mark.parametrize("length", [1, 2, 100])
def test_a_client_hello_may_be_in_several_records(length: int) -> None:
    """RFC 8446 section 5.1: as browsers with post-quantum keys, and as censors' enemies send it."""
    message = hello_of("a.example", ["http/1.1"])[5:]
    records = b"".join(
        b"\x16\x03\x01" + len(piece).to_bytes(2) + piece
        for piece in (message[index : index + length] for index in range(0, len(message), length))
    )

    assert hello_in(records) == Hello("a.example", speaks_http1=True)
    assert hello_in(records[:-1]) is None


@pytest.mark.parametrize(
    "received",
    [
        pytest.param(b"\x16\x03\x01\x00\x00" + b"x" * 10, id="empty-record"),
        pytest.param(b"\x16\x03\x01\x00\x04\x01\x00\x00\x05\x15\x03\x01\x00\x02\x02\x28", id="alert-within"),
        pytest.param(b"\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03aa", id="ends-early"),
        pytest.param(b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" * 20_000, id="longer-than-any"),
    ],
)
def test_what_is_no_client_hello_is_told(received: bytes) -> None:
    """Nobody waits for more of it."""
    with pytest.raises(ValueError):
        hello_in(received)


def test_a_client_hello_has_an_end() -> None:
    """Not more than the limit is kept while it is waited for."""
    begun = b"\x16\x03\x01\xff\xff\x01\x00\xff\xff".ljust(LONGEST_HELLO, b"x")

    assert hello_in(begun) is None
    with pytest.raises(ValueError):
        hello_in(begun + b"x")


@given(st.binary(max_size=200))
def test_no_bytes_upset_the_reader_of_hellos(received: bytes) -> None:
    """There is a hello, there may be one, or there is none: no other exception."""
    with contextlib.suppress(ValueError):
        hello_in(b"\x16\x03\x01" + received)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_changed_hello_upsets_the_reader(place: int, octet: int) -> None:
    """Nor a single octet that is another one."""
    sent = bytearray(hello_of())
    sent[place % len(sent)] = octet

    with contextlib.suppress(ValueError):
        hello_in(bytes(sent))
