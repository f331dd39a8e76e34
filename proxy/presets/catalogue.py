"""Which presets there are, and what each says: read from the YAML files beside this module, once."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from pydantic import Field

from profiles.model import Settings
from proxy.near_misses import did_you_mean
from proxy.yaml_documents import parse_document

_SUFFIX = ".yaml"


class UnknownPreset(Exception):  # noqa: N818  -- told to the user
    """There is no such preset; the text proposes the near miss, or says why there is none any more."""


class Blank(Settings):
    """A setting that nobody but the user knows: its dotted key in the profile, what it is, and an example."""

    key: str
    says: str
    example: Any
    optional: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.key.split("."))


class Preset(Settings):
    """One provider: settings of a profile as its public documentation has them, and what they leave blank.

    `page` is the address they were read from, `withdrawn` why the provider offers the grant no longer.
    """

    title: str
    description: str = ""
    page: str
    withdrawn: str | None = None
    blanks: tuple[Blank, ...] = ()
    profile: dict[str, Any] = Field(default={}, repr=False)


def preset_names() -> tuple[str, ...]:
    """The presets that can be extended, in order of name."""
    return tuple(name for name, preset in _presets().items() if preset.withdrawn is None)


def load_preset(name: str) -> Preset:
    """The preset of that name. Raises UnknownPreset."""
    preset = _presets().get(name)
    if preset is None:
        known = preset_names()
        hint = did_you_mean(name, known).removesuffix("?")
        raise UnknownPreset(f"there is no such preset{hint}; there are {', '.join(known)}")
    if preset.withdrawn is not None:
        raise UnknownPreset(f"there is no such preset: {preset.withdrawn} ({preset.page})")
    return preset


@cache
def _presets() -> dict[str, Preset]:
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith(_SUFFIX)]
    return {
        file.name.removesuffix(_SUFFIX): Preset.model_validate(
            parse_document(file.read_text(encoding="utf-8")).value
        )
        for file in sorted(files, key=lambda file: file.name)
    }
