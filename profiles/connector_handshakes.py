"""How a connector is asked for a way to a host: HTTP's CONNECT and SOCKS 5, without I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from socksio import SOCKSError, socks5

from profiles.connectors import Connector
from profiles.errors import ConnectorUnavailable
from profiles.origins import normalize_host

LONGEST_HEAD = 64 * 1024
"""Bytes of an answer to CONNECT that are waited for."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")

_REFUSALS: Mapping[bytes, str] = {
    b"\x02": "refuses the way by its rules",
    b"\x03": "does not reach the network",
    b"\x04": "does not reach the host",
    b"\x05": "was refused by the host",
    b"\x06": "does not reach the host in time",
}
"""Replies of RFC 1928 section 6, as they continue "the connector"."""

_ADDRESS_LENGTHS = {b"\x01": 4, b"\x04": 16}


class Handshake(Protocol):
    """One request for a way through. `is_done` when it is had; `rest` is what came behind the answer."""

    is_done: bool
    rest: bytes

    def start(self) -> bytes:
        """What is sent first."""

    def receive(self, data: bytes) -> bytes:
        """Takes what came and gives what is to be sent. Raises ConnectorUnavailable for a no."""


def handshake_with(connector: Connector, host: str, port: int) -> Handshake:
    """The handshake that the connector's scheme asks for. *host* is resolved by the connector.

    Raises ValueError for what is no host.
    """
    host = normalize_host(host)
    if connector.scheme == "socks5":
        return Socks5Handshake(connector, host, port)
    return ConnectHandshake(connector, host, port)


class ConnectHandshake:
    """RFC 9110 section 9.3.6."""

    def __init__(self, connector: Connector, host: str, port: int) -> None:
        self.is_done = False
        self.rest = b""
        self._received = b""
        self._connector = connector
        self._authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> bytes:
        authority = self._authority.encode("ascii")
        head = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n" % (authority, authority)
        credentials = self._connector.proxy_authorization
        if credentials is not None:
            head += b"Proxy-Authorization: %s\r\n" % credentials
        return head + b"\r\n"

    def receive(self, data: bytes) -> bytes:
        self._received += data
        end = _HEAD_END.search(self._received)
        if end is None:
            if len(self._received) > LONGEST_HEAD:
                raise ConnectorUnavailable("answers without an end")
            return b""
        found = _STATUS_LINE.match(self._received)
        if found is None:
            raise ConnectorUnavailable("does not speak HTTP")
        status = int(found[1])
        if 100 <= status < 200:
            self._received = self._received[end.end() :]
            return self.receive(b"")
        if not 200 <= status < 300:
            raise refusal_by_status(self._connector, status)
        self.is_done, self.rest = True, self._received[end.end() :]
        return b""


class Socks5Handshake:
    """RFC 1928, with the user name and password of RFC 1929 where the connector has credentials."""

    def __init__(self, connector: Connector, host: str, port: int) -> None:
        self.is_done = False
        self.rest = b""
        self._received = b""
        self._connector = connector
        self._target = (host, port)
        self._protocol = socks5.SOCKS5Connection()
        has_credentials = connector.username is not None
        self._method = (
            socks5.SOCKS5AuthMethod.USERNAME_PASSWORD
            if has_credentials
            else socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED
        )

    def start(self) -> bytes:
        self._protocol.send(socks5.SOCKS5AuthMethodsRequest([self._method]))
        return bytes(self._protocol.data_to_send())

    def receive(self, data: bytes) -> bytes:
        self._received += data
        sent = b""
        # socksio takes whole messages only, and more than one may have come.
        while not self.is_done and (length := self._message_length()) is not None:
            if len(self._received) < length:
                break
            message, self._received = self._received[:length], self._received[length:]
            try:
                self._take(self._protocol.receive_data(message))
            except SOCKSError:
                raise ConnectorUnavailable("does not speak SOCKS 5") from None
            sent += self._protocol.data_to_send()
        return sent

    def _message_length(self) -> int | None:
        if self._protocol.state is not socks5.SOCKS5State.CLIENT_AUTHENTICATED:
            return 2
        if len(self._received) < 5:
            return None
        name_length = 1 + self._received[4]
        return 4 + _ADDRESS_LENGTHS.get(self._received[3:4], name_length) + 2

    def _take(self, reply: object) -> None:
        match reply:
            case socks5.SOCKS5AuthReply(method) if method != self._method:
                raise ConnectorUnavailable(self._wants_other_credentials(), was_refused=True)
            case socks5.SOCKS5AuthReply(socks5.SOCKS5AuthMethod.USERNAME_PASSWORD):
                name, secret = self._connector.username or "", self._connector.password
                self._protocol.send(socks5.SOCKS5UsernamePasswordRequest(name.encode(), secret.encode()))
            case socks5.SOCKS5UsernamePasswordReply(success=False):
                raise ConnectorUnavailable("refuses the credentials", was_refused=True)
            case socks5.SOCKS5AuthReply() | socks5.SOCKS5UsernamePasswordReply():
                command = socks5.SOCKS5Command.CONNECT
                self._protocol.send(socks5.SOCKS5CommandRequest.from_address(command, self._target))
            case socks5.SOCKS5Reply(socks5.SOCKS5ReplyCode.SUCCEEDED):
                self.is_done, self.rest = True, self._received
            case socks5.SOCKS5Reply(code):
                reason = _REFUSALS.get(code, "failed")
                raise ConnectorUnavailable(reason, was_refused=True, is_about_itself=False)

    def _wants_other_credentials(self) -> str:
        has_none = self._connector.username is None
        return "asks for credentials" if has_none else "takes no user name and password"


def check_answer(connector: Connector, status: int, *, has_tunnel: bool) -> None:
    """Raises ConnectorUnavailable for an answer that is the connector's own: 407 in answer to absolute-form.

    Any other one may be the origin's, and is passed on.
    """
    if status == 407 and not has_tunnel:
        refusal = refusal_by_status(connector, status)
        connector.failed(refusal)
        raise refusal
    connector.reached()


def refusal_by_status(connector: Connector, status: int) -> ConnectorUnavailable:
    """What an HTTP proxy's answer means that is not the origin's."""
    if status == 407:
        does = "asks for credentials" if connector.username is None else "refuses the credentials"
        return ConnectorUnavailable(f"{does} (407)", was_refused=True)
    reason = f"refuses the way (it answered {status})"
    return ConnectorUnavailable(reason, was_refused=True, is_about_itself=False)
