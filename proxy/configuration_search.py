"""Finds the files: `grantproxy.yaml`, and one profile a file in `profiles.d` beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from profiles.errors import ConfigurationError, Problem
from proxy.environment_overrides import CONFIG

FILE_NAME = "grantproxy.yaml"
PROFILES_FOLDER = "profiles.d"
_SUFFIXES = (".yaml", ".yml")


def find_configuration_file(path: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """*path*, else what GRANTPROXY_CONFIG names, else the first usual place that has one.

    Raises ConfigurationError, which lists where it looked. A file that is named need not be a plain
    one: `--config <(command)` is a pipe.
    """
    if path is not None:
        return _existing(cwd / path.expanduser(), variable=None)
    if named := environ.get(CONFIG):
        return _existing(cwd / Path(named).expanduser(), variable=CONFIG)
    places = [cwd / FILE_NAME, _user_folder(environ) / "grantproxy" / FILE_NAME]
    for place in places:
        if _exists(place):
            return place
    looked_at = " and ".join(str(place) for place in places)
    raise ConfigurationError(
        [Problem(f'there is no {FILE_NAME}: looked at {looked_at}; "grantproxy init" writes one')]
    )


def profile_files(file: Path, drafts: Iterable[Path] = ()) -> Iterator[Path]:
    """The files of `profiles.d` beside *file*, in order of name; hidden ones are an editor's.

    Those among *drafts* that belong there count as well, be they on disk yet or not.
    """
    folder = file.parent / PROFILES_FOLDER
    drafted = {draft for draft in drafts if draft.parent == folder}
    try:
        entries = sorted({*folder.iterdir(), *drafted})
    except (FileNotFoundError, NotADirectoryError):
        entries = sorted(drafted)
    except OSError:
        raise ConfigurationError([Problem("the folder is not readable for this user", file=folder)]) from None
    for entry in entries:
        if entry.suffix in _SUFFIXES and not entry.name.startswith(".") and not entry.is_dir():
            yield entry


def file_of_profile(file: Path, name: str) -> Path:
    """The file of `profiles.d` beside *file* that has the profile, or would have it."""
    folder = file.parent / PROFILES_FOLDER
    places = [folder / f"{name}{suffix}" for suffix in _SUFFIXES]
    return next((place for place in places if _exists(place)), places[0])


def _existing(file: Path, *, variable: str | None) -> Path:
    if _exists(file):
        return file
    message = f'there is no such file: looked at {file}; "grantproxy init" writes one'
    raise ConfigurationError([Problem(message, file=file, variable=variable)])


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # A folder on the way may not be entered; reading says so in its own words.
        return True


def _user_folder(environ: Mapping[str, str]) -> Path:
    # The XDG base directory specification has relative values ignored.
    named = Path(environ.get("XDG_CONFIG_HOME", ""))
    if named.is_absolute():
        return named
    return Path(environ["HOME"] if environ.get("HOME") else Path.home()) / ".config"
