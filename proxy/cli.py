"""The command line: the commands under one name, and one place where whatever ends them becomes a status."""

from __future__ import annotations

import importlib.metadata
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from profiles.errors import ConfigurationError
from proxy.commands.authorize import authorize
from proxy.commands.check import check
from proxy.commands.demo import demo
from proxy.commands.env import env
from proxy.commands.explain import explain
from proxy.commands.import_ import import_
from proxy.commands.init import init
from proxy.commands.outcome import CommandError, ExitStatus
from proxy.commands.run import run
from proxy.commands.secret import secret
from proxy.commands.serve import serve
from proxy.commands.tokens import tokens
from proxy.commands.trial import trial
from proxy.commands.web import web
from proxy.display import show_error, show_line, show_notice

app = typer.Typer(
    name="grantproxy",
    no_args_is_help=True,
    add_completion=False,
    # Typer's own tracebacks show local variables, and those hold credentials.
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() and sys.stderr.isatty() else None,
)
for command in (demo, init, check, explain, serve, web, env, tokens, authorize):
    app.command()(command)
app.command("test")(trial)
app.command("import")(import_)
app.add_typer(secret, name="secret")
# What comes after the command's name is the command's own, with and without `--`.
app.command(context_settings={"allow_interspersed_args": False})(run)


def _show_version(wanted: bool) -> None:
    if wanted:
        show_line(f"grantproxy {version()}")
        raise typer.Exit


def version() -> str:
    """The version of the distribution, or `unknown` in a checkout that is not installed."""
    try:
        return importlib.metadata.version("grantproxy")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@app.callback()
def grantproxy(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an internal error comes from; may show secrets.")
    ] = False,
) -> None:
    """A forward proxy that adds OAuth 2.0 authorization to the requests that pass through it."""


def main(arguments: Sequence[str] | None = None, *, application: Callable[..., object] = app) -> int:
    """Runs one command and gives its exit status (DESIGN section 7); 130 when it was interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        application(given, prog_name="grantproxy")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else ExitStatus.DONE
    except CommandError as error:
        show_error(error.message)
        return error.status
    except ConfigurationError as error:
        for problem in error.problems:
            show_notice(str(problem), style="red")
        return ExitStatus.WRONG_USE
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except Exception as error:
        # Its text may hold anything, so it stays off the screen unless it is asked for.
        if given[:1] == ["--debug"]:
            traceback.print_exc()
        else:
            show_error(f"internal error ({type(error).__name__}); grantproxy --debug COMMAND shows where")
        return ExitStatus.DOES_NOT_HOLD
    return ExitStatus.DONE
