"""Has the pictures' proxy live in a world of its own: names lead to this machine, the clock is set by hand.

STAGE maps ports of what is below example.com to ports of this machine (JSON): names and ports in the pictures
are those that a reader would have, while nothing leaves the machine. CLOCK is a file that holds the instant:
the pictures show the same times whenever they are taken.
"""

import json
import mmap
import os
import socket
import struct
import time

import uvloop

PORTS = {int(port): real for port, real in json.loads(os.environ["STAGE"]).items()}
ADDRESS = "127.77.0.1"
"""Loopback, and nobody listens there: connections are led on by their ports."""

with open(os.environ["CLOCK"], "rb") as file:  # noqa: PTH123  -- before the start there is little to import
    instant = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

_getaddrinfo, _gmtime = socket.getaddrinfo, time.gmtime
_loop_getaddrinfo, _create_connection = uvloop.Loop.getaddrinfo, uvloop.Loop.create_connection


def now():
    return struct.unpack("d", instant[:8])[0]


def gmtime(seconds=None):
    return _gmtime(now() if seconds is None else seconds)


def resolved(host):
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    return ADDRESS if isinstance(name, str) and name.endswith(".example.com") else host


def getaddrinfo(host, *arguments, **options):
    return _getaddrinfo(resolved(host), *arguments, **options)


async def loop_getaddrinfo(self, host, port, **options):
    return await _loop_getaddrinfo(self, resolved(host), port, **options)


async def create_connection(self, protocol_factory, host=None, port=None, **options):
    if resolved(host) == ADDRESS and port in PORTS:
        host, port = "127.0.0.1", PORTS[port]
    return await _create_connection(self, protocol_factory, resolved(host), port, **options)


time.time, time.gmtime = now, gmtime
socket.getaddrinfo = getaddrinfo
uvloop.Loop.getaddrinfo, uvloop.Loop.create_connection = loop_getaddrinfo, create_connection
