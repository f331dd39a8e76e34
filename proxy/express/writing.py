"""The heads and the framing that are sent: field lines as they were read, and what belongs to this hop."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from profiles.answers import Answer, answer_of
from profiles.errors import Refusal
from proxy.express.framing import CHUNKED, UNTIL_CLOSE, AnswerFraming
from proxy.express.heads import AnswerStart

LAST_CHUNK = b"0\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_KEEP_ALIVE_LINE = b"\r\nConnection: keep-alive\r\n"


def request_head(
    method: bytes, target: str, fields: Iterable[tuple[bytes, bytes]], hop: bytes = b""
) -> bytes:
    """*hop* are whole lines of ours, which come last."""
    lines = [b"%b: %b\r\n" % item for item in fields]
    return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (method, target.encode("latin-1"), b"".join(lines), hop)


def answer_head(start: AnswerStart, framing: AnswerFraming, *, chunks: bool, says: bytes = b"") -> bytes:
    """The head that the client gets. *chunks*: the body goes out chunked; *says* are whole lines of ours."""
    coded = framing.length == CHUNKED
    if chunks == coded and start.minor == 1:
        # As it came, which is the usual case, and byte for byte.
        if not framing.ends_here:
            return start.raw if not says else b"%b%b\r\n" % (start.raw[:-2], says)
        if framing.ends_here == 1 and not says:
            raw = start.raw.replace(_KEEP_ALIVE_LINE, b"\r\n", 1)
            if len(raw) != len(start.raw):
                return raw
    fields = framing.passed(start)
    if framing.length in (CHUNKED, UNTIL_CLOSE):
        fields = tuple([item for item in fields if item[0].lower() != b"transfer-encoding"])
        if chunks:
            says += b"Transfer-Encoding: chunked\r\n"
    lines = b"".join([b"%b: %b\r\n" % item for item in fields])
    reason = b" " + start.reason
    return b"HTTP/1.1 %d%b\r\n%b%b\r\n" % (start.status, reason, lines, says)


def interim_head(start: AnswerStart, framing_passed: Iterable[tuple[bytes, bytes]]) -> bytes:
    """An answer that is not final (RFC 9110 section 15.2)."""
    lines = b"".join([b"%b: %b\r\n" % item for item in framing_passed])
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (start.status, start.reason, lines)


def own_answer(answer: Answer, *, closes: bool, has_body: bool = True, minor: int = 1) -> bytes:
    """An answer of ours, whole; without its content for HEAD. *minor* is of the client's version."""
    lines = b"".join([b"%b: %b\r\n" % item for item in answer.headers])
    close = b"Connection: close\r\n" if closes else b"" if minor else b"Connection: keep-alive\r\n"
    content = answer.content if has_body else b""
    return b"HTTP/1.1 %d %b\r\n%b%b\r\n%b" % (answer.status, _reason_of(answer.status), lines, close, content)


def refusal_and_close(refusal: Refusal) -> bytes:
    """The answer to a request that was not understood, after which the connection ends."""
    return own_answer(answer_of(refusal), closes=True)


def chunk(content: bytes) -> bytes:
    """Section 7.1 of RFC 9112; *content* is not empty, for that would be the last one."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def last_chunk(trailers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The end of a chunked body, with its trailer section."""
    section = b"".join([b"%b: %b\r\n" % item for item in trailers])
    return b"0\r\n%b\r\n" % section if section else LAST_CHUNK


def _reason_of(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        return b""
