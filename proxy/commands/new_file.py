"""Writes what a command has made, and replaces nothing unasked."""

from __future__ import annotations

from pathlib import Path

from proxy.commands.outcome import CommandError


def write_new_file(path: Path, text: str, *, force: bool) -> None:
    """Writes *text* to *path*. Wrong use where a file is there already and *force* is not given."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"{path} is there already: choose another with --output, or --force") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
