"""`serve` from its start to its last request: a mitmproxy master with the few addons that a proxy needs, and,
where it is wanted, the express lane before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import certifi
from mitmproxy import http, options
from mitmproxy.addons import core, disable_h2c, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master

from addons import replay
from addons.access_log import AccessLog
from addons.metrics import Metrics
from profiles.access_records import AccessRecord, json_line, readable_line
from proxy import connections, debugging_checks, header_lookups
from proxy.addon_manager import IndexedAddonManager
from proxy.composition import Composition, compose
from proxy.configuration_files import Configuration
from proxy.console.running import RunningConsole
from proxy.control import ControlServer, control_path
from proxy.control_commands import control_handlers
from proxy.descriptors import raise_limit
from proxy.express.handover import MitmproxyLane
from proxy.express.lane import ExpressLane
from proxy.grantproxy_addons import GrantproxyAddons
from proxy.joined_lines import JoinedLines
from proxy.reloading import Reloading
from proxy.settings import Address

logger = logging.getLogger(__name__)

SECONDS_TO_DRAIN = 10.0
"""How long requests under way may take after SIGTERM."""


class UnderWay:
    """Counts the requests that have no answer yet, so that a stop can wait for them."""

    def __init__(self) -> None:
        self._flows: set[http.HTTPFlow] = set()
        self._none = asyncio.Event()
        self._none.set()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        self._flows.add(flow)
        self._none.clear()

    def response(self, flow: http.HTTPFlow) -> None:
        self._flows.discard(flow)
        if not self._flows:
            self._none.set()

    error = response

    async def wait(self, seconds: float) -> None:
        """Returns when all have their answer, or after that many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._none.wait()


class ProxyMaster(Master):
    """A master with nothing but what serves requests."""

    def __init__(
        self, configuration: Configuration, ours: GrantproxyAddons, trusted: Path, *, listens: bool
    ) -> None:
        super().__init__(options.Options(), asyncio.get_running_loop())
        self.addons = IndexedAddonManager(self)
        self.proxyserver = proxyserver.Proxyserver()
        self.tls = tlsconfig.TlsConfig()
        self.under_way = UnderWay()
        self.access_log = JoinedLines(sys.stderr)
        self.recent = ours.composition.recent
        self._line_of = readable_line if sys.stderr.isatty() else json_line
        self.addons.add(
            core.Core(),
            self.proxyserver,
            ours,
            next_layer.NextLayer(),
            self.tls,
            disable_h2c.DisableH2C(),
            self.under_way,
            AccessLog(self.write_record),
            Metrics(ours.composition.tallies),
        )
        listen = configuration.settings.listen
        self.options.update(
            listen_host=listen.host,
            listen_port=listen.port,
            server=listens,
            confdir=str(configuration.settings.ca_dir),
            # A refused request never touches the origin.
            connection_strategy="lazy",
            ssl_verify_upstream_trusted_ca=str(trusted),
        )

    async def drain(self, express: ExpressLane | None) -> None:
        """Takes no new connections, waits for the requests under way, and ends."""
        await self.proxyserver.servers.update([])
        if express is not None:
            await express.drain(SECONDS_TO_DRAIN)
        await self.under_way.wait(SECONDS_TO_DRAIN)
        self.shutdown()

    def write_record(self, record: AccessRecord, at: float) -> None:
        """A request of either lane has ended."""
        self.access_log.write(self._line_of(record, at))
        self.recent.add(record, at)

    def express_lane(self, composition: Composition) -> ExpressLane:
        """The express lane that leaves to this master what it does not speak."""
        return ExpressLane(
            composition,
            self.tls.certstore,
            MitmproxyLane(self.proxyserver),
            self.write_record,
            composition.tallies,
        )


