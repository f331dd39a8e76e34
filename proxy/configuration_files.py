"""Loads the configuration: files, environment and references in; checked settings or all problems out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import keyring
from pydantic import SecretStr, ValidationError

from profiles.errors import ConfigurationError, Problem
from proxy.configuration_search import PROFILES_FOLDER, find_configuration_file, profile_files
from proxy.configuration_tree import ConfigurationTree, Position, Positions
from proxy.configuration_warnings import warnings_about
from proxy.environment_overrides import CONFIG, PREFIX, SECRET_KEY, apply_environment
from proxy.file_permissions import exposed_files
from proxy.inheritance import check_presets, merge_presets, split_environment
from proxy.near_misses import did_you_mean
from proxy.reference_places import WrittenReferences, misplaced
from proxy.references import LookUpPassword, References, UnresolvedReference
from proxy.sealed_secrets import SealedSecrets
from proxy.secret_key import SecretKeySource
from proxy.setting_keys import KeyPath, keys_at
from proxy.settings import ProxySettings, parse_address
from proxy.unfinished_moves import is_left_behind
from proxy.validation_messages import findings
from proxy.yaml_documents import Document, YamlSyntaxError, parse_document

_STATE_DIR = f"{PREFIX}STATE_DIR"


@dataclass(frozen=True)
class Configuration:
    """A configuration without problems. Its repr shows the file only.

    `files` are all that were read, profiles' and secrets' files included; `warnings` are what should be
    put right and keeps nothing from working; `key_source` leads to the key for what is stored. `again` loads
    it once more in the same way, with `drafts` if any; `environ` is what was looked at.
    """

    settings: ProxySettings = field(repr=False)
    file: Path
    files: tuple[Path, ...] = field(repr=False)
    positions: Positions = field(repr=False)
    again: Callable[..., Configuration] = field(repr=False, compare=False)
    environ: Mapping[str, str] = field(repr=False, compare=False)
    key_source: SecretKeySource = field(repr=False)
    references: WrittenReferences = field(default_factory=WrittenReferences, repr=False)
    warnings: tuple[Problem, ...] = field(default=(), repr=False)

    def problem(self, message: str, key: str) -> Problem:
        """A problem with the dotted *key* (`profiles.orders.match.0.host`), placed where it was written."""
        return self.positions.problem(message, key)

    @property
    def secret_key(self) -> SecretStr | None:
        """GRANTPROXY_SECRET_KEY."""
        return self.key_source.given


def load_configuration(
    path: Path | None = None,
    *,
    environ: Mapping[str, str],
    cwd: Path,
    insecure_open: bool = False,
    listen: str | None = None,
    console: str | None = None,
    look_up_password: LookUpPassword = keyring.get_password,
    drafts: Mapping[Path, str] | None = None,
) -> Configuration:
    """Loads the configuration (DESIGN section 3). Raises one ConfigurationError with all problems.

    *path* is `--config`, *listen* `--listen` and *console* `--console`, which win over everything else;
    *insecure_open* permits a listener beyond loopback that demands no client. *drafts* are texts that are
    read in the place of what is on disk, if anything is there yet.
    """
    file = find_configuration_file(path, environ, cwd)
    tree = ConfigurationTree()
    files, left_behind = _read_files(tree, file, drafts or {})
    naming_presets, others = split_environment(environ)
    apply_environment(tree, naming_presets)
    merge_presets(tree)
    apply_environment(tree, others)
    check_presets(tree)
    if listen is not None:
        tree.put(("listen",), listen, Position(variable="--listen"))
    if console is not None:
        tree.put(("console",), None if console == "off" else console, Position(variable="--console"))
    written_out = {path for path, text in tree.texts() if "${" not in text}
    references = References(environ, file.parent, look_up_password)
    key_source = _locate_key(tree, references, environ, file.parent, cwd)
    if key_source is not None:
        references.sealed = SealedSecrets(key_source)
        references.not_to_read += (key_source.file.resolve(),)
        references.not_to_read += _own_files(tree, file.parent, cwd, files)
    found = _resolve_references(tree, references, tree.texts())
    _make_paths_absolute(tree, file.parent, cwd)
    settings = _validate(tree)
    _check_clients(tree, insecure_open=insecure_open)
    if settings is None or key_source is None or tree.problems:
        raise ConfigurationError(sorted(tree.problems, key=_by_place))
    return Configuration(
        settings=settings,
        file=file,
        files=(*files, *sorted(references.files)),
        positions=tree.positions,
        again=partial(
            load_configuration,
            file,
            environ=environ,
            cwd=cwd,
            insecure_open=insecure_open,
            listen=listen,
            console=console,
            look_up_password=look_up_password,
        ),
        environ=environ,
        warnings=(
            *left_behind,
            *exposed_files(settings, tree.positions, written_out, references.files),
            *warnings_about(settings, tree.positions),
        ),
        key_source=key_source,
        references=WrittenReferences(found),
    )


def locate_secret_key(path: Path | None, *, environ: Mapping[str, str], cwd: Path) -> SecretKeySource:
    """Where the key is, whatever else is wrong with the configuration: there need not even be one.

    Raises ConfigurationError where *path* leads nowhere, or `state_dir` does.
    """
    tree, folder = ConfigurationTree(), cwd
    try:
        file = find_configuration_file(path, environ, cwd)
    except ConfigurationError:
        if path is not None or environ.get(CONFIG):
            raise
    else:
        document, folder = _read_document(tree, file, ()), file.parent
        if document is None:
            raise ConfigurationError(tree.problems)
        tree.data = document.value
    apply_environment(tree, {name: environ[name] for name in environ if name.upper() == _STATE_DIR})
    source = _locate_key(tree, References(environ, folder), environ, folder, cwd)
    if source is None:
        raise ConfigurationError(tree.problems)
    return source


def _locate_key(
    tree: ConfigurationTree,
    references: References,
    environ: Mapping[str, str],
    folder: Path,
    cwd: Path,
) -> SecretKeySource | None:
    """Resolves `state_dir` before everything else, for what is encrypted needs the key that is kept there."""
    path: KeyPath = ("state_dir",)
    state_dir = tree.value(path)
    if isinstance(state_dir, str):
        _resolve_references(tree, references, [(path, state_dir)])
        if path in tree.reported:
            return None
        _make_path_absolute(tree, path, folder, cwd)
        state_dir = tree.value(path)
    if not isinstance(state_dir, Path):
        state_dir = ProxySettings.model_fields["state_dir"].get_default(call_default_factory=True)
    given = environ.get(SECRET_KEY)
    return SecretKeySource(SecretStr(given) if given else None, state_dir)


def _read_files(
    tree: ConfigurationTree, file: Path, drafts: Mapping[Path, str]
) -> tuple[tuple[Path, ...], list[Problem]]:
    """Reads *file* and the profiles beside it into *tree*; what was read, and what to warn of. Raises where
    there is nothing to go on with."""
    document = _read_document(tree, file, (), drafts)
    tree.data = {} if document is None else document.value
    _drop_empty_sections(tree)
    profiles = tree.data.setdefault("profiles", {})
    beside = tuple(profile_files(file, drafts))
    left_behind: list[Problem] = []
    for profile_file in beside:
        name = profile_file.stem
        if not isinstance(profiles, dict):
            tree.report_for_good(("profiles",), f"must be a mapping, as there is {PROFILES_FOLDER} too")
            break
        if name in profiles:
            first, line, _ = tree.by_path["profiles", name]
            if not is_left_behind(profiles[name], profile_file):
                message = f"is defined twice, first in {first}:{line}: take it out there, or delete this file"
                tree.problems.append(Problem(message, key=f"profiles.{name}", file=profile_file, line=1))
                continue
            _forget(tree, ("profiles", name))
            message = f"is in {profile_file} now, and a move was cut short: take it out here"
            left_behind.append(Problem(message, key=f"profiles.{name}", file=first, line=line))
        profile = _read_document(tree, profile_file, ("profiles", name), drafts)
        profiles[name] = {} if profile is None else profile.value
    if document is None:
        # Everything that might refer to this file would be a problem of its own, and none of them true.
        raise ConfigurationError(sorted(tree.problems, key=_by_place))
    return (file, *beside), left_behind


def _forget(tree: ConfigurationTree, path: KeyPath) -> None:
    for below in [below for below in tree.by_path if below[: len(path)] == path]:
        del tree.by_path[below]


def _drop_empty_sections(tree: ConfigurationTree) -> None:
    """`clients:` with every entry commented out is a mapping without entries, and not null."""
    for section in ("clients", "limits", "profiles"):
        if tree.data.get(section, ...) is None:
            del tree.data[section]


def _read_document(
    tree: ConfigurationTree, file: Path, root: KeyPath, drafts: Mapping[Path, str] | None = None
) -> Document | None:
    """Reads one file, whose keys belong at *root*; None, and a problem, where it holds no mapping."""
    tree.by_path[root] = Position(file, 1)
    draft = (drafts or {}).get(file)
    try:
        document = parse_document(_read_text(file) if draft is None else draft)
    except _UnreadableFile as error:
        tree.by_path[root] = Position(file)
        tree.report_for_good(root, str(error))
        return None
    except YamlSyntaxError as error:
        tree.by_path[root] = Position(file, error.fault.line)
        tree.report_for_good(root, error.fault.message)
        return None
    for path, line in document.lines.items():
        tree.by_path[*root, *path] = Position(file, line)
    for fault in document.faults:
        key = ".".join(str(step) for step in (*root, *fault.path))
        tree.problems.append(Problem(fault.message, key=key, file=file, line=fault.line))
    if not isinstance(document.value, dict):
        empty = document.value is None
        tree.report_for_good(root, "is empty" if empty else "must be a mapping: lines like `key: value`")
        return None
    return document


class _UnreadableFile(Exception):  # noqa: N818  -- says why, and never what is in it
    pass


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _UnreadableFile("is not UTF-8 text") from None
    except FileNotFoundError:
        raise _UnreadableFile("there is no such file") from None
    except IsADirectoryError:
        raise _UnreadableFile("is a folder, not a file") from None
    except PermissionError:
        raise _UnreadableFile("is not readable for this user") from None
    except OSError:
        raise _UnreadableFile("cannot be read") from None


def _resolve_references(
    tree: ConfigurationTree, references: References, texts: Iterable[tuple[KeyPath, str]]
) -> dict[KeyPath, tuple[str, set[str]]]:
    """Puts what they stand for in their place; gives the texts in which some stood, with what was found."""
    found: dict[KeyPath, tuple[str, set[str]]] = {}
    for path, text in texts:
        refusal = misplaced(path, text)
        if refusal is not None:
            tree.report_for_good(path, refusal)
            continue
        references.found = set()
        try:
            resolved = references.resolve(text)
        except UnresolvedReference as error:
            tree.report_for_good(path, str(error))
            continue
        tree.put(path, resolved, tree.by_path[path])
        if references.found:
            found[path] = (text, {resolved, *references.found})
    return found


def _own_files(tree: ConfigurationTree, folder: Path, cwd: Path, files: Iterable[Path]) -> tuple[Path, ...]:
    """What no reference reads: the configuration itself, and the keys of the proxy's own authority."""
    ca_dir = tree.value(("ca_dir",))
    written = [Path("~/.mitmproxy"), *([Path(ca_dir)] if isinstance(ca_dir, str) and ca_dir else [])]
    folders = [start / path.expanduser() for path in written for start in (folder, cwd)]
    return tuple(path.resolve() for path in (*folders, *files))


