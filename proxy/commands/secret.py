"""`grantproxy secret`: a secret in a form that a configuration may hold, as a hash or encrypted."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

import typer

from proxy.commands.configuration_option import ConfigOption
from proxy.commands.outcome import CommandError
from proxy.display import show_line

secret = typer.Typer(help="Secrets, made fit to stand in a configuration.", no_args_is_help=True)


@secret.command("hash")
def hash_() -> None:
    """Print the argon2 hash of a secret, to be stored in its place; the secret is typed or piped in.

    It is never an argument: those are seen by every user of the machine, and kept in the shell's history.
    """
    from profiles.secret_hashes import hash_secret, is_secret_hash

    entered = _entered()
    if is_secret_hash(entered):
        raise CommandError("that is a hash already")
    show_line(hash_secret(entered))


@secret.command()
def encrypt(config: ConfigOption = None) -> None:
    """Print a secret as ${encrypted:...}, to be written in its place; the secret is typed or piped in.

    Unlike a hash it can be read again, with the key: GRANTPROXY_SECRET_KEY, or a file in state_dir that is
    made on first use. It is for what the proxy has to send: passwords, client secrets, API keys.
    """
    from proxy.configuration_files import locate_secret_key
    from proxy.references import is_encrypted
    from proxy.sealed_secrets import SealedSecrets
    from proxy.secret_key import SecretKeyUnavailable

    source = locate_secret_key(config, environ=os.environ, cwd=Path.cwd())
    entered = _entered()
    if is_encrypted(entered):
        raise CommandError("that is encrypted already")
    try:
        show_line(SealedSecrets(source).seal(entered))
    except SecretKeyUnavailable as error:
        raise CommandError(str(error)) from None


def _entered() -> str:
    entered = _typed() if sys.stdin.isatty() else _piped()
    if not entered:
        raise CommandError("the secret is empty")
    return entered


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
