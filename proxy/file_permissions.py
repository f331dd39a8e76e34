"""Notices files with secrets in them that other users of the machine can read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from profiles.errors import Problem
from profiles.secret_hashes import is_secret_hash
from proxy.configuration_tree import Positions
from proxy.setting_keys import KeyPath, dotted
from proxy.settings import ProxySettings

_MOUNTED_SECRETS = (Path("/run/secrets"), Path("/var/run/secrets"))
"""Docker and Kubernetes mount secrets here, readable by all: all are the container's own processes."""


def exposed_files(
    settings: ProxySettings,
    positions: Positions,
    written_out: AbstractSet[KeyPath],
    referenced: Iterable[Path],
) -> Iterator[Problem]:
    """A warning for each file that holds a secret and may be read by others than its owner.

    *written_out* are the paths of texts without a reference, *referenced* the files of `${file:}`.
    """
    referenced = {*referenced, *_key_files(settings)}
    seen: set[Path] = set()
    for path in _secret_paths(settings):
        file, line, _ = positions.at(path)
        if path in written_out and file is not None and file not in seen and _is_exposed(file):
            seen.add(file)
            message = "a secret is written here, and others can read the file: chmod 600"
            yield Problem(message, key=dotted(path), file=file, line=line)
    for file in sorted(referenced - seen):
        if _is_exposed(file) and not any(file.is_relative_to(folder) for folder in _MOUNTED_SECRETS):
            yield Problem("holds a secret, and others can read the file: chmod 600", file=file)


def _secret_paths(settings: ProxySettings) -> Iterator[KeyPath]:
    for name, client in settings.clients.items():
        if not is_secret_hash(client.secret.get_secret_value()):
            yield "clients", name, "secret"
    if settings.console_secret and not is_secret_hash(settings.console_secret.get_secret_value()):
        yield ("console_secret",)
    for name, profile in settings.profiles.items():
        for field in profile.form_fields:
            if field.type == "password":
                yield "profiles", name, "credentials", field.key
                for tenant in profile.tenancy.tenants or {}:
                    yield "profiles", name, "tenancy", "tenants", tenant, "credentials", field.key
        yield "profiles", name, "grant", "client_secret"
        yield "profiles", name, "client_key_password"
        if profile.connector is not None and "@" in profile.connector.get_secret_value():
            yield "profiles", name, "connector"


def _key_files(settings: ProxySettings) -> Iterator[Path]:
    """The files with the private keys of the profiles' certificates; an encrypted one is none to hide."""
    for profile in settings.profiles.values():
        file = profile.client_key or profile.client_certificate
        if file is not None and profile.client_key_password is None:
            yield file


def _is_exposed(file: Path) -> bool:
    try:
        return os.name == "posix" and bool(file.stat().st_mode & 0o044)
    except OSError:
        return False
