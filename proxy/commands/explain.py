"""`grantproxy explain`: which profile owns a request, and what becomes of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from proxy.commands.configuration_option import ConfigOption, JsonOption, compiled, load
from proxy.commands.outcome import CommandError, ExitStatus
from proxy.display import show_json, show_line


def explain(
    url: Annotated[str, typer.Argument(metavar="URL", show_default=False)],
    method: Annotated[str, typer.Option("--method", "-X", help="The request's method.")] = "GET",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which profile owns a request, why, and what would be injected where; values are masked.

    Nothing is sent and no token is touched. Exits with 1 where no profile owns the request.
    """
    from proxy import explanation

    try:
        head = explanation.parse_request(url, method)
    except ValueError as error:
        raise CommandError(f"the URL {error}") from None
    found = explanation.explain(compiled(load(config)), head)
    if as_json:
        show_json(asdict(found))
    else:
        for line in explanation.as_lines(found):
            show_line(line)
    if found.profile is None:
        raise typer.Exit(ExitStatus.DOES_NOT_HOLD)
