"""References to secrets that are kept elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import keyring.errors
import pytest

from proxy.references import References, UnresolvedReference, is_encrypted, without_references


class Keyring:
    """A keyring of given entries; without any it behaves like a machine that has none."""

    def __init__(self, entries: Mapping[tuple[str, str], str] | Exception) -> None:
        self.entries = entries

    def __call__(self, service: str, name: str) -> str | None:
        if isinstance(self.entries, Exception):
            raise self.entries
        return self.entries.get((service, name))


@pytest.fixture
def references(tmp_path: Path) -> References:
    (tmp_path / "password").write_bytes(b"from-file\n")
    (tmp_path / "windows").write_bytes(b"from-windows\r\n")
    (tmp_path / "lines").write_bytes(b"one\ntwo\n\n")
    (tmp_path / "large").write_bytes(b"x" * (64 * 1024 + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "folder").mkdir()
    environ = {"PASSWORD": "from-env", "TRICKY": "${env:PASSWORD}", "EMPTY": ""}
    entries = {("orders", "bot"): "from-keyring", ("https://a/b", "bot"): "from-url"}
    return References(environ, tmp_path, Keyring(entries))


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        pytest.param("plain", "plain", id="no reference"),
        pytest.param("${env:PASSWORD}", "from-env", id="variable"),
        pytest.param("${env:EMPTY}", "", id="empty variable"),
        pytest.param("a ${env:PASSWORD}-${env:PASSWORD} z", "a from-env-from-env z", id="in a longer text"),
        pytest.param("${env:TRICKY}", "${env:PASSWORD}", id="resolved once"),
        pytest.param("${file:password}", "from-file", id="relative file"),
        pytest.param("${file:windows}", "from-windows", id="line break of Windows"),
        pytest.param("${file:lines}", "one\ntwo\n", id="one line break is taken off"),
        pytest.param("${keyring:orders/bot}", "from-keyring", id="keyring"),
        pytest.param("${keyring:https://a/b/bot}", "from-url", id="service with slashes"),
        pytest.param("$${env:PASSWORD}", "${env:PASSWORD}", id="escaped"),
        pytest.param(
            "Bearer {{access_token}} {tenant}", "Bearer {{access_token}} {tenant}", id="placeholders"
        ),
        pytest.param("${{amount}}", "${{amount}}", id="dollar before a placeholder"),
        pytest.param("pa$$word $5", "pa$$word $5", id="dollar signs"),
    ],
)
def test_references_are_replaced(references: References, text: str, resolved: str) -> None:
    """Each reference is replaced by what it stands for, and everything else stays."""
    assert references.resolve(text) == resolved


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("${env:MISSING}", "${env:MISSING}: the variable is not set"),
        ("${file:none}", "${file:none}: there is no such file"),
        ("${file:folder}", "${file:folder}: is a folder, not a file"),
        ("${file:large}", "${file:large}: the file is larger than 64 KiB"),
        ("${file:binary}", "${file:binary}: the file is not UTF-8 text"),
        ("${file:a\0b}", "${file:a\0b}: the file cannot be read"),
        ("${keyring:orders/other}", "${keyring:orders/other}: the keyring has no such entry"),
        ("${keyring:orders}", "${keyring:orders}: is written ${keyring:service/name}"),
        (
            "${evn:PASSWORD}",
            'unknown kind of reference, did you mean "env"?; write $${ where ${ is meant as text',
        ),
        ("${PASSWORD}", "${ starts no reference like ${env:NAME}; write $${ where ${ is meant as text"),
        ("${env:PASSWORD", "${ starts no reference like ${env:NAME}; write $${ where ${ is meant as text"),
        ("${env:A} ${env:B}", "${env:A}: the variable is not set; ${env:B}: the variable is not set"),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(references: References, text: str, reason: str) -> None:
    """What cannot be resolved is named together with the reason."""
    with pytest.raises(UnresolvedReference) as caught:
        references.resolve(text)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (keyring.errors.NoKeyringError("hunter2"), "there is no keyring on this machine"),
        (keyring.errors.KeyringLocked("hunter2"), "the keyring is locked"),
        (OSError("hunter2"), "the keyring cannot be read"),
    ],
    ids=["none", "locked", "broken"],
)
def test_a_keyring_that_fails_says_so_in_our_words(tmp_path: Path, raised: Exception, reason: str) -> None:
    """Whatever a keyring raises, its text does not come through."""
    references = References({}, tmp_path, Keyring(raised))

    with pytest.raises(UnresolvedReference) as caught:
        references.resolve("${keyring:orders/bot}")

    assert str(caught.value) == f"${{keyring:orders/bot}}: {reason}"


def test_the_files_that_were_read_are_known(references: References, tmp_path: Path) -> None:
    """Files that references name are noted, so that their permissions can be looked at."""
    references.resolve("${file:password} ${env:PASSWORD}")

    assert references.files == {tmp_path / "password"}


def test_what_is_encrypted_needs_its_key(references: References) -> None:
    """While nobody has said where that is, the reference is told, and no part of it shown."""
    with pytest.raises(UnresolvedReference) as caught:
        references.resolve("${encrypted:c2VudGluZWw}")

    reason = "cannot be opened: state_dir, where its key is, is not known"
    assert str(caught.value) == f"${{encrypted:...}}: {reason}"


@pytest.mark.parametrize(
    ("text", "left", "encrypted"),
    [
        pytest.param("plain", "plain", False, id="no-reference"),
        pytest.param("${env:A}", "", False, id="one"),
        pytest.param("http://bot:${file:/run/x}@${env:HOST}", "http://bot:@", False, id="several"),
        pytest.param("${keyring:a/b}", "", False, id="keyring"),
        pytest.param("${encrypted:AAAA}", "", True, id="encrypted"),
        pytest.param("$${env:A}", "$${env:A}", False, id="escaped"),
        pytest.param("${evn:secret}", "${evn:secret}", False, id="unknown-kind"),
        pytest.param("${secret", "${secret", False, id="broken"),
    ],
)
def test_what_a_text_says_besides_its_references(text: str, left: str, *, encrypted: bool) -> None:
    """References are no secret; what may be one is what stands beside them."""
    assert (without_references(text), is_encrypted(text)) == (left, encrypted)


def test_a_pipe_is_not_waited_for(tmp_path):
    """Nobody may ever write into it, and who resolves references may be the proxy itself."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UnresolvedReference, match="cannot be read"):
        References({}, tmp_path).resolve("${file:pipe}")
