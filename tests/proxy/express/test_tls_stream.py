"""TLS between two ends in memory: handshakes that were begun elsewhere, data, ends, and TLS within TLS."""

from __future__ import annotations

import ssl

import pytest

from proxy.express.tls_stream import TlsStream
from tests.proxy.express.certificates import Authority
from tests.proxy.express.lane_in_memory import settle
from tests.proxy.express.memory_streams import Listener, MemoryStream

HOST = "a.example"
LARGE = bytes(range(256)) * 4000
"""A million bytes: many more records than are handed up at once."""


async def carry(first: MemoryStream, second: MemoryStream, length: int = 1_000_000) -> None:
    """Takes what each has sent to the other, *length* bytes at a time, until both are silent."""
    while True:
        await settle()
        out, back = first.take(), second.take()
        if not out and not back:
            break
        for data, stream in ((out, second), (back, first)):
            stream.arrive(*(data[index : index + length] for index in range(0, len(data), length)))


class End:
    """One end: a TLS stream, what is below and above it, and how its handshake came out."""

    def __init__(
        self, context: ssl.SSLContext, server_hostname: str | None = None, *, below: TlsStream | None = None
    ) -> None:
        self.below = MemoryStream()
        self.above = Listener()
        self.outcomes: list[Exception | None] = []
        self.tls = TlsStream(
            below or self.below, self.above, context, self.outcomes.append, server_hostname=server_hostname
        )


class Pair:
    """A client and a server, with their handshake before them."""

    def __init__(self, authority: Authority, *, expected: str = HOST) -> None:
        self.client = End(authority.client_context(), expected)
        self.server = End(authority.server_context(HOST))

    def start(self) -> None:
        self.client.tls.start()
        self.server.tls.start()

    async def carry(self, length: int = 1_000_000) -> None:
        await carry(self.client.below, self.server.below, length)


@pytest.fixture
async def pair(authority: Authority) -> Pair:
    """A client and a server, with their handshake behind them."""
    pair = Pair(authority)
    pair.start()
    await pair.carry()
    assert pair.client.outcomes == pair.server.outcomes == [None]
    return pair


# Handshakes


@pytest.mark.parametrize("length", [1, 7, 100_000], ids=lambda length: f"{length}-at-a-time")
async def test_two_ends_shake_hands(authority: Authority, length: int) -> None:
    """In whatever pieces their records come; each is told once."""
    pair = Pair(authority)
    pair.start()

    await pair.carry(length)

    assert pair.client.outcomes == pair.server.outcomes == [None]
    assert pair.client.tls.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert pair.client.tls.get_extra_info("peername") == ("192.0.2.1", 4711)


async def test_a_handshake_goes_on_from_a_client_hello_that_was_read(authority: Authority) -> None:
    """However much of it had been looked at."""
    pair = Pair(authority)
    pair.client.tls.start()
    hello = pair.client.below.take()

    pair.server.tls.start(hello[:100])
    pair.server.below.arrive(hello[100:])
    await pair.carry()

    assert pair.server.outcomes == [None]


async def test_data_may_come_with_the_end_of_the_handshake(authority: Authority) -> None:
    """The first request does, in TLS 1.3: it is for the protocol above, after it was told."""
    pair = Pair(authority)
    heard: list[object] = []
    pair.server.above.data_received = heard.append  # type: ignore[method-assign]
    pair.server.tls._on_established = heard.append
    pair.client.tls._on_established = lambda _: pair.client.tls.write(b"GET /")
    pair.start()

    await pair.carry()

    assert heard == [None, b"GET /"]


async def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    """Both ends hear of it once, and neither connection goes on."""
    pair = Pair(authority, expected="b.example")
    pair.start()

    await pair.carry()

    (at_client,), (at_server,) = pair.client.outcomes, pair.server.outcomes
    assert isinstance(at_client, ssl.SSLCertVerificationError)
    assert pair.client.below.is_closing()
    assert isinstance(at_server, ssl.SSLError)


