"""Answers that are broken anywhere: a value or a ValueError comes out, and no token in an error."""

from __future__ import annotations

import random
import traceback

import pytest

from profiles.content_types import decode, encode
from profiles.errors import Refusal
from profiles.model import ContentType, ResponseSettings
from profiles.token_response import TokenAnswer, compile_response_plan, parse_token_response

TOKEN = "sentinel9f3token"
VALUES = {"access_token": TOKEN, "expires_in": 3599, "refresh_token": f"{TOKEN}.r", "scope": "read é"}
SPICE = [
    b"\x00",
    b"\xff",
    b"\r\n",
    b"\n\n",
    b"--grantproxy-0",
    b"--",
    b"<",
    b"</a>",
    b"<![CDATA[",
    b"<!DOCTYPE a [",
    b"&a;",
    b"&#0;",
    b'"',
    b"{",
    b"[",
    b"=",
    b"%",
    b"%zz",
    b"+",
    b"\\u",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"9" * 50,
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n',
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"; charset*0=",
    b"<?xml version='1.0' encoding='utf-7'?>",
]
MEDIA_TYPES = [
    None,
    "text/plain",
    "text/html; charset=utf-7",
    "application/json; charset=utf-32",
    "text/xml; charset=idna",
    "application/x-www-form-urlencoded",
    "multipart/mixed",
    'multipart/related; boundary=grantproxy-0; start="<x>"',
    "multipart/form-data; boundary*0=grant; boundary*1=proxy-0",
    "text/csv; charset*=x'y'z",
    "; ;=;",
    "a/b;" * 400,
    "application/json; charset=hex",
    "application/vnd.oracle.adf.x",
]
PLAN = compile_response_plan(ResponseSettings(), "seconds")


def mutated(body: bytes, chance: random.Random) -> bytes:
    """One to six changes: something cut, doubled, moved, put in or turned over."""
    content = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(content))
        end = min(len(content), start + chance.choice((1, 2, 8, 40)))
        match chance.randint(0, 4):
            case 0:
                del content[start:end]
            case 1:
                content[start:start] = content[start:end] * chance.randint(1, 3)
            case 2:
                content[start:start] = chance.choice(SPICE)
            case 3:
                content[start:end] = bytes(byte ^ (1 << chance.randint(0, 7)) for byte in content[start:end])
            case _:
                piece = content[start:end]
                del content[start:end]
                at = chance.randint(0, len(content))
                content[at:at] = piece
    return bytes(content)


def texts_of(error: BaseException) -> str:
    """All that a log could show of an error, and of what it was raised from."""
    return "".join(traceback.format_exception(error)) + repr(error.args)


@pytest.mark.parametrize("content_type", ContentType)
def test_broken_answer_is_a_value_or_a_value_error(content_type: ContentType) -> None:
    """Never anything else comes out of the decoder."""
    chance = random.Random(content_type)
    body, media_type = encode(VALUES, content_type)
    errors = []
    for _ in range(400):
        broken = mutated(body, chance)
        labels = [media_type, chance.choice(MEDIA_TYPES)]
        for label in labels:
            try:
                decode(broken, label, chance.choice([*ContentType]))
            except ValueError as error:
                errors.append(error)

    assert not [error for error in errors if TOKEN in texts_of(error) or error.__context__]


@pytest.mark.parametrize("content_type", ContentType)
def test_broken_answer_ends_in_a_token_or_a_refusal(content_type: ContentType) -> None:
    """The reader of the token response takes whatever the decoder gives, and quotes none of it."""
    chance = random.Random(f"answer {content_type}")
    body, media_type = encode(VALUES, content_type)
    shown = []
    for _ in range(200):
        answer = TokenAnswer(200, (("Content-Type", media_type),), mutated(body, chance))
        try:
            shown.append(repr(parse_token_response(PLAN, answer, content_type, now=0)))
        except Refusal as refusal:
            shown.append(texts_of(refusal))

    assert len(shown) == 200
    assert not [text for text in shown if TOKEN in text]


def test_pieces_of_a_hostile_size_are_read() -> None:
    """64 KiB of what each parser likes least: `pytest --timeout` is the judge of quadratic time."""
    size = 64 * 1024
    pieces = [
        b" ",
        b"=",
        b"&",
        b"a=&",
        b";",
        b'"',
        b'","',
        b"a,",
        b"[",
        b'{"a":',
        b"<a>",
        b"<a b='",
        b"<!--",
        b"&#65;",
        b"--b\r\n",
        b"\r\n--",
        b"\r\n",
        b"\r",
        b": ",
        b"a: b\n",
        b'a="\n',
        b"a=\t",
        b"%",
        b"\xff",
        b"\x00a",
        b"Ab9/",
        b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
        b"<?xml encoding=",
        b"a_",
        b"a ",
        b"content-type:",
        b"--b\r\nContent-Disposition: form-data; " + b";" * 900,
        b"--b\r\nX: y\r\n\r\n",
        b"--b\r\n y: z\r\n",
    ]
    labels = [
        None,
        "multipart/form-data; boundary=b",
        "multipart/related; boundary=b",
        "text/csv",
        "text/xml",
    ]
    for piece in pieces:
        for label in labels:
            for content_type in (ContentType.TEXT, ContentType.CSV):
                body = (piece * (size // len(piece) + 1))[:size]
                try:
                    decode(body, label, content_type)
                except ValueError:
                    continue
    labels_of_hostile_size = ["a/b" + ";" * size, 'a/b; x="' + ";" * size, "a/b; charset=" + "u" * size]
    for label in labels_of_hostile_size:
        assert decode(b'{"k": 1}', label, ContentType.JSON) == {"k": 1}
