"""What `make fuzz` checks, over its seeds: the invariants hold without a fuzzer."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from fuzz import fuzz_answers, fuzz_requests
from fuzz.lane_ground import InvariantError, holds
from fuzz.torn_bytes import TornBytes, parse_torn_bytes, torn_bytes

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("fuzzed", [fuzz_requests, fuzz_answers], ids=["requests", "answers"])
@pytest.mark.parametrize("bytewise", [False, True], ids=["as-they-are", "bytewise"])
def test_no_seed_breaks_an_invariant(bytewise: bool, fuzzed: ModuleType) -> None:
    """Each as it is for the fuzzer, and some of them bytewise."""
    for seed in fuzzed.seeds()[:: 5 if bytewise else 1]:
        torn = parse_torn_bytes(seed)
        fuzzed.check(torn_bytes(torn.whole, torn.choice, bytewise=True) if bytewise else seed)


@pytest.mark.parametrize("choice", range(0x20), ids=lambda choice: f"{choice:#04x}")
def test_no_choice_breaks_an_invariant(choice: int) -> None:
    """Each method and version of the client, and each end of the origin's connection."""
    for sent in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"",
    ):
        fuzz_answers.check(torn_bytes(sent, choice, [len(sent) // 3, len(sent) // 2]))


@pytest.mark.parametrize(
    ("data", "torn"),
    [
        pytest.param(b"", TornBytes(0, b"", []), id="nothing"),
        pytest.param(b"\x01", TornBytes(1, b"", []), id="choice-alone"),
        pytest.param(b"\x01\x00abc", TornBytes(1, b"abc", [b"abc"]), id="whole"),
        pytest.param(b"\x00\x01\x00\x01abc", TornBytes(0, b"abc", [b"a", b"bc"]), id="in-two"),
        pytest.param(b"\x00\x02\x00\x02\x00\x01abc", TornBytes(0, b"abc", [b"a", b"b", b"c"]), id="in-three"),
        pytest.param(b"\x00\x01\x00\x05abc", TornBytes(0, b"abc", [b"a", b"bc"]), id="beyond-the-end"),
        pytest.param(b"\x00\x80abc", TornBytes(0, b"abc", [b"a", b"b", b"c"]), id="bytewise"),
        pytest.param(b"\x00\x02\x00", TornBytes(0, b"", []), id="cut-off"),
    ],
)
def test_any_bytes_stand_for_something(data: bytes, torn: TornBytes) -> None:
    """A fuzzer's input is never wasted."""
    assert parse_torn_bytes(data) == torn


def test_bytes_for_an_input_stand_for_it() -> None:
    """The way back."""
    assert parse_torn_bytes(torn_bytes(b"hello", 3, [1, 2])) == TornBytes(3, b"hello", [b"h", b"e", b"llo"])


def test_an_invariant_that_does_not_hold_is_told() -> None:
    """A fuzzer that finds nothing is worth as much as this."""
    holds(True, "it does")  # noqa: FBT003
    with pytest.raises(InvariantError, match="it does not"):
        holds([], "it does not")


def test_a_message_that_is_two_is_not_taken_for_one() -> None:
    """What is read again is read by others' eyes too."""
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
    fuzz_requests.read_again(request)

    for other in (request + b"x", request[:-1], request.replace(b"2", b"3")):
        with pytest.raises(InvariantError):
            fuzz_requests.read_again(other)


def test_the_fuzzer_is_pinned() -> None:
    """By hashes, in a file of its own."""
    lines = re.sub(r"^#.*\n", "", (ROOT / "fuzz/requirements.txt").read_text(), flags=re.MULTILINE)

    assert re.fullmatch(r"atheris==[\d.]+( \\\n +--hash=sha256:[0-9a-f]{64})+\n", lines)
