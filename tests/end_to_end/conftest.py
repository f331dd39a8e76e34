"""The ground of the end-to-end suite: real servers, real clients and the proxy, on free loopback ports."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.lanes import LANES
from tests.end_to_end.servers.authlib_server import AuthlibServer, authlib_server
from tests.end_to_end.servers.certificates import TestCa, make_test_ca
from tests.end_to_end.servers.django_server import DjangoServer, django_server, prepare_database
from tests.end_to_end.servers.forward_proxy import ForwardProxy, serve_forward_proxy
from tests.end_to_end.servers.origin import Origin, serve_origin
from tests.end_to_end.servers.proxy_process import ProxyProcess, run_proxy
from tests.end_to_end.servers.raw_origin import RawOrigin, Script, serve_raw_origin
from tests.end_to_end.servers.shared_proxy import SharedProxy


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> TestCa:
    """A CA of the suite's own and a leaf for loopback, some tenants of .localhost, and .test names."""
    return make_test_ca(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def test_ca(certificates: TestCa) -> Path:
    """The CA's certificate, PEM; the origins' leaf is signed by it."""
    return certificates.path


@pytest.fixture(scope="session")
def curl() -> str:
    """The curl that is installed; `make setup` sees to it."""
    found = shutil.which("curl")
    if found is None:
        pytest.fail("curl is not installed: run make setup")
    return found


@pytest.fixture
def send(test_ca: Path, curl: str) -> Sender:
    """`send(client, proxy, method, url, headers, body)` -> Answer; `send.client(proxy)` -> httpx.Client."""
    return Sender(test_ca)


@pytest.fixture
def authorization_server() -> Iterator[AuthlibServer]:
    """Authlib on Flask, fresh for each test."""
    with authlib_server() as server:
        yield server


@pytest.fixture
def tls_authorization_server(certificates: TestCa) -> Iterator[AuthlibServer]:
    """The same over TLS, with the suite's certificate."""
    with authlib_server(certificates.server_context()) as server:
        yield server


@pytest.fixture
def make_authorization_server() -> Iterator[Callable[..., AuthlibServer]]:
    """Builds further servers, with settings: `make_authorization_server(access_lifetime=2, pin="4711")`."""
    with ExitStack() as stack:
        yield lambda *arguments, **settings: stack.enter_context(authlib_server(*arguments, **settings))


@pytest.fixture(scope="session")
def prepared_django_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database with a user and two clients."""
    return prepare_database(tmp_path_factory.mktemp("django"))


@pytest.fixture
def django_authorization_server(
    prepared_django_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., DjangoServer]]:
    """Starts django-oauth-toolkit: `django_authorization_server(rotate=False, access_lifetime=60)`."""
    with ExitStack() as stack:

        def start(**settings: Any) -> DjangoServer:
            folder = tmp_path_factory.mktemp("django-server")
            return stack.enter_context(django_server(prepared_django_database, folder, **settings))

        yield start


@pytest.fixture
def origin() -> Iterator[Origin]:
    """An origin over plain HTTP."""
    with serve_origin() as running:
        yield running


@pytest.fixture
def tls_origin(certificates: TestCa) -> Iterator[Origin]:
    """An origin over TLS that offers h2 and http/1.1."""
    with serve_origin(certificates) as running:
        yield running


@pytest.fixture
def make_origin(certificates: TestCa) -> Iterator[Callable[..., Origin]]:
    """Builds further origins: `make_origin(tls=True, alpn=("http/1.1",))`."""
    with ExitStack() as stack:

        def make(*, tls: bool = False, alpn: tuple[str, ...] = ("h2", "http/1.1")) -> Origin:
            return stack.enter_context(serve_origin(certificates if tls else None, alpn=alpn))

        yield make


@pytest.fixture
def raw_origin(certificates: TestCa) -> Iterator[Callable[..., RawOrigin]]:
    """Serves a script, an `async def script(connection)`: `raw_origin(script, tls=True)`."""
    with ExitStack() as stack:

        def make(script: Script, *, tls: bool = False) -> RawOrigin:
            context = certificates.server_context() if tls else None
            return stack.enter_context(serve_raw_origin(script, context))

        yield make


@pytest.fixture
def make_gateway(certificates: TestCa) -> Iterator[Callable[..., ForwardProxy]]:
    """Builds forward proxies for connectors: `make_gateway("https")`, `make_gateway("socks5")`."""
    with ExitStack() as stack:

        def make(scheme: str = "http") -> ForwardProxy:
            context = certificates.server_context() if scheme == "https" else None
            return stack.enter_context(serve_forward_proxy(scheme, context))

        yield make


@pytest.fixture(scope="session")
def proxy_defaults(tmp_path_factory: pytest.TempPathFactory, test_ca: Path) -> dict[str, Any]:
    """What every configuration of the suite starts from; the proxy's CA and key are made once."""
    folder = tmp_path_factory.mktemp("proxy")
    return {
        "listen": "127.0.0.1:0",
        "console": None,
        "ca_dir": str(folder / "ca"),
        "state_dir": str(folder / "state"),
        "trusted_ca": str(test_ca),
    }


@pytest.fixture(scope="session", params=LANES)
def lane(request: pytest.FixtureRequest) -> str:
    """Which lane the proxies of a test run on; whatever asks for a proxy runs on each of them."""
    return str(request.param)


@pytest.fixture(scope="session")
def run_on_lane(
    proxy_defaults: dict[str, Any], test_ca: Path, lane: str
) -> Callable[..., AbstractContextManager[ProxyProcess]]:
    """`grantproxy serve` on the lane, for a block: `with run_on_lane(config, folder) as running: ...`."""

    def run(
        config: Mapping[str, Any] | str, folder: Path, *, args: Sequence[str] = (), **options: Any
    ) -> AbstractContextManager[ProxyProcess]:
        options |= {"folder": folder, "defaults": proxy_defaults, "test_ca": test_ca}
        return run_proxy(config, args=["--lane", lane, *args], **options)

    return run


@pytest.fixture
def proxy(
    tmp_path: Path, run_on_lane: Callable[..., AbstractContextManager[ProxyProcess]]
) -> Iterator[Callable[..., ProxyProcess]]:
    """Starts `grantproxy serve`: `proxy({"profiles": {...}}, env={...}, args=[...])` -> ProxyProcess."""
    numbers = count()
    with ExitStack() as stack:

        def start(config: dict[str, Any] | str, **options: Any) -> ProxyProcess:
            folder = tmp_path / f"proxy-{next(numbers)}"
            folder.mkdir()
            return stack.enter_context(run_on_lane(config, folder, **options))

        yield start


@pytest.fixture(scope="session")
def shared_proxy(
    tmp_path_factory: pytest.TempPathFactory,
    run_on_lane: Callable[..., AbstractContextManager[ProxyProcess]],
) -> Iterator[SharedProxy]:
    """`grantproxy serve`, started once: `shared_proxy({"profiles": {...}})` -> ProxyProcess, reloaded.

    There is one for each lane, one after the other: pytest runs all the tests of one lane before the next.
    """
    shared = SharedProxy(lambda config: run_on_lane(config, tmp_path_factory.mktemp("shared-proxy")))
    yield shared
    shared.close()
