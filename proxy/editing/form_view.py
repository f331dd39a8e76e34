"""The form for a template: groups of controls, each with its value, its help, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from proxy.display import MASK
from proxy.editing.form_defaults import default_of, row_default_of
from proxy.editing.form_table import GROUPS
from proxy.editing.reading import ADD, KEPT, OWN, REMOVED, rows_in
from proxy.editing.row_widgets import KEY, VALUE, Column, Pairs, Table
from proxy.editing.secret_widget import Secret
from proxy.editing.widgets import Checkbox, Lines, Number, Select, Text, Url, Widget
from proxy.editing.yaml_widget import Yaml

HIDDEN_HELP = f"{MASK} is set, and not shown. Left as it is, it stays."
"""For a URL."""


@dataclass(frozen=True, slots=True)
class Control:
    """One control, or a list of rows of them; `kind` says how it is shown.

    `kept` is what is kept of a secret, encrypted. `variable` is the environment's, which wins over what is
    entered. `is_own` tells of an optional list whether it is there.
    """

    kind: str
    name: str
    label: str
    help: str = ""
    value: str = field(default="", repr=False)
    default: str = ""
    options: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    variable: str = ""
    is_required: bool = False
    is_advanced: bool = False
    kept: str = field(default="", repr=False)
    is_removed: bool = False
    is_own: bool | None = None
    rows: tuple[Row, ...] = ()
    first: str = ""
    """Of a list: the first control of a row."""
    item: str = ""
    """Of a list: what one entry is called."""

    @property
    def is_noteworthy(self) -> bool:
        """Whether something was said here, or is to be said of it: then it is not folded away."""
        is_said = (
            bool(self.value) if self.kind != "checkbox" else bool(self.value) != (self.default == "true")
        )
        return is_said or bool(self.problem or self.variable or self.kept or self.is_own or self.rows)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list; `number` counts from 1, for people."""

    name: str
    number: int
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """Controls under one legend."""

    title: str
    about: str
    controls: tuple[Control, ...]
    is_more: bool

    @property
    def labels(self) -> dict[str, str]:
        """What each control is called where it is named alone."""
        return {name: label for control in self.controls for name, label in _labels(control, "")}


def _labels(control: Control, before: str) -> Iterator[tuple[str, str]]:
    label = f"{before}{control.label}"
    yield from ((control.name + behind, label) for behind in ("", ADD, OWN))
    for row in control.rows:
        for below in row.controls:
            yield from _labels(below, f"{control.label}, {control.item} {row.number}: ")


def control_groups(
    form: Mapping[str, str], problems: Mapping[str, str], variables: Mapping[str, str]
) -> list[ControlGroup]:
    """What a template shows of *form*; *problems* and *variables* are by the names of controls."""
    view = _View(form, problems, variables)
    return [
        ControlGroup(
            group.title,
            group.about,
            tuple(
                view.control(
                    item.widget,
                    item.key,
                    item.label,
                    item.help,
                    default=default_of(item.key, form.get("extends", "")),
                    is_required=item.required,
                    is_advanced=item.advanced,
                    item=item.item,
                )
                for item in group.settings
            ),
            group.is_more,
        )
        for group in GROUPS
    ]


@dataclass(frozen=True, slots=True)
class _View:
    form: Mapping[str, str]
    problems: Mapping[str, str]
    variables: Mapping[str, str]

    def control(
        self,
        widget: Widget,
        name: str,
        label: str,
        help_text: str,
        *,
        default: str = "",
        is_required: bool = False,
        is_advanced: bool = False,
        item: str = "",
    ) -> Control:
        value = self.form.get(name, "")
        # What is wrong with a list as a whole is told at its button, or at its box.
        problem = next(
            (self.problems[at] for at in (name, name + ADD, name + OWN) if at in self.problems), ""
        )
        is_hidden = isinstance(widget, Url) and MASK in value
        return Control(
            _kind(widget, value),
            name,
            label,
            f"{help_text} {HIDDEN_HELP}".strip() if is_hidden else help_text,
            value,
            default,
            _options(widget, value, default),
            problem,
            self.variables.get(name, ""),
            is_required,
            is_advanced,
            kept=self.form.get(name + KEPT, ""),
            is_removed=name + REMOVED in self.form,
            is_own=name + OWN in self.form if isinstance(widget, Pairs) and widget.is_optional else None,
            rows=tuple(self._rows(widget, name)),
            first=widget.columns[0].key if isinstance(widget, Table) else KEY,
            item=item,
        )

    def _rows(self, widget: Widget, name: str) -> list[Row]:
        if not isinstance(widget, (Pairs, Table)):
            return []
        columns = widget.columns if isinstance(widget, Table) else _pair(is_open=widget.is_open)
        return [
            Row(
                f"{name}.{number}",
                index,
                tuple(
                    self.control(
                        column.widget,
                        f"{name}.{number}.{column.key}",
                        column.label,
                        column.help,
                        default=row_default_of(name, column.key),
                        is_advanced=column.advanced,
                        item=column.item,
                    )
                    for column in columns
                ),
            )
            for index, number in enumerate(rows_in(self.form, name), start=1)
        ]


def _pair(*, is_open: bool) -> tuple[Column, Column]:
    return Column(KEY, "Name", Text()), Column(VALUE, "Value", Secret(is_open=is_open))


def _kind(widget: Widget, value: str) -> str:
    match widget:
        case Text() | Url():
            # An input of one line would drop the breaks.
            is_long = isinstance(widget, Text) and widget.lines
            return "textarea" if is_long or "\n" in value else "text"
        case Number():
            return "number"
        case Lines():
            return "text" if widget.inline else "textarea"
        case Checkbox():
            return "checkbox"
        case Select():
            return "select"
        case Secret():
            return "open-secret" if widget.is_open else "secret"
        case Yaml():
            return "yaml"
        case Pairs():
            return "pairs"
        case _:
            return "table"


def _options(widget: Widget, value: str, default: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(widget, Select):
        return ()
    labels = dict(widget.options)
    unset = f"{labels.get(default, default)} (default)" if default else widget.unset
    first = () if widget.required else (("", unset),)
    # What stands in the file is kept, though it be none of them.
    other = ((value, value),) if value and value not in labels else ()
    return (*first, *widget.options, *other)
