"""The input for a secret: it shows references, and of anything else only that it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxy.editing.reading import KEPT, REMOVED, Reading, normalised
from proxy.editing.secret_settings import shows_secret
from proxy.editing.secret_texts import Seal, is_kept, sealed_text, typed_secret
from proxy.references import is_encrypted


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is not shown again where it is a secret: then an empty input keeps what is there.

    What is kept comes along, encrypted: rows may be moved and keys renamed meanwhile. *is_connector*: a
    proxy's URL, of which the password is the secret. *required*: written though it is empty. *is_open*: what
    is typed can be seen while it is, as it mostly is no secret.
    """

    is_connector: bool = False
    required: bool = False
    is_open: bool = False

    def shown(self, raw: Any, name: str, seal: Seal) -> dict[str, str]:
        if not isinstance(raw, str):
            return {name: ""}
        if self._shows(raw):
            return {name: "", name + KEPT: sealed_text(raw, seal)}
        return {name: "", name + KEPT: raw} if is_encrypted(raw) else {name: normalised(raw)}

    def read(self, reading: Reading, name: str, key: str, raw: Any) -> Any:
        reading.names[key] = name
        entered = reading.form.get(name, "")
        if name + REMOVED in reading.form:
            reading.instead[name] = ""
            return ...
        if entered:
            return self._typed(reading, name, entered, raw)
        kept = reading.form.get(name + KEPT, "")
        if is_kept(kept):
            return kept
        if raw == "" or (raw is not ... and not isinstance(raw, str)):
            return raw
        return "" if self.required else ...

    def _typed(self, reading: Reading, name: str, entered: str, raw: Any) -> Any:
        if isinstance(raw, str) and normalised(raw) == normalised(entered) and not self._shows(raw):
            return raw
        # What is pasted brings spaces along: a secret may begin with one, a reference does not.
        if entered.strip() and not self._shows(entered.strip()):
            return entered.strip()
        reading.instead[name] = ""
        try:
            sealed = typed_secret(entered, reading.seal)
        except ValueError as error:
            reading.report(name, str(error))
            return ...
        reading.instead[name + KEPT] = sealed
        return sealed

    def _shows(self, text: str) -> bool:
        return shows_secret(text, ("connector",) if self.is_connector else ())
