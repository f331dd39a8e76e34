"""Certificate authorities for the suite: one leaf for every name that origins answer to, and clients' own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# OpenSSL takes no wildcard directly under a top-level name, so tenants of .localhost stand here one by one.
DNS_NAMES = (
    "localhost", "*.localhost", "acme.localhost", "globex.localhost", "api.localhost",
    "example.test", "*.example.test", "*.api.example.test", "other.test", "*.other.test",
)  # fmt: skip
ADDRESSES = ("127.0.0.1", "::1")
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class TestCa:
    """PEM files: the CA's certificate, and the leaf's certificate and key."""

    __test__ = False

    path: Path
    leaf_certificate: Path
    leaf_key: Path

    def server_context(
        self,
        alpn: tuple[str, ...] = (),
        *,
        client_ca: Path | None = None,
        client_certificates: ssl.VerifyMode = ssl.CERT_REQUIRED,
    ) -> ssl.SSLContext:
        """A context that answers with the leaf; with *client_ca* it asks for clients' certificates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.leaf_certificate, self.leaf_key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = client_certificates
        return context


@dataclass(frozen=True)
class ClientCertificate:
    """PEM files: a client's certificate with that of its authority behind it, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class ClientCa:
    """An authority that nobody knows but the servers it is given to; it lets an intermediate one issue."""

    folder: Path
    path: Path
    intermediate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, name: str, password: bytes | None = None) -> ClientCertificate:
        """A certificate for *name*; a *password* encrypts its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _certificate(subject, self.intermediate.subject, key, self.key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        files = ClientCertificate(self.folder / f"{name}.pem", self.folder / f"{name}-key.pem")
        chain = (certificate, self.intermediate)
        files.certificate.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
        _write_key(files.key, key, password)
        return files


def make_client_ca(folder: Path) -> ClientCa:
    """Makes a root in *folder* and an intermediate authority, which clients have to show with their own."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"grantproxy test clients' {kind}")])
        for kind in ("root", "CA")
    )
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    root, intermediate = (
        _certificate(subject, root_name, subject_key, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
        .add_extension(usage, critical=True)
        .sign(root_key, hashes.SHA256())
        for subject, subject_key, length in ((root_name, root_key, 1), (name, key, 0))
    )
    path = folder / "clients-root.pem"
    path.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    return ClientCa(folder, path, intermediate, key)


def make_test_ca(
    folder: Path, names: Sequence[str] = DNS_NAMES, addresses: Sequence[str] = ADDRESSES
) -> TestCa:
    """Makes a CA and a leaf in *folder*, strict enough for Python's VERIFY_X509_STRICT."""
    ca_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "grantproxy test CA")])
    ca_usage = _key_usage(key_cert_sign=True, crl_sign=True)
    ca = (
        _certificate(ca_name, ca_name, ca_key, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(ca_usage, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    alternatives = [
        *(x509.DNSName(name) for name in names),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
    ]
    leaf_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    leaf = (
        _certificate(leaf_name, ca_name, leaf_key, ca_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    files = TestCa(folder / "ca.pem", folder / "leaf.pem", folder / "leaf-key.pem")
    files.path.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    files.leaf_certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    _write_key(files.leaf_key, leaf_key)
    return files


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> None:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    encoded = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    file.touch(mode=0o600)
    file.write_bytes(encoded)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 7 * DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )


def _key_usage(**usages: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: usages.get(name, False) for name in names})
