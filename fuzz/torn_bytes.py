"""What a fuzzer's bytes stand for: a choice, places at which to tear, and what is torn there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MOST_PLACES = 8


class TornBytes(NamedTuple):
    """*choice* is for each fuzzer to read; `whole` came in `pieces`."""

    choice: int
    whole: bytes
    pieces: list[bytes]


def parse_torn_bytes(data: bytes) -> TornBytes:
    """One octet for the choice, one for the number of places, two for each place, and the rest.

    Where the number's highest bit is set, the rest comes bytewise.
    """
    choice, number = (data[:2] + b"\0\0")[:2]
    if number & 0x80:
        whole = data[2:]
        return TornBytes(choice, whole, [whole[index : index + 1] for index in range(len(whole))])
    count = number % (MOST_PLACES + 1)
    places, whole = data[2 : 2 + 2 * count], data[2 + 2 * count :]
    torn = sorted(
        int.from_bytes(places[index : index + 2]) % (len(whole) + 1) for index in range(0, len(places), 2)
    )
    pieces = [whole[begin:end] for begin, end in zip([0, *torn], [*torn, len(whole)], strict=True)]
    return TornBytes(choice, whole, [piece for piece in pieces if piece])


def torn_bytes(whole: bytes, choice: int = 0, places: Sequence[int] = (), *, bytewise: bool = False) -> bytes:
    """The bytes that stand for it."""
    torn = b"".join(place.to_bytes(2) for place in places)
    return bytes([choice, 0x80 if bytewise else len(places)]) + torn + whole
