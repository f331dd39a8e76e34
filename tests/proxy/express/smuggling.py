"""Messages that can be read in two ways, or nearly: what is sent, and what must come of it.

From RFC 9112 and the published classes of attacks (CL.TE, TE.CL, TE.TE, CL.0, 0.CL, TERM.EXT, EXT.TERM,
TERM.SPILL, SPILL.TERM, h2c, trailers). Data only: `<origin>` stands for the origin's host and port.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ORIGIN: Final = b"<origin>"

ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"""What the origin answers to each request that reaches it."""


@dataclass(frozen=True)
class Forwarded:
    """A request as it reaches the origin; `head` with its empty line, the body chunked where that says so."""

    head: bytes
    content: bytes = b""
    trailers: bytes = b""

    def at(self, authority: bytes) -> bytes:
        """All of it, its content in one chunk where it is chunked."""
        head = self.head.replace(ORIGIN, authority)
        if b"\r\nTransfer-Encoding: chunked\r\n" not in head:
            return head + self.content
        chunk = b"%x\r\n%b\r\n" % (len(self.content), self.content) if self.content else b""
        return head + chunk + b"0\r\n" + self.trailers + b"\r\n"


@dataclass(frozen=True)
class RequestCase:
    """What a client sends on a connection: the requests that are forwarded, each answered with `ANSWER`, and
    the `status` of a refusal behind them, after which the connection ends, if there is one.

    Where it `breaks_in_body`, the origin may have had the beginning of that request, which never is whole.
    """

    name: str
    sent: bytes
    forwarded: tuple[Forwarded, ...] = ()
    status: int | None = None
    breaks_in_body: bool = False

    def at(self, authority: bytes) -> bytes:
        """What is sent, for that origin."""
        return self.sent.replace(ORIGIN, authority)


@dataclass(frozen=True)
class AnswerCase:
    """What an origin sends in answer to a request with `method`, before it closes.

    `client` is what the client gets. Where it is None, that is a 502 with the slug origin_answer_invalid, or,
    where the answer `is_cut`, a beginning that is broken off and cannot be taken for the whole.
    """

    name: str
    sent: bytes
    client: bytes | None = None
    method: bytes = b"GET"
    is_cut: bool = False


def canonical(received: bytes) -> tuple[list[bytes], bytes]:
    """The whole requests that an origin has received, and what is there of another.

    Their content is in one chunk where they are chunked. For what the proxy has written, not for anything.
    """
    requests = []
    while request := _first_of(received):
        whole, received = request
        requests.append(whole)
    return requests, received


def _first_of(received: bytes) -> tuple[bytes, bytes] | None:
    head, end, rest = received.partition(b"\r\n\r\n")
    if not end:
        return None
    if b"\r\nTransfer-Encoding: chunked" not in head:
        found = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
        length = int(found[1]) if found else 0
        return (head + end + rest[:length], rest[length:]) if len(rest) >= length else None
    content = b""
    while line := re.match(rb"([0-9a-f]+)\r\n", rest):
        size = int(line[1], 16)
        rest = rest[line.end() :]
        if not size:
            trailers, last, rest = (b"\r\n" + rest).partition(b"\r\n\r\n")
            whole = Forwarded(head + end, content, trailers[2:] + b"\r\n" if trailers else b"")
            return (whole.at(b""), rest) if last else None
        content, rest = content + rest[:size], rest[size + 2 :]
    return None


# How the tables below are written

HOST = b"Host: <origin>\r\n"
NEXT = b"GET http://<origin>/next HTTP/1.1\r\n" + HOST + b"\r\n"
"""A request that honestly follows, or is smuggled."""
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: evil.test\r\n\r\n"
"""A request that is content."""
NEXT_FORWARDED = Forwarded(b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n")


def _post(section: bytes, body: bytes = b"", *, method: bytes = b"POST", version: bytes = b"1.1") -> bytes:
    return b"%b http://<origin>/a HTTP/%b\r\n" % (method, version) + HOST + section + b"\r\n" + body


def _posted(
    section: bytes, content: bytes = b"", trailers: bytes = b"", *, method: bytes = b"POST"
) -> Forwarded:
    return Forwarded(method + b" /a HTTP/1.1\r\n" + HOST + section + b"\r\n", content, trailers)


CODED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: 5\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
CODED_FORWARDED = _posted(CODED, b"hello")

# Transfer-Encoding in disguise: with each of these lines somebody reads chunks, and somebody does not.

_DISGUISES: dict[str, tuple[bytes, int]] = {
    "xchunked": (b"Transfer-Encoding: xchunked", 400),
    "chunk": (b"Transfer-Encoding: chunk", 400),
    "cow": (b"Transfer-Encoding: cow", 400),
    "identity": (b"Transfer-Encoding: identity", 400),
    "gzip": (b"Transfer-Encoding: gzip", 400),
    "empty": (b"Transfer-Encoding:", 400),
    "chunked-then-identity": (b"Transfer-Encoding: chunked, identity", 400),
    "identity-then-chunked": (b"Transfer-Encoding: identity, chunked", 501),
    "gzip-then-chunked": (b"Transfer-Encoding: gzip, chunked", 501),
    "chunked-twice": (b"Transfer-Encoding: chunked, chunked", 400),
    "trailing-comma": (b"Transfer-Encoding: chunked,", 400),
    "leading-comma": (b"Transfer-Encoding: ,chunked", 501),
    "two-words": (b"Transfer-Encoding: chunked x", 400),
    "parameter": (b"Transfer-Encoding: chunked;q=0.5", 400),
    "double-quotes": (b'Transfer-Encoding: "chunked"', 400),
    "single-quotes": (b"Transfer-Encoding: 'chunked'", 400),
    "space-before-the-colon": (b"Transfer-Encoding : chunked", 400),
    "tab-before-the-colon": (b"Transfer-Encoding\t: chunked", 400),
    "tab-behind-the-coding": (b"Transfer-Encoding: chunked\t", 400),
    "vertical-tab-before-the-colon": (b"Transfer-Encoding\x0b: chunked", 400),
    "vertical-tab-before-the-coding": (b"Transfer-Encoding:\x0bchunked", 400),
    "form-feed-before-the-coding": (b"Transfer-Encoding: \x0cchunked", 400),
    "vertical-tab-behind-the-coding": (b"Transfer-Encoding: chunked\x0b", 400),
    "no-break-space-behind-the-coding": (b"Transfer-Encoding: chunked\xa0", 400),
    "octet-before-the-coding": (b"Transfer-Encoding: \xffchunked", 400),
    "control-within": (b"Transfer-Encoding: ch\x01unked", 400),
    "nul-behind": (b"Transfer-Encoding: chunked\0", 400),
    "nul-before": (b"\0Transfer-Encoding: chunked", 400),
    "kelvin-sign": (b"Transfer-Encoding: chun\xe2\x84\xaaed", 400),
    "umlaut-in-the-name": (b"Transfer-\xc3\x8bncoding: chunked", 400),
    "space-before-the-name": (b" Transfer-Encoding: chunked", 400),
    "tab-before-the-name": (b"X: y\r\n\tTransfer-Encoding: chunked", 400),
    "behind-a-bare-lf": (b"X: y\nTransfer-Encoding: chunked", 400),
    "behind-a-bare-cr": (b"X: y\rTransfer-Encoding: chunked", 400),
    "behind-a-nul": (b"X: y\0Transfer-Encoding: chunked", 400),
    "folded": (b"Transfer-Encoding:\r\n chunked", 400),
    "folded-with-a-tab": (b"Transfer-Encoding: \r\n\tchunked", 400),
    "folded-within": (b"Transfer-Encoding: chun\r\n ked", 400),
    "then-another": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", 400),
    "another-then": (b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", 501),
    "then-an-empty-one": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding:", 400),
    "an-empty-one-then": (b"Transfer-Encoding:\r\nTransfer-Encoding: chunked", 400),
    "field-twice": (b"Transfer-Encoding: chunked\r\ntransfer-encoding: chunked", 400),
    "without-a-colon": (b"Transfer-Encoding chunked", 400),
    "equals-sign": (b"Transfer-Encoding= chunked", 400),
}

_TRANSFER_ENCODING = [
    RequestCase(f"te-{name}", _post(line + b"\r\n", CHUNKS + NEXT), status=status)
    for name, (line, status) in _DISGUISES.items()
] + [
    RequestCase(f"te-{name}-beside-cl", _post(LENGTH + line + b"\r\n", CHUNKS + NEXT), status=400)
    for name, (line, _) in _DISGUISES.items()
]

_BOTH = [
    RequestCase("cl-te", _post(b"Content-Length: 6\r\n" + CODED, b"0\r\n\r\nG"), status=400),
    RequestCase("te-cl", _post(CODED + b"Content-Length: 4\r\n", b"5c\r\nGPOST /"), status=400),
    RequestCase("cl-0-te", _post(b"Content-Length: 0\r\n" + CODED, CHUNKS), status=400),
    RequestCase(
        "te-in-capitals-and-cl", _post(b"TRANSFER-ENCODING: CHUNKED\r\n" + LENGTH, CHUNKS), status=400
    ),
    RequestCase("te-far-from-cl", _post(CODED + b"X: y\r\n" * 50 + LENGTH, CHUNKS), status=400),
    RequestCase("te-in-1.0", _post(CODED, CHUNKS, version=b"1.0"), status=400),
    RequestCase(
        "te-in-1.0-with-keep-alive",
        _post(b"Connection: keep-alive\r\n" + CODED, CHUNKS + NEXT, version=b"1.0"),
        status=400,
    ),
    RequestCase("te-no-space", _post(b"Transfer-Encoding:chunked\r\n", CHUNKS), (CODED_FORWARDED,)),
    RequestCase("te-space-around", _post(b"Transfer-Encoding:\t chunked \r\n", CHUNKS), (CODED_FORWARDED,)),
    RequestCase("te-capitals", _post(b"TRANSFER-encoding: ChunkeD\r\n", CHUNKS), (CODED_FORWARDED,)),
    RequestCase(
        "te-underscore-is-another-field",
        _post(b"Transfer_Encoding: chunked\r\n" + LENGTH, b"hello" + NEXT),
        (_posted(b"Transfer_Encoding: chunked\r\n" + LENGTH, b"hello"), NEXT_FORWARDED),
    ),
    RequestCase("te-then-next", _post(CODED, CHUNKS + NEXT), (CODED_FORWARDED, NEXT_FORWARDED)),
    RequestCase("te-empty-then-next", _post(CODED, b"0\r\n\r\n" + NEXT), (_posted(CODED), NEXT_FORWARDED)),
]

# Content-Length in disguise

_LENGTHS: dict[str, bytes] = {
    "two": b"Content-Length: 5\r\nContent-Length: 6",
    "twice": b"Content-Length: 5\r\nContent-Length: 5",
    "twice-in-other-case": b"Content-Length: 5\r\ncontent-length: 5",
    "list": b"Content-Length: 5, 6",
    "list-of-the-same": b"Content-Length: 5, 5",
    "list-with-an-empty-item": b"Content-Length: ,5",
    "empty": b"Content-Length:",
    "blank": b"Content-Length:  \t",
    "negative": b"Content-Length: -5",
    "minus-zero": b"Content-Length: -0",
    "plus": b"Content-Length: +5",
    "hexadecimal": b"Content-Length: 0x5",
    "hexadecimal-letter": b"Content-Length: a",
    "octal": b"Content-Length: 0o5",
    "underscore": b"Content-Length: 0_5",
    "space-within": b"Content-Length: 1 5",
    "tab-within": b"Content-Length: 1\t5",
    "fraction": b"Content-Length: 5.0",
    "exponent": b"Content-Length: 5e0",
    "quoted": b'Content-Length: "5"',
    "semicolon": b"Content-Length: 5;",
    "colon": b"Content-Length: :5",
    "word": b"Content-Length: five",
    "over-64-bits": b"Content-Length: 18446744073709551621",
    "over-32-bits-many-times": b"Content-Length: " + b"4294967301" * 4,
    "full-width": b"Content-Length: \xef\xbc\x95",
    "superscript": b"Content-Length: \xb5",
    "vertical-tab-before": b"Content-Length:\x0b5",
    "vertical-tab-behind": b"Content-Length: 5\x0b",
    "nul-behind": b"Content-Length: 5\0",
    "space-before-the-colon": b"Content-Length : 5",
    "tab-before-the-colon": b"Content-Length\t: 5",
    "space-before-the-name": b" Content-Length: 5",
    "folded": b"Content-Length:\r\n 5",
    "folded-within": b"Content-Length: 1\r\n 5",
    "behind-a-bare-lf": b"X: y\nContent-Length: 5",
    "behind-a-bare-cr": b"X: y\rContent-Length: 5",
}

_CONTENT_LENGTH = [
    *(
        RequestCase(f"cl-{name}", _post(line + b"\r\n", b"hello" + NEXT), status=400)
        for name, line in _LENGTHS.items()
    ),
    RequestCase(
        "cl-space-around",
        _post(b"Content-Length: \t5 \t\r\n", b"hello" + NEXT),
        (_posted(LENGTH, b"hello"), NEXT_FORWARDED),
    ),
    RequestCase(
        "cl-leading-zeros",
        _post(b"Content-Length: 0005\r\n", b"hello" + NEXT),
        (_posted(b"Content-Length: 0005\r\n", b"hello"), NEXT_FORWARDED),
    ),
    RequestCase(
        "cl-0-and-a-body",
        _post(b"Content-Length: 0\r\n", NEXT + b"hello\r\n\r\n"),
        (_posted(b"Content-Length: 0\r\n"), NEXT_FORWARDED),
        status=400,
    ),
    RequestCase("no-cl-and-a-body", _post(b"", b"hello\r\n\r\n"), (_posted(b""),), status=400),
    RequestCase(
        "cl-underscore-is-another-field",
        _post(b"Content_Length: 5\r\n", b"hello\r\n\r\n"),
        (_posted(b"Content_Length: 5\r\n"),),
        status=400,
    ),
    RequestCase(
        "cl-hides-a-request-in-a-body",
        _post(b"Content-Length: %d\r\n" % len(HIDDEN), HIDDEN),
        (_posted(b"Content-Length: %d\r\n" % len(HIDDEN), HIDDEN),),
    ),
    *(
        RequestCase(
            f"{method.decode().lower()}-with-a-body",
            _post(LENGTH, b"hello" + NEXT, method=method),
            (_posted(LENGTH, b"hello", method=method), NEXT_FORWARDED),
        )
        for method in (b"GET", b"DELETE", b"OPTIONS", b"TRACE", b"BREW")
    ),
    RequestCase(
        "get-with-chunks",
        _post(CODED, CHUNKS + NEXT, method=b"GET"),
        (_posted(CODED, b"hello", method=b"GET"), NEXT_FORWARDED),
    ),
]

# Chunks: where their lines end, and where they do

_CHUNKS: dict[str, bytes] = {
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "space-before": b" 5\r\nhello\r\n0\r\n\r\n",
    "space-behind": b"5 \r\nhello\r\n0\r\n\r\n",
    "tab-behind": b"5\t\r\nhello\r\n0\r\n\r\n",
    "vertical-tab-behind": b"5\x0b\r\nhello\r\n0\r\n\r\n",
    "nul-behind": b"5\0\r\nhello\r\n0\r\n\r\n",
    "empty": b"\r\nhello\r\n0\r\n\r\n",
    "no-digit": b"g\r\nhello\r\n0\r\n\r\n",
    "suffix": b"5h\r\nhello\r\n0\r\n\r\n",
    "comma": b"5,5\r\nhello\r\n0\r\n\r\n",
    "quoted": b'"5"\r\nhello\r\n0\r\n\r\n',
    "over-64-bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "over-32-bits-many-times": b"100000005" * 3 + b"\r\nhello\r\n0\r\n\r\n",
    "63-bits": b"7fffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "lf": b"5\nhello\r\n0\r\n\r\n",
    "lf-behind-the-data": b"5\r\nhello\n0\r\n\r\n",
    "lf-everywhere": b"5\nhello\n0\n\n",
    "cr": b"5\rhello\r\n0\r\n\r\n",
    "cr-cr-lf": b"5\r\r\nhello\r\n0\r\n\r\n",
    "nothing-behind-the-data": b"5\r\nhello0\r\n\r\n",
    "two-octets-behind-the-data": b"5\r\nhelloXX0\r\n\r\n",
    "cr-behind-the-data": b"5\r\nhello\rX0\r\n\r\n",
    "two-line-ends-behind-the-data": b"5\r\nhello\r\n\r\n0\r\n\r\n",
    "too-short": b"4\r\nhello\r\n0\r\n\r\n",
    "too-long": b"6\r\nhello\r\n0\r\n\r\n",
    "lf-in-an-extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "cr-in-an-extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "lf-ends-an-extension": b"5;a\nhello\r\n0\r\n\r\n",
    "nul-in-an-extension": b"5;a\0\r\nhello\r\n0\r\n\r\n",
    "space-before-an-extension": b"5 ;a\r\nhello\r\n0\r\n\r\n",
    "endless-extension": b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n",
    "lf-for-the-empty-line": b"5\r\nhello\r\n0\r\n\n",
    "lf-behind-the-last-size": b"5\r\nhello\r\n0\n\r\n",
    "cr-for-the-empty-line": b"5\r\nhello\r\n0\r\n\rG",
    "no-empty-line": b"5\r\nhello\r\n0\r\n" + NEXT,
    "trailer-with-space-before-the-colon": b"0\r\nX : y\r\n\r\n",
    "trailer-without-a-colon": b"0\r\nX\r\n\r\n",
    "trailer-without-a-name": b"0\r\n: y\r\n\r\n",
    "folded-trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "fold-for-the-first-trailer": b"0\r\n X: y\r\n\r\n",
    "lf-behind-a-trailer": b"0\r\nX: y\n\r\n",
    "cr-in-a-trailer": b"0\r\nX: y\rz\r\n\r\n",
    "nul-in-a-trailer": b"0\r\nX: y\0z\r\n\r\n",
    "trailer-cl-and-te": b"0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "endless-trailers": b"0\r\n" + b"X: y\r\n" * 4000 + b"\r\n",
}

_CHUNKED = [
    *(
        RequestCase(f"chunk-{name}", _post(CODED, body + NEXT), status=400, breaks_in_body=True)
        for name, body in _CHUNKS.items()
    ),
    RequestCase(
        "chunk-extensions",
        _post(CODED, b'5;a;b=c;d="e\\"f"; g\r\nhello\r\n0;z\r\n\r\n' + NEXT),
        (CODED_FORWARDED, NEXT_FORWARDED),
    ),
    RequestCase(
        "chunk-hides-a-request",
        _post(CODED, b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n"),
        (_posted(CODED, HIDDEN),),
    ),
    RequestCase(
        "chunk-leading-zeros",
        _post(CODED, b"0005\r\nhello\r\n000\r\n\r\n" + NEXT),
        (CODED_FORWARDED, NEXT_FORWARDED),
    ),
    RequestCase(
        "trailers",
        _post(CODED, b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n" + NEXT),
        (_posted(CODED, b"hello", b"X-Sum: 1\r\nx-sum: 2\r\n"), NEXT_FORWARDED),
    ),
    *(
        RequestCase(
            f"trailer-{line.partition(b':')[0].decode().lower()}",
            _post(CODED, b"5\r\nhello\r\n0\r\n" + line + b"\r\nX-Sum: 1\r\n\r\n" + NEXT),
            (_posted(CODED, b"hello", b"X-Sum: 1\r\n"), NEXT_FORWARDED),
        )
        for line in (
            b"Content-Length: 5",
            b"Transfer-Encoding: chunked",
            b"Host: evil.test",
            b"Authorization: Bearer x",
            b"Proxy-Authorization: Basic eA==",
            b"Connection: close",
            b"Content-Type: text/plain",
            b"Cookie: a=b",
            b"TE: trailers",
            b"Upgrade: h2c",
            b"Expect: 100-continue",
            b"Trailer: X-Sum",
        )
    ),
]

# Lines of a head

_LINES: dict[str, bytes] = {
    "fold-on-the-first": b" X: y\r\n" + HOST,
    "fold": HOST + b"X: y\r\n z\r\n",
    "fold-of-nothing": HOST + b"X: y\r\n \r\n",
    "tab-fold": HOST + b"X: y\r\n\tz\r\n",
    "fold-of-host": b"Host: <origin>\r\n evil.test\r\n",
    "space-before-the-colon": HOST + b"X : y\r\n",
    "space-before-the-colon-of-host": b"Host : <origin>\r\n",
    "space-in-a-name": HOST + b"X Y: z\r\n",
    "no-name": HOST + b": y\r\n",
    "no-colon": HOST + b"X\r\n",
    "name-no-token": HOST + b"X(: y\r\n",
    "name-above-ascii": HOST + b"X\xe4: y\r\n",
    "nul-in-a-name": HOST + b"X\0: y\r\n",
    "nul-in-a-value": HOST + b"X: y\0z\r\n",
    "control-in-a-value": HOST + b"X: y\x08z\r\n",
    "delete-in-a-value": HOST + b"X: y\x7fz\r\n",
    "lf-in-a-value": HOST + b"X: y\nZ: z\r\n",
    "cr-in-a-value": HOST + b"X: y\rZ: z\r\n",
    "lf-ends-a-line": HOST + b"X: y\n",
    "cr-cr-lf-ends-a-line": HOST + b"X: y\r\r\n",
    "lf-for-the-empty-line": HOST + b"\nX: y\r\n",
    "cr-for-the-empty-line": HOST + b"\rX: y\r\n",
    "no-host": b"X: y\r\n",
    "two-hosts": HOST + b"Host: evil.test\r\n",
    "two-hosts-the-other-way": b"Host: evil.test\r\n" + HOST,
    "host-twice": HOST + HOST,
    "host-and-an-empty-one": HOST + b"Host:\r\n",
    "another-host": b"Host: evil.test\r\n",
    "another-port": b"Host: <origin>0\r\n",
    "empty-host": b"Host:\r\n",
    "user-in-host": b"Host: bot@<origin>\r\n",
    "host-with-a-path": b"Host: <origin>/\r\n",
    "host-with-a-scheme": b"Host: http://<origin>\r\n",
    "two-in-host": b"Host: <origin>, evil.test\r\n",
    "two-words-in-host": b"Host: <origin> evil.test\r\n",
    "fragment-in-host": b"Host: <origin>#@evil.test\r\n",
    "host-above-ascii": b"Host: \xe4.test\r\n",
    "connection-names-host": HOST + b"Connection: Host\r\n",
    "connection-names-cl": HOST + LENGTH + b"Connection: close, Content-Length\r\n",
    "connection-names-te": HOST + CODED + b"Connection: transfer-encoding\r\n",
    "connection-names-te-in-a-second-field": HOST
    + CODED
    + b"Connection: a\r\nConnection: Transfer-Encoding\r\n",
    "connection-names-ct": HOST + b"Connection: content-type\r\nContent-Type: a/b\r\n",
    "connection-names-ce": HOST + b"Connection: Content-Encoding\r\nContent-Encoding: gzip\r\n",
}

_HEADS = [
    *(
        RequestCase(
            f"head-{name}", b"GET http://<origin>/a HTTP/1.1\r\n" + lines + b"\r\n" + NEXT, status=400
        )
        for name, lines in _LINES.items()
    ),
    RequestCase("head-lf-everywhere", b"GET http://<origin>/a HTTP/1.1\nHost: <origin>\n\n", status=400),
    RequestCase("head-lf-then-crlf", b"GET http://<origin>/a HTTP/1.1\r\n" + HOST + b"\n\r\n", status=400),
    RequestCase("head-cr-everywhere", b"GET http://<origin>/a HTTP/1.1\rHost: <origin>\r\r", status=400),
    RequestCase("expect-of-another", _post(LENGTH + b"Expect: 100-continue, x\r\n", b"hello"), status=417),
    RequestCase(
        "expect-with-a-word-before", _post(LENGTH + b"Expect: y 100-continue\r\n", b"hello"), status=417
    ),
    RequestCase(
        "connection-names-others",
        _post(b"Connection: X-A, cookie, x-b\r\nX-A: 1\r\nCookie: 2\r\nx-B: 3\r\nX-C: 4\r\n", NEXT),
        (_posted(b"X-C: 4\r\n"), NEXT_FORWARDED),
    ),
    RequestCase(
        "hop-by-hop",
        _post(
            b"Proxy-Authorization: Basic eA==\r\nProxy-Connection: close\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AA\r\nX-C: 4\r\n",
            NEXT,
        ),
        (_posted(b"X-C: 4\r\n"), NEXT_FORWARDED),
    ),
    RequestCase(
        "h2c",
        _post(
            b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            NEXT,
        ),
        (_posted(b""), NEXT_FORWARDED),
    ),
    RequestCase(
        "h2c-without-its-settings",
        _post(b"Connection: Upgrade\r\nUpgrade: h2c\r\n", NEXT),
        (_posted(b""), NEXT_FORWARDED),
    ),
    RequestCase(
        "h2c-behind-websocket",
        _post(b"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", NEXT),
        (_posted(b""), NEXT_FORWARDED),
    ),
    RequestCase(
        "http-2-by-upgrade",
        _post(b"Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n", NEXT),
        (_posted(b""), NEXT_FORWARDED),
    ),
    RequestCase(
        "tls-by-upgrade",
        _post(b"Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", NEXT),
        (_posted(b""), NEXT_FORWARDED),
    ),
    RequestCase(
        "upgrade-that-the-origin-does-not-take",
        _post(b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + LENGTH, b"hello" + NEXT),
        (
            _posted(LENGTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"hello"),
            NEXT_FORWARDED,
        ),
    ),
]

# Request lines

_REQUEST_LINES: dict[str, tuple[bytes, int]] = {
    "http-0.9": (b"GET http://<origin>/", 400),
    "http-0.9-without-a-host": (b"GET /", 400),
    "two-spaces-before-the-target": (b"GET  http://<origin>/ HTTP/1.1", 400),
    "two-spaces-behind-the-target": (b"GET http://<origin>/  HTTP/1.1", 400),
    "space-behind-the-version": (b"GET http://<origin>/ HTTP/1.1 ", 400),
    "word-behind-the-version": (b"GET http://<origin>/ HTTP/1.1 x", 400),
    "space-before-the-method": (b" GET http://<origin>/ HTTP/1.1", 400),
    "tabs": (b"GET\thttp://<origin>/\tHTTP/1.1", 400),
    "space-in-the-target": (b"GET http://<origin>/a b HTTP/1.1", 400),
    "another-request-in-the-target": (b"GET http://<origin>/ HTTP/1.1 /x HTTP/1.1", 400),
    "folded": (b"GET http://<origin>/\r\n HTTP/1.1", 400),
    "lf-before-the-version": (b"GET http://<origin>/\nHTTP/1.1", 400),
    "lf-behind-the-version": (b"GET http://<origin>/ HTTP/1.1\n", 400),
    "cr-in-the-target": (b"GET http://<origin>/\rx HTTP/1.1", 400),
    "nul-in-the-target": (b"GET http://<origin>/\0 HTTP/1.1", 400),
    "control-in-the-target": (b"GET http://<origin>/\x1b HTTP/1.1", 400),
    "delete-in-the-target": (b"GET http://<origin>/\x7f HTTP/1.1", 400),
    "method-no-token": (b"G@T http://<origin>/ HTTP/1.1", 400),
    "method-with-a-colon": (b"GET: http://<origin>/ HTTP/1.1", 400),
    "nul-in-the-method": (b"GE\0T http://<origin>/ HTTP/1.1", 400),
    "long-method": (b"M" * 65 + b" http://<origin>/ HTTP/1.1", 400),
    "small-version": (b"GET http://<origin>/ http/1.1", 400),
    "version-with-a-suffix": (b"GET http://<origin>/ HTTP/1.1x", 400),
    "version-with-two-digits": (b"GET http://<origin>/ HTTP/1.10", 400),
    "version-with-a-zero": (b"GET http://<origin>/ HTTP/01.1", 400),
    "version-with-a-comma": (b"GET http://<origin>/ HTTP/1,1", 400),
    "version-0.9": (b"GET http://<origin>/ HTTP/0.9", 505),
    "version-1.2": (b"GET http://<origin>/ HTTP/1.2", 505),
    "version-2.0": (b"GET http://<origin>/ HTTP/2.0", 505),
    "version-2": (b"GET http://<origin>/ HTTP/2", 400),
    "preface": (b"PRI * HTTP/2.0", 505),
    "origin-form": (b"GET / HTTP/1.1", 400),
    "asterisk-form": (b"OPTIONS * HTTP/1.1", 400),
    "authority-form": (b"GET <origin> HTTP/1.1", 400),
    "network-path": (b"GET //<origin>/ HTTP/1.1", 400),
    "another-scheme": (b"GET ftp://<origin>/ HTTP/1.1", 400),
    "websocket-scheme": (b"GET ws://<origin>/ HTTP/1.1", 400),
    "no-slashes": (b"GET http:<origin>/ HTTP/1.1", 400),
    "backslashes": (b"GET http:\\\\<origin>/ HTTP/1.1", 400),
    "no-host": (b"GET http:///<origin>/ HTTP/1.1", 400),
    "user": (b"GET http://bot@<origin>/ HTTP/1.1", 400),
    "user-and-password": (b"GET http://bot:pw@<origin>/ HTTP/1.1", 400),
    "host-for-a-user": (b"GET http://evil.test@<origin>/ HTTP/1.1", 400),
    "backslash-before-an-at": (b"GET http://evil.test\\@<origin>/ HTTP/1.1", 400),
    "fragment": (b"GET http://<origin>/#a HTTP/1.1", 400),
    "fragment-behind-the-host": (b"GET http://<origin>#@evil.test/ HTTP/1.1", 400),
    "another-host": (b"GET http://evil.test/ HTTP/1.1", 400),
    "percent-in-the-host": (b"GET http://%3Corigin%3E/ HTTP/1.1", 400),
    "port-too-large": (b"GET http://<origin>99999/ HTTP/1.1", 400),
    "long": (b"GET http://<origin>/" + b"a" * 20_000 + b" HTTP/1.1", 414),
    "connect-without-a-port": (b"CONNECT evil.test HTTP/1.1", 400),
    "connect-with-a-path": (b"CONNECT <origin>/ HTTP/1.1", 400),
    "connect-with-a-user": (b"CONNECT bot@<origin> HTTP/1.1", 400),
    "connect-in-absolute-form": (b"CONNECT http://<origin>/ HTTP/1.1", 400),
    "connect-to-another-host": (b"CONNECT evil.test:443 HTTP/1.1", 400),
}

_REQUESTS = [
    *(
        RequestCase(f"line-{name}", line + b"\r\n" + HOST + b"\r\n" + NEXT, status=status)
        for name, (line, status) in _REQUEST_LINES.items()
    ),
    RequestCase(
        "connect-with-a-length", b"CONNECT <origin> HTTP/1.1\r\n" + HOST + LENGTH + b"\r\nhello", status=400
    ),
    RequestCase(
        "connect-with-chunks", b"CONNECT <origin> HTTP/1.1\r\n" + HOST + CODED + b"\r\n" + CHUNKS, status=400
    ),
    RequestCase(
        "connect-with-both",
        b"CONNECT <origin> HTTP/1.1\r\n" + HOST + LENGTH + CODED + b"\r\n" + CHUNKS,
        status=400,
    ),
    RequestCase(
        "connect-with-two-hosts",
        b"CONNECT <origin> HTTP/1.1\r\n" + HOST + b"Host: evil.test\r\n\r\n",
        status=400,
    ),
    RequestCase("empty-lines-first", b"\r\n\r\n" + NEXT + b"\r\n" + NEXT, (NEXT_FORWARDED, NEXT_FORWARDED)),
    RequestCase("lf-first", b"\n" + NEXT, status=400),
    RequestCase("cr-first", b"\r" + NEXT, status=400),
    RequestCase("lf-between", NEXT + b"\n" + NEXT, (NEXT_FORWARDED,), status=400),
    RequestCase("space-between", NEXT + b" " + NEXT, (NEXT_FORWARDED,), status=400),
    RequestCase("nul-between", NEXT + b"\0" + NEXT, (NEXT_FORWARDED,), status=400),
    RequestCase("pipeline", NEXT * 3, (NEXT_FORWARDED,) * 3),
    RequestCase("head-too-large", _post(b"X: " + b"y" * 70_000 + b"\r\n"), status=431),
    RequestCase("head-too-large-in-many-lines", _post(b"X: %b\r\n" % (b"y" * 400) * 180), status=431),
    RequestCase("too-many-fields", _post(b"X: y\r\n" * 201), status=431),
    RequestCase(
        "http-1.0",
        _post(LENGTH, b"hello", version=b"1.0"),
        (_posted(LENGTH, b"hello"),),
    ),
    RequestCase(
        "http-1.0-with-keep-alive",
        _post(b"Connection: Keep-Alive\r\n" + LENGTH, b"hello" + NEXT, version=b"1.0"),
        (_posted(LENGTH, b"hello"), NEXT_FORWARDED),
    ),
    RequestCase(
        "http-1.0-with-upgrade",
        _post(b"Connection: Keep-Alive, Upgrade\r\nUpgrade: websocket\r\n", NEXT, version=b"1.0"),
        (_posted(b""), NEXT_FORWARDED),
    ),
]

REQUEST_CASES: Final[tuple[RequestCase, ...]] = (
    *_TRANSFER_ENCODING,
    *_BOTH,
    *_CONTENT_LENGTH,
    *_CHUNKED,
    *_HEADS,
    *_REQUESTS,
)

# Answers

OK = b"HTTP/1.1 200 OK\r\n"

_INVALID: dict[str, bytes] = {
    "cl-te": OK + LENGTH + CODED + b"\r\n" + CHUNKS,
    "te-cl": OK + CODED + LENGTH + b"\r\n" + CHUNKS,
    "te-in-1.0": b"HTTP/1.0 200 OK\r\n" + CODED + b"\r\n" + CHUNKS,
    "two-heads-behind-an-empty-line": b"\r\n" + OK + LENGTH + b"\r\nhello",
    "request": NEXT,
    "http-0.9": b"<html>hello</html>\r\n\r\n",
    "http-2": b"HTTP/2 200\r\n" + LENGTH + b"\r\nhello",
    "version-1.2": b"HTTP/1.2 200 OK\r\n" + LENGTH + b"\r\nhello",
    "version-small": b"http/1.1 200 OK\r\n" + LENGTH + b"\r\nhello",
    "shoutcast": b"ICY 200 OK\r\n" + LENGTH + b"\r\nhello",
    "status-of-two-digits": b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\nhello",
    "status-of-four-digits": b"HTTP/1.1 2000 OK\r\n" + LENGTH + b"\r\nhello",
    "status-below-100": b"HTTP/1.1 099 OK\r\n" + LENGTH + b"\r\nhello",
    "status-negative": b"HTTP/1.1 -20 OK\r\n" + LENGTH + b"\r\nhello",
    "two-spaces-before-the-status": b"HTTP/1.1  200 OK\r\n" + LENGTH + b"\r\nhello",
    "tab-before-the-reason": b"HTTP/1.1 200\tOK\r\n" + LENGTH + b"\r\nhello",
    "nul-in-the-reason": b"HTTP/1.1 200 O\0K\r\n" + LENGTH + b"\r\nhello",
    "cr-in-the-reason": b"HTTP/1.1 200 O\rK\r\n" + LENGTH + b"\r\nhello",
    "lf-everywhere": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "lf-behind-a-field": OK + b"X: y\n" + LENGTH + b"\r\nhello",
    "lf-for-the-empty-line": OK + LENGTH + b"\nX: y\r\n\r\nhello",
    "cr-in-a-value": OK + b"X: y\rz\r\n" + LENGTH + b"\r\nhello",
    "nul-in-a-value": OK + b"X: y\0z\r\n" + LENGTH + b"\r\nhello",
    "fold": OK + b"X: y\r\n z\r\n" + LENGTH + b"\r\nhello",
    "fold-on-the-first": OK + b" X: y\r\n" + LENGTH + b"\r\nhello",
    "space-before-the-colon": OK + b"X : y\r\n" + LENGTH + b"\r\nhello",
    "no-colon": OK + b"X\r\n" + LENGTH + b"\r\nhello",
    "no-name": OK + b": y\r\n" + LENGTH + b"\r\nhello",
    "connection-names-cl": OK + LENGTH + b"Connection: content-length\r\n\r\nhello",
    "connection-names-te": OK + CODED + b"Connection: close, Transfer-Encoding\r\n\r\n" + CHUNKS,
    "connection-names-ct": OK + LENGTH + b"Content-Type: a/b\r\nConnection: content-type\r\n\r\nhello",
    "interim-then-invalid": b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + LENGTH + CODED + b"\r\n" + CHUNKS,
    "interim-malformed": b"HTTP/1.1 103 Early Hints\r\nX : y\r\n\r\n" + OK + LENGTH + b"\r\nhello",
    "switching-unasked": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello",
    "head-too-large": OK + b"X: " + b"y" * 70_000 + b"\r\n" + LENGTH + b"\r\nhello",
    "head-without-end": OK + b"X: y\r\n" * 20_000,
    "too-many-fields": OK + b"X: y\r\n" * 200 + LENGTH + b"\r\nhello",
    **{f"te-{name}": OK + line + b"\r\n\r\n" + CHUNKS for name, (line, _) in _DISGUISES.items()},
    **{f"cl-{name}": OK + line + b"\r\n\r\nhello" for name, line in _LENGTHS.items()},
}

_WITHOUT_A_BODY: dict[str, tuple[bytes, bytes]] = {
    "head-cl-te": (b"HEAD", OK + LENGTH + CODED + b"\r\n"),
    "head-te-gzip-then-chunked": (b"HEAD", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
    "head-te-in-1.0": (b"HEAD", b"HTTP/1.0 200 OK\r\n" + CODED + b"\r\n"),
    "head-cl-two": (b"HEAD", OK + LENGTH + b"Content-Length: 6\r\n\r\n"),
    "304-cl-te": (b"GET", b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + CODED + b"\r\n"),
    "204-cl-negative": (b"GET", b"HTTP/1.1 204 No Content\r\nContent-Length: -1\r\n\r\n"),
}

ANSWER_CASES: Final[tuple[AnswerCase, ...]] = (
    *(AnswerCase(f"answer-{name}", sent) for name, sent in _INVALID.items()),
    *(AnswerCase(f"answer-{name}", sent, method=method) for name, (method, sent) in _WITHOUT_A_BODY.items()),
    *(
        AnswerCase(f"answer-chunk-{name}", OK + CODED + b"\r\n" + b"1\r\na\r\n" + body, is_cut=True)
        for name, body in _CHUNKS.items()
    ),
    AnswerCase("answer-shorter-than-its-length", OK + LENGTH + b"\r\nhell", is_cut=True),
    AnswerCase("answer-without-its-last-chunk", OK + CODED + b"\r\n5\r\nhello\r\n", is_cut=True),
    AnswerCase("answer-without-its-empty-line", OK + CODED + b"\r\n5\r\nhello\r\n0\r\n", is_cut=True),
    AnswerCase("answer-length", OK + LENGTH + b"\r\nhello", OK + LENGTH + b"\r\nhello"),
    AnswerCase(
        "answer-length-with-space-around",
        OK + b"Content-Length:  5 \r\n\r\nhello",
        OK + b"Content-Length:  5 \r\n\r\nhello",
    ),
    AnswerCase("answer-chunked", OK + CODED + b"\r\n" + CHUNKS, OK + CODED + b"\r\n" + CHUNKS),
    AnswerCase(
        "answer-chunk-extensions",
        OK + CODED + b"\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n",
        OK + CODED + b"\r\n" + CHUNKS,
    ),
    AnswerCase(
        "answer-trailers-that-frame",
        OK + CODED + b"\r\n5\r\nhello\r\n0\r\nContent-Length: 9\r\nX-Sum: 1\r\n\r\n",
        OK + CODED + b"\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    ),
    AnswerCase("answer-until-close", OK + b"\r\nhello", OK + CODED + b"\r\n" + CHUNKS),
    AnswerCase("answer-until-close-in-1.0", b"HTTP/1.0 200 OK\r\n\r\nhello", OK + CODED + b"\r\n" + CHUNKS),
    AnswerCase(
        "answer-hides-another-behind-its-length",
        OK + LENGTH + b"\r\nhello" + OK + b"Content-Length: 4\r\n\r\nevil",
        OK + LENGTH + b"\r\nhello",
    ),
    AnswerCase(
        "answer-hides-another-behind-its-chunks",
        OK + CODED + b"\r\n" + CHUNKS + OK + b"Content-Length: 4\r\n\r\nevil",
        OK + CODED + b"\r\n" + CHUNKS,
    ),
    AnswerCase(
        "answer-to-head-with-a-body",
        OK + LENGTH + b"\r\nhello",
        OK + LENGTH + b"\r\n",
        method=b"HEAD",
    ),
    AnswerCase(
        "answer-204-with-a-body",
        b"HTTP/1.1 204 No Content\r\n\r\nhello",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ),
    AnswerCase(
        "answer-204-with-chunks",
        b"HTTP/1.1 204 No Content\r\n" + CODED + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ),
    AnswerCase(
        "answer-304-with-a-body",
        b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\n",
    ),
    AnswerCase(
        "answer-interim-first",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: y\r\n\r\n"
        + OK
        + LENGTH
        + b"\r\nhello",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + LENGTH + b"\r\nhello",
    ),
    AnswerCase(
        "answer-hop-by-hop",
        OK
        + b"Connection: close, X-A\r\nX-A: 1\r\nKeep-Alive: 5\r\nProxy-Authenticate: Basic\r\n"
        + LENGTH
        + b"\r\nhello",
        OK + LENGTH + b"\r\nhello",
    ),
)
