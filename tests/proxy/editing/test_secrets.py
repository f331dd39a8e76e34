"""What of a profile is a secret, how it is written, and what may be shown."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.editing.secret_settings import is_telling, masked_settings, sealed_settings
from proxy.editing.secret_texts import (
    is_kept,
    is_secret,
    is_secret_connector,
    looks_like_secret,
    sealed_text,
    typed_secret,
)
from proxy.references import References

SENTINEL = f"sentinel{secrets.randbelow(10)}{secrets.token_hex(8)}"


def seal(text: str) -> str:
    """Stands for encrypting: shows what was sealed, in hexadecimal."""
    return f"${{encrypted:{text.encode(errors='surrogatepass').hex() or '00'}}}"


class Opened:
    """Opens what `seal` has made."""

    def unseal(self, sealed: str) -> str:
        return bytes.fromhex(sealed).decode(errors="surrogatepass")


@pytest.fixture
def references(tmp_path: Any) -> References:
    return References({"X": "from-environ"}, tmp_path, lambda *_: "from-keyring", Opened())


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("", False),
        ("hunter2", True),
        ("4711", True),
        (" ", True),
        ("!!!", True),
        ("${env:X}", False),
        ("${keyring:a/b}", False),
        ("${encrypted:AAAA}", False),
        ("$${env:X}", True),
        ("${evn:X}", True),
        ("${env:X", True),
        ("{{tenant}}", False),
        ("Bearer {{access_token}}", False),
        ("Basic ${env:X}", False),
        ("Basic dXNlcg==", True),
        ("SID={{access_token}}", False),
        ('Token token="{{access_token}}"', False),
        ("Key abc123 {{access_token}}", True),
        ("{{access_token}} dXNlcg=", True),
        ("prefix-${env:X}", True),
        ("${env:X}:${env:X}", False),
        ("\x00 {{a}}", True),
    ],
)
def test_a_text_is_a_secret_by_what_it_says_itself(text: str, *, secret: bool) -> None:
    """Neither references nor placeholders are secrets, nor what introduces them."""
    assert is_secret(text) is secret


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("http://gateway:3128", False),
        ("socks5://key@gateway", True),
        ("http://key:@gateway", True),
        ("http://${env:X}:@gateway:3128", False),
        ("http://bot:${env:X}@gateway:3128", False),
        ("http://${env:X}@gateway:3128", False),
        ("http://bot:hunter2@gateway:3128", True),
        ("http://bot:a@b@gateway:3128", True),
        ("http://bot:a${env:X}@gateway:3128", True),
        ("hunter2", True),
        ("bot:hunter2@gateway", True),
    ],
)
def test_a_connector_is_a_secret_by_its_password(text: str, *, secret: bool) -> None:
    """Or by a user name without one, as services have their keys there; its address alone is shown."""
    assert is_secret_connector(text) is secret


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        *[(name, True) for name in ("password", "Password", "userPassword", "PASSWORD", "client_secret")],
        *[(name, True) for name in ("apiKey", "api-key", "X-Api-Key", "APIKey", "pin", "user_pin", "PIN")],
        *[(name, True) for name in ("token", "accessToken", "refresh_token", "passwordhash", "otp")],
        *[(name, True) for name in ("kennwort", "Passwort", "contraseña", "sid")],
        *[(name, False) for name in ("token_type", "shipping", "monkey", "keyboard", "audience", "")],
        *[(name, False) for name in ("subject_token_type", "token_url", "key_size", "username", "spin")],
    ],
)
def test_names_tell_of_secrets(name: str, *, telling: bool) -> None:
    """By words, in whatever case they are joined."""
    assert is_telling(name) is telling


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("orders", False),
        ("https://api.example.com/550e8400-e29b-41d4-a716-446655440000", False),
        ("urn:ietf:params:oauth:token-type:access_token", False),
        ("orders-service-production-2", False),
        ("aVeryLongNameForSomethingOrdinary", False),
        ("eu-central-1.internal.example.com", False),
        ("{{access_token_of_the_first_kind_2}}", False),
        ("${env:A_VARIABLE_WITH_A_LONG_NAME_2}", False),
        ("9f86d081884c7d659a2feaa0", True),
        ("550e8400-e29b-41d4-a716-446655440000", True),
        ("key 9f86d081884c7d659a2feaa0", True),
        ("9f86d081884c7d659a2feaa0{{tenant}}", True),
        ("eyJhbGciOiJIUzI1NiJ9.e30.x", True),
    ],
)
def test_keys_and_tokens_are_told_by_their_looks(text: str, *, secret: bool) -> None:
    """Under a name that does not tell; what is in words is shown."""
    assert looks_like_secret(text) is secret


@given(st.text())
def test_a_sealed_text_resolves_to_what_was_meant(text: str) -> None:
    """A typed secret is itself, whatever it looks like, unless there is a reference in it."""
    references = References({}, None, lambda *_: None, Opened())  # type: ignore[arg-type]

    assert references.resolve(typed_secret(text, seal) if text else "") == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("hunter2", seal("hunter2"), id="literal"),
        pytest.param("a$${b", seal("a${b"), id="escaped"),
        pytest.param("${env:X}", "${env:X}", id="reference"),
        pytest.param("a-${env:X}-b", f"{seal('a-')}${{env:X}}{seal('-b')}", id="mixed"),
        pytest.param("${encrypted:61}x", f"${{encrypted:61}}{seal('x')}", id="encrypted-already"),
    ],
)
def test_what_is_written_out_is_encrypted_piece_by_piece(
    references: References, text: str, written: str
) -> None:
    """References in it still lead to what they led to."""
    assert sealed_text(text, seal) == written
    assert references.resolve(written) == references.resolve(text)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        pytest.param("a$${b", seal("a$${b"), id="as-it-is"),
        pytest.param("a${b", seal("a${b"), id="no-reference"),
        pytest.param("a\tb\r\nc", seal("a\tb\r\nc"), id="control-characters"),
        pytest.param("${env:X}", "${env:X}", id="reference"),
        pytest.param("$${b${env:X}", f"{seal('${b')}${{env:X}}", id="with-a-reference"),
    ],
)
def test_what_is_typed_is_a_secret_as_it_is(typed: str, written: str) -> None:
    """Nobody escapes a password; whoever types a reference writes as in the file."""
    assert typed_secret(typed, seal) == written


def test_a_misspelt_reference_is_not_taken_for_a_password() -> None:
    """It is told, without what was typed."""
    with pytest.raises(ValueError, match="known are env, file, keyring, encrypted") as caught:
        typed_secret(f"${{evn:{SENTINEL}}}", seal)

    assert SENTINEL not in str(caught.value)


def test_what_a_form_keeps_hidden_is_encrypted() -> None:
    """Nothing else comes back from it."""
    assert is_kept("${encrypted:AAAA}")
    assert is_kept("Bearer ${encrypted:AAAA}")
    assert not is_kept("hunter2 ${encrypted:AAAA}")
    assert not is_kept("${env:X}")


PROFILE = {
    "description": "shown",
    "match": {"host": "shown.example"},
    "credentials": {"username": SENTINEL, "password": "${env:SHOWN}", "pin": "${encrypted:AAAA}"},
    "tenancy": {"tenants": {"acme": {"credentials": {"password": SENTINEL}}, "globex": None}},
    "grant": {
        "token_endpoint": f"https://shown.example/token?key={SENTINEL}",
        "client_id": "shown",
        "client_secret": SENTINEL,
        "headers": {"X-Key": SENTINEL, "X-Tenant": "{{shown}}"},
        "query": {"key": SENTINEL},
        "refresh_headers": {"X-Key": SENTINEL},
        "parameters": {
            "audience": "shown",
            "apiKey": SENTINEL,
            "deep": [{"password": SENTINEL}],
            "secret": {"a": [SENTINEL]},
            "token": "{{shown}}",
            "list": ["shown", f"{SENTINEL}{{{{tenant}}}}"],
            "pairs": [{"name": "Passwort", "value": SENTINEL[:12]}, {"name": "shown", "value": "shown"}],
        },
        "body": {"Pin": 4711, "rememberToken": True, "Password": "{{password}}"},
        "passwort": SENTINEL,
    },
    "fields": [
        {"in": "header", "key": "Authorization", "value": "Bearer {{shown}}"},
        {"in": "header", "key": "X-Key", "value": SENTINEL, "comment": SENTINEL},
    ],
    "connector": f"http://bot:{SENTINEL}@gateway:1",
    "client_key_password": SENTINEL,
    "unknown": {"a": [SENTINEL]},
}


def test_no_secret_is_among_what_is_shown() -> None:
    """Nor what stands under a key that nobody knows; all the rest is there."""
    masked = masked_settings(PROFILE, {"set": True})

    assert SENTINEL[:12] not in repr(masked)
    assert "AAAA" not in repr(masked)
    assert masked["grant"]["body"] == {
        "Pin": {"set": True},
        "rememberToken": True,
        "Password": "{{password}}",
    }
    assert masked["credentials"]["password"] == "${env:SHOWN}"
    assert masked["grant"]["parameters"]["audience"] == "shown"
    assert masked["grant"]["parameters"]["token"] == "{{shown}}"
    assert masked["grant"]["parameters"]["list"] == ["shown", {"set": True}]
    assert masked["grant"]["parameters"]["pairs"][0] == {"name": "Passwort", "value": {"set": True}}
    assert masked["grant"]["parameters"]["pairs"][1]["value"] == "shown"
    assert masked["grant"]["token_endpoint"] == "https://shown.example/token?key=••••"
    assert masked["fields"][0]["value"] == "Bearer {{shown}}"
    assert masked["unknown"] == {"a": [{"set": True}]}


def test_every_secret_that_is_written_out_is_encrypted() -> None:
    """What is none stays, what was encrypted stays, and what is unknown is not touched."""
    sealed = sealed_settings(PROFILE, seal)

    for unknown in (sealed["unknown"], sealed["grant"].pop("passwort"), sealed["fields"][1].pop("comment")):
        assert SENTINEL in repr(unknown)
    del sealed["unknown"]
    # In a URL no reference to what is encrypted may stand.
    assert sealed["grant"].pop("token_endpoint") == PROFILE["grant"]["token_endpoint"]
    assert SENTINEL[:12] not in repr(sealed)
    assert sealed["credentials"]["pin"] == "${encrypted:AAAA}"
    assert sealed["grant"]["headers"] == {"X-Key": seal(SENTINEL), "X-Tenant": "{{shown}}"}
    assert sealed["tenancy"]["tenants"]["globex"] is None
    assert sealed["grant"]["body"] == PROFILE["grant"]["body"]


@pytest.mark.parametrize(
    "broken",
    [
        {"credentials": SENTINEL},
        {"credentials": [SENTINEL]},
        {"credentials": {"password": {"a": [SENTINEL]}}},
        {"grant": SENTINEL},
        {"grant": {"headers": [SENTINEL]}},
        {"tenancy": {"tenants": [SENTINEL]}},
        {"fields": SENTINEL},
        {"fields": [SENTINEL, {"value": [SENTINEL]}]},
    ],
    ids=["text", "list", "nested", "grant", "headers", "tenants", "fields", "field"],
)
def test_settings_of_a_wrong_shape_are_secret_altogether(broken: dict[str, Any]) -> None:
    """What was meant cannot be known."""
    assert SENTINEL not in repr(masked_settings(broken))
    assert SENTINEL not in repr(sealed_settings(broken, seal))
