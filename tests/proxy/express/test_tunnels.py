"""What clients begin with, on a connection and in a tunnel: whose it is, before a byte of it is spent."""

from __future__ import annotations

import base64
import ssl

import pytest
from mitmproxy.certs import CertStore

from profiles.requests import Origin
from proxy.express.client_connection import ClientConnection
from proxy.express.tls_stream import TlsStream
from tests.proxy.express.certificates import Authority
from tests.proxy.express.client_hellos import hello_of
from tests.proxy.express.lane_in_memory import LaneInMemory, MakeLane, settle
from tests.proxy.express.memory_streams import Listener, MemoryStream

pytestmark = pytest.mark.usefixtures("task_factory")

CONNECT = b"CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: api.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def status_of(sent: bytes) -> int:
    return int(sent.split(b" ", 2)[1])


async def tunnelled(lane: LaneInMemory, connect: bytes = CONNECT) -> MemoryStream:
    """A client that has its tunnel to api.test."""
    client = lane.connect()
    client.arrive(connect)
    await settle()
    assert client.take() == ESTABLISHED
    return client


@pytest.fixture(scope="module")
def trust(store: CertStore) -> ssl.SSLContext:
    """What a client believes that knows our CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=store.default_ca.to_pem().decode())
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsClient:
    """A client that speaks TLS in its tunnel."""

    def __init__(self, wire: MemoryStream, trust: ssl.SSLContext, server_name: str = "api.test") -> None:
        self.wire = wire
        self.below = MemoryStream()
        self.above = Listener()
        self.outcomes: list[Exception | None] = []
        self.tls = TlsStream(self.below, self.above, trust, self.outcomes.append, server_hostname=server_name)
        self.tls.start()

    async def carry(self, length: int = 1_000_000) -> None:
        """Between the two ends of the wire, until both are silent."""
        while True:
            await settle()
            out, back = self.below.take(), self.wire.take()
            if not out and not back:
                break
            self.wire.arrive(*(out[index : index + length] for index in range(0, len(out), length)))
            self.below.arrive(back)


# Connections


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(PREFACE, id="http-2"),
        pytest.param(hello_of(), id="tls-to-the-proxy"),
    ],
)
@pytest.mark.parametrize("is_split", [False, True], ids=["whole", "bytewise"])
async def test_http_2_and_tls_are_the_other_lanes(opening: bytes, is_split: bool, lane: LaneInMemory) -> None:
    """With every byte that was read of it; it still counts as a connection until that lane is through."""
    client = lane.connect()

    for piece in [opening[i : i + 1] for i in range(len(opening))] if is_split else [opening]:
        if not lane.other.taken:
            client.arrive(piece)

    (taken,) = lane.other.taken
    assert opening.startswith(taken.received)
    assert (taken.stream, taken.has_tunnel) == (client, False)
    assert client.take() == b""
    assert len(lane.lane._clients) == 1
    taken.on_end()
    assert lane.lane._clients == set()


@pytest.mark.parametrize("opening", [b"\x05\x01\x00", b"\0\n", b" GET / HTTP/1.1\r\n\r\n", b"<\r\n\r\n"])
async def test_what_is_nothing_that_is_known_is_told_so(opening: bytes, make_lane: MakeLane) -> None:
    """In HTTP, which one speaks with a proxy; at once, or when its time is up."""
    lane = make_lane(limits={"header_timeout": 10})
    client = lane.connect()

    client.arrive(opening)
    lane.pass_time(11)

    assert status_of(client.take()) in (400, 408)
    assert client.has_sent_end or client.is_closing()
    assert lane.other.taken == []


async def test_who_does_not_say_what_it_speaks_has_its_time(make_lane: MakeLane) -> None:
    """A beginning that may be either is waited for like a head."""
    lane = make_lane(limits={"header_timeout": 10, "idle_timeout": 100})
    client = lane.connect()
    client.arrive(b"PRI ")

    lane.pass_time(9)
    assert not client.is_closing()
    lane.pass_time(2)

    assert client.is_closing()
    assert client.take() == b""
    assert lane.limit_names == ["header_timeout"]


# CONNECT


async def test_a_tunnel_to_a_host_of_ours_is_opened_at_once(make_lane: MakeLane) -> None:
    """Nothing is dialled before it is known what is wanted in it; what came behind is in the tunnel."""
    lane = make_lane()

    client = await tunnelled(lane, CONNECT + b"\x16\x03\x01")

    assert lane.dialled == []
    assert not client.is_closing()


@pytest.mark.parametrize(
    ("connect", "status"),
    [
        pytest.param(CONNECT.replace(b"Host: api", b"Host: evil"), 400, id="another-host"),
        pytest.param(CONNECT[:-2] + b"Content-Length: 5\r\n\r\nhello", 400, id="with-a-body"),
        pytest.param(CONNECT.replace(b":443 ", b" "), 400, id="without-a-port"),
        pytest.param(CONNECT.replace(b"HTTP/1.1", b"HTTP/2.0"), 505, id="another-version"),
        pytest.param(b"CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n", 403, id="nobodys"),
    ],
)
async def test_a_tunnel_may_be_refused(connect: bytes, status: int, make_lane: MakeLane) -> None:
    """By a line in the log; what can be read in two ways ends the connection."""
    lane = make_lane(unmatched="refuse")
    client = lane.connect()

    client.arrive(connect)
    await settle()

    assert status_of(client.take()) == status
    assert (client.has_sent_end or client.is_closing()) is (status != 403)
    assert lane.records[-1].status == status
    assert lane.dialled == []


async def test_a_tunnel_is_opened_for_who_says_no_host(make_lane: MakeLane) -> None:
    """Clients of old do not, and the target says it; each CONNECT by itself, also on one connection."""
    lane = make_lane(clients={"bot": {"secret": "s3cret"}})
    client = lane.connect()
    plain = b"GET http://api.test/ HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n"
    client.arrive(plain, plain.replace(b"GET http://api.test/", b"CONNECT b.test:443"))
    await settle()
    assert client.take().count(b"HTTP/1.1 407 ") == 2

    client.arrive(plain.replace(b"GET http://api.test/", b"CONNECT c.test:443"))
    await settle()

    assert status_of(client.take()) == 407


async def test_a_tunnel_is_for_clients_that_are_known(make_lane: MakeLane) -> None:
    """The connection goes on after a 407, for the same client to say who it is."""
    lane = make_lane(clients={"bot": {"secret": "s3cret"}})
    client = lane.connect()
    client.arrive(CONNECT)
    await settle()
    assert status_of(client.take()) == 407

    credentials = base64.b64encode(b"bot:s3cret")
    client.arrive(CONNECT[:-2] + b"Proxy-Authorization: Basic " + credentials + b"\r\n\r\n")
    await settle()

    assert client.take() == ESTABLISHED


async def test_there_is_no_tunnel_within_a_tunnel(make_lane: MakeLane) -> None:
    """Its end was named already."""
    lane = make_lane()
    client = await tunnelled(lane)

    client.arrive(CONNECT)
    await settle()

    assert status_of(client.take()) == 400
    assert client.has_sent_end or client.is_closing()


async def test_a_client_may_leave_before_its_tunnel_is_open(make_lane: MakeLane) -> None:
    """Nothing of it is left over."""
    lane = make_lane()
    client = lane.connect()
    client.arrive(CONNECT)
    client.arrive_end()
    await settle()

    assert client.take() in (b"", ESTABLISHED)
    assert client.is_lost
    assert lane.lane._clients == set()


# What is in a tunnel


@pytest.mark.parametrize("length", [1, 100, 1_000_000], ids=lambda length: f"{length}-at-a-time")
async def test_tls_in_a_tunnel_is_looked_into(
    make_lane: MakeLane, trust: ssl.SSLContext, length: int
) -> None:
    """By a certificate of our CA; the request in it is authorized and goes to the tunnel's end."""
    lane = make_lane()
    client = TlsClient(await tunnelled(lane), trust)
    await client.carry(length)
    assert client.outcomes == [None]

    client.tls.write(GET)
    await client.carry(length)
    sent = lane.origin.take()
    lane.origin.arrive(OK)
    await client.carry(length)

    assert lane.dialled[0][0] == ("https", "api.test", 443)
    assert sent == b"GET /a HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer at1\r\n\r\n"
    assert client.above.received == OK


