"""Secrets that stand encrypted in a configuration, and the key that opens them."""

from __future__ import annotations

import os
import secrets
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from profiles.errors import ConfigurationError
from proxy.configuration_files import Configuration, load_configuration, locate_secret_key
from proxy.sealed_secrets import SealedSecrets, Unsealable
from proxy.secret_key import SecretKeySource, SecretKeyUnavailable

SECRET = f"sentinel-{secrets.token_hex(8)}"
NOWHERE = Path("/nonexistent")


def sealed_by(key: str) -> SealedSecrets:
    return SealedSecrets(SecretKeySource(SecretStr(key), NOWHERE))


def inner(reference: str) -> str:
    return reference.removeprefix("${encrypted:").removesuffix("}")


# Sealing


@given(st.text())
def test_what_is_sealed_is_unsealed(text: str) -> None:
    """Any text comes back as it was, by the same key; what stands for it shows nothing of it."""
    reference = sealed_by("one key").seal(text)

    assert sealed_by("one key").unseal(inner(reference)) == text
    assert inner(reference).replace("-", "").replace("_", "").isalnum()


def test_the_length_of_a_secret_does_not_show() -> None:
    """A PIN and a password look alike, as far as they are no longer than most."""
    sealed = sealed_by("key")

    assert len({len(sealed.seal("x" * length)) for length in range(32)}) == 1


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    """Nobody sees from two references that they hold the same password."""
    sealed = sealed_by("key")

    assert sealed.seal(SECRET) != sealed.seal(SECRET)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        pytest.param(lambda text: text[:-6] + "AAAAAA", "is damaged: its text", id="another-end"),
        pytest.param(lambda text: text[:12] + "AAAA" + text[16:], "is damaged: its text", id="another-nonce"),
        pytest.param(lambda text: text[:20], "is damaged: a part", id="cut-off"),
        pytest.param(lambda _: "AAAA", "is damaged: a part", id="nothing-left"),
        pytest.param(lambda text: "B" + text[1:], "is damaged: a part", id="another-version"),
        pytest.param(lambda text: text + "=", "is damaged: it is no", id="padded"),
        pytest.param(lambda text: text + "!", "is damaged: it is no", id="no-base64"),
        pytest.param(lambda text: "ä" + text, "is damaged: it is no", id="no-ascii"),
        pytest.param(lambda text: text[:2] + "AAAA" + text[6:], "was encrypted with another key", id="key"),
    ],
)
def test_damaged_text_is_told_and_not_shown(damaged: Callable[[str], str], reason: str) -> None:
    """Each kind of damage is refused, for the tag covers all of it."""
    sealed = sealed_by("key")
    text = inner(sealed.seal(SECRET))

    with pytest.raises(Unsealable, match=reason) as caught:
        sealed.unseal(damaged(text))

    assert SECRET not in str(caught.value)
    assert text[10:20] not in str(caught.value)


def test_another_key_is_told_from_damage() -> None:
    """Whoever moved a file without its key learns that, and does not look for damage."""
    reference = sealed_by("one").seal(SECRET)

    with pytest.raises(Unsealable, match="was encrypted with another key"):
        sealed_by("other").unseal(inner(reference))


def test_neither_key_nor_source_shows_the_key() -> None:
    """A repr holds no key."""
    source = SecretKeySource(SecretStr(SECRET), NOWHERE)

    assert SECRET not in repr(source)
    assert repr(source.key()) == "SecretKey()"


def test_each_purpose_has_a_key_of_its_own() -> None:
    """What one key opens tells nothing of what another does."""
    key = SecretKeySource(SecretStr("key"), NOWHERE).key()

    assert key.subkey("sessions") == key.subkey("sessions")
    assert len({key.subkey("sessions"), key.subkey("store"), key.subkey("configuration")}) == 3


# The file


