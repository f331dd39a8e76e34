"""The files that make a program trust the proxy: our certificate authority, alone and beside the system's."""

from __future__ import annotations

import re
import ssl
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.utils import CryptographyDeprecationWarning

AUTHORITY_BASENAME = "mitmproxy"
"""Begins the file names in `ca_dir`: they are mitmproxy's own, so that a CA trusted once serves both."""

JAVA_PASSWORD = "changeit"  # noqa: S105  -- Java's own default; the file holds public certificates only
"""Java does not read certificates from a PKCS #12 file without one."""

BUNDLE_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "npm_config_cafile",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "BUNDLE_SSL_CA_CERT",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "HEX_CACERTS_PATH",
    "NIX_SSL_CERT_FILE",
    "PERL_LWP_SSL_CA_FILE",
)
"""Each replaces what a program trusts, so each needs the system's certificates too."""

ADDING_VARIABLES = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
"""Each adds to what a program trusts."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class TrustFiles(NamedTuple):
    """What the variables point at."""

    added: Path
    """Our authority, and what the user had a program trust in addition."""
    bundle: Path
    """The same, and all that the system trusts."""
    java: Path
    """The bundle as PKCS #12, under `JAVA_PASSWORD`."""


def authority_certificate(ca_dir: Path) -> bytes:
    """The certificate (PEM) that the proxy signs with; it is made where there is none yet.

    Raises OSError where *ca_dir* cannot be used.
    """
    file = ca_dir.expanduser() / f"{AUTHORITY_BASENAME}-ca.pem"
    if not file.exists():
        # Imported late: mitmproxy takes its time, and the authority is made once.
        from mitmproxy.certs import CertStore
        from mitmproxy.options import KEY_SIZE

        CertStore.create_store(file.parent, AUTHORITY_BASENAME, KEY_SIZE)
    # This file holds the private key as well: nothing but its certificates may get further.
    return _joined(certificates_in(file.read_bytes()))


def write_trust_files(folder: Path, authority: bytes, environ: Mapping[str, str]) -> TrustFiles:
    """Writes the files into *folder*.

    What the user's own CA variables name is kept: a company's authority still has to be trusted
    where the proxy tunnels.
    """
    files = TrustFiles(folder / "ca-added.pem", folder / "ca-bundle.pem", folder / "ca-bundle.p12")
    # In a shell that has evaluated `grantproxy env`, the variables name these very files.
    theirs = {name: value for name, value in environ.items() if value not in map(str, files)}
    added = certificates_in(authority) + _named_by(ADDING_VARIABLES, theirs)
    bundle = added + _named_by(BUNDLE_VARIABLES, theirs)
    if not theirs.get("SSL_CERT_FILE"):
        bundle += certificates_in(system_bundle().read_bytes())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(files.added, _joined(_distinct(added)))
    _write(files.bundle, _joined(_distinct(bundle)))
    _write(files.java, _java_truststore(_distinct(bundle)))
    return files


def system_bundle() -> Path:
    """What OpenSSL trusts on this system, else the usual places, else the certificates of certifi."""
    default = ssl.get_default_verify_paths().openssl_cafile
    candidates = (default, *_SYSTEM_BUNDLES, certifi.where())
    return next(Path(path) for path in candidates if path and Path(path).is_file())


def certificates_in(pem: bytes) -> list[bytes]:
    """The certificates of a PEM file, without whatever else stands in it."""
    return _CERTIFICATE.findall(pem)


def _write(path: Path, content: bytes) -> None:
    """Replaces the file in one step: a program may be reading it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def _named_by(variables: Iterable[str], environ: Mapping[str, str]) -> list[bytes]:
    found: list[bytes] = []
    for name in variables:
        path = Path(environ.get(name) or "/nonexistent").expanduser()
        try:
            # Some variables take a folder too (REQUESTS_CA_BUNDLE): OpenSSL's, of one certificate a file.
            files = sorted(path.iterdir()) if path.is_dir() else [path]
            for file in files:
                found += certificates_in(file.read_bytes())
        except OSError:
            continue
    return found


def _distinct(certificates: Iterable[bytes]) -> list[bytes]:
    return list(dict.fromkeys(certificates))


def _joined(certificates: Iterable[bytes]) -> bytes:
    return b"\n".join(certificates) + b"\n"


def _java_truststore(certificates: Iterable[bytes]) -> bytes:
    entries = []
    for index, pem in enumerate(certificates):
        try:
            with warnings.catch_warnings():
                # A system's bundle may hold one with an odd serial number; whoever uses it decides.
                warnings.simplefilter("ignore", CryptographyDeprecationWarning)
                certificate = x509.load_pem_x509_certificate(pem)
            entries.append(pkcs12.PKCS12Certificate(certificate, f"certificate-{index}".encode()))
        except ValueError:
            # What is not well-formed Java would not read either.
            continue
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(JAVA_PASSWORD.encode()))
