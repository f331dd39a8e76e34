"""Files are replaced as a whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.editing.file_writing import CannotWrite, ChangedMeanwhile, create_file, remove_file, replace_file

not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_is_replaced_and_the_version_before_is_kept(tmp_path: Path) -> None:
    """Nothing else is left behind."""
    file = tmp_path / "orders.yaml"
    file.write_bytes(b"old")

    replace_file(file, b"new", expected=b"old")
    replace_file(file, b"newer", expected=b"new")

    previous = tmp_path / "orders.yaml.previous"
    assert (file.read_bytes(), previous.read_bytes()) == (b"newer", b"new")
    assert entries(tmp_path) == ["orders.yaml", "orders.yaml.previous"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660, 0o400], ids=oct)
def test_whoever_could_read_a_file_still_can(tmp_path: Path, mode: int) -> None:
    """A group may check the configuration, or serve by it; the version before is its owner's alone."""
    file = tmp_path / "orders.yaml"
    file.write_bytes(b"old")
    file.chmod(mode | stat.S_ISVTX)

    replace_file(file, b"new", expected=b"old")

    previous = tmp_path / "orders.yaml.previous"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, previous)] == [mode, 0o600]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_and_group_stay(tmp_path: Path) -> None:
    """Though root saves."""
    file = tmp_path / "orders.yaml"
    file.write_bytes(b"old")
    os.chown(file, 12345, 23456)
    file.chmod(0o640)

    replace_file(file, b"new", expected=b"old")

    status = file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 23456, 0o640)


_AS_NOBODY = """
import os, pathlib, sys
from proxy.editing.file_writing import replace_file
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
replace_file(pathlib.Path(sys.argv[1]), b"new", expected=b"old")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_where_the_group_cannot_be_kept_another_one_gets_nothing() -> None:
    """The file would be open to everybody in whatever group the proxy runs as."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.yaml"
        file.write_bytes(b"old")
        file.chmod(0o664)
        os.chown(file, 0, 23456)
        Path(folder).chmod(0o777)

        subprocess.run([sys.executable, "-c", _AS_NOBODY, file], check=True, cwd=Path(__file__).parents[3])

        status = file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (65534, 65534, 0o604)


def test_a_file_is_created_with_its_folder(tmp_path: Path) -> None:
    """Both are their owner's alone."""
    file = tmp_path / "profiles.d" / "orders.yaml"

    create_file(file, b"new")

    assert file.read_bytes() == b"new"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    remove_file(file)
    assert entries(file.parent) == []


@pytest.mark.parametrize("has_changed", ["changed", "gone"])
def test_what_somebody_else_has_changed_is_not_replaced(tmp_path: Path, has_changed: str) -> None:
    """The other's text stays, and so does the version before."""
    file = tmp_path / "orders.yaml"
    if has_changed == "changed":
        file.write_bytes(b"theirs")
    (tmp_path / "orders.yaml.previous").write_bytes(b"before")

    with pytest.raises(ChangedMeanwhile):
        replace_file(file, b"ours", expected=b"old")

    assert (tmp_path / "orders.yaml.previous").read_bytes() == b"before"
    assert file.read_bytes() == b"theirs" if has_changed == "changed" else not file.exists()


def test_what_is_there_already_is_not_created(tmp_path: Path) -> None:
    """It stays as it was."""
    (tmp_path / "orders.yaml").write_bytes(b"theirs")

    with pytest.raises(ChangedMeanwhile, match="is there already"):
        create_file(tmp_path / "orders.yaml", b"ours")

    assert (tmp_path / "orders.yaml").read_bytes() == b"theirs"
    assert entries(tmp_path) == ["orders.yaml"]


def test_of_many_that_create_one_file_one_succeeds(tmp_path: Path) -> None:
    """The others learn that it is there."""
    together, outcomes = threading.Barrier(12), []

    def create(number: int) -> None:
        together.wait()
        try:
            create_file(tmp_path / "orders.yaml", str(number).encode())
            outcomes.append(str(number).encode())
        except ChangedMeanwhile:
            outcomes.append(None)

    threads = [threading.Thread(target=create, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (written,) = [outcome for outcome in outcomes if outcome is not None]
    assert (tmp_path / "orders.yaml").read_bytes() == written
    assert entries(tmp_path) == ["orders.yaml"]


def _link(file: Path) -> None:
    target = file.with_name("target")
    target.write_bytes(b"old")
    file.symlink_to(target)


def _folder(file: Path) -> None:
    file.mkdir()


def _file_as_folder(file: Path) -> None:
    file.parent.rmdir()
    file.parent.write_bytes(b"")


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        pytest.param(_link, "orders.yaml is a symbolic link: change what it leads to", id="link"),
        pytest.param(
            _folder, "orders.yaml (cannot be written: Is a directory|is there already)", id="folder"
        ),
        pytest.param(
            _file_as_folder, "cannot be written: Not a directory|profiles.d is no folder", id="none"
        ),
    ],
)
@pytest.mark.parametrize("how", ["replace", "create"])
def test_what_cannot_be_written_is_told_and_stays(
    tmp_path: Path, prepare: Callable[[Path], None], reason: str, how: str
) -> None:
    """No link is followed or replaced."""
    file = tmp_path / "profiles.d" / "orders.yaml"
    file.parent.mkdir()
    prepare(file)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(CannotWrite, match=reason):
        replace_file(file, b"new", expected=b"old") if how == "replace" else create_file(file, b"new")

    assert sorted(tmp_path.rglob("*")) == before
    assert not file.with_name("target").exists() or file.with_name("target").read_bytes() == b"old"


@not_root
def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path) -> None:
    """In plain words."""
    (tmp_path / "orders.yaml").write_bytes(b"old")
    tmp_path.chmod(0o500)

    try:
        with pytest.raises(CannotWrite, match="this user may not write there"):
            replace_file(tmp_path / "orders.yaml", b"new", expected=b"old")
    finally:
        tmp_path.chmod(0o700)


@contextmanager
def little_space() -> Iterator[None]:
    """As on a full disk: no file can be larger than 1000 bytes, pytest's own output neither."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_is_cut_off_leaves_what_was_there(tmp_path: Path) -> None:
    """Half a text is never read as a profile, and does not lie about either."""
    file = tmp_path / "orders.yaml"
    file.write_bytes(b"old")
    (tmp_path / "orders.yaml.previous").write_bytes(b"before")

    with little_space(), pytest.raises(CannotWrite) as caught:
        replace_file(file, b"x" * 100_000, expected=b"old")
    with little_space(), pytest.raises(CannotWrite):
        create_file(tmp_path / "new.yaml", b"x" * 100_000)

    assert os.strerror(errno.EFBIG) in str(caught.value)
    assert (file.read_bytes(), (tmp_path / "orders.yaml.previous").read_bytes()) == (b"old", b"before")
    assert entries(tmp_path) == ["orders.yaml", "orders.yaml.previous"]


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    """As far as the file system takes names."""
    with pytest.raises(CannotWrite, match="cannot be written"):
        create_file(tmp_path / f"{'a' * 300}.yaml", b"new")

    assert entries(tmp_path) == []
