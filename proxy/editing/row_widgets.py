"""The inputs that hold several values: rows of keys and values, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.editing.form_defaults import is_default, row_default_of
from proxy.editing.plain_values import aligned, same
from proxy.editing.reading import ADD, OWN, Reading, normalised, rows_in
from proxy.editing.secret_texts import Seal
from proxy.editing.secret_widget import Secret
from proxy.editing.widgets import Checkbox, Select, Text, Widget

KEY, VALUE = "key", "value"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names of the user's own, and a secret for each. *is_optional*: that there are none differs from that
    nothing is said, and a box tells which. *is_open* as for `Secret`."""

    is_optional: bool = False
    is_open: bool = False

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:
        form = {name + OWN: "true"} if self.is_optional and isinstance(raw, dict) else {}
        for row, (key, value) in enumerate(raw.items() if isinstance(raw, dict) else ()):
            form |= Text().shown(key, f"{name}.{row}.{KEY}", seal)
            form |= Secret().shown(value, f"{name}.{row}.{VALUE}", seal)
        return form

    def blank(self, name: str, row: int) -> dict[str, str]:
        """The names of a row that is added."""
        return {f"{name}.{row}.{KEY}": "", f"{name}.{row}.{VALUE}": ""}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        rows = rows_in(reading.form, name)
        reading.names[key] = f"{name}.{rows[0]}.{KEY}" if rows else name + (OWN if self.is_optional else ADD)
        pairs = self._pairs(reading, name, key, raw if isinstance(raw, dict) else {}, rows)
        if self.is_optional and name + OWN not in reading.form:
            return raw if not isinstance(raw, dict) else ...
        if pairs or self.is_optional:
            return raw if same(pairs, raw) else pairs
        return raw if not raw or not isinstance(raw, dict) else ...

    def _pairs(
        self, reading: Reading, name: str, key: str, own: Mapping[str, Any], rows: Iterable[int]
    ) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        written = {normalised(key): key for key in own}
        for row in rows:
            at = f"{name}.{row}.{KEY}"
            entered = reading.entered(at)
            named = written.get(entered, entered.strip())
            value = Secret().read(reading, f"{name}.{row}.{VALUE}", f"{key}.{named}", own.get(named, ...))
            if value is ...:
                continue
            if not named:
                reading.report(at, "has a value and no name")
            elif named in pairs:
                reading.report(at, "is there twice")
            else:
                pairs[named] = value
        return pairs


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: an attribute of its rows. `item` as for a setting."""

    key: str
    label: str
    widget: Widget
    help: str = ""
    advanced: bool = False
    item: str = "entry"

    @property
    def tells_rows_apart(self) -> bool:
        return not isinstance(self.widget, (Secret, Pairs))

    @property
    def may_be_blank(self) -> bool:
        """Whether what it holds says nothing of whether its row was filled in."""
        return isinstance(self.widget, (Checkbox, Select))


@dataclass(frozen=True, slots=True)
class Table:
    """A list of mappings. *bare* is the attribute that may stand for a whole row (401 for {status: 401}),
    *keyed* the one that is the row's key in a mapping of mappings; *stands_alone*: one row needs no list."""

    columns: tuple[Column, ...]
    bare: str | None = None
    keyed: str | None = None
    stands_alone: bool = False

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:
        form: dict[str, str] = {}
        for row, settings in enumerate(self._rows(raw)):
            for column in self.columns:
                form |= column.widget.shown(settings.get(column.key, ...), f"{name}.{row}.{column.key}", seal)
        return form

    def blank(self, name: str, row: int) -> dict[str, str]:
        """The names of a row that is added, with what is chosen in it by default."""
        form: dict[str, str] = {}
        for column in self.columns:
            form |= column.widget.shown(..., f"{name}.{row}.{column.key}", _seals_nothing)
        return form

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        numbers = rows_in(reading.form, name)
        reading.names[key] = f"{name}.{numbers[0]}.{self.columns[0].key}" if numbers else name + ADD
        filled = [number for number in numbers if self._is_filled(reading, f"{name}.{number}")]
        before = self.shown(raw, name, _seals_nothing)
        settings = self._rows(raw)
        pairs, _ = aligned(
            [self._sign(before, f"{name}.{row}") for row in range(len(settings))],
            [self._sign(reading.form, f"{name}.{number}") for number in filled],
        )
        bases = {after: settings[row] for row, after in pairs.items()}
        mappings = {
            after for row, after in pairs.items() if self.keyed or isinstance(_as_list(raw)[row], dict)
        }
        rows: list[Any] = []
        for index, number in enumerate(filled):
            at = self._key_of(reading, f"{name}.{number}", key, index)
            reading.names[at] = f"{name}.{number}.{self.columns[0].key}"
            row = self._row(reading, f"{name}.{number}", at, bases.get(index, {}))
            is_bare = list(row) == [self.bare] and index not in mappings
            rows.append(row[self.bare] if self.bare is not None and is_bare else row)
        result = rows if self.keyed is None else self._by_key(reading, name, filled, rows, raw)
        return self._joined(result, raw)

    def _rows(self, raw: Any) -> list[dict[str, Any]]:
        if self.keyed is not None:
            items = raw.items() if isinstance(raw, dict) else ()
            return [{self.keyed: key, **(row if isinstance(row, dict) else {})} for key, row in items]
        rows = _as_list(raw)
        if self.bare is not None:
            rows = [row if isinstance(row, dict) else {self.bare: row} for row in rows]
        return [row if isinstance(row, dict) else {} for row in rows]

    def _is_filled(self, reading: Reading, row: str) -> bool:
        starts = tuple(f"{row}.{column.key}" for column in self.columns if not column.may_be_blank)
        return any(value.strip() for name, value in reading.form.items() if name.startswith(starts))

    def _sign(self, form: Mapping[str, str], row: str) -> list[str | None]:
        return [form.get(f"{row}.{column.key}") for column in self.columns if column.tells_rows_apart]

    def _key_of(self, reading: Reading, row: str, key: str, index: int) -> str:
        return f"{key}.{index}" if self.keyed is None else f"{key}.{reading.entered(f'{row}.{self.keyed}')}"

    def _row(self, reading: Reading, row: str, key: str, base: Mapping[str, Any]) -> dict[str, Any]:
        read = {
            column.key: column.widget.read(
                reading, f"{row}.{column.key}", f"{key}.{column.key}", base.get(column.key, ...)
            )
            for column in self.columns
        }
        # What the form does not know stays, and each key where it was.
        ordered = [*base, *(name for name in read if name not in base)]
        merged = {name: read.get(name, base.get(name)) for name in ordered}
        list_name = row.rpartition(".")[0]
        return {
            name: value
            for name, value in merged.items()
            if value is not ... and (name in base or not is_default(value, row_default_of(list_name, name)))
        }

    def _joined(self, rows: Any, raw: Any) -> Any:
        if not rows:
            return raw if not raw or raw is ... else ...
        if len(rows) == 1 and self.stands_alone and not isinstance(raw, list):
            # Where nothing was written, a mapping is written in a list, as it reads better.
            rows = rows if raw is ... and isinstance(rows[0], dict) else rows[0]
        return raw if same(rows, raw) else rows

    def _by_key(
        self, reading: Reading, name: str, numbers: Iterable[int], rows: Iterable[dict[str, Any]], raw: Any
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for number, row in zip(numbers, rows, strict=True):
            key = str(row.pop(self.keyed or "", ""))
            if not key or key in result:
                reading.report(f"{name}.{number}.{self.keyed}", "is there twice" if key else "has no name")
            was_null = isinstance(raw, dict) and key in raw and raw[key] is None
            result[key] = None if was_null and not row else row
        return result


def _as_list(raw: Any) -> list[Any]:
    if isinstance(raw, list):
        return raw
    return [] if raw is None or raw is ... else [raw]


def _seals_nothing(_: str) -> str:
    """For what is looked at and not written."""
    return "${encrypted:AA}"
