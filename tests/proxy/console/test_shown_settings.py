"""Settings for people: complete, labelled as the source has them, and without a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from profiles.model import ProfileSettings
from proxy.configuration_files import load_configuration
from proxy.console.shown_settings import HowWritten, Setting, shown_settings, shown_url
from proxy.display import MASK
from proxy.known_secrets import KnownSecrets

SENTINEL = "password-sentinel"


def shown(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> dict[str, Setting]:
    """The settings of the one profile in *text*, by their keys."""
    file = tmp_path / "grantproxy.yaml"
    file.write_text(f"profiles:\n  orders:\n    match: {{host: api.example.com}}\n{text}")
    file.chmod(0o600)
    environ = {"P": SENTINEL, "T": SENTINEL, **(environ or {})}
    configuration = load_configuration(file, environ=environ, cwd=tmp_path)
    settings = configuration.settings.profiles["orders"]
    groups = shown_settings("orders", settings, HowWritten(configuration))
    return {setting.key: setting for group in groups for setting in group.settings}


@pytest.mark.parametrize(
    ("password", "said"),
    [
        (SENTINEL, "set"),
        ("${env:P}", "${env:P}"),
        ('"${env:P}"', "${env:P}"),
        ("'${env:P}' # the bot's", "${env:P}"),
        ("${env:P}-and-more", "set"),
        ("before-${env:P}", "set"),
        ("$${env:P}", "set"),
        ('"${env:P}\\n"', "set"),
        ("|\n        ${env:P}", "set"),
    ],
)
def test_a_secret_shows_its_reference_at_most(tmp_path: Path, password: str, said: str) -> None:
    """Where it is nothing but one; a text with a reference in it says something by itself."""
    found = shown(
        tmp_path,
        f"""
    credentials:
      username: bot
      password: {password}
    grant: {{token_endpoint: "https://api.example.com/token"}}
""",
    )

    assert found["credentials"].lines == ("username: set", f"password: {said}")
    assert SENTINEL not in str(found)


def test_flow_mappings_show_references_too(tmp_path: Path) -> None:
    """Each of its own key."""
    found = shown(
        tmp_path,
        """
    credentials: {username: "${env:T}", "password": "${env:P}"}
    grant: {token_endpoint: "https://api.example.com/token", client_id: c, client_secret: "${env:P}"}
""",
    )

    assert found["credentials"].lines == ("username: ${env:T}", "password: ${env:P}")
    assert found["grant.client_secret"].lines == ("${env:P}",)


def test_a_variable_that_overrides_is_named(tmp_path: Path) -> None:
    """Whoever looks for the value in the file would look in vain."""
    found = shown(
        tmp_path,
        """
    credentials: {username: bot, password: "${env:P}"}
    grant: {token_endpoint: "https://api.example.com/token"}
""",
        {"GRANTPROXY_PROFILES__ORDERS__CREDENTIALS__PASSWORD": SENTINEL},
    )

    assert found["credentials"].lines[1] == (
        "password: set by GRANTPROXY_PROFILES__ORDERS__CREDENTIALS__PASSWORD"
    )


def test_a_file_that_has_gone_says_that_the_secret_is_set(tmp_path: Path) -> None:
    """The proxy goes on with what it has read."""
    file = tmp_path / "grantproxy.yaml"
    file.write_text("""
profiles:
  orders:
    match: {host: api.example.com}
    credentials: {username: bot, password: "${env:P}"}
    grant: {token_endpoint: "https://api.example.com/token"}
""")
    file.chmod(0o600)
    configuration = load_configuration(file, environ={"P": SENTINEL}, cwd=tmp_path)
    file.unlink()

    written = HowWritten(configuration)
    assert written.of(("profiles", "orders", "credentials", "password")) == "set"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://{tenant}.example.com/oauth/{{username}}/token", None),
        ("/token", None),
        ("/token?", None),
        ("/token?tenant={tenant}", None),
        ("/token?tenant={{tenant}}&key=abc", f"/token?tenant={{{{tenant}}}}&key={MASK}"),
        ("/token?key=abc{tenant}", f"/token?key={MASK}"),
        ("/token?abc", f"/token?{MASK}"),
        (f"/{SENTINEL}/token", f"/{MASK}/token"),
    ],
)
def test_a_url_keeps_its_query_to_itself(url: str, said: str | None) -> None:
    """A placeholder says no more than what it is for."""
    assert shown_url(url, KnownSecrets([SENTINEL])) == (url if said is None else said)


def test_parameters_are_shown_by_their_names(tmp_path: Path) -> None:
    """And by the placeholders in them."""
    found = shown(
        tmp_path,
        """
    credentials: {username: bot, password: "${env:P}"}
    grant:
      token_endpoint: https://api.example.com/token
      headers: {X-Tenant: "Acme {{username}}", X-Key: "${env:T}"}
      parameters: {audience: orders, deep: {list: [1, "{{username}}", null]}}
""",
    )

    assert found["grant.headers"].lines == (f"X-Tenant: Acme {MASK}{{username}}", "X-Key: ${env:T}")
    assert found["grant.parameters"].lines == (
        f"audience: {MASK}",
        f"deep.list[0]: {MASK}",
        f"deep.list[1]: {MASK}{{username}}",
        "deep.list[2]: null",
    )


def test_every_setting_is_shown(tmp_path: Path) -> None:
    """But for `match`, `fields` and `form_fields`, which have tables of their own."""
    found = shown(
        tmp_path,
        """
    credentials: {username: bot, password: "${env:P}"}
    grant: {token_endpoint: "https://api.example.com/token"}
""",
    )

    keys = set(_keys(ProfileSettings))
    assert keys - set(found) == {"match", "fields", "form_fields"}
    assert found["timeout"] == Setting("Timeout", "timeout", ("30 s",), is_default=True)
    assert not found["grant.token_endpoint"].is_default


def _keys(model: Any, before: str = "") -> list[str]:
    nested = {"tenancy", "grant"}
    return [
        key
        for name, field in model.model_fields.items()
        for key in (
            [name, *_keys(field.annotation, f"{name}.")]
            if name == "grant"
            else _keys(field.annotation, f"{name}.")
            if name in nested
            else [f"{before}{name}"]
        )
    ]