def test_the_key_is_made_on_first_use_and_found_again(tmp_path: Path) -> None:
    """The folder and the file are its owner's alone."""
    source = SecretKeySource(None, tmp_path / "state" / "deep")

    reference = SealedSecrets(source).seal(SECRET)

    assert (
        SealedSecrets(SecretKeySource(None, tmp_path / "state" / "deep")).unseal(inner(reference)) == SECRET
    )
    assert stat.S_IMODE(source.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(source.file.parent.stat().st_mode) == 0o700
    assert list(source.file.parent.iterdir()) == [source.file]


def test_a_key_may_move_from_the_file_into_the_variable(tmp_path: Path) -> None:
    """`GRANTPROXY_SECRET_KEY=$(cat secret-key)` opens what the file's key has sealed."""
    source = SecretKeySource(None, tmp_path)
    reference = SealedSecrets(source).seal(SECRET)

    assert sealed_by(source.file.read_text().strip()).unseal(inner(reference)) == SECRET


def test_many_that_make_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    """Exclusively: the first one's file stays."""
    sources = [SecretKeySource(None, tmp_path) for _ in range(16)]
    together, keys = threading.Barrier(len(sources)), set()

    def make(source: SecretKeySource) -> None:
        together.wait()
        keys.add(source.key().subkey("x"))

    threads = [threading.Thread(target=make, args=[source]) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(keys) == 1
    assert list(tmp_path.iterdir()) == [sources[0].file]


def _by_others(file: Path) -> None:
    file.write_text("key")
    file.chmod(0o640)


def _linked(file: Path) -> None:
    target = file.with_name("elsewhere")
    target.write_text("key")
    target.chmod(0o600)
    file.symlink_to(target)


def _piped(file: Path) -> None:
    os.mkfifo(file, 0o600)


def _empty(file: Path) -> None:
    file.touch(0o600)


def _too_long(file: Path) -> None:
    file.touch(0o600)
    file.write_text("k" * 5000)


def _others_own(file: Path) -> None:
    file.write_text("key")
    file.chmod(0o600)
    os.chown(file, 12345, -1)


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        pytest.param(_by_others, "is not this user's alone", id="readable-by-others"),
        pytest.param(_linked, "cannot be read", id="symbolic-link"),
        pytest.param(_piped, "is no plain file", id="pipe"),
        pytest.param(Path.mkdir, "is no plain file", id="folder"),
        pytest.param(_empty, "is empty", id="empty"),
        pytest.param(_too_long, "is longer than 4096 bytes", id="too-long"),
        pytest.param(
            _others_own,
            "belongs to another user",
            id="of-another-user",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away"),
        ),
    ],
)
def test_a_key_file_that_is_not_secret_is_refused(
    tmp_path: Path, prepare: Callable[[Path], None], reason: str
) -> None:
    """It is neither used nor replaced."""
    source = SecretKeySource(None, tmp_path)
    prepare(source.file)

    with pytest.raises(SecretKeyUnavailable, match=reason):
        source.key()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The message names the file and what to do instead."""
    (tmp_path / "file").touch()

    with pytest.raises(SecretKeyUnavailable, match="set GRANTPROXY_SECRET_KEY"):
        SecretKeySource(None, tmp_path / "file" / "state").key()


# In a configuration


def configuration(
    tmp_path: Path, password: str, head: str = "", environ: dict[str, str] | None = None
) -> Configuration:
    file = tmp_path / "grantproxy.yaml"
    file.write_text(
        f"profiles:\n  orders:\n    match: [{{host: a.example}}]\n"
        f'    credentials: {{username: bot, password: "{password}"}}\n'
        f"    grant: {{token_endpoint: https://a.example/token}}\n{head}"
    )
    file.chmod(0o600)
    return load_configuration(file, environ=environ or {}, cwd=tmp_path)


def password_of(loaded: Configuration) -> str:
    return loaded.settings.profiles["orders"].credentials["password"].get_secret_value()


@pytest.mark.parametrize(
    ("head", "environ"),
    [
        pytest.param("state_dir: state\n", {}, id="in-the-file"),
        pytest.param("state_dir: ${env:PLACE}/state\n", {"PLACE": "."}, id="by-a-reference"),
        pytest.param("state_dir: elsewhere\n", {"GRANTPROXY_STATE_DIR": "state"}, id="by-the-variable"),
    ],
)
def test_the_key_is_looked_for_where_state_dir_says(
    tmp_path: Path, head: str, environ: dict[str, str]
) -> None:
    """Wherever `state_dir` is written, and though it stands below what is encrypted."""
    reference = SealedSecrets(SecretKeySource(None, tmp_path / "state")).seal(SECRET)

    assert password_of(configuration(tmp_path, reference, head, environ)) == SECRET


def test_the_variable_is_the_key(tmp_path: Path) -> None:
    """Then there is no file, and none is made."""
    reference = sealed_by("from the variable").seal(SECRET)
    environ = {"GRANTPROXY_SECRET_KEY": "from the variable"}

    loaded = configuration(tmp_path, f"a-{reference}-z", "state_dir: state\n", environ)

    assert password_of(loaded) == f"a-{SECRET}-z"
    assert not (tmp_path / "state").exists()


def test_what_was_decrypted_is_not_looked_at_again(tmp_path: Path) -> None:
    """A password that looks like a reference is a password."""
    reference = sealed_by("k").seal("${env:HOME} $${ {{x}}")

    loaded = configuration(tmp_path, reference, environ={"GRANTPROXY_SECRET_KEY": "k"})

    assert password_of(loaded) == "${env:HOME} $${ {{x}}"


def test_without_anything_encrypted_no_key_is_read_or_made(tmp_path: Path) -> None:
    """Not even one that others can read is looked at."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "secret-key").mkdir()

    loaded = configuration(tmp_path, "plain", "state_dir: state\n")

    assert password_of(loaded) == "plain"