def _make_paths_absolute(tree: ConfigurationTree, folder: Path, cwd: Path) -> None:
    profiles = tree.data.get("profiles")
    names = profiles if isinstance(profiles, dict) else ()
    of_profiles = ("trusted_ca", "client_certificate", "client_key")
    for path in (
        *((key,) for key in ("state_dir", "ca_dir", "trusted_ca")),
        *(("profiles", name, key) for name in names for key in of_profiles),
    ):
        _make_path_absolute(tree, path, folder, cwd)


def _make_path_absolute(tree: ConfigurationTree, path: KeyPath, folder: Path, cwd: Path) -> None:
    """A relative path in a file is meant from that file's folder, one in a variable from where we are."""
    value = tree.value(path)
    if isinstance(value, str) and value:
        position = tree.by_path[path]
        start = cwd if position.variable else folder
        tree.put(path, start / Path(value).expanduser(), position)


def _validate(tree: ConfigurationTree) -> ProxySettings | None:
    # A BaseSettings takes `_env_file` and the like for instructions to itself, and says nothing.
    for key in [key for key in tree.data if key.startswith("_")]:
        tree.report((key,), "unknown key" + did_you_mean(key, keys_at(ProxySettings, ())))
        del tree.data[key]
    try:
        return ProxySettings(**tree.data)
    except ValidationError as error:
        for path, message in findings(error, ProxySettings):
            tree.report(path, message)
        return None


