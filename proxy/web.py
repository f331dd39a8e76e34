"""The same addons in mitmweb, for debugging: bodies kept, each replay visible, injected values masked."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping

from mitmproxy import http, options
from mitmproxy.tools.web.master import WebMaster

from addons import replay
from addons.access_log import AccessLog
from addons.masking import Masking
from addons.metrics import Metrics
from proxy.composition import Composition, compose
from proxy.configuration_files import Configuration
from proxy.console.running import RunningConsole
from proxy.engine import log_to_stderr, refuse_used_address, trusted_bundle
from proxy.grantproxy_addons import GrantproxyAddons
from proxy.reloading import Reloading
from proxy.settings import Address

OnListening = Callable[[str, int, str], None]
"""Takes host and port of the proxy and the address of the web interface, which holds its sign-in token."""


async def web(
    configuration: Configuration,
    *,
    environ: Mapping[str, str],
    web_host: str,
    web_port: int,
    reveal: bool,
    on_listening: OnListening,
    on_console: Callable[[str], None],
    load: Callable[[], Configuration],
) -> None:
    """Runs mitmweb until SIGTERM or SIGINT; SIGHUP reloads by *load*.

    Raises ConfigurationError, ConsoleUnavailable, and OSError for an address in use.
    """
    composition = compose(configuration, environ=environ)
    listen = configuration.settings.listen
    for host, port in ((listen.host, listen.port), (web_host, web_port)):
        refuse_used_address(host, port)
    console = RunningConsole(configuration.settings)
    composition.invitations.base_url = console.url(configuration.settings)
    log_to_stderr()
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)
    replay.install()
    master = WebMaster(options.Options(), with_termlog=False)

    def show(flow: http.HTTPFlow) -> None:
        master.view.add([flow])

    ours = GrantproxyAddons(composition, Masking(reveal=reveal, show=show))
    master.addons.register(ours)
    master.addons.chain.insert(0, ours)

    master.addons.add(Metrics(composition.tallies), AccessLog(composition.recent.add))

    def adopted(composition: Composition) -> None:
        composition.invitations.base_url = console.url(composition.configuration.settings)

    reloading = Reloading(ours, load, environ, adopted)

    class Announcement:
        def running(self) -> None:
            addresses = master.proxyserver.listen_addrs()
            if not addresses:
                master.shutdown()
                return
            host, port = addresses[0][:2]
            sign_in = console.start(lambda: ours.composition, reloading.reload, Address(host, port))
            on_listening(host, port, master.web_url)
            if sign_in is not None:
                on_console(sign_in)

    master.addons.add(Announcement())
    master.options.update(
        listen_host=listen.host,
        listen_port=listen.port,
        confdir=str(configuration.settings.ca_dir),
        connection_strategy="lazy",
        ssl_verify_upstream_trusted_ca=str(trusted_bundle(configuration, environ)),
        web_host=web_host,
        web_port=web_port,
        web_open_browser=False,
        store_streamed_bodies=True,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, master.shutdown)
    loop.add_signal_handler(signal.SIGHUP, reloading.try_to_reload)
    try:
        await master.run()
    finally:
        await console.close()
        await ours.composition.close()
