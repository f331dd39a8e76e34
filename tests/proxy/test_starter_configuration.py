"""What `init` writes is right, and shows every setting there is."""

import re

import yaml

from profiles.model import GrantSettings, ProfileSettings
from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.limit_settings import LimitSettings
from proxy.settings import ProxySettings
from proxy.starter_configuration import STARTER_CONFIGURATION

NOT_SHOWN = {"tenants"}


def test_it_needs_nothing_but_its_variable(tmp_path):
    """With ORDERS_PASSWORD set it loads and compiles, without a warning."""
    file = tmp_path / "grantproxy.yaml"
    file.write_text(STARTER_CONFIGURATION)

    configuration = load_configuration(file, environ={"ORDERS_PASSWORD": "sentinel"}, cwd=tmp_path)

    assert list(compose(configuration, environ={}).profiles) == ["orders"]
    assert not configuration.warnings


def test_every_key_is_shown():
    """Set or commented out, at the top, in its limits, in a profile and in its grant."""
    shown = set(re.findall(r"\b([a-z_]+):", STARTER_CONFIGURATION))

    models = (ProxySettings, LimitSettings, ProfileSettings, GrantSettings)
    keys = {key for model in models for key in model.model_fields}
    assert keys - shown <= NOT_SHOWN


def test_the_comments_are_settings_too(tmp_path):
    """What is commented out can be uncommented: it loads but for what is not part of this release."""
    lines = []
    for line in STARTER_CONFIGURATION.partition("# Not part of this release")[0].splitlines():
        uncommented = re.sub(r"^(\s*)# (?=\s*(?:-|#|[a-z_0-9-]+:))", r"\1", line)
        if re.search(r"^\s*(expires_at:|grantproxy:|#)", uncommented) is None:
            lines.append(uncommented)
    text = "\n".join(lines)
    file = tmp_path / "grantproxy.yaml"
    file.write_text(text)
    (tmp_path / "company-ca.pem").touch()
    names = ("ORDERS_PASSWORD", "CONSOLE_SECRET", "BOT_1_SECRET", "ORDERS_CLIENT_SECRET", "BOT_KEY_PASSWORD")
    environ = dict.fromkeys(names, "x")

    configuration = load_configuration(file, environ=environ, cwd=tmp_path)

    assert yaml.safe_load(text)["profiles"]["orders"]["grant"]["scope"] == ["read", "write"]
    assert "bot-1" in configuration.settings.clients
    assert configuration.settings.limits == LimitSettings()
