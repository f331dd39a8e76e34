"""Lines of one turn of the loop are written together, in order, and none is lost."""

import asyncio
import io

from proxy.joined_lines import JoinedLines


class Counted(io.StringIO):
    """A stream that counts its writes."""

    writes = 0

    def write(self, text: str, /) -> int:
        """Writes, and counts."""
        self.writes += 1
        return super().write(text)


async def test_lines_of_one_turn_are_one_write() -> None:
    """They come in the order in which they were taken, each with its end."""
    stream = Counted()
    lines = JoinedLines(stream)

    for line in ("first", "second", "third"):
        lines.write(line)
    before_turn = stream.getvalue()
    await asyncio.sleep(0)
    lines.write("fourth")
    await asyncio.sleep(0)

    assert before_turn == ""
    assert stream.getvalue() == "first\nsecond\nthird\nfourth\n"
    assert stream.writes == 2


async def test_flush_writes_what_a_stopped_loop_would_not() -> None:
    """The last lines of a process are there, and once."""
    stream = Counted()
    lines = JoinedLines(stream)

    lines.write("last")
    lines.flush()
    await asyncio.sleep(0)

    assert stream.getvalue() == "last\n"
    assert stream.writes == 1


async def test_write_that_fails_loses_its_own_lines_only() -> None:
    """Nothing is kept for a second try, which would grow without end."""

    class FullOnce(Counted):
        def write(self, text: str, /) -> int:
            if self.writes == 0:
                self.writes += 1
                raise BlockingIOError
            return super().write(text)

    stream = FullOnce()
    lines = JoinedLines(stream)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)

    lines.write("lost")
    await asyncio.sleep(0)
    lines.write("kept")
    await asyncio.sleep(0)

    assert stream.getvalue() == "kept\n"
