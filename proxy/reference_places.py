"""Where references may stand, and where some do: what one stands for is a secret; some settings are shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from proxy.known_secrets import KnownSecrets
from proxy.references import has_reference, is_encrypted
from proxy.setting_keys import KeyPath

_SHOWN = (
    ("description",),
    ("extends",),
    ("match",),
    ("tenancy", "tenant"),
    ("mode",),
    ("form_fields",),
    ("grant", "method"),
    ("grant", "content_type"),
    ("grant", "scope"),
    ("grant", "response"),
    ("fields", "*", "in"),
    ("fields", "*", "key"),
    ("auth_error",),
)
"""In a profile, what end users and operators are shown as it is, in pages, explanations and problems."""

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


class WrittenReferences:
    """The texts with references in them, by where they stand, and what each stands for; no repr tells it."""

    def __init__(self, found: Mapping[KeyPath, tuple[str, Collection[str]]] | None = None) -> None:
        self._found = dict(found or {})

    def __repr__(self) -> str:
        return f"WrittenReferences({len(self._found)})"

    def written_at(self, *path: str | int) -> tuple[str, ...]:
        """The texts at *path* and below, as they were written."""
        return tuple(text for place, (text, _) in self._found.items() if place[: len(path)] == path)

    def credentials_of(self, profile: str, tenant: str | None) -> set[str]:
        """The form fields whose preset values are references, for a tenant or for all."""
        places: list[KeyPath] = [("profiles", profile, "credentials")]
        if tenant is not None:
            places.append(("profiles", profile, "tenancy", "tenants", tenant, "credentials"))
        return {str(path[-1]) for path in self._found for place in places if path[: len(place)] == place}

    def secrets_at(self, *path: str | int) -> KnownSecrets:
        """What they stand for."""
        found = (values for place, (_, values) in self._found.items() if place[: len(path)] == path)
        return KnownSecrets(value for values in found for value in values)


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
