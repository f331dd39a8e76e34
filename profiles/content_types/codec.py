"""What each content type has to offer: a way to write parameters, and a way to read an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from typing import Any, NamedTuple

Parameters = Mapping[str, Any]

MEMBER = re.compile(r"[\w@$][\w@$ .\[\]:/-]{0,127}")
"""What may be the name of a member where any line of text could be taken for one."""


@dataclass(frozen=True)
class Answered:
    """A body that came, with what its Content-Type field says of it. The repr shows the media type alone."""

    body: bytes = field(repr=False)
    header: Message = field(repr=False)
    media_type: str

    @classmethod
    def of(cls, body: bytes, content_type: str | None) -> Answered:
        """*content_type* is the field's value; a media type that is missing or none is empty."""
        header = Message()
        try:
            header["Content-Type"] = content_type or ""
            name = header.get_content_type() if content_type else ""
        except (ValueError, LookupError):
            header, name = Message(), ""
        return cls(body, header, name)

    @property
    def charset(self) -> str | None:
        """The charset parameter, if it is one that Python knows."""
        charset = self.header.get_param("charset")
        try:
            "".encode(str(charset))
        except (LookupError, ValueError):
            return None
        return str(charset) if charset else None

    @cached_property
    def text(self) -> str:
        """The body by its charset, else as UTF-8, else as Latin-1, which any bytes are."""
        try:
            return self.body.decode(self.charset or "utf-8-sig").removeprefix("\ufeff")
        except (LookupError, ValueError):
            return self.body.decode("latin-1")


class Codec(NamedTuple):
    """One content type. Both raise ValueError: `encode` for a key or value that cannot be written, naming
    the key alone, `decode` for a body that is written in another way."""

    encode: Callable[[Parameters], tuple[bytes, str]]
    decode: Callable[[Answered], Any]
