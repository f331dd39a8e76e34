"""Reads the configuration anew while the proxy runs: on SIGHUP, and when the console has saved a profile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from profiles.errors import ConfigurationError
from proxy.composition import Composition, compose
from proxy.configuration_files import Configuration
from proxy.grantproxy_addons import GrantproxyAddons

logger = logging.getLogger(__name__)


class Reloading:
    """*load* reads the files, *adopted* is told of the new snapshot once the addons have it."""

    def __init__(
        self,
        ours: GrantproxyAddons,
        load: Callable[[], Configuration],
        environ: Mapping[str, str],
        adopted: Callable[[Composition], None],
    ) -> None:
        self._ours, self._load, self._environ, self._adopted = ours, load, environ, adopted

    def reload(self) -> None:
        """Puts what is written now in force. Raises ConfigurationError, and then all stays as it was."""
        composition = compose(self._load(), environ=self._environ, before=self._ours.composition)
        self._ours.adopt(composition)
        self._adopted(composition)
        logger.warning("the configuration was reloaded")

    def try_to_reload(self) -> None:
        """The same for a signal: nobody is there to be told but the log."""
        try:
            self.reload()
        except ConfigurationError as error:
            message = "the configuration was not reloaded, the one before goes on:\n%s"
            logger.error(message, error)  # noqa: TRY400
