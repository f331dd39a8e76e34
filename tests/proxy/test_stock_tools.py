"""grantproxy in mitmproxy's own tools: brought in by an option, reloaded by it, a wrong one said at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions
from mitmproxy.addons import next_layer
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.test import taddons

from addons.masking import Masking
from addons.replay import AuthorizedHttpStream
from proxy.grantproxy_addons import GrantproxyAddons
from proxy.stock_tools import OPTION, GrantproxyScript

CONFIGURATION = """\
profiles:
  orders:
    match: [{host: api.example.com}]
    credentials: {username: bot, password: SECRET}
    grant: {token_endpoint: "https://api.example.com/oauth/token"}
"""


@pytest.fixture
def tool() -> Iterator[taddons.context]:
    """A tool with an addon of its own, and ours loaded as a script."""
    own = http_layers.HttpStream
    with taddons.context(next_layer.NextLayer()) as tctx:
        yield tctx
    http_layers.HttpStream = own


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "grantproxy.yaml"
    file.write_text(CONFIGURATION)
    file.chmod(0o600)
    return file


def ours_in(tool: taddons.context) -> GrantproxyAddons:
    (ours,) = [addon for addon in tool.master.addons.chain if isinstance(addon, GrantproxyAddons)]
    return ours


async def test_the_option_brings_the_addons_in(tool: taddons.context, file: Path) -> None:
    """Ahead of the tool's own, whose choice of a protocol would come first otherwise; values are masked."""
    script = GrantproxyScript()
    tool.master.addons.add(script)

    tool.options.update(**{OPTION: str(file)})

    ours = ours_in(tool)
    assert tool.master.addons.chain[0] is ours
    assert isinstance(ours.addons[0], Masking)
    assert set(ours.composition.profiles) == {"orders"}
    assert http_layers.HttpStream is AuthorizedHttpStream


async def test_without_the_option_nothing_is_looked_for(tool: taddons.context) -> None:
    """The script may be loaded before the option is set; other options are not ours."""
    script = GrantproxyScript()
    tool.master.addons.add(script)

    tool.options.update(ssl_insecure=True)

    assert not [addon for addon in tool.master.addons.chain if isinstance(addon, GrantproxyAddons)]


async def test_setting_the_option_again_reloads(tool: taddons.context, file: Path) -> None:
    """The same addons go on with a new snapshot, and the tokens stay."""
    script = GrantproxyScript()
    tool.master.addons.add(script)
    tool.options.update(**{OPTION: str(file)})
    ours, before = ours_in(tool), ours_in(tool).composition
    other = file.with_name("other.yaml")
    other.write_text(CONFIGURATION.replace("orders:", "billing:"))
    other.chmod(0o600)

    tool.options.update(**{OPTION: str(other)})

    assert ours_in(tool) is ours
    assert set(ours.composition.profiles) == {"billing"}
    assert ours.composition.tokens is before.tokens
    authorizers = {addon.authorizer for addon in ours.addons if hasattr(addon, "authorizer")}
    assert authorizers == {ours.composition.authorizer}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CONFIGURATION + "unknown: SECRET\n", id="loading"),
        pytest.param(CONFIGURATION.replace("https:", "ftp:"), id="compiling"),
        pytest.param("", id="empty"),
    ],
)
async def test_a_wrong_configuration_is_an_error_of_the_option(
    tool: taddons.context, file: Path, text: str
) -> None:
    """The tool says it in its own way, with place and key, and without a value."""
    secret = secrets.token_hex(8)
    file.write_text(text.replace("SECRET", secret))
    script = GrantproxyScript()
    tool.master.addons.add(script)

    with pytest.raises(exceptions.OptionsError) as caught:
        tool.options.update(**{OPTION: str(file)})

    assert str(file) in str(caught.value)
    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_reload_that_fails_leaves_the_snapshot_before(tool: taddons.context, file: Path) -> None:
    """Requests go on with what was right."""
    script = GrantproxyScript()
    tool.master.addons.add(script)
    tool.options.update(**{OPTION: str(file)})
    before = ours_in(tool).composition
    wrong = file.with_name("wrong.yaml")
    wrong.write_text("unknown: 1\n")

    with pytest.raises(exceptions.OptionsError):
        tool.options.update(**{OPTION: str(wrong)})

    assert ours_in(tool).composition is before


async def test_the_script_ends_what_runs_beside(tool: taddons.context, file: Path) -> None:
    """At the end of the tool, with or without a configuration."""
    script: Any = GrantproxyScript()
    await script.done()
    tool.master.addons.add(script)
    tool.options.update(**{OPTION: str(file)})

    await script.done()
