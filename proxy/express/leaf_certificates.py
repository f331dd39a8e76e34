"""Server contexts for intercepted connections: leaf certificates of the CA that both lanes share."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterator
from typing import Final

from cachetools import TTLCache
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from mitmproxy.certs import CertStore, CertStoreEntry

MAXIMUM_CONTEXTS: Final = 1000
SECONDS_KEPT: Final = 24 * 3600
"""A certificate is good for half a year; a day is no age for it."""


class LeafCertificates:
    """One context for each name that clients ask for; their sessions are resumed within it, too."""

    def __init__(self, store: CertStore) -> None:
        self._store = store
        self._contexts: TTLCache[tuple[str | None, str], ssl.SSLContext]
        self._contexts = TTLCache(MAXIMUM_CONTEXTS, SECONDS_KEPT)

    def context_for(self, sni: str | None, host: str) -> ssl.SSLContext:
        """The context of a connection to *host* whose client has asked for *sni*."""
        key = (sni, host)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = self._make(sni, host)
        return context

    def _make(self, sni: str | None, host: str) -> ssl.SSLContext:
        names = list(dict.fromkeys(_general_name(name) for name in (sni, host) if name))
        entry = self._store.get_cert(str(names[0].value), names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        with _as_file(_chain_of(entry)) as path:
            context.load_cert_chain(path)
        return context


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _chain_of(entry: CertStoreEntry) -> bytes:
    """Key, leaf and the CA's chain, in PEM."""
    key = entry.privatekey.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return b"".join([key, entry.cert.to_pem(), *(item.to_pem() for item in entry.chain_certs)])


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path to *content*, which `load_cert_chain` demands; on Linux in memory only."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("leaf", os.MFD_CLOEXEC)
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{number}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            # Its owner alone can read it.
            file.write(content)
            file.flush()
            yield file.name