@pytest.mark.parametrize(
    ("password", "head", "reason"),
    [
        pytest.param("SEALED", "state_dir: empty\n", "there is no key: neither ", id="no-key"),
        pytest.param("SEALED", "state_dir: other\n", "was encrypted with another key", id="another-key"),
        pytest.param("${encrypted:c2VudGluZWw}", "", "is damaged: a part of it", id="damaged"),
    ],
)
def test_what_cannot_be_opened_is_a_problem_of_its_key(
    tmp_path: Path, password: str, head: str, reason: str
) -> None:
    """The problem names the setting and the reason, and shows no part of what is encrypted."""
    sealed = SealedSecrets(SecretKeySource(None, tmp_path / "state")).seal(SECRET)
    SecretKeySource(None, tmp_path / "other").key()

    with pytest.raises(ConfigurationError) as caught:
        configuration(tmp_path, password.replace("SEALED", sealed), head)

    (problem,) = caught.value.problems
    assert problem.key == "profiles.orders.credentials.password"
    assert problem.message.startswith(f"${{encrypted:...}}: {reason}")
    assert inner(sealed)[:8] not in str(caught.value)
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("state_dir", ["${encrypted:AAAA}", "${env:NOT_SET}"], ids=["encrypted", "unset"])
def test_where_the_key_is_cannot_be_encrypted_itself(tmp_path: Path, state_dir: str) -> None:
    """`state_dir` is told, and what is encrypted with a key that nobody knows."""
    sealed = SealedSecrets(SecretKeySource(None, tmp_path / "state")).seal(SECRET)

    with pytest.raises(ConfigurationError) as caught:
        configuration(tmp_path, sealed, f'state_dir: "{state_dir}"\n')

    assert [problem.key for problem in caught.value.problems] == [
        "profiles.orders.credentials.password",
        "state_dir",
    ]


def test_the_key_is_located_though_the_rest_is_wrong(tmp_path: Path) -> None:
    """Whoever is about to encrypt a secret has it missing in the configuration."""
    (tmp_path / "grantproxy.yaml").write_text(
        "state_dir: state\nprofiles: {orders: {client_secret: '${env:NOT_SET}'}}\n"
    )

    source = locate_secret_key(None, environ={}, cwd=tmp_path)

    assert source.file == tmp_path / "state" / "secret-key"


def test_the_key_is_located_without_a_configuration(tmp_path: Path) -> None:
    """Then the variable says where, or the platform does."""
    environ = {"GRANTPROXY_STATE_DIR": "state", "XDG_CONFIG_HOME": str(tmp_path / "none")}

    source = locate_secret_key(None, environ=environ, cwd=tmp_path)

    assert source.file == tmp_path / "state" / "secret-key"


@pytest.mark.parametrize("text", ["state_dir: ${env:NOT_SET}\n", "a: [\n"], ids=["unresolved", "no-yaml"])
def test_a_key_that_cannot_be_located_is_told(tmp_path: Path, text: str) -> None:
    """A key somewhere else would seal what nobody can open."""
    (tmp_path / "grantproxy.yaml").write_text(text)

    with pytest.raises(ConfigurationError):
        locate_secret_key(tmp_path / "grantproxy.yaml", environ={}, cwd=tmp_path)


@pytest.mark.parametrize("blank", [" ", "\t\n"])
def test_a_blank_key_is_none(blank, tmp_path):
    """Everybody has it."""
    source = SecretKeySource(SecretStr(blank), tmp_path)

    with pytest.raises(SecretKeyUnavailable, match="blank"):
        source.key()
