"""The files that make a program trust the proxy, read by the programs themselves."""

import shutil
import ssl
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from proxy.trust_files import JAVA_PASSWORD, authority_certificate, certificates_in, write_trust_files


@pytest.fixture(scope="module")
def ca_dir(tmp_path_factory):
    """A folder with an authority, made once: its key takes a moment."""
    folder = tmp_path_factory.mktemp("ca")
    authority_certificate(folder)
    return folder


@pytest.fixture
def authority(ca_dir):
    return authority_certificate(ca_dir)


def test_the_authority_is_made_once(ca_dir, authority):
    """A second look gives the same certificate, and never its key."""
    assert authority_certificate(ca_dir) == authority
    assert b"PRIVATE KEY" not in authority
    assert stat.S_IMODE((ca_dir / "mitmproxy-ca.pem").stat().st_mode) == 0o600


def test_the_bundle_holds_the_system_and_ours(authority, tmp_path):
    """OpenSSL loads it, and finds our authority among the system's."""
    files = write_trust_files(tmp_path, authority, {})

    context = ssl.create_default_context(cafile=str(files.bundle))
    ours = x509.load_pem_x509_certificate(authority)
    loaded = context.get_ca_certs(binary_form=True)
    assert ours.public_bytes(Encoding.DER) in loaded
    assert len(loaded) > 20


def test_what_is_added_is_ours_alone(authority, tmp_path):
    """Node and Deno get one certificate."""
    files = write_trust_files(tmp_path, authority, {})

    assert certificates_in(files.added.read_bytes()) == certificates_in(authority)


def test_the_users_own_authority_is_kept(authority, tmp_path, ca_dir):
    """A company's authority is trusted behind the proxy as it was without."""
    company = authority_certificate(tmp_path / "company")
    (tmp_path / "company.pem").write_bytes(company)

    files = write_trust_files(
        tmp_path / "files",
        authority,
        {"SSL_CERT_FILE": str(tmp_path / "company.pem"), "NODE_EXTRA_CA_CERTS": "/nonexistent"},
    )

    own, theirs = certificates_in(authority), certificates_in(company)
    assert certificates_in(files.bundle.read_bytes()) == own + theirs


def test_our_own_files_are_not_taken_for_the_users(authority, tmp_path):
    """In a shell that evaluated `grantproxy env`, the bundle still follows the system's."""
    files = write_trust_files(tmp_path, authority, {})
    before = files.bundle.read_bytes()

    write_trust_files(tmp_path, authority, {"SSL_CERT_FILE": str(files.bundle)})

    assert files.bundle.read_bytes() == before


def test_a_folder_of_certificates_is_read(authority, tmp_path):
    """REQUESTS_CA_BUNDLE may name a folder."""
    company = authority_certificate(tmp_path / "company")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.pem").write_bytes(company)

    files = write_trust_files(tmp_path / "files", authority, {"REQUESTS_CA_BUNDLE": str(tmp_path / "folder")})

    assert set(certificates_in(company)) <= set(certificates_in(files.bundle.read_bytes()))


@pytest.mark.skipif(shutil.which("keytool") is None, reason="no Java here")
def test_java_reads_the_store(authority, tmp_path):
    """keytool lists every certificate as a trusted one."""
    files = write_trust_files(tmp_path, authority, {})

    listed = subprocess.run(
        ["keytool", "-list", "-keystore", files.java, "-storetype", "PKCS12", "-storepass", JAVA_PASSWORD],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()

    assert listed.count("trustedCertEntry") == len(certificates_in(files.bundle.read_bytes()))
