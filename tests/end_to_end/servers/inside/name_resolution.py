"""Resolves .localhost and .test to loopback in the process it is loaded into (RFC 6761 sections 6.2 and 6.3),
by the standard library and by uvloop, which asks the system itself.

This machine's resolver may know neither, and the suite wants more hosts than `localhost` and `127.0.0.1`:
tenants, wildcards, hosts that are not loopback by their name.
"""

import contextlib
import socket

_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, *arguments, **options):
    return _getaddrinfo(resolved(host), *arguments, **options)


def resolved(host):
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and name.rstrip(".").lower().endswith((".localhost", ".test")):
        return "127.0.0.1"
    return host


socket.getaddrinfo = getaddrinfo

with contextlib.suppress(ImportError):
    import uvloop

    _loop_getaddrinfo, _create_connection = uvloop.Loop.getaddrinfo, uvloop.Loop.create_connection

    async def loop_getaddrinfo(self, host, port, **options):
        return await _loop_getaddrinfo(self, resolved(host), port, **options)

    async def create_connection(self, protocol_factory, host=None, port=None, **options):
        return await _create_connection(self, protocol_factory, resolved(host), port, **options)

    uvloop.Loop.getaddrinfo = loop_getaddrinfo
    uvloop.Loop.create_connection = create_connection