async def serve(
    configuration: Configuration,
    *,
    environ: Mapping[str, str],
    on_listening: Callable[[str, int], None],
    on_console: Callable[[str], None],
    load: Callable[[], Configuration],
    is_express: bool,
) -> None:
    """Runs the proxy until SIGTERM or SIGINT; SIGHUP reloads by *load*. *is_express* chooses the lane;
    *on_console* takes the address to sign in at.

    Raises ConfigurationError, ConsoleUnavailable, and OSError where the listener's address cannot be had.
    """
    composition = compose(configuration, environ=environ)
    refuse_used_address(configuration.settings.listen.host, configuration.settings.listen.port)
    log_to_stderr()
    raise_limit(configuration.settings.limits)
    console = RunningConsole(composition.configuration.settings)
    composition.invitations.base_url = console.url(configuration.settings)
    quiet_mitmproxy()
    replay.install()
    connections.install()
    debugging_checks.leave_out()
    header_lookups.install()
    ours = GrantproxyAddons(composition)
    trusted = trusted_bundle(configuration, environ)
    master = ProxyMaster(configuration, ours, trusted, listens=not is_express)
    express = master.express_lane(composition) if is_express else None

    def adopted(composition: Composition) -> None:
        composition.invitations.base_url = console.url(composition.configuration.settings)
        if express is not None:
            express.adopt(composition)
        set_memory_aside()

    reloading = Reloading(ours, load, environ, adopted)
    served = _Served(configuration, ours, master, express, console, reloading, on_listening, on_console)
    master.addons.add(served)
    loop = asyncio.get_running_loop()
    handlers = {
        signal.SIGTERM: served.stop,
        signal.SIGINT: served.stop,
        signal.SIGHUP: reloading.try_to_reload,
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    set_memory_aside()
    try:
        await master.run()
    finally:
        await served.close()
        for number in handlers:
            loop.remove_signal_handler(number)
    if served.failure is not None:
        raise served.failure
    if not served.has_listened:
        raise OSError(errno.EADDRNOTAVAIL, "the listener could not be opened")


class _Served:
    """What begins when the proxy listens, and ends with it; an addon, because mitmproxy says when that is."""

    def __init__(
        self,
        configuration: Configuration,
        ours: GrantproxyAddons,
        master: ProxyMaster,
        express: ExpressLane | None,
        console: RunningConsole,
        reloading: Reloading,
        on_listening: Callable[[str, int], None],
        on_console: Callable[[str], None],
    ) -> None:
        self._settings = configuration.settings
        self._on_console = on_console
        self._ours, self._master, self._express = ours, master, express
        self._console, self._reloading, self._on_listening = console, reloading, on_listening
        self._control: ControlServer | None = None
        self._draining: asyncio.Task[None] | None = None
        self.failure: Exception | None = None
        """What kept the console from its start."""

    @property
    def has_listened(self) -> bool:
        return self._control is not None

    async def running(self) -> None:
        address = await self._listen()
        if address is None:
            self._master.shutdown()
            return
        self._control = await _start_control(self._settings.state_dir, address[1], self._ours)
        try:
            sign_in = self._console.start(
                lambda: self._ours.composition, self._reloading.reload, Address(*address)
            )
        except Exception as error:
            # mitmproxy would log it and go on: a process that listens nowhere and does not end.
            self.failure = error
            self._master.shutdown()
            return
        self._on_listening(*address)
        if sign_in is not None:
            self._on_console(sign_in)

    async def _listen(self) -> tuple[str, int] | None:
        if self._express is not None:
            try:
                return await self._express.start(*self._settings.listen)
            except OSError:
                return None
        addresses = self._master.proxyserver.listen_addrs()
        return (addresses[0][0], addresses[0][1]) if addresses else None

    def stop(self) -> None:
        """Lets the requests under way end; who asks twice waits for nobody."""
        self._console.proxy_stops()
        if self._draining is not None:
            self._master.shutdown()
        else:
            loop = asyncio.get_running_loop()
            self._draining = asyncio.Task(self._master.drain(self._express), loop=loop)

    async def close(self) -> None:
        if self._express is not None:
            self._express.close()
        self._master.access_log.flush()
        if self._control is not None:
            await self._control.close()
        await self._console.close()
        await self._ours.composition.close()


async def _start_control(state_dir: Path, port: int, ours: GrantproxyAddons) -> ControlServer:
    handlers = control_handlers(lambda: ours.composition)
    server = ControlServer(control_path(state_dir, port), handlers)
    try:
        await server.start()
    except OSError as error:
        logger.warning("`grantproxy tokens` will not reach this proxy: %s", error.strerror or "no socket")
    return server


def refuse_used_address(host: str, port: int) -> None:
    """Raises OSError before anything is started: mitmproxy would only log that it cannot listen."""
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def log_to_stderr() -> None:
    """Our own messages, plainly; the master's handlers would swallow them otherwise."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s")


def quiet_mitmproxy() -> None:
    """mitmproxy logs bytes of broken messages at INFO, and every connection: neither is for our log."""
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)
    logging.getLogger("mitmproxy.proxy.server").setLevel(logging.CRITICAL)


def set_memory_aside() -> None:
    """Spares the collector what stays: with many profiles, a look through them all would stall every flow."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def trusted_bundle(configuration: Configuration, environ: Mapping[str, str]) -> Path:
    """One file with every authority that origins are believed by: mitmproxy takes one only."""
    usual = Path(environ.get("SSL_CERT_FILE") or certifi.where())
    extra: Path | None = configuration.settings.trusted_ca
    if extra is None:
        return usual
    folder: Path = configuration.settings.state_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    bundle = folder / "trusted-authorities.pem"
    partial = bundle.with_suffix(f".{id(configuration)}.partial")
    partial.write_bytes(usual.read_bytes() + b"\n" + extra.read_bytes())
    partial.replace(bundle)
    return bundle
