"""A client without an HTTP library that asks one origin by way of a proxy, in a tunnel where that has TLS."""

from __future__ import annotations

from typing import Protocol

from tests.end_to_end.clients.raw import RawClient
from tests.end_to_end.servers.proxy_process import ProxyProcess


class Asked(Protocol):
    """What there is to know of an origin."""

    scheme: str

    @property
    def authority(self) -> str: ...

    def url(self, path: str) -> str: ...


class AskingClient(RawClient):
    """One connection: `ask` sends what a proxy is asked, absolute-form or within the tunnel origin-form."""

    def __init__(self, proxy: ProxyProcess, origin: Asked) -> None:
        super().__init__(proxy.host, proxy.port)
        self.origin = origin
        if origin.scheme == "https":
            assert self.tunnel(origin.authority).status == 200
            self.start_tls("127.0.0.1", proxy.ca_bundle)

    def head(self, method: str, path: str, *fields: str, version: str = "1.1") -> bytes:
        """A request line, Host, and the fields as given."""
        target = path if self.origin.scheme == "https" else self.origin.url(path)
        lines = [f"{method} {target} HTTP/{version}", f"Host: {self.origin.authority}", *fields, "", ""]
        return "\r\n".join(lines).encode("latin1")

    def ask(self, method: str, path: str, *fields: str, body: bytes = b"", version: str = "1.1") -> None:
        """Sends a request; the body's framing is for the fields to tell."""
        self.send(self.head(method, path, *fields, version=version) + body)
