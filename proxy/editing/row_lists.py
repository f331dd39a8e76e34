"""The lists of a form: a row more, or one less."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.editing.form_table import SETTINGS
from proxy.editing.reading import OWN, rows_in, tidied
from proxy.editing.row_widgets import Pairs, Table


def with_another_row(form: Mapping[str, str], name: str) -> dict[str, str]:
    """*form* with a blank row at the end of the list *name*; as it is where there is no such list."""
    widget = _widget_of(name)
    if widget is None:
        return dict(form)
    rows = rows_in(form, name)
    added = widget.blank(name, rows[-1] + 1 if rows else 0)
    own = {name + OWN: "true"} if isinstance(widget, Pairs) and widget.is_optional else {}
    return {**form, **added, **own}


def without_row(form: Mapping[str, str], row: str) -> dict[str, str]:
    """*form* without the row of that name (`match.0`), and counted anew."""
    return tidied({name: value for name, value in form.items() if not name.startswith(f"{row}.")})


def _widget_of(name: str) -> Pairs | Table | None:
    """The list of that name, which may be one in a row of another (`tenancy.tenants.0.credentials`)."""
    for key, setting in SETTINGS.items():
        widget = setting.widget
        if isinstance(widget, (Pairs, Table)) and key == name:
            return widget
        if isinstance(widget, Table) and name.startswith(f"{key}."):
            number, _, column = name.removeprefix(f"{key}.").partition(".")
            below = next((item.widget for item in widget.columns if item.key == column), None)
            if number.isascii() and number.isdigit() and isinstance(below, (Pairs, Table)):
                return below
    return None
