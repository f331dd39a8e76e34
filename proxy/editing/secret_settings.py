"""Where a profile's settings hold secrets: known from the models, and in free parameters from the names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from profiles.model import FieldSettings, ProfileSettings
from proxy.display import MASK
from proxy.editing.hidden_queries import URLS, with_hidden_query
from proxy.editing.secret_texts import Seal, is_secret, is_secret_connector, looks_like_secret, sealed_text
from proxy.references import is_encrypted
from proxy.setting_keys import KeyPath, entry_of, is_list, is_mapping, model_keys, unwrapped

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TELLING = frozenset(
    {"password", "passwd", "passphrase", "passcode", "pwd", "pass", "secret", "token", "key", "apikey", "pin"}
    | {
        "otp",
        "credential",
        "credentials",
        "authorization",
        "assertion",
        "signature",
        "jwt",
        "sid",
        "pins",
        "keys",
    }
)
_TELLING_PARTS = (
    *("password", "passwd", "secret", "token", "apikey", "credential"),
    *("passwort", "kennwort", "contrase", "motdepasse", "mot_de_passe", "senha", "wachtwoord"),
)
_HARMLESS_ENDS = frozenset(
    {"type", "hint", "use", "url", "uri", "endpoint", "size", "length", "count", "ttl", "lifetime", "format"}
)

Visit = Callable[[Any, KeyPath], Any]
"""Takes what stands where a secret belongs, which may be none, and its path; gives what is to stand there."""


def is_telling(name: str) -> bool:
    """Whether what stands under *name* is probably a secret: `Password`, `apiKey`, `user_pin`, but not
    `token_type` or `shipping`."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _HARMLESS_ENDS:
        return False
    return not _TELLING.isdisjoint(words) or any(part in name.lower() for part in _TELLING_PARTS)


def shows_secret(text: str, path: KeyPath) -> bool:
    """Whether *text*, where a secret belongs, is one that is written out, and can be encrypted."""
    if path in URLS:
        return False
    return is_secret_connector(text) if path == ("connector",) else is_secret(text)


def sealed_settings(profile: dict[str, Any], seal: Seal) -> dict[str, Any]:
    """The settings of a profile with every secret text encrypted that is written out; numbers stay."""

    def sealed(value: Any, path: KeyPath) -> Any:
        is_text = isinstance(value, str) and shows_secret(value, path)
        return sealed_text(value, seal) if is_text else value

    return dict(_visited(profile, ProfileSettings, sealed, lambda value: value, ()))


def masked_settings(profile: dict[str, Any], mask: Any = MASK) -> dict[str, Any]:
    """The settings as they may be shown: *mask* for each secret, and for whatever an unknown key holds.

    References are shown as they are, but for those that are encrypted. In the query of a URL it is always
    MASK.
    """

    def masked(value: Any, path: KeyPath) -> Any:
        if isinstance(value, str) and path in URLS:
            return with_hidden_query(value)
        if isinstance(value, str):
            return mask if shows_secret(value, path) or is_encrypted(value) else value
        return value if value is None or isinstance(value, bool) else mask

    return dict(
        _visited(profile, ProfileSettings, masked, lambda value: _leaves(value, lambda *_: mask, ()), ())
    )


def visited_parameters(value: Any, visit: Visit, path: KeyPath = (), *, telling: bool = False) -> Any:
    """A tree of parameters with *visit* done to each text and number under a telling name, and to each text
    that looks like a secret."""
    if isinstance(value, dict):
        tells = _is_named_tellingly(value)
        return {
            key: visited_parameters(
                item,
                visit,
                (*path, key),
                telling=telling or is_telling(str(key)) or (tells and str(key).lower() == "value"),
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            visited_parameters(item, visit, (*path, index), telling=telling)
            for index, item in enumerate(value)
        ]
    looks_so = isinstance(value, str) and looks_like_secret(value)
    return visit(value, path) if telling or looks_so else value


def _is_named_tellingly(value: dict[Any, Any]) -> bool:
    """Whether it is a pair such as `{name: password, value: ...}`."""
    names = (item for key, item in value.items() if str(key).lower() == "name")
    return any(isinstance(name, str) and is_telling(name) for name in names)


def _visited(value: Any, annotation: Any, visit: Visit, unknown: Callable[[Any], Any], path: KeyPath) -> Any:
    kind = unwrapped(annotation)
    keys = model_keys(kind)
    if kind is SecretStr:
        return _leaves(value, visit, path)
    if is_list(kind):
        if not isinstance(value, list):  # A list of one may stand without its brackets.
            return _visited(value, entry_of(kind), visit, unknown, path)
        below = entry_of(kind)
        return [_visited(item, below, visit, unknown, (*path, index)) for index, item in enumerate(value)]
    if not keys and not is_mapping(kind):
        return visit(value, path) if path in URLS and isinstance(value, str) else value
    if not isinstance(value, dict):
        # What has another shape than it should may hold anything.
        return value if value is None else _leaves(value, visit, path)
    result = {}
    for key, item in value.items():
        at = (*path, key)
        below = keys.get(key) if keys else entry_of(kind)
        if below is None:
            result[key] = unknown(item)
        elif below is Any:
            result[key] = visited_parameters(item, visit, at, telling=is_telling(key))
        elif kind is FieldSettings and key == "value":
            result[key] = _leaves(item, visit, at)
        else:
            result[key] = _visited(item, below, visit, unknown, at)
    return result


def _leaves(value: Any, visit: Visit, path: KeyPath) -> Any:
    """*visit* done to everything below, where there should be one text."""
    return visited_parameters(value, visit, path, telling=True)