def _check_clients(tree: ConfigurationTree, *, insecure_open: bool) -> None:
    """What clients and the other settings demand of each other, be they valid by themselves or not."""
    for path, name in _allowed_profiles(tree):
        if name not in tree.data["profiles"]:
            tree.report(path, "there is no such profile" + did_you_mean(name, tree.data["profiles"]))
    listen = tree.data.get("listen")
    try:
        is_open = isinstance(listen, str) and not parse_address(listen).is_loopback
    except ValueError:
        return
    if is_open and not tree.data.get("clients") and not insecure_open:
        tree.report(
            ("listen",),
            "a listener beyond loopback serves everybody who reaches it: name its clients under clients",
        )


def _allowed_profiles(tree: ConfigurationTree) -> Iterator[tuple[KeyPath, str]]:
    clients: Any = tree.data.get("clients")
    if not isinstance(clients, dict) or not isinstance(tree.data["profiles"], dict):
        return
    for client in clients:
        allowed = tree.value(("clients", client, "profiles"))
        for index, name in enumerate(allowed if isinstance(allowed, list) else ()):
            if isinstance(name, str):
                yield ("clients", client, "profiles", index), name


def _by_place(problem: Problem) -> tuple[bool, str, int, str, str]:
    """Files first and each from its start, then variables."""
    is_variable = problem.variable is not None
    place = problem.variable or str(problem.file or "")
    return is_variable, place, problem.line or 0, problem.key, problem.message
