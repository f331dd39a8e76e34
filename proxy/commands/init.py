"""`grantproxy init`: a configuration to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.commands.configuration_option import JsonOption
from proxy.commands.new_file import write_new_file
from proxy.commands.outcome import CommandError
from proxy.configuration_search import PROFILES_FOLDER
from proxy.display import show_json, show_line, show_table
from proxy.starter_configuration import STARTER_CONFIGURATION

if TYPE_CHECKING:
    from proxy.presets.catalogue import Preset

DEFAULT_OUTPUT = Path("grantproxy.yaml")


def init(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")] = DEFAULT_OUTPUT,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The same as --output.")] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", metavar="NAME", help="Write a profile of this provider, blanks commented."),
    ] = None,
    list_presets: Annotated[
        bool, typer.Option("--list-presets", help="Say which presets there are, and write nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a commented grantproxy.yaml to begin with, or a profile from a provider's preset.

    In a folder profiles.d the preset's profile is written as one of the files there.
    """
    if list_presets:
        _show_presets(as_json=as_json)
        return
    path = config or output
    chosen = _preset_named(preset) if preset is not None else None
    if preset is None or chosen is None:
        text = STARTER_CONFIGURATION
    else:
        from proxy.preset_configuration import preset_configuration

        in_folder = path.absolute().parent.name == PROFILES_FOLDER
        text = preset_configuration(preset, chosen, in_folder=in_folder)
    write_new_file(path, text, force=force)
    if as_json:
        blanks = [blank.model_dump() for blank in chosen.blanks] if chosen is not None else []
        show_json({"file": str(path), "preset": preset, "blanks": blanks})
    elif chosen is not None:
        show_line(f"{path} is written. Next: fill in what is commented out, run `grantproxy check`.")
    else:
        show_line(
            f"{path} is written. Next: fill in the profile, set ORDERS_PASSWORD, run `grantproxy check`."
        )


def _preset_named(name: str) -> Preset:
    from proxy.presets.catalogue import UnknownPreset, load_preset

    try:
        return load_preset(name)
    except UnknownPreset as unknown:
        raise CommandError(f"{name}: {unknown}") from None


def _show_presets(*, as_json: bool) -> None:
    from proxy.presets.catalogue import load_preset, preset_names

    presets = {name: load_preset(name) for name in preset_names()}
    if as_json:
        show_json({name: item.model_dump(exclude={"withdrawn"}) for name, item in presets.items()})
        return
    show_table(
        ("preset", "provider", "read from"),
        [(name, item.title, item.page) for name, item in presets.items()],
    )
