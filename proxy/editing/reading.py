"""What was entered into a form, and what comes up while it is read: problems, and places of settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from proxy.editing.secret_texts import Seal

KEPT, REMOVED, OWN, ADD = "~kept", "~remove", "~own", "~add"
"""Behind a control's name: what is kept of a secret, the box to remove it; that there are values of its own;
the button for another row."""

_SURROGATE = re.compile(r"[\ud800-\udfff\x00]")


def normalised(text: str) -> str:
    """*text* as it comes back from a browser: with its line breaks, and without what HTML cannot hold."""
    return _SURROGATE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def tidied(form: Mapping[str, str]) -> dict[str, str]:
    """*form* with the rows of every list counted from 0 without gaps; a script may have left some."""
    numbers: dict[str, dict[str, str]] = {}
    # In the order of their numbers, which is not the order in which a browser sends them after a script.
    steps = {name: name.split(".") for name in form}
    for name in sorted(form, key=lambda name: [int(s) if _is_number(s) else -1 for s in steps[name]]):
        for depth, step in enumerate(steps[name]):
            if _is_number(step):
                known = numbers.setdefault(".".join(steps[name][:depth]), {})
                known.setdefault(step, str(len(known)))
    return {_renumbered(steps[name], numbers): value for name, value in form.items()}


def rows_in(form: Iterable[str], name: str) -> list[int]:
    """The numbers of the rows that the list *name* has."""
    start, depth = f"{name}.", name.count(".") + 1
    steps = {key.split(".")[depth] for key in form if key.startswith(start)}
    return sorted(int(step) for step in steps if _is_number(step))


@dataclass
class Reading:
    """One form while it is read. Its repr shows no value, for it holds secrets."""

    form: Mapping[str, str] = field(repr=False)
    seal: Seal = field(repr=False)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Names of controls, and what is wrong with what was entered there."""
    names: dict[str, str] = field(default_factory=dict)
    """Dotted keys of settings, and the control of each."""
    instead: dict[str, str] = field(default_factory=dict, repr=False)
    """What the form has for controls into which a secret was typed, when it is shown again."""

    def entered(self, name: str) -> str:
        return normalised(self.form.get(name, ""))

    def report(self, name: str, message: str) -> None:
        self.problems.append((name, message))

    @property
    def shown_again(self) -> dict[str, str]:
        """The form as it was entered, and without what was entered as a secret."""
        return {**self.form, **self.instead}

    def control_of(self, key: str) -> str | None:
        """The control of a dotted key, of the nearest setting that it belongs to, or that belongs to it."""
        nearest = key
        while nearest and nearest not in self.names:
            nearest = nearest.rpartition(".")[0]
        if nearest:
            return self.names[nearest]
        return next((self.names[below] for below in self.names if below.startswith(f"{key}.")), None)


def _is_number(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) < 6


def _renumbered(steps: list[str], numbers: Mapping[str, Mapping[str, str]]) -> str:
    return ".".join(
        numbers[".".join(steps[:depth])][step] if _is_number(step) else step
        for depth, step in enumerate(steps)
    )