async def test_a_certificate_of_an_unknown_authority_is_refused(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing was sent to whom it was shown."""
    client = End(Authority(tmp_path_factory.mktemp("other")).client_context(), HOST)
    server = End(authority.server_context(HOST))
    client.tls.start()
    server.tls.start()

    await carry(client.below, server.below)

    assert isinstance(client.outcomes[0], ssl.SSLCertVerificationError)
    assert server.above.received == b""


@pytest.mark.parametrize("how", ["end", "reset", "not-tls", "closed-here"])
async def test_a_handshake_that_comes_to_nothing_is_told_once(authority: Authority, how: str) -> None:
    """Whatever ends it."""
    server = End(authority.server_context(HOST))
    server.tls.start()

    if how == "end":
        server.below.arrive_end()
    elif how == "reset":
        server.below.break_off()
    elif how == "not-tls":
        server.below.arrive(b"GET / HTTP/1.1\r\n\r\n")
    else:
        server.tls.close()
    await settle()

    assert len(server.outcomes) == 1
    assert server.outcomes[0] is not None
    assert server.below.is_lost
    assert server.above.heard == ["lost"]


async def test_nothing_is_sent_before_the_handshake_is_through(authority: Authority) -> None:
    """Least of all as it stands."""
    client = End(authority.client_context(), HOST)

    client.tls.write(b"secret")
    await settle()

    assert b"secret" not in client.below.take()
    assert client.below.was_aborted


# Data


@pytest.mark.parametrize("length", [1000, 16_000, 1_000_000], ids=lambda length: f"{length}-at-a-time")
async def test_data_goes_both_ways(pair: Pair, length: int) -> None:
    """All of it, in order, encrypted."""
    pair.client.tls.write(LARGE)
    pair.server.tls.write(LARGE[::-1])

    await pair.carry(length)

    assert pair.server.above.received == LARGE
    assert pair.client.above.received == LARGE[::-1]


async def test_what_is_sent_is_encrypted(pair: Pair) -> None:
    """Not a word of it stands on the wire."""
    pair.client.tls.write(b"a credential")

    assert b"credential" not in pair.client.below.take()


async def test_who_has_paused_hears_nothing(pair: Pair) -> None:
    """Also of what had come already; when it reads on, it hears all of it."""
    pair.server.tls.pause_reading()
    assert not pair.server.below.is_reading

    pair.client.tls.write(LARGE)
    pair.server.below.is_reading = True  # some more may be on its way up
    await pair.carry()
    assert pair.server.above.received == b""

    pair.server.tls.resume_reading()
    await settle()
    assert pair.server.above.received == LARGE
    assert pair.server.below.is_reading


async def test_who_pauses_while_it_is_told_hears_no_more(pair: Pair) -> None:
    """But for a bounded rest that had been read for it already."""
    received: list[bytes] = []

    def receive(data: bytes) -> None:
        received.append(data)
        pair.server.tls.pause_reading()

    pair.server.above.data_received = receive  # type: ignore[method-assign]
    pair.client.tls.write(LARGE)
    await pair.carry()
    assert len(b"".join(received)) < len(LARGE)

    while len(b"".join(received)) < len(LARGE):
        pair.server.tls.resume_reading()
        await settle()
    assert b"".join(received) == LARGE


async def test_reading_on_without_a_pause_changes_nothing(pair: Pair) -> None:
    """It may be said as often as one likes."""
    pair.server.tls.resume_reading()
    pair.client.tls.write(b"a")
    await pair.carry()

    assert pair.server.above.received == b"a"


async def test_backpressure_is_passed_up(pair: Pair) -> None:
    """Who writes is told when the wire takes no more, and when it does."""
    pair.client.below.stop_taking()

    pair.client.tls.write(LARGE)
    assert pair.client.above.heard == ["pause"]
    assert pair.client.tls.get_write_buffer_size() > len(LARGE)

    await pair.carry()
    assert pair.client.above.heard == ["pause", "resume"]
    assert pair.server.above.received == LARGE


async def test_another_protocol_may_take_over(pair: Pair) -> None:
    """What comes from then on is for it."""
    pair.client.tls.write(b"for the first")
    await pair.carry()
    second = Listener()

    pair.server.tls.set_protocol(second)
    pair.client.tls.write(b"for the second")
    await pair.carry()

    assert (pair.server.above.received, second.received) == (b"for the first", b"for the second")


async def test_a_record_that_was_tampered_with_breaks_the_connection_off(pair: Pair) -> None:
    """And nothing of it is handed up."""
    pair.client.tls.write(b"pay 1")
    record = bytearray(pair.client.below.take())
    record[-1] ^= 1

    pair.server.below.arrive(bytes(record))
    await settle()

    assert pair.server.below.was_aborted
    assert pair.server.above.received == b""
    assert pair.server.above.heard == ["lost"]


# Ends


async def test_a_close_is_said_within_tls(pair: Pair) -> None:
    """By close_notify (RFC 8446 section 6.1); the peer hears it behind the data."""
    pair.client.tls.write(b"last words")
    pair.client.tls.close()
    said = pair.client.below.take()

    pair.server.below.arrive(said)
    await settle()

    assert pair.client.tls.is_closing()
    assert pair.server.above.received == b"last words"
    assert pair.server.above.heard == ["end", "lost"]
    assert pair.server.below.is_lost
    assert not pair.server.below.was_aborted


async def test_one_half_may_end_before_the_other(pair: Pair) -> None:
    """The peer may go on, where it wants to, until it ends its half."""
    pair.server.tls.set_protocol(holding := Listener(holds_open=True))
    pair.client.tls.write(b"last words")
    pair.client.tls.write_eof()
    pair.client.tls.write(b"nothing more")
    await pair.carry()
    assert (holding.received, holding.heard) == (b"last words", ["end"])
    assert not pair.client.tls.is_closing()

    pair.server.tls.write(b"still here")
    await pair.carry()
    pair.server.tls.close()
    await pair.carry()

    assert pair.client.above.received == b"still here"
    assert pair.client.above.heard == ["end", "lost"]


async def test_an_end_without_a_word_is_no_end(pair: Pair) -> None:
    """Nobody can tell whether all was said (RFC 9112 section 9.8): the connection is lost."""
    pair.client.tls.write(b"last words")
    pair.server.below.arrive(pair.client.below.take())
    pair.server.below.arrive_end()
    await settle()

    assert pair.server.above.received == b"last words"
    assert pair.server.above.heard == ["lost"]


@pytest.mark.parametrize(
    ("says_so", "heard"),
    [
        pytest.param(True, ["end", "lost"], id="close-notify"),
        pytest.param(False, ["lost"], id="without-a-word"),
    ],
)
async def test_an_end_comes_behind_what_was_held_back(pair: Pair, says_so: bool, heard: list[str]) -> None:
    """Who has paused loses nothing by it."""
    pair.server.tls.pause_reading()
    pair.client.tls.write(LARGE)
    if says_so:
        pair.client.tls.close()
    pair.server.below.is_reading = True
    pair.server.below.arrive(pair.client.below.take())
    pair.server.below.arrive_end()
    await settle()
    assert (pair.server.above.received, pair.server.above.heard) == (b"", [])

    pair.server.tls.resume_reading()
    await settle()

    assert pair.server.above.received == LARGE
    assert pair.server.above.heard == heard


async def test_a_reset_is_passed_up(pair: Pair) -> None:
    """With its reason."""
    pair.server.below.break_off()

    assert pair.server.above.heard == ["lost"]
    assert isinstance(pair.server.above.error, ConnectionResetError)
    assert pair.server.tls.is_closing()


async def test_who_has_closed_writes_nothing_more(pair: Pair) -> None:
    """And may say so again."""
    pair.client.tls.close()
    said = pair.client.below.take()

    pair.client.tls.write(b"more")
    pair.client.tls.close()
    pair.client.tls.resume_reading()

    assert said != b""
    assert pair.client.below.take() == b""


async def test_a_connection_can_be_broken_off(pair: Pair) -> None:
    """Without a word."""
    pair.client.tls.abort()
    await settle()

    assert pair.client.below.was_aborted
    assert pair.client.below.take() == b""
    assert pair.client.above.heard == ["lost"]


async def test_an_end_is_heard_by_who_pauses_at_it(pair: Pair) -> None:
    """The last of the data and the end may come in one piece: it is not forgotten over the pause."""
    pair.server.above.data_received = lambda _: pair.server.tls.pause_reading()  # type: ignore[method-assign]
    pair.client.tls.write(b"last words")
    pair.client.tls.close()
    pair.server.below.arrive(pair.client.below.take())
    pair.server.below.arrive_end()
    await settle()
    assert pair.server.above.heard == []

    pair.server.tls.resume_reading()
    await settle()

    assert pair.server.above.heard == ["end", "lost"]


# TLS within TLS


class Nested(Pair):
    """The two ends of a connection within another's TLS, as to an https origin by way of an https proxy."""

    def __init__(self, authority: Authority, outer: Pair) -> None:
        self.outer = outer
        self.client = End(authority.client_context(), "b.example", below=outer.client.tls)
        self.server = End(authority.server_context("b.example"), below=outer.server.tls)

    async def carry(self, length: int = 1_000_000) -> None:
        await self.outer.carry(length)


@pytest.fixture
async def nested(authority: Authority, pair: Pair) -> Nested:
    """With both handshakes behind them."""
    nested = Nested(authority, pair)
    nested.start()
    await nested.carry(100)
    assert nested.client.outcomes == nested.server.outcomes == [None]
    return nested


async def test_tls_may_be_within_tls(nested: Nested) -> None:
    """Data both ways, and an orderly end."""
    nested.client.tls.write(LARGE)
    nested.server.tls.write(b"answer")
    await nested.carry()
    assert (nested.server.above.received, nested.client.above.received) == (LARGE, b"answer")

    nested.client.tls.close()
    await nested.carry()
    assert nested.server.above.heard == ["end", "lost"]
    assert nested.outer.client.below.is_lost
    assert nested.outer.server.below.is_lost


async def test_tls_within_tls_is_held_back(nested: Nested) -> None:
    """Down to the wire."""
    nested.client.tls.pause_reading()
    nested.server.tls.write(b"more")
    assert not nested.outer.client.below.is_reading
    await nested.carry()
    assert nested.client.above.received == b""

    nested.client.tls.resume_reading()
    await settle()
    assert nested.client.above.received == b"more"


async def test_the_tail_of_an_answer_is_not_lost_with_the_outer_end(nested: Nested) -> None:
    """Who reads slowly has it all, also where the outer connection has ended behind it."""
    received: list[bytes] = []

    def receive(data: bytes) -> None:
        received.append(data)
        nested.client.tls.pause_reading()

    nested.client.above.data_received = receive  # type: ignore[method-assign]
    nested.server.tls.write(LARGE)
    nested.server.tls.close()
    await nested.carry()

    for _ in range(200):
        nested.client.tls.resume_reading()
        await settle()

    assert b"".join(received) == LARGE
    assert nested.client.above.heard == ["end", "lost"]
