"""Whose certificates are believed, which are presented: what is wrong with the files, what is shared."""

from __future__ import annotations

import datetime as dt
import secrets
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from profiles.errors import ConfigurationError, Problem
from proxy.composition import Composition, compose
from proxy.configuration_files import load_configuration
from tests.end_to_end.servers.certificates import ClientCa, ClientCertificate, make_client_ca, make_test_ca

Compose = Callable[..., Composition]
PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def client_ca(tmp_path_factory: pytest.TempPathFactory) -> ClientCa:
    return make_client_ca(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def bot(client_ca: ClientCa) -> ClientCertificate:
    return client_ca.issue("bot")


@pytest.fixture(scope="module")
def other(client_ca: ClientCa) -> ClientCertificate:
    return client_ca.issue("other")


@pytest.fixture(scope="module")
def sealed(client_ca: ClientCa) -> ClientCertificate:
    return client_ca.issue("sealed", PASSWORD.encode())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_test_ca(tmp_path_factory.mktemp("authority")).path


@pytest.fixture
def composed(tmp_path: Path) -> Compose:
    """`composed({"a": {"trusted_ca": ...}})`: a profile for each name, with those settings."""

    def write_and_compose(
        own: Mapping[str, Mapping[str, Any]],
        before: Composition | None = None,
        environ: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Composition:
        profiles = {
            name: {
                "match": [{"host": f"{name}.example.com"}],
                "credentials": {"username": "bot", "password": "hunter2"},
                "grant": {"token_endpoint": f"https://{name}.example.com/token"},
                **{key: str(value) for key, value in more.items()},
            }
            for name, more in own.items()
        }
        file = tmp_path / "grantproxy.yaml"
        file.write_text(yaml.safe_dump({**settings, "profiles": profiles}, sort_keys=False))
        file.chmod(0o600)
        configuration = load_configuration(file, environ=environ or {}, cwd=tmp_path)
        return compose(configuration, environ=environ or {}, before=before)

    return write_and_compose


def presenting(files: ClientCertificate, **more: Any) -> dict[str, Any]:
    return {"client_certificate": files.certificate, "client_key": files.key, **more}


def problems_of(composed: Compose, *arguments: Any, **options: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        composed(*arguments, **options)
    return caught.value.problems


# What is shared


def test_a_context_verifies_and_offers_what_the_lane_speaks(
    composed: Compose, bot: ClientCertificate, authority: Path
) -> None:
    """Certificate and name of the host, and TLS 1.2 at least, with settings of its own and without."""
    made = composed({"plain": {}, "own": presenting(bot, trusted_ca=authority)})

    contexts = [made.origin_trust.context_for(made.profiles[name]) for name in ("plain", "own")]

    for context in contexts:
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    usual, own = ({item["serialNumber"] for item in context.get_ca_certs()} for context in contexts)
    assert len(own - usual) == 1
    assert usual < own


def test_profiles_with_equal_certificates_share_a_context(
    composed: Compose, tmp_path: Path, bot: ClientCertificate, other: ClientCertificate, authority: Path
) -> None:
    """However the files are called; and a key is equal where, and only where, the context is the same."""
    copies = {}
    for name, file in (("certificate", bot.certificate), ("key", bot.key)):
        copies[name] = tmp_path / f"copy-{name}.pem"
        copies[name].write_bytes(file.read_bytes())
        copies[name].chmod(0o600)
    combined = tmp_path / "combined.pem"
    combined.write_bytes(bot.key.read_bytes() + bot.certificate.read_bytes())
    combined.chmod(0o600)
    made = composed(
        {
            "plain": {},
            "plain2": {},
            "bot": presenting(bot),
            "bot2": presenting(bot),
            "copy": {"client_certificate": copies["certificate"], "client_key": copies["key"]},
            "combined": {"client_certificate": combined},
            "other": presenting(other),
            "believing": {"trusted_ca": authority},
            "both": presenting(bot, trusted_ca=authority),
        }
    )
    trust = made.origin_trust
    profiles = [None, *made.profiles.values()]

    alike = [
        {profile.name if profile else None for profile in profiles if trust.context_for(profile) is context}
        for context in {id(trust.context_for(item)): trust.context_for(item) for item in profiles}.values()
    ]

    assert alike == [
        {None, "plain", "plain2"},
        {"bot", "bot2", "copy", "combined"},
        {"other"},
        {"believing"},
        {"both"},
    ]
    for first in profiles:
        for second in profiles:
            is_same = trust.context_for(first) is trust.context_for(second)
            assert (trust.key_for(first) == trust.key_for(second)) is is_same


def test_a_request_reads_no_file(
    composed: Compose, tmp_path: Path, bot: ClientCertificate, authority: Path
) -> None:
    """Once it is composed, the files may go."""
    files = ClientCertificate(tmp_path / "c.pem", tmp_path / "k.pem")
    for file, source in ((files.certificate, bot.certificate), (files.key, bot.key)):
        file.write_bytes(source.read_bytes())
        file.chmod(0o600)
    made = composed({"own": presenting(files, trusted_ca=authority)})
    files.certificate.unlink()
    files.key.unlink()

    profile = made.profiles["own"]

    assert made.origin_trust.context_for(profile) is made.origin_trust.context_for(profile)


def test_a_reload_keeps_the_contexts_whose_files_are_the_same(
    composed: Compose, tmp_path: Path, client_ca: ClientCa, bot: ClientCertificate
) -> None:
    """Connections that were made with them go on to be of use, and those of a renewed certificate do not."""
    renewed = ClientCertificate(tmp_path / "c.pem", tmp_path / "k.pem")
    renewed.certificate.write_bytes(bot.certificate.read_bytes())
    renewed.key.write_bytes(bot.key.read_bytes())
    renewed.key.chmod(0o600)
    own = {"plain": {}, "renewed": presenting(renewed), "kept": presenting(client_ca.issue("kept"))}
    before = composed(own)
    again = client_ca.issue("bot-again")
    renewed.certificate.write_bytes(again.certificate.read_bytes())
    renewed.key.write_bytes(again.key.read_bytes())

    after = composed(own, before)

    for name, is_same in (("plain", True), ("kept", True), ("renewed", False)):
        first, second = before.profiles[name], after.profiles[name]
        contexts = before.origin_trust.context_for(first), after.origin_trust.context_for(second)
        keys = before.origin_trust.key_for(first), after.origin_trust.key_for(second)
        assert (contexts[0] is contexts[1], keys[0] == keys[1]) == (is_same, is_same)
    assert before.verify is after.verify


def test_another_authority_at_the_top_is_another_context_for_all(
    composed: Compose, bot: ClientCertificate, authority: Path
) -> None:
    """Connections that were believed by others are of no use any more."""
    own = {"plain": {}, "bot": presenting(bot)}
    before = composed(own)

    after = composed(own, before, trusted_ca=str(authority))

    for name in own:
        keys = {item.origin_trust.key_for(item.profiles[name]) for item in (before, after)}
        assert len(keys) == 2


def test_a_profile_that_a_reload_took_away_gets_what_everybody_has(
    composed: Compose, bot: ClientCertificate
) -> None:
    """A request under way is not shown more than it was before, nor does it fail for want of a context."""
    before = composed({"own": presenting(bot), "plain": {}})

    after = composed({"plain": {}}, before)

    assert after.origin_trust.context_for(before.profiles["own"]) is after.verify


def test_ssl_cert_file_stands_in_for_the_usual_authorities(composed: Compose, authority: Path) -> None:
    """And `trusted_ca` is believed besides it."""
    only = composed({"plain": {}}, environ={"SSL_CERT_FILE": str(authority)})
    both = composed({"plain": {}}, environ={"SSL_CERT_FILE": certifi.where()}, trusted_ca=str(authority))

    assert len(only.verify.get_ca_certs()) == 1
    assert len(both.verify.get_ca_certs()) > 100


def test_a_token_is_had_anew_with_another_certificate(
    composed: Compose, bot: ClientCertificate, other: ClientCertificate
) -> None:
    """RFC 8705: who asks may be known by it, and a token be bound to it."""
    keys = [
        made.subject_of(made.profiles["own"]).key
        for made in (composed({"own": presenting(files)}) for files in (bot, other))
    ]

    assert keys[0] != keys[1]


# Where the files are


def test_paths_start_at_the_folder_of_the_configuration(
    tmp_path: Path, client_ca: ClientCa, authority: Path
) -> None:
    """In a profile of profiles.d too; and where a variable names one, in the working folder."""
    files = client_ca.issue("relative")
    (tmp_path / "tls").mkdir()
    (tmp_path / "profiles.d").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for name, file in (("c.pem", files.certificate), ("k.pem", files.key)):
        (tmp_path / "tls" / name).write_bytes(file.read_bytes())
    (tmp_path / "elsewhere" / "ca.pem").write_bytes(authority.read_bytes())
    (tmp_path / "grantproxy.yaml").write_text("unmatched: refuse\n")
    (tmp_path / "profiles.d" / "orders.yaml").write_text(
        "match: {host: api.example.com}\n"
        'grant: {token_endpoint: "https://api.example.com/token"}\n'
        "credentials: {username: bot, password: hunter2}\n"
        "client_certificate: tls/c.pem\n"
        "client_key: tls/k.pem\n"
    )
    environ = {"GRANTPROXY_PROFILES__ORDERS__TRUSTED_CA": "ca.pem"}

    configuration = load_configuration(
        tmp_path / "grantproxy.yaml", environ=environ, cwd=tmp_path / "elsewhere"
    )

    orders = configuration.settings.profiles["orders"]
    assert orders.client_certificate == tmp_path / "tls/c.pem"
    assert orders.client_key == tmp_path / "tls/k.pem"
    assert orders.trusted_ca == tmp_path / "elsewhere/ca.pem"
    assert compose(configuration, environ={}).profiles["orders"].own_tls is not None


@pytest.mark.parametrize(
    ("settings", "key_file"),
    [
        pytest.param({"client_certificate": "c.pem", "client_key": "k.pem"}, "k.pem", id="own-file"),
        pytest.param({"client_certificate": "c.pem"}, "c.pem", id="with-the-certificate"),
        pytest.param(
            {"client_certificate": "c.pem", "client_key": "k.pem", "client_key_password": "${env:P}"},
            None,
            id="encrypted",
        ),
    ],
)
def test_a_key_that_others_can_read_is_warned_of(
    tmp_path: Path, settings: dict[str, str], key_file: str | None
) -> None:
    """The file is the secret; the configuration that names it is none."""
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o644)
    profile = {
        "match": [{"host": "api.example.com"}],
        "credentials": {"username": "bot", "password": "${env:P}"},
        "grant": {"token_endpoint": "https://api.example.com/token"},
        **settings,
    }
    file = tmp_path / "grantproxy.yaml"
    file.write_text(yaml.safe_dump({"profiles": {"orders": profile}}))

    warnings = load_configuration(file, environ={"P": "x"}, cwd=tmp_path).warnings

    assert [warning.file for warning in warnings] == ([] if key_file is None else [tmp_path / key_file])


# What is wrong

SENTINEL = f"sentinel-{secrets.token_hex(8)}"


def short_key(folder: Path) -> ClientCertificate:
    """A certificate with a key that was long enough twenty years ago."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "short")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
    ).sign(key, hashes.SHA256())
    files = ClientCertificate(folder / "short.pem", folder / "short-key.pem")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.fixture
def files(
    tmp_path: Path, bot: ClientCertificate, other: ClientCertificate, sealed: ClientCertificate
) -> Mapping[str, Path]:
    """Files by the names that the table below has for them."""
    garbled = tmp_path / "garbled.pem"
    garbled.write_text(f"-----BEGIN PRIVATE KEY-----\n{SENTINEL}\n-----END PRIVATE KEY-----\n")
    garbage = tmp_path / "garbage.pem"
    garbage.write_text(SENTINEL)
    short = short_key(tmp_path)
    return {
        "missing": tmp_path / "missing.pem",
        "folder": tmp_path,
        "nul": Path("a\0b"),
        "garbage": garbage,
        "garbled": garbled,
        "bot": bot.certificate,
        "bot-key": bot.key,
        "other-key": other.key,
        "sealed": sealed.certificate,
        "sealed-key": sealed.key,
        "short": short.certificate,
        "short-key": short.key,
    }


WRONG = [
    pytest.param({"trusted_ca": "missing"}, "trusted_ca", "names no file", id="no-authority"),
    pytest.param({"trusted_ca": "folder"}, "trusted_ca", "names a folder", id="authority-is-a-folder"),
    pytest.param({"trusted_ca": "nul"}, "trusted_ca", "cannot be read", id="authority-is-no-path"),
    pytest.param({"trusted_ca": "garbage"}, "trusted_ca", "no certificates in PEM", id="authority-is-none"),
    pytest.param({"trusted_ca": "bot-key"}, "trusted_ca", "no certificates in PEM", id="authority-is-a-key"),
    pytest.param(
        {"client_certificate": "missing", "client_key": "bot-key"},
        "client_certificate",
        "names no file",
        id="no-certificate",
    ),
    pytest.param(
        {"client_certificate": "garbage", "client_key": "bot-key"},
        "client_certificate",
        "holds no certificate in PEM",
        id="certificate-is-none",
    ),
    pytest.param(
        {"client_certificate": "bot"}, "client_certificate", "client_key names the file", id="no-key"
    ),
    pytest.param(
        {"client_certificate": "bot", "client_key": "missing"},
        "client_key",
        "names no file",
        id="key-is-gone",
    ),
    pytest.param(
        {"client_certificate": "bot", "client_key": "garbage"},
        "client_key",
        "holds no private key in PEM",
        id="key-is-none",
    ),
    pytest.param(
        {"client_certificate": "bot", "client_key": "garbled"},
        "client_key",
        "a private key that cannot be read",
        id="key-is-broken",
    ),
    pytest.param(
        {"client_certificate": "bot", "client_key": "other-key"},
        "client_key",
        "does not fit the first certificate",
        id="key-of-another",
    ),
    pytest.param(
        {"client_certificate": "sealed", "client_key": "sealed-key"},
        "client_key",
        "give client_key_password",
        id="encrypted",
    ),
    pytest.param(
        {"client_certificate": "sealed", "client_key": "sealed-key", "client_key_password": SENTINEL},
        "client_key_password",
        "does not decrypt",
        id="wrong-password",
    ),
    pytest.param(
        {"client_certificate": "bot", "client_key": "bot-key", "client_key_password": SENTINEL},
        "client_key_password",
        "is not needed",
        id="needless-password",
    ),
    pytest.param(
        {"client_certificate": "short", "client_key": "short-key"},
        "client_certificate",
        "is not accepted by OpenSSL",
        id="short-key",
    ),
    pytest.param(
        {"client_key": "bot-key"}, "client_key", "belongs to client_certificate", id="key-without-certificate"
    ),
    pytest.param(
        {"trusted_ca": "bot", "client_key_password": SENTINEL},
        "client_key_password",
        "belongs to client_certificate",
        id="password-without-certificate",
    ),
]


@pytest.mark.parametrize(("settings", "key", "message"), WRONG)
def test_a_file_that_is_of_no_use_is_named_by_its_setting(
    composed: Compose, files: Mapping[str, Path], settings: Mapping[str, str], key: str, message: str
) -> None:
    """With the line of that setting, and nothing of what is in the file."""
    values = {name: files.get(value, value) for name, value in settings.items()}

    (problem,) = problems_of(composed, {"orders": values})

    assert problem.key == f"profiles.orders.{key}"
    assert message in problem.message
    assert problem.file is not None
    assert problem.line is not None
    assert problem.file.read_text().splitlines()[problem.line - 1].strip().startswith(f"{key}:")
    assert SENTINEL not in str(problem)
    assert not any(str(path) in problem.message for path in files.values())


def test_all_that_is_wrong_is_told_at_once(
    composed: Compose, tmp_path: Path, files: Mapping[str, Path]
) -> None:
    """At the top and in every profile that names a file, with what else is wrong in the profiles."""
    missing = {"trusted_ca": files["missing"]}
    own = {"a": missing, "b": missing, "c": {"check_url": "ftp://x/"}}

    problems = problems_of(composed, own, trusted_ca=str(files["garbage"]))

    assert sorted(problem.key for problem in problems) == [
        "profiles.a.trusted_ca",
        "profiles.b.trusted_ca",
        "profiles.c.check_url",
        "trusted_ca",
    ]


def test_a_variable_that_names_no_file_is_named(composed: Compose, files: Mapping[str, Path]) -> None:
    """SSL_CERT_FILE is none of the configuration's settings, and wrong all the same."""
    (problem,) = problems_of(composed, {"plain": {}}, environ={"SSL_CERT_FILE": str(files["missing"])})

    assert (problem.variable, problem.message) == ("SSL_CERT_FILE", "names no file")


def test_no_repr_shows_a_key_or_its_password(composed: Compose, sealed: ClientCertificate) -> None:
    """Invariant I4, for the files as for the settings."""
    made = composed({"own": presenting(sealed, client_key_password=PASSWORD)})
    profile = made.profiles["own"]

    shown = (
        f"{made!r} {profile!r} {profile.own_tls!r} {profile.settings!r} {dict(made.origin_trust.materials)!r}"
    )

    assert PASSWORD not in shown
    assert "PRIVATE" not in shown
