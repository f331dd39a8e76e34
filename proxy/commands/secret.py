"""`grantproxy secret hash`: a client's secret in a form that a configuration may hold."""

from __future__ import annotations

import getpass
import sys

import typer

from proxy.commands.outcome import CommandError
from proxy.display import show_line

secret = typer.Typer(help="Secrets of clients and of the console.", no_args_is_help=True)


@secret.callback()
def _commands() -> None:
    """Keeps `hash` a command of its own while there is no second one."""


@secret.command("hash")
def hash_() -> None:
    """Print the argon2 hash of a secret, to be stored in its place; the secret is typed or piped in.

    It is never an argument: those are seen by every user of the machine, and kept in the shell's history.
    """
    from profiles.secret_hashes import hash_secret, is_secret_hash

    entered = _typed() if sys.stdin.isatty() else _piped()
    if not entered:
        raise CommandError("the secret is empty")
    if is_secret_hash(entered):
        raise CommandError("that is a hash already")
    show_line(hash_secret(entered))


def _typed() -> str:
    entered = getpass.getpass("Secret: ")
    if entered and getpass.getpass("Once more: ") != entered:
        raise CommandError("the two are not the same")
    return entered


def _piped() -> str:
    """Standard input without the line break at its end, which `echo` and editors put there."""
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CommandError("the secret is no UTF-8 text") from None
