"""grantproxy inside mitmdump, mitmproxy and mitmweb: the same addons, configured by an option."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from mitmproxy import ctx, exceptions
from mitmproxy.addonmanager import Loader

from addons import replay
from addons.masking import Masking
from profiles.errors import ConfigurationError
from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.grantproxy_addons import GrantproxyAddons

logger = logging.getLogger(__name__)

OPTION = "grantproxy_config"


class GrantproxyScript:
    """Brings ours in when the option names a configuration; injected values are masked in every flow."""

    def __init__(self) -> None:
        self._ours: GrantproxyAddons | None = None
        self._in_force = ""
        self._has_failed = False

    def load(self, loader: Loader) -> None:
        loader.add_option(OPTION, str, "", "The configuration of grantproxy.")
        replay.install()

    def configure(self, updated: set[str]) -> None:
        if OPTION not in updated:
            return
        named = getattr(ctx.options, OPTION)
        has_failed, self._has_failed = self._has_failed, False
        if has_failed and named == self._in_force:
            # mitmproxy puts an option back when it was wrong, and says so as if somebody had set it.
            return
        try:
            configuration = load_configuration(
                Path(named) if named else None, environ=os.environ, cwd=Path.cwd()
            )
            composition = compose(
                configuration,
                environ=os.environ,
                before=self._ours.composition if self._ours else None,
            )
        except ConfigurationError as error:
            self._has_failed = True
            raise exceptions.OptionsError(f"{OPTION}:\n{error}") from None
        if self._ours is None:
            self._ours = GrantproxyAddons(composition, Masking())
            _put_first(self._ours)
        else:
            self._ours.adopt(composition)
        self._in_force = named

    async def done(self) -> None:
        if self._ours is not None:
            await self._ours.composition.close()


def _put_first(ours: GrantproxyAddons) -> None:
    """Ahead of the tool's own addons: the choice of a protocol inside CONNECT is theirs otherwise."""
    manager: Any = ctx.master.addons
    manager.register(ours)
    manager.chain.insert(0, ours)


addons = [GrantproxyScript()]
