"""Settings as programs get and send them: `{"set": true}` stands for a secret that is not shown, and `••••`
for one in a URL."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from proxy.editing.hidden_queries import URLS, with_query_of
from proxy.editing.secret_settings import masked_settings
from proxy.setting_keys import KeyPath, dotted

KEPT: Mapping[str, bool] = {"set": True}


def shown_to_programs(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with each secret as `{"set": true}`; references as they are, but for encrypted ones.

    What YAML has and JSON has not, a date or no number, is a text, which stands for it when it is sent back.
    """
    shown: dict[str, Any] = _as_json(masked_settings(dict(settings), dict(KEPT)))
    return shown


def with_kept_secrets(sent: Any, base: Any) -> tuple[Any, list[str]]:
    """*sent* with what *base* has in the place of each `{"set": true}`, and of `••••` in the query of a URL;
    and the dotted keys of those that have nothing there to keep.

    An entry of a list keeps what an entry at its place had, if the rest of it is the same.
    """
    missing: list[str] = []
    return _filled(sent, base, (), missing), missing


def _filled(sent: Any, base: Any, path: KeyPath, missing: list[str]) -> Any:
    if sent == KEPT and isinstance(sent, dict) and base != KEPT:
        if base is ... or base is None or isinstance(base, (dict, list)):
            missing.append(dotted(path))
            return None
        return base
    if _says_the_same(sent, base):
        return base
    if isinstance(sent, str) and path in URLS:
        url = with_query_of(sent, base if isinstance(base, str) else "")
        if url is None:
            missing.append(dotted(path))
        return url
    if isinstance(sent, dict):
        own = base if isinstance(base, dict) else {}
        return {key: _filled(item, own.get(key, ...), (*path, key), missing) for key, item in sent.items()}
    if isinstance(sent, list):
        return [
            _filled(item, _entry_like(item, base, index), (*path, index), missing)
            for index, item in enumerate(sent)
        ]
    return sent


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _says_the_same(sent: Any, base: Any) -> bool:
    """Whether *sent* is what a value is shown as that JSON cannot say."""
    if isinstance(base, float) and isinstance(sent, (int, float)):
        # To a browser 1.0 is 1.
        return not isinstance(sent, bool) and sent == base
    return isinstance(base, (bytes, date, float)) and isinstance(sent, str) and sent == _as_json(base)


def _entry_like(item: Any, base: Any, index: int) -> Any:
    """The entry of *base* at *index*, unless it is another one: its secret is not this one's."""
    if not isinstance(base, list) or index >= len(base):
        return ...
    entry = base[index]
    if not isinstance(item, dict):
        return entry
    told = {key: value for key, value in item.items() if not _holds_kept(value)}
    return (
        entry
        if isinstance(entry, dict) and all(_as_json(entry.get(key)) == told[key] for key in told)
        else ...
    )


def _holds_kept(value: Any) -> bool:
    if isinstance(value, dict):
        return value == KEPT or any(_holds_kept(item) for item in value.values())
    return isinstance(value, list) and any(_holds_kept(item) for item in value)
