"""`grantproxy check`: is the configuration right?"""

from __future__ import annotations

from typing import Any

import typer

from profiles.errors import ConfigurationError, Problem
from proxy.commands.configuration_option import ConfigOption, JsonOption, compiled, load
from proxy.commands.outcome import ExitStatus
from proxy.display import show_json, show_line, show_notice


def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Validate the whole configuration: every problem at once, each with file, line and key."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    profiles = 0
    file = ""
    try:
        configuration = load(config)
        file, warnings = str(configuration.file), tuple(configuration.warnings)
        profiles = len(compiled(configuration).profiles)
    except ConfigurationError as error:
        problems = error.problems
    if as_json:
        show_json(
            {
                "ok": not problems,
                "profiles": profiles,
                "problems": [_as_json(problem) for problem in problems],
                "warnings": [_as_json(warning) for warning in warnings],
            }
        )
    else:
        for warning in warnings:
            show_notice(f"warning: {warning}", style="yellow")
        for problem in problems:
            show_notice(str(problem), style="red")
        if not problems:
            counts = f"{_counted(profiles, 'profile')}, {_counted(len(warnings), 'warning')}"
            show_line(f"{file} is right: {counts}")
    if problems:
        raise typer.Exit(ExitStatus.WRONG_USE)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "file": str(problem.file) if problem.file is not None else None,
        "line": problem.line,
        "key": problem.key or None,
        "variable": problem.variable,
        "message": problem.message,
    }
