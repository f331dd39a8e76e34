"""Whose certificates are believed, and which of ours is presented: one TLS context for all that share them.

Everything is read and checked while the configuration is composed; a request only looks its context up.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import certifi

from profiles.errors import Problem
from profiles.own_tls import OwnTls, TlsMaterial
from profiles.profile import Profile
from proxy.certificate_files import UnfitFile, read_authorities, read_material
from proxy.configuration_files import Configuration

USUAL_AUTHORITIES = "SSL_CERT_FILE"
"""The variable that names them; certifi's where it does not."""

Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Trust:
    """A context, and the material that it was made of."""

    context: ssl.SSLContext = field(repr=False)
    material: TlsMaterial


class OriginTrust:
    """The TLS contexts of one snapshot, for origins and token endpoints."""

    def __init__(self, shared: _Trust, own: Mapping[OwnTls, _Trust]) -> None:
        self._shared = shared
        self._own = own

    def context_for(self, profile: Profile | None) -> ssl.SSLContext:
        """What the profile's origin and token endpoint are met with; None stands for origins of no profile.

        It verifies certificate and host name, speaks TLS 1.2 or later and offers HTTP/1.1. It is the same
        object for all that have the same certificates, also after a reload.
        """
        return self._trust_of(profile).context

    def key_for(self, profile: Profile | None) -> Hashable:
        """Equal where the contexts are the same object: only then may a connection be taken for another."""
        return self._trust_of(profile).material.digest

    @property
    def materials(self) -> Mapping[OwnTls, TlsMaterial]:
        """What the profiles have of their own, for those who need it in another library's form."""
        return {own: trust.material for own, trust in self._own.items()}

    def trusts(self) -> Iterator[_Trust]:
        """All that there are, for the snapshot that comes after this one."""
        yield self._shared
        yield from self._own.values()

    def _trust_of(self, profile: Profile | None) -> _Trust:
        if profile is None or profile.own_tls is None:
            return self._shared
        # One that a reload took away gets what everybody has, which believes less and presents nothing.
        return self._own.get(profile.own_tls, self._shared)


def load_origin_trust(
    configuration: Configuration,
    profiles: Iterable[Profile],
    environ: Mapping[str, str],
    *,
    report: Report,
    before: OriginTrust | None = None,
) -> OriginTrust:
    """Reads all files with certificates that the configuration names; what is wrong goes to *report*.

    A profile's `trusted_ca` is believed besides the one at the top, and that besides the usual authorities.
    What *before* made of the same certificates is kept.
    """
    kept = {trust.material.digest: trust for trust in before.trusts()} if before is not None else {}

    def trust_in(material: TlsMaterial, own: OwnTls | None = None) -> _Trust:
        if material.digest not in kept:
            kept[material.digest] = _Trust(_context(material, own), material)
        return kept[material.digest]

    shared = trust_in(_shared_authorities(configuration, environ, report))
    found: dict[OwnTls, _Trust | UnfitFile] = {}
    for profile in profiles:
        own = profile.own_tls
        if own is None:
            continue
        if own not in found:
            try:
                found[own] = trust_in(read_material(own, shared.material), own)
            except UnfitFile as unfit:
                found[own] = unfit
        outcome = found[own]
        if isinstance(outcome, UnfitFile):
            report(configuration.problem(str(outcome), key=f"profiles.{profile.name}.{outcome.key}"))
    return OriginTrust(shared, {own: trust for own, trust in found.items() if isinstance(trust, _Trust)})


def _shared_authorities(
    configuration: Configuration, environ: Mapping[str, str], report: Report
) -> TlsMaterial:
    files = [(USUAL_AUTHORITIES, Path(environ.get(USUAL_AUTHORITIES) or certifi.where()))]
    if configuration.settings.trusted_ca is not None:
        files.append(("trusted_ca", configuration.settings.trusted_ca))
    try:
        return read_authorities(files)
    except UnfitFile as unfit:
        if unfit.key == USUAL_AUTHORITIES:
            report(Problem(str(unfit), variable=unfit.key))
        else:
            report(configuration.problem(str(unfit), key=unfit.key))
        return TlsMaterial((), "")


def _context(material: TlsMaterial, own: OwnTls | None) -> ssl.SSLContext:
    """Raises UnfitFile."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # What is named is believed, also where it is no root. Not VERIFY_X509_STRICT, which Python 3.13 sets by
    # default: authorities that curl and mitmproxy accept would be refused for a missing extension.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    for file in material.authorities:
        context.load_verify_locations(cafile=file)
    if own is not None and own.client_certificate is not None:
        _present(context, own, own.client_certificate)
    return context


def _present(context: ssl.SSLContext, own: OwnTls, certificate: Path) -> None:
    password = own.client_key_password.get_secret_value() if own.client_key_password is not None else ""
    try:
        # Always with a password: OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate, own.client_key, password)
    except (OSError, ValueError):
        # It was read a moment ago, so what remains is what OpenSSL finds too weak: a short key, MD5.
        raise UnfitFile("client_certificate", "is not accepted by OpenSSL: its key is too short?") from None
    # RFC 8446 section 4.6.2: an origin may ask for it once it knows what is wanted.
    context.post_handshake_auth = True
