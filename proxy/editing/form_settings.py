"""What a form is described by: settings with their labels, help and inputs, in groups."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.editing.widgets import Widget

REFERENCE_HELP = (
    "Stored encrypted, or give a reference: ${env:NAME}, ${file:/run/secrets/x}, ${keyring:service/name}."
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `key` is its dotted key in the profile. `advanced`: it is folded away. `item` is what one
    entry of it is called, where it is a list."""

    key: str
    label: str
    widget: Widget
    help: str = ""
    advanced: bool = False
    required: bool = False
    item: str = "entry"


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together, under a legend."""

    title: str
    settings: tuple[Setting, ...]
    about: str = ""
    is_more: bool = False