async def test_a_request_may_come_with_the_end_of_the_handshake(
    make_lane: MakeLane, trust: ssl.SSLContext
) -> None:
    """As in TLS 1.3 it does."""
    lane = make_lane()
    client = TlsClient(await tunnelled(lane), trust)
    client.tls._on_established = lambda _: client.tls.write(GET)
    await client.carry()

    assert lane.origin.take().startswith(b"GET /a HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("server_name", "host"),
    [
        pytest.param("evil.test", b"api.test", id="sni"),
        pytest.param("api.test", b"evil.test", id="host"),
        pytest.param("evil.test", b"evil.test", id="connection"),
    ],
)
async def test_connection_sni_and_host_have_to_agree(
    server_name: str, host: bytes, make_lane: MakeLane, trust: ssl.SSLContext
) -> None:
    """I1: or nothing is authorized, and nothing is sent."""
    lane = make_lane()
    client = TlsClient(await tunnelled(lane), trust, server_name)
    await client.carry()

    client.tls.write(GET.replace(b"api.test", host))
    await client.carry()

    assert status_of(client.above.received) == 400
    assert b"hosts_disagree" in client.above.received
    assert lane.dialled == []


@pytest.mark.parametrize(
    "target",
    [b"http://api.test/", b"https://api.test/", b"api.test:443", b"*"],
)
async def test_requests_in_a_tunnel_are_in_origin_form(
    target: bytes, make_lane: MakeLane, trust: ssl.SSLContext
) -> None:
    """RFC 9112 section 3.2.1; anything else names an origin once more, or none."""
    lane = make_lane()
    client = TlsClient(await tunnelled(lane), trust)
    await client.carry()

    client.tls.write(GET.replace(b"/a", target))
    await client.carry()

    assert status_of(client.above.received) == 400
    assert client.above.heard[:1] == ["end"]


