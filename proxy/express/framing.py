"""How long a message's body is, and what else its head says of the connection it came on (RFC 9112). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from profiles.errors import OriginAnswerInvalid, RequestMalformed
from profiles.requests import HeaderFields
from proxy.express.heads import TOKEN, AnswerStart, Fields, RequestStart

CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2
"""Lengths that are no number of bytes: section 7.1, and section 6.3 rule 8."""

_MOST_DIGITS = 19
_NO_OPTIONS: frozenset[bytes] = frozenset()
_USUAL_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade"})
_NOT_TO_NOMINATE = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-encoding", b"content-type"}
)
"""A Connection field that takes one of these out would change what the message is."""

_NEVER_PASSED = frozenset(
    {b"connection", b"proxy-connection", b"keep-alive", b"te", b"transfer-encoding", b"upgrade",
     b"http2-settings", b"proxy-authorization", b"proxy-authenticate", b"proxy-authentication-info"}
)  # fmt: skip
"""Hop-by-hop fields, and those that are between a client and its proxy."""
_CODINGS = frozenset({b"transfer-encoding"})
_LENGTH = frozenset({b"content-length"})
_NEVER_RELAYED = frozenset({b"h2c", b"h2", b"http", b"tls"})
"""Protocols with requests in them."""


@dataclass(slots=True, repr=False)
class RequestFraming:
    """What a request's head says of its body and its connection."""

    length: int = 0
    """Of the body in bytes, or CHUNKED."""
    hosts: tuple[bytes, ...] = ()
    host_fields: tuple[str, ...] = ()
    """The same as the domain has them."""
    keeps_alive: bool = True
    expects_continue: bool = False
    upgrade: bytes | None = None
    """The protocol that the client would go over to, where it is one that can be carried as bytes."""
    proxy_authorization: bytes | None = None
    binds_connection: bool = False
    """Whether it is its connection that is authenticated by it."""
    passed: HeaderFields = ()
    """The header section without what ends here."""
    is_plain: bool = False
    """Whether such a request goes out as it is, but for what is decided, as most do."""


@dataclass(slots=True)
class AnswerFraming:
    """What an answer's head says of its body and its connection."""

    length: int
    """Of the body in bytes, CHUNKED or UNTIL_CLOSE."""
    keeps_alive: bool
    ends_here: int
    """How many fields of the header section are for this connection alone."""
    options: frozenset[bytes]
    """What its Connection field names."""
    binds_connection: bool = False
    """Whether it is its connection that has been, or is being, authenticated."""

    def passed(self, start: AnswerStart) -> HeaderFields:
        """The header section without what ends here. Its coding stays: whoever writes the head says otherwise
        where the framing changes."""
        if not self.ends_here:
            return tuple(start.fields)
        kept = _NO_OPTIONS if start.status == 204 else _CODINGS
        return _without(start.fields, self.options, keep=kept)


def frame_request(start: RequestStart, *, kept: frozenset[bytes] = _NO_OPTIONS) -> RequestFraming:
    """Raises RequestMalformed for what can be read in two ways.

    *kept* are fields that stay although Connection names them, for they are for us (RFC 9110 section 7.6.1).
    """
    said = _Said()
    for name, value in start.of_interest:
        said.note(name, value)
    if start.minor == 0:
        said.forget_what_is_newer()
    length, hosts = _request_length(said, start.minor), _checked_hosts(said.hosts, start.minor)
    framing = RequestFraming(
        length=length,
        hosts=hosts,
        host_fields=tuple([host.decode("latin-1") for host in hosts]),
        keeps_alive=start.minor == 1 or said.proxy_keep_alive,
        expects_continue=said.expects_continue,
        proxy_authorization=said.proxy_authorization,
        binds_connection=said.binds_connection,
    )
    framing.is_plain = length == 0 and bool(hosts) and said.upgrade is None and not said.expects_continue
    if not said.ends_here:
        framing.passed = tuple(start.fields)
        return framing
    options = said.options
    if not options.isdisjoint(_NOT_TO_NOMINATE):
        raise RequestMalformed("Connection names a field that says what the message is")
    if b"close" in options:
        framing.keeps_alive = False
    elif b"keep-alive" in options:
        framing.keeps_alive = True
    if said.upgrade is not None and b"upgrade" in options and _can_be_relayed(said.upgrade):
        framing.upgrade = said.upgrade
    framing.passed = _without(start.fields, options - kept)
    return framing


class _Said:
    """What a request's fields of interest say, taken together."""

    def __init__(self) -> None:
        self.hosts: list[bytes] = []
        self.length: bytes | None = None
        self.codings: bytes | None = None
        self.options = _NO_OPTIONS
        self.upgrade: bytes | None = None
        self.expects_continue = False
        self.proxy_authorization: bytes | None = None
        self.proxy_keep_alive = False
        self.binds_connection = False
        self.ends_here = False

    def note(self, name: bytes, value: bytes) -> None:
        self.ends_here = self.ends_here or name in _NEVER_PASSED
        match name:
            case b"host":
                self.hosts.append(value)
            case b"content-length":
                self.length = _listed(self.length, value)
            case b"transfer-encoding":
                self.codings = _listed(self.codings, value)
            case b"connection":
                self.options |= _options_of(value)
            case b"upgrade":
                self.upgrade = value if self.upgrade is None else b"%b, %b" % (self.upgrade, value)
            case b"expect":
                self.expects_continue = _expects_continue(value)
            case b"proxy-authorization":
                self.proxy_authorization = value
            case b"authorization":
                self.binds_connection = self.binds_connection or _authenticates_connection(value)
            case b"proxy-connection":
                # What HTTP/1.0 clients say to proxies that they want to go on with.
                self.proxy_keep_alive = value.lower() == b"keep-alive"

    def forget_what_is_newer(self) -> None:
        """RFC 9110 sections 7.8 and 10.1.1: HTTP/1.0 knows no Upgrade and no Expect, and what is said of them
        goes on as HTTP/1.1."""
        self.upgrade = None
        if self.expects_continue:
            self.expects_continue, self.ends_here = False, True
            self.options |= {b"expect"}


