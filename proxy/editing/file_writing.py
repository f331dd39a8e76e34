"""Writes configuration files so that whoever reads one finds the old text or the new, and nothing else."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

PREVIOUS = ".previous"
"""Behind the name of the version before; no such file is read as a profile."""

_MODE = 0o600
_FOLDER_MODE = 0o700
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)


class CannotWrite(Exception):  # noqa: N818  -- a state of affairs, told to the user
    """The file was not written, and what was there is there still; the text says why."""


class ChangedMeanwhile(CannotWrite):
    """Somebody else has written to the file, or has made it, since it was looked at."""


def replace_file(path: Path, text: bytes, *, expected: bytes) -> None:
    """Replaces the file, which holds what is *expected*, and keeps that beside it as `.previous`.

    Whoever could read the file still can; the version before, which may have secrets in the clear, is its
    owner's alone. Raises CannotWrite, ChangedMeanwhile.
    """
    previous = path.with_name(path.name + PREVIOUS)
    with (
        _explained(path),
        _partial(path, text, like=path.lstat()) as new,
        _partial(previous, expected) as old,
    ):
        # As late as can be: an editor that is not ours takes no lock.
        if path.read_bytes() != expected:
            raise ChangedMeanwhile(f"{path} has been changed meanwhile")
        old.rename(previous)
        new.rename(path)
        _sync_folder(path.parent)


def create_file(path: Path, text: bytes) -> None:
    """Writes a file that must not be there yet, and its folder if need be.

    Raises CannotWrite, ChangedMeanwhile.
    """
    with _explained(path):
        if path.parent.exists() and not path.parent.is_dir():
            raise CannotWrite(f"{path.parent} is no folder")
        path.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        with _partial(path, text) as partial:
            _link(partial, path)
        _sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Takes back what `create_file` has written. Raises CannotWrite."""
    with _explained(path):
        path.unlink()
        _sync_folder(path.parent)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise ChangedMeanwhile(f"{path} is there already") from None
    except FileNotFoundError:
        raise ChangedMeanwhile(f"{path} is not there any more") from None
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "this user may not write there"
    if error.errno == errno.EROFS:
        return "it is on a file system that is mounted for reading only"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "there is no space left"
    return os.strerror(error.errno) if error.errno else "the system does not say why"


@contextlib.contextmanager
def _partial(path: Path, text: bytes, like: os.stat_result | None = None) -> Iterator[Path]:
    """A whole file beside *path*, safe on disk, to be put in its place; it is gone afterwards.

    It is its owner's alone, unless it is to have owner, group and mode *like* another.
    """
    if path.is_symlink():
        # To replace the link would leave what it leads to as it is, though somebody believes it changed.
        raise CannotWrite(f"{path} is a symbolic link: change what it leads to")
    partial = path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}.partial")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(partial, flags, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            if like is not None:
                _share(file.fileno(), like)
            os.fsync(file.fileno())
        yield partial
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _share(descriptor: int, like: os.stat_result) -> None:
    mode = stat.S_IMODE(like.st_mode) & 0o777
    with contextlib.suppress(OSError):
        # Only root gives files away.
        os.fchown(descriptor, like.st_uid, -1)
    try:
        os.fchown(descriptor, -1, like.st_gid)
    except OSError:
        # What the old group may do is not for another one.
        mode &= ~stat.S_IRWXG
    os.fchmod(descriptor, mode)


def _link(partial: Path, path: Path) -> None:
    """Puts the file in its place; unlike a rename, a link replaces nothing."""
    try:
        os.link(partial, path)
    except OSError as error:
        if error.errno not in _NO_LINKS or path.exists():
            raise
        partial.rename(path)


def _sync_folder(folder: Path) -> None:
    """Until then the new name may be lost with the power (fsync(2)); not every file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
