"""Where a reference may stand: what it stands for is a secret, and some settings are shown as they are."""

from __future__ import annotations

from proxy.references import has_reference, is_encrypted
from proxy.setting_keys import KeyPath

_SHOWN = (
    ("description",),
    ("extends",),
    ("tenancy", "tenant"),
    ("form_fields", "*", "key"),
    ("form_fields", "*", "title"),
    ("form_fields", "*", "help"),
)
"""In a profile, what end users and operators are shown as it is."""

_SECRET = (
    ("credentials",),
    ("tenancy", "tenants", "*", "credentials"),
    ("grant", "client_secret"),
    ("grant", "headers"),
    ("grant", "query"),
    ("grant", "parameters"),
    ("grant", "body"),
    ("grant", "refresh_headers"),
    ("grant", "refresh_query"),
    ("grant", "refresh_parameters"),
    ("grant", "refresh_body"),
    ("fields", "*", "value"),
    ("connector",),
    ("client_key_password",),
)
"""In a profile, what is nowhere shown as it is, with all that is below it."""


def misplaced(path: KeyPath, text: str) -> str | None:
    """Why a reference in *text* may not stand at *path*; None where it may, or where there is none."""
    if not has_reference(text):
        return None
    if path[:1] == ("profiles",) and _is_one_of(path[2:], _SHOWN):
        return "takes no reference: it is shown as it is"
    if is_encrypted(text) and not _takes_secrets(path):
        return "takes no encrypted secret: it is shown as it is"
    return None


def _takes_secrets(path: KeyPath) -> bool:
    if path[:1] == ("profiles",):
        return _is_one_of(path[2:], _SECRET)
    return path == ("console_secret",) or (path[:1] == ("clients",) and path[2:] == ("secret",))


def _is_one_of(path: KeyPath, patterns: tuple[tuple[str, ...], ...]) -> bool:
    return any(_begins(path, pattern) for pattern in patterns)


def _begins(path: KeyPath, pattern: tuple[str, ...]) -> bool:
    return len(path) >= len(pattern) and all(
        expected in ("*", step) for step, expected in zip(path, pattern, strict=False)
    )
