"""Imported profiles as a YAML text, with what is to be done about them as comments at its head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml

from proxy.importers.draft import Draft, one_line

_ORDER = ("description", "match", "credentials", "form_fields", "grant", "fields")
_GRANT_ORDER = (
    *("token_endpoint", "refresh_endpoint", "method", "content_type", "client_id", "client_secret"),
    *("client_authentication", "scope", "headers", "query", "parameters", "body"),
)


def imported_configuration(drafts: Sequence[Draft], *, in_folder: bool = False) -> str:
    """A configuration with the profiles; *in_folder*: the one profile as a file of profiles.d has it."""
    settings = {draft.name: profile_of(draft) for draft in drafts}
    lines = [
        *_section(
            "Set these variables:", (f"{k}  {v}" for draft in drafts for k, v in draft.variables.items())
        ),
        *_section("Missing:", (_of(draft, drafts) + text for draft in drafts for text in draft.missing)),
        *_section(
            "Not carried over:",
            (_of(draft, drafts) + text for draft in drafts for text in draft.not_carried_over),
        ),
    ]
    value: Any = settings[drafts[0].name] if in_folder else {"profiles": settings}
    return "\n".join(
        [*lines, yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)]
    )


def profile_of(draft: Draft) -> dict[str, Any]:
    """The profile's settings in the order in which they are read."""
    ordered = {key: draft.settings[key] for key in _ORDER if key in draft.settings}
    if "grant" in ordered:
        ordered["grant"] = {key: draft.grant[key] for key in _GRANT_ORDER if key in draft.grant}
    return ordered


def _of(draft: Draft, drafts: Sequence[Draft]) -> str:
    return f"{draft.name}: " if len(drafts) > 1 else ""


def _section(title: str, items: Iterable[str]) -> Iterator[str]:
    found = list(items)
    if found:
        yield f"# {title}"
        # Names come from somebody else's file: a line break in one would end the comment.
        yield from (f"#   {one_line(item)}" for item in found)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _: Any) -> bool:
        """No anchors: the same value may stand in two places."""
        return True