def _checked_hosts(hosts: list[bytes], minor: int) -> tuple[bytes, ...]:
    if len(hosts) > 1:
        raise RequestMalformed("the request has several Host fields")
    if not hosts and minor == 1:
        raise RequestMalformed("the request has no Host field")
    if hosts and not hosts[0].isascii():
        # IDNA would map it to the name of another host, and the origin reads it as it stands.
        raise RequestMalformed("the Host field is not ASCII")
    return tuple(hosts)


def _request_length(said: _Said, minor: int) -> int:
    """RFC 9112 section 6.3, but that what can be read in two ways is refused."""
    if said.codings is not None:
        if said.length is not None:
            raise RequestMalformed("the request has both Content-Length and Transfer-Encoding")
        if minor == 0:
            raise RequestMalformed("an HTTP/1.0 request has a Transfer-Encoding")
        if said.codings.lower() != b"chunked":
            raise RequestMalformed("the transfer coding is not known here", status=501)
        return CHUNKED
    if said.length is None:
        return 0
    length = _length_of(said.length)
    if length < 0:
        raise RequestMalformed("the Content-Length is no length")
    return length


def frame_answer(start: AnswerStart, *, is_for_head: bool) -> AnswerFraming:
    """Reads an answer that is final. Raises OriginAnswerInvalid for what can be read in two ways."""
    options = _NO_OPTIONS
    length: bytes | None = None
    codings: bytes | None = None
    ends_here, binds_connection = 0, False
    for name, value in start.of_interest:
        if name == b"content-length":
            length = _listed(length, value)
        elif name == b"transfer-encoding":
            codings = _listed(codings, value)
            # Section 6.1: a 204 may have none.
            ends_here += start.status == 204
        elif name == b"connection":
            ends_here += 1
            options |= _options_of(value)
        elif name == b"www-authenticate":
            binds_connection = binds_connection or _authenticates_connection(value)
        elif name in _NEVER_PASSED:
            ends_here += 1
    keeps_alive = b"close" not in options and (start.minor == 1 or b"keep-alive" in options)
    body = _answer_length(start, length, codings, is_for_head=is_for_head)
    if options and not options.isdisjoint(_NOT_TO_NOMINATE):
        raise OriginAnswerInvalid("its Connection field names one that says what the message is")
    return AnswerFraming(body, keeps_alive, ends_here, options, binds_connection)


def end_to_end_of(start: AnswerStart) -> HeaderFields:
    """The header section of an interim answer without what ends here."""
    options = _NO_OPTIONS
    for name, value in start.of_interest:
        if name == b"connection":
            options |= _options_of(value)
    # RFC 9110 section 8.6: no length where no content can be.
    return _without(start.fields, options | _LENGTH)


def _listed(before: bytes | None, value: bytes) -> bytes:
    """Fields of one name are one list (RFC 9110 section 5.3), which no length is, and no coding we know."""
    return value if before is None else b"%b,%b" % (before, value)


def _answer_length(
    start: AnswerStart, length: bytes | None, codings: bytes | None, *, is_for_head: bool
) -> int:
    """Section 6.3, but that what can be read in two ways is refused."""
    if codings is not None and length is not None:
        raise OriginAnswerInvalid("it has both Content-Length and Transfer-Encoding")
    number = 0
    if length is not None and (number := _length_of(length)) < 0:
        raise OriginAnswerInvalid("its Content-Length is no length")
    if codings is not None and (start.minor == 0 or codings.lower() != b"chunked"):
        raise OriginAnswerInvalid("its transfer coding is not known here")
    if is_for_head or start.status in (204, 304):
        return 0
    if codings is not None:
        return CHUNKED
    return UNTIL_CLOSE if length is None else number


def _without(fields: Fields, options: frozenset[bytes], keep: frozenset[bytes] = frozenset()) -> HeaderFields:
    dropped = _NEVER_PASSED
    if options - _USUAL_OPTIONS or keep:
        dropped = (dropped | options) - keep
    return tuple([item for item in fields if item[0].lower() not in dropped])


@lru_cache(maxsize=256)
def _options_of(value: bytes) -> frozenset[bytes]:
    return frozenset(
        option for item in value.lower().split(b",") if TOKEN.fullmatch(option := item.strip(b" \t"))
    )


def _authenticates_connection(value: bytes) -> bool:
    """RFC 4559 section 6, and NTLM: such credentials are those of a connection, not of a request."""
    return value[:9].lower().startswith((b"ntlm", b"negotiate"))


def _expects_continue(value: bytes) -> bool:
    if value.lower() != b"100-continue":
        raise RequestMalformed("the request expects what no one here knows", status=417)
    return True


def _length_of(value: bytes) -> int:
    return int(value) if value.isdigit() and len(value) <= _MOST_DIGITS else -1


def _can_be_relayed(upgrade: bytes) -> bool:
    """What has requests in it is refused by silence, as RFC 9110 section 7.8 permits: nobody would authorize
    them. A protocol's name may have a version behind it."""
    names = [item.partition(b"/")[0].strip(b" \t").lower() for item in upgrade.split(b",")]
    return any(names) and _NEVER_RELAYED.isdisjoint(names)
