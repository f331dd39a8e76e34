"""`grantproxy check`: is the configuration right?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from profiles.errors import ConfigurationError, Problem
from proxy.commands.configuration_option import ConfigOption, JsonOption, compiled, load
from proxy.commands.outcome import ExitStatus
from proxy.display import show_json, show_line, show_notice

if TYPE_CHECKING:
    from proxy.composition import Composition
    from proxy.connector_checks import Checked


def check(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    online: Annotated[
        bool, typer.Option("--online", help="Ask each connector for a way to the token endpoint as well.")
    ] = False,
) -> None:
    """Validate the whole configuration: every problem at once, each with file, line and key.

    Exits with 2 where it is wrong; with --online, with 1 where a connector is not available.
    """
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    profiles = 0
    file = ""
    checked: Sequence[Checked] = ()
    try:
        configuration = load(config)
        file, warnings = str(configuration.file), tuple(configuration.warnings)
        composition = compiled(configuration)
        profiles = len(composition.profiles)
        checked = _ask_connectors(composition) if online else ()
    except ConfigurationError as error:
        problems = error.problems
    unavailable = [item for item in checked if item.failure is not None]
    if as_json:
        report = {
            "ok": not problems and not unavailable,
            "profiles": profiles,
            "problems": [_as_json(problem) for problem in problems],
            "warnings": [_as_json(warning) for warning in warnings],
        }
        show_json(
            {**report, "connectors": [_connector_as_json(item) for item in checked]} if online else report
        )
    else:
        for warning in warnings:
            show_notice(f"warning: {warning}", style="yellow")
        for problem in problems:
            show_notice(str(problem), style="red")
        if not problems:
            counts = f"{_counted(profiles, 'profile')}, {_counted(len(warnings), 'warning')}"
            show_line(f"{file} is right: {counts}")
        for item in checked:
            _show_connector(item)
    if problems:
        raise typer.Exit(ExitStatus.WRONG_USE)
    if unavailable:
        raise typer.Exit(ExitStatus.DOES_NOT_HOLD)


def _ask_connectors(composition: Composition) -> list[Checked]:
    from proxy.connector_checks import check_connectors

    return asyncio.run(check_connectors(composition))


def _show_connector(item: Checked) -> None:
    if item.failure is None:
        show_line(f"profile {item.profile}: connector {item.connector} is available")
    else:
        text = f"profile {item.profile}: connector {item.connector} is unavailable: it {item.failure.reason}"
        show_notice(text, style="red")


def _connector_as_json(item: Checked) -> dict[str, Any]:
    return {
        "profile": item.profile,
        "address": str(item.connector),
        "available": item.failure is None,
        "reason": item.failure.reason if item.failure is not None else "",
    }


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
