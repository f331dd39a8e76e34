"""Reads the head of an HTTP/1.1 message: request line or status line, and header section. Pure.

llhttp, by httptools, reads the header section and refuses what RFC 9112 section 5 forbids in it: obs-fold,
space before the colon, bare CR or LF, NUL, bad names, Content-Length beside Transfer-Encoding or twice. It is
handed a request line of our own: it knows only the methods of its list, and a start line is quickly read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import httptools

from profiles.errors import OriginAnswerInvalid, RequestMalformed

Field = tuple[bytes, bytes]
Fields = list[Field]

HEAD_END: Final = b"\r\n\r\n"

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110 section 5.6.2."""

_LONGEST_METHOD = 64
_USUAL_METHODS = frozenset({b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"PATCH", b"OPTIONS", b"CONNECT"})
_NOT_IN_A_TARGET = bytes(range(33)) + b"\x7f"
_NOT_IN_A_REASON = bytes(octet for octet in range(32) if octet != 9) + b"\x7f"

_OF_INTEREST = frozenset(
    {
        b"host", b"content-length", b"transfer-encoding", b"connection", b"proxy-connection", b"keep-alive",
        b"te", b"upgrade", b"expect", b"proxy-authorization", b"http2-settings", b"proxy-authenticate",
        b"proxy-authentication-info", b"authorization", b"www-authenticate",
    }
)  # fmt: skip
"""Fields that frame or route a message, or end here; the rest passes through."""


class _Section:
    """What llhttp finds in a header section: all fields, and again those of interest in lower case."""

    __slots__ = ("fields", "of_interest")

    def __init__(self) -> None:
        self.fields: Fields = []
        self.of_interest: Fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        value = value.rstrip(b" \t")  # llhttp leaves on what is no part of it (RFC 9112 section 5)
        self.fields.append((name, value))
        name = name.lower()
        if name in _OF_INTEREST:
            self.of_interest.append((name, value))


@dataclass(slots=True, repr=False)
class RequestStart:
    """A request's head, of which the repr shows nothing.

    `target` is as it was sent; `minor` is the second number of its HTTP/1 version.
    """

    method: bytes
    target: bytes
    minor: int
    fields: Fields
    of_interest: Fields


@dataclass(slots=True, repr=False)
class AnswerStart:
    """An answer's head, also in whole as `raw`; its repr shows nothing of it. `reason` may be empty."""

    status: int
    reason: bytes
    minor: int
    fields: Fields
    of_interest: Fields
    raw: bytes


def read_request(head: bytes, longest_line: int, most_fields: int) -> RequestStart:
    """Reads *head*, which ends with the empty line. Raises RequestMalformed, without a word of the head."""
    start, section = read_request_line(head, longest_line)
    read_request_fields(start, section, most_fields)
    return start


def read_request_line(head: bytes, longest_line: int) -> tuple[RequestStart, bytes]:
    """Reads the request line alone, and gives what follows it. Raises RequestMalformed."""
    end = head.find(b"\r\n")
    line = head[:end]
    if end > longest_line:
        raise RequestMalformed("the request line is too long", status=414)
    try:
        method, target, version = line.split(b" ")
    except ValueError:
        raise RequestMalformed("the request line is not method, target and version") from None
    if version == b"HTTP/1.1":
        minor = 1
    elif version == b"HTTP/1.0":
        minor = 0
    else:
        raise _other_version(version)
    if method not in _USUAL_METHODS and (len(method) > _LONGEST_METHOD or TOKEN.fullmatch(method) is None):
        raise RequestMalformed("the method is no token")
    if not target or len(target.translate(None, _NOT_IN_A_TARGET)) != len(target):
        raise RequestMalformed("the target is empty or holds control characters")
    return RequestStart(method, target, minor, [], []), head[end + 2 :]


def read_request_fields(start: RequestStart, section: bytes, most_fields: int) -> None:
    """Reads the header section of *start*. Raises RequestMalformed."""
    read = _read_section(section)
    if read is None:
        raise RequestMalformed("the header section is not well-formed")
    if len(read.fields) > most_fields:
        raise RequestMalformed("the header section has too many fields", status=431)
    start.fields, start.of_interest = read.fields, read.of_interest


def read_answer(head: bytes, most_fields: int) -> AnswerStart:
    """Reads *head*, which ends with the empty line. Raises OriginAnswerInvalid."""
    end = head.find(b"\r\n")
    status, reason, minor = _read_status_line(head[:end])
    section = _read_section(head[end + 2 :])
    if section is None:
        raise OriginAnswerInvalid("its header section is not well-formed")
    if len(section.fields) > most_fields:
        raise OriginAnswerInvalid("its header section has too many fields")
    return AnswerStart(status, reason, minor, section.fields, section.of_interest, head)


@lru_cache(maxsize=256)
def _read_status_line(line: bytes) -> tuple[int, bytes, int]:
    """Status, reason and the second number of the version; there are few such lines."""
    version, digits, reason = line[:9], line[9:12], line[13:]
    if (
        version not in (b"HTTP/1.1 ", b"HTTP/1.0 ")
        or not digits.isdigit()
        or line[12:13] not in (b" ", b"")
        or not 100 <= int(digits) <= 999
        or len(reason.translate(None, _NOT_IN_A_REASON)) != len(reason)
    ):
        raise OriginAnswerInvalid("its status line is not well-formed")
    return int(digits), reason, 1 if version == b"HTTP/1.1 " else 0


def read_trailers(section: bytes) -> Fields | None:
    """The fields of a trailer section with its empty line; None where it is not well-formed."""
    read = _read_section(section)
    return None if read is None else read.fields


def _read_section(section: bytes) -> _Section | None:
    """Reads fields up to and with the empty line."""
    found = _Section()
    parser = httptools.HttpRequestParser(found)
    try:
        parser.feed_data(b"GET / HTTP/1.1\r\n")
        parser.feed_data(section)
    except httptools.HttpParserUpgrade:
        # It takes what follows an Upgrade for another protocol's, which is for us to say.
        pass
    except httptools.HttpParserError:
        return None
    return found


def _other_version(version: bytes) -> RequestMalformed:
    if re.fullmatch(rb"HTTP/[0-9]\.[0-9]", version):
        return RequestMalformed("only HTTP/1.0 and HTTP/1.1 are spoken here", status=505)
    return RequestMalformed("the request line names no version of HTTP")


def may_still_be_a_head(received: bytes | bytearray) -> bool:
    """Whether what came without an empty line so far can be the beginning of a head: every LF has its CR, and
    every CR but the last octet its LF."""
    lines = received.count(b"\r\n")
    return received.count(b"\n") == lines and received.count(b"\r", 0, max(len(received) - 1, 0)) == lines
