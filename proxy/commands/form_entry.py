"""What an end user enters into a profile's form, in a terminal: asked for field by field, or piped in."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from proxy.commands.outcome import CommandError
from proxy.display import show_notice

if TYPE_CHECKING:
    from profiles.held_tokens import Entry
    from profiles.model import FormFieldSettings
    from profiles.profile import Profile


def read_entry(profile: Profile, captures: Mapping[str, str], *, consents: bool) -> Entry:
    """What `read_form` gives, typed. *consents* as for `Profile.entry_of`.

    Raises TenantUnknown, and CommandError for what does not fit.
    """
    entered = read_form(profile, captures)
    entry, problems = profile.entry_of(captures, entered, consents=consents)
    if problems:
        raise CommandError("\n".join(f"{item.key} {item.message}" for item in problems))
    return entry


def read_form(profile: Profile, captures: Mapping[str, str]) -> dict[str, str]:
    """Asks for the visible form fields, or reads `key=value` lines where standard input is no terminal.

    Raises TenantUnknown, and CommandError for lines that are none.
    """
    preset = profile.entered_for(captures).form_values
    fields = [item for item in profile.settings.form_fields if item.visibility == "visible"]
    if sys.stdin.isatty():
        return {item.key: _asked(item, preset.get(item.key)) for item in fields}
    return _piped([item.key for item in fields])


def _asked(field: FormFieldSettings, preset: Any) -> str:
    """What is typed for *field*; what does not fit it is asked for again, and so is nothing where it has to
    be filled. The end of the input is an interruption."""
    from profiles.authorization_forms import text_of

    is_hidden = field.type == "password"
    default = "" if preset is None or is_hidden else text_of(preset)
    prompt = f"{field.title or field.key}{f' [{default}]' if default else ''}: "
    if field.help:
        show_notice(field.help)
    while True:
        try:
            text = (getpass.getpass(prompt) if is_hidden else _line(prompt)) or default
        except EOFError:
            raise KeyboardInterrupt from None
        problem = _problem_of(field, text)
        if problem is None:
            return text
        show_notice(problem, style="red")


def _line(prompt: str) -> str:
    # `input` would write the prompt among the results, to stdout.
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def _problem_of(field: FormFieldSettings, text: str) -> str | None:
    from profiles.form_fields import typed

    if not text:
        return "has to be filled" if field.required else None
    try:
        typed(field, text)
    except ValueError as error:
        return str(error)
    return None


def _piped(keys: list[str]) -> dict[str, str]:
    """Standard input as lines, each a form field's key, an equals sign, and the value up to its end."""
    try:
        lines = sys.stdin.buffer.read().decode().split("\n")
    except UnicodeDecodeError:
        raise CommandError("standard input is no UTF-8 text") from None
    entered: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        key, equals, value = line.removesuffix("\r").partition("=")
        if not key and not equals:
            continue
        # What is no field may be a value that lost its key, so it is not quoted.
        if not equals or key not in keys:
            raise CommandError(f"line {number} of standard input is not one of {_forms(keys)}")
        if key in entered:
            raise CommandError(f"standard input has {key} more than once")
        entered[key] = value
    return entered


def _forms(keys: list[str]) -> str:
    return ", ".join(f"{key}=VALUE" for key in keys) or "none: the profile has no visible form field"
