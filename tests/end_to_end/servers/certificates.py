"""A certificate authority for the suite: one CA, one leaf for every name the origins answer to."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
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

    def server_context(self, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """A context that answers with the leaf."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.leaf_certificate, self.leaf_key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


def make_test_ca(folder: Path) -> TestCa:
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
        *(x509.DNSName(name) for name in DNS_NAMES),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES),
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
    files.leaf_key.write_bytes(
        leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


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
