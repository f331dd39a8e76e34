"""`grantproxy import`: a profile out of a Postman collection, an OpenAPI document or a curl command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.commands.configuration_option import JsonOption
from proxy.commands.new_file import write_new_file
from proxy.commands.outcome import CommandError, ExitStatus
from proxy.configuration_search import PROFILES_FOLDER
from proxy.display import show_json, show_line, show_notice

if TYPE_CHECKING:
    from proxy.importers.draft import Draft

LARGEST_SOURCE = 32 * 1024 * 1024
"""Bytes; the largest published OpenAPI documents have a third of it."""


def import_(
    source: Annotated[
        list[str],
        typer.Argument(metavar="[postman|openapi|curl] FILE|-|-- CURL...", show_default=False),
    ],
    *,
    name: Annotated[str | None, typer.Option(help="The profile's name. Default: from the source.")] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="A host that the tokens are for, in the place of the source's."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it. Default: standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a profile from a Postman collection, an OpenAPI document or a curl command.

    No secret is written: references to environment variables stand in their place, and which to set,
    what is missing and what could not be carried over is told on standard error. Exits with 1 where
    the source holds no password grant.
    """
    from profiles.model import PROFILE_NAME
    from proxy.imported_configuration import imported_configuration, profile_of
    from proxy.importers.draft import NothingToImport, UnreadableSource

    if name is not None and not PROFILE_NAME.fullmatch(name):
        raise CommandError("--name is no name for a profile: letters, digits and . _ - between them")
    try:
        drafts = _drafts(source, name)
    except UnreadableSource as error:
        raise CommandError(str(error)) from None
    except NothingToImport as error:
        raise CommandError(f"nothing to import: {error}", ExitStatus.DOES_NOT_HOLD) from None
    for draft in drafts if host else ():
        draft.settings["match"] = [{"host": each} for each in host or ()]
        draft.missing = [text for text in draft.missing if not text.startswith("match:")]
    in_folder = output is not None and output.absolute().parent.name == PROFILES_FOLDER
    if in_folder and len(drafts) > 1:
        raise CommandError(f"a file of {PROFILES_FOLDER} holds one profile, and these are {len(drafts)}")
    text = imported_configuration(drafts, in_folder=in_folder)
    if output is not None:
        write_new_file(output, text, force=force)
    if as_json:
        profiles = {draft.name: profile_of(draft) for draft in drafts}
        show_json({"file": str(output) if output else None, "profiles": profiles, **_told(drafts)})
        return
    if output is None:
        sys.stdout.write(text)
    else:
        show_line(f"{output} is written. Next: run `grantproxy check`.")
    _show_told(drafts)


def _drafts(source: Sequence[str], name: str | None) -> list[Draft]:
    from proxy.importers.sources import Kind, import_text, import_words
    from proxy.near_misses import did_you_mean

    kinds = [kind.value for kind in Kind]
    words = list(source)
    kind = None
    if words[0] in kinds:
        kind = Kind(words[0])
        # `import -- curl -u ...`: the word is the kind and the command at once.
        words = words[1:]
    if not words:
        raise CommandError(f"what {kind} is to be read from is missing: a file, or - for standard input")
    if kind is Kind.CURL and (len(words) > 1 or "://" in words[0]):
        return import_words(words, name=name)
    if len(words) > 1:
        hint = did_you_mean(words[0], kinds) or f": there are {', '.join(kinds)}"
        raise CommandError(f"{words[0]} is no kind of source{hint}")
    return import_text(_read(words[0]), kind, name=name)


def _read(file: str) -> str:
    """The source's text. Wrong use where there is none."""
    try:
        if file == "-":
            content = sys.stdin.buffer.read(LARGEST_SOURCE + 1)
        else:
            with Path(file).expanduser().open("rb") as opened:
                content = opened.read(LARGEST_SOURCE + 1)
        if len(content) > LARGEST_SOURCE:
            raise CommandError(f"{file} is larger than {LARGEST_SOURCE // 1024**2} MiB")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise CommandError(f"{file}: there is no such file") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8 text") from None


def _told(drafts: Sequence[Draft]) -> dict[str, Any]:
    return {
        "variables": {name: setting for draft in drafts for name, setting in draft.variables.items()},
        "missing": [text for draft in drafts for text in draft.missing],
        "not_carried_over": [text for draft in drafts for text in draft.not_carried_over],
    }


def _show_told(drafts: Sequence[Draft]) -> None:
    told = _told(drafts)
    for name, setting in told["variables"].items():
        show_notice(f"set {name}: {setting}")
    for text in told["missing"]:
        show_notice(f"missing: {text}", style="yellow")
    for text in told["not_carried_over"]:
        show_notice(f"not carried over: {text}", style="yellow")
