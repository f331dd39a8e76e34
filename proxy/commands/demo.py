"""`grantproxy demo`: the main job, narrated."""

from __future__ import annotations

from typing import Annotated

import typer

from proxy.commands.outcome import CommandError


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end.")] = False,
) -> None:
    """Show the main job with a real authorization server and a protected API, all on loopback."""
    try:
        from proxy.demo.story import run_demo
    except ModuleNotFoundError:
        raise CommandError("the demo is not part of this installation") from None
    raise typer.Exit(run_demo(keep=keep))
