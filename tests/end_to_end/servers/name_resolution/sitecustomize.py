"""Resolves .localhost and .test to loopback in the process it is loaded into (RFC 6761 sections 6.2 and 6.3).

This machine's resolver may know neither, and the suite wants more hosts than `localhost` and `127.0.0.1`:
tenants, wildcards, hosts that are not loopback by their name.
"""

import socket

_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, *arguments, **options):
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and name.rstrip(".").lower().endswith((".localhost", ".test")):
        host = "127.0.0.1"
    return _getaddrinfo(host, *arguments, **options)


socket.getaddrinfo = getaddrinfo