async def test_plain_http_in_a_tunnel_is_looked_into(make_lane: MakeLane) -> None:
    """Its origin is the tunnel's end, by http."""
    lane = make_lane({"match": [{"host": "api.test", "scheme": "http", "port": 443}, {"host": "api.test"}]})
    client = await tunnelled(lane)

    client.arrive(GET.replace(b"Host: api.test", b"Host: api.test:443"))
    await settle()

    assert lane.dialled[0][0] == ("http", "api.test", 443)
    assert b"Authorization: Bearer at1\r\n" in lane.origin.take()


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(hello_of("api.test", ["h2"]), id="http-2-alone"),
        pytest.param(PREFACE, id="http-2-in-the-clear"),
        pytest.param(b"\0SSH-2.0-x\r\n", id="anything"),
        pytest.param(b"\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03aa", id="no-client-hello"),
    ],
)
@pytest.mark.parametrize("is_split", [False, True], ids=["whole", "bytewise"])
async def test_what_is_not_http_1_in_a_tunnel_is_the_other_lanes(
    opening: bytes, is_split: bool, make_lane: MakeLane
) -> None:
    """With the CONNECT that it had, and every byte that was read of the tunnel."""
    lane = make_lane()
    client = await tunnelled(lane)

    for piece in [opening[i : i + 1] for i in range(len(opening))] if is_split else [opening]:
        if not lane.other.taken:
            client.arrive(piece)

    (taken,) = lane.other.taken
    assert taken.received.startswith(CONNECT)
    assert opening.startswith(taken.received.removeprefix(CONNECT))
    assert (taken.stream, taken.has_tunnel) == (client, True)
    assert client.take() == b""


# Tunnels to hosts of nobody's


def foreign(lane: LaneInMemory) -> tuple[MemoryStream, MemoryStream]:
    """A client with a tunnel to b.test, and the other end of that."""
    client, origin = lane.connect(), MemoryStream()
    connection = client.protocol
    assert isinstance(connection, ClientConnection)
    relay = connection.begin_relay(origin)
    connection.phase = lane.lane.foreign_tunnel_phase(connection, relay, Origin("https", "b.test", 443))
    relay.start_second(b"")
    return client, origin


@pytest.mark.parametrize("is_split", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(hello_of("b.test"), id="tls"),
        pytest.param(hello_of(None), id="tls-without-sni"),
        pytest.param(hello_of("b.test", ["h2"]), id="http-2"),
        pytest.param(GET, id="http"),
        pytest.param(b"\0anything", id="anything"),
        pytest.param(b"\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03aa", id="no-client-hello"),
    ],
)
async def test_a_tunnel_to_a_host_of_nobodys_is_carried_unseen(
    opening: bytes, is_split: bool, lane: LaneInMemory
) -> None:
    """I7: byte for byte, in both directions, until both ends have ended."""
    client, origin = foreign(lane)
    client.arrive(*([opening[i : i + 1] for i in range(len(opening))] if is_split else [opening]))
    origin.arrive(b"back")
    client.arrive(b"more")

    assert origin.take() == opening + b"more"
    assert client.take() == b"back"

    client.arrive_end()
    origin.arrive_end()
    await settle()
    assert (client.is_lost, origin.is_lost) == (True, True)
    assert lane.lane._clients == set()


