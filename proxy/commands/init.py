"""`grantproxy init`: a configuration to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from proxy.commands.outcome import CommandError
from proxy.display import show_line
from proxy.starter_configuration import STARTER_CONFIGURATION

DEFAULT_OUTPUT = Path("grantproxy.yaml")


def init(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")] = DEFAULT_OUTPUT,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The same as --output.")] = None,
) -> None:
    """Write a commented grantproxy.yaml to begin with."""
    path = config or output
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(STARTER_CONFIGURATION)
    except FileExistsError:
        raise CommandError(f"{path} is there already: choose another with --output, or --force") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
    show_line(f"{path} is written. Next: fill in the profile, set ORDERS_PASSWORD, run `grantproxy check`.")
