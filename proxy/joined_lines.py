"""Writes lines to a text stream in one piece for each turn of the event loop: under load, many at a time."""

from __future__ import annotations

import asyncio
from typing import TextIO


class JoinedLines:
    """Keeps the order of the lines; none stays here for longer than a turn."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        """Takes a line without its end."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(line)

    def flush(self) -> None:
        """Writes what is there; the last call is for whoever ends the loop."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        self._stream.write("\n".join(lines) + "\n")
        self._stream.flush()