async def test_a_server_may_speak_first_in_a_tunnel(lane: LaneInMemory) -> None:
    """As those of mail and files do."""
    client, origin = foreign(lane)

    origin.arrive(b"220 hello\r\n")

    assert client.take() == b"220 hello\r\n"


async def test_a_server_that_speaks_first_is_read_no_faster_than_its_client(lane: LaneInMemory) -> None:
    """Also before the client has said anything."""
    client, origin = foreign(lane)
    client.stop_taking()
    origin.arrive(*[b"x" * 100_000] * 10)
    assert not origin.is_reading

    received = b""
    for _ in range(10):
        received += client.take()
        await settle()
    assert received == b"x" * 1_000_000


async def test_a_host_of_ours_by_anothers_name_is_refused(make_lane: MakeLane, trust: ssl.SSLContext) -> None:
    """The tunnel is for somebody else, and SNI for us: it is looked into, and nothing is authorized (I1)."""
    lane = make_lane()
    wire, origin = foreign(lane)
    client = TlsClient(wire, trust, "api.test")
    await client.carry()
    assert client.outcomes == [None]

    client.tls.write(GET)
    await client.carry()

    assert status_of(client.above.received) == 400
    assert b"hosts_disagree" in client.above.received
    assert origin.take() == b""
    assert origin.was_aborted


@pytest.mark.parametrize("who", ["client", "origin"])
async def test_a_tunnel_that_is_not_used_ends_with_either_end(who: str, lane: LaneInMemory) -> None:
    """Before a byte was said in it."""
    client, origin = foreign(lane)

    (client if who == "client" else origin).break_off()
    await settle()

    assert (client.is_lost, origin.is_lost) == (True, True)
    assert lane.lane._clients == set()


async def test_a_tunnel_in_which_nothing_is_said_is_ended(make_lane: MakeLane) -> None:
    """After the time that tunnels have; a half of a ClientHello is waited for like a head."""
    lane = make_lane(limits={"tunnel_idle_timeout": 100, "header_timeout": 10})
    silent, half = foreign(lane), foreign(lane)
    half[0].arrive(hello_of()[:20])
    lane.pass_time(11)
    await settle()
    assert (half[0].is_lost, silent[0].is_lost) == (True, False)

    lane.pass_time(100)
    await settle()

    assert silent[0].is_lost
    assert silent[1].is_lost


async def test_a_client_that_does_not_believe_us_is_told_of_in_the_log(
    make_lane: MakeLane, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """The usual reason is that the CA is not known to it."""
    lane = make_lane()
    wire = await tunnelled(lane)
    client = TlsClient(wire, authority.client_context())
    await client.carry()

    assert isinstance(client.outcomes[0], ssl.SSLCertVerificationError)
    assert wire.is_closing()
    assert "does it trust the CA" in caplog.text
    assert lane.dialled == []


async def test_a_handshake_has_its_time(make_lane: MakeLane) -> None:
    """As a head has."""
    lane = make_lane(limits={"header_timeout": 10, "idle_timeout": 100})
    client = await tunnelled(lane)
    client.arrive(hello_of("api.test"))
    await settle()
    assert client.take() != b""

    lane.pass_time(11)

    assert client.is_closing()
    assert lane.limit_names == ["header_timeout"]


async def test_a_websocket_in_tls_is_carried(make_lane: MakeLane, trust: ssl.SSLContext) -> None:
    """With the authorized handshake."""
    lane = make_lane()
    client = TlsClient(await tunnelled(lane), trust)
    await client.carry()
    client.tls.write(GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    await client.carry()
    assert b"Authorization: Bearer at1\r\n" in lane.origin.take()

    switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    lane.origin.arrive(switching + b"hello")
    client.tls.write(b"from the client")
    await client.carry()

    assert client.above.received == switching + b"hello"
    assert lane.origin.take() == b"from the client"
    lane.origin.arrive_end()
    await client.carry()
    client.tls.close()
    await client.carry()
    assert client.above.heard[:1] == ["end"]
    assert lane.lane._clients == set()
