"""How a command ends: the exit statuses, and the error that carries one to the command line."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """DESIGN section 7."""

    DONE = 0
    DOES_NOT_HOLD = 1
    WRONG_USE = 2
    COMMAND_NOT_EXECUTABLE = 126
    COMMAND_NOT_FOUND = 127
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends a command with a message on stderr. Never carries a credential, a token or a foreign text."""

    def __init__(self, message: str, status: ExitStatus = ExitStatus.WRONG_USE) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
