"""Which profile owns a request and why, and what would become of it; pure, without network or token."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from profiles.errors import Refusal
from profiles.model import AuthErrorRule
from profiles.origins import DEFAULT_PORTS, normalize_host
from profiles.placeholders import compile_template
from profiles.profile import Profile
from profiles.requests import Origin, RequestHead
from profiles.selection import Selection
from profiles.tenants import TENANT
from proxy.composition import Composition
from proxy.display import MASK
from proxy.known_secrets import masked_template, secrets_of
from proxy.reference_places import WrittenReferences


@dataclass(frozen=True, slots=True)
class InjectedField:
    """One field, its value masked."""

    place: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Competitor:
    """Another match entry for the host, and why it does not own the request."""

    profile: str
    rule: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of one request."""

    method: str
    url: str
    tls: str
    """`intercepted`, `tunnelled`, `refused` or `none`, for a request over http."""
    outcome: str
    """`authorized`, `forwarded` as it came, or `refused`."""
    profile: str | None = None
    description: str = ""
    rule: str | None = None
    captures: dict[str, str] = field(default_factory=dict)
    tenant: str | None = None
    """Captured, or the one by default."""
    is_per_user: bool = False
    """Whether each end user has a token of their own, once they have authorized."""
    has_own_tls: bool = False
    """Whether the profile has authorities or a client certificate of its own."""
    connector: str | None = None
    """The proxy that the request and its token requests go through, without credentials."""
    competitors: tuple[Competitor, ...] = ()
    fields: tuple[InjectedField, ...] = ()
    auth_error: str | None = None
    refusal: str | None = None
    detail: str = ""
    did_you_mean: str | None = None


def parse_request(url: str, method: str) -> RequestHead:
    """The request that a client would make for *url*. Raises ValueError saying what is wrong with it."""
    parts = urlsplit(url.strip())
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("is no http or https URL")
    if parts.username is not None:
        raise ValueError("holds a user name; leave it out")
    host, port = normalize_host(parts.hostname or ""), parts.port or DEFAULT_PORTS[parts.scheme]
    # As a client does: what may not stand in a URL is encoded, what is encoded stays.
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~{}")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~{}?")
    return RequestHead(method.upper(), Origin(parts.scheme, host, port), target, ())


def explain(composition: Composition, head: RequestHead) -> Explanation:
    """Asks what a lane would ask, and says why the answer is what it is."""
    index, authorizer = composition.index, composition.authorizer
    candidates = index.candidates(head)
    selection: Selection[Profile] | None = None
    refusal: Refusal | None = None
    try:
        selection = index.select(head)
        authorizer.select(head, sni=None, host_fields=())
    except Refusal as refused:
        refusal = refused
    competitors = tuple(
        Competitor(candidate.name, candidate.rule.describe(), candidate.outcome)
        for candidate in candidates
        if selection is None or candidate.rule is not selection.rule
    )
    explanation = Explanation(
        method=head.method,
        url=f"{head.origin}{head.path}",
        tls=_tls(composition, head.origin),
        outcome="refused" if refusal is not None else "forwarded" if selection is None else "authorized",
        competitors=competitors,
        refusal=refusal.slug if refusal is not None else None,
        detail=refusal.detail if refusal is not None else "",
    )
    if selection is None:
        near = None if candidates else _near_host(composition, head.origin.host)
        return replace(explanation, did_you_mean=near)
    return replace(
        explanation,
        profile=selection.name,
        description=selection.profile.settings.description,
        rule=selection.rule.describe(),
        captures=dict(selection.captures),
        tenant=selection.profile.tenant_of(dict(selection.captures)),
        is_per_user=selection.profile.is_per_user,
        has_own_tls=selection.profile.own_tls is not None,
        connector=str(selection.profile.connector) if selection.profile.connector is not None else None,
        fields=_fields(selection),
        auth_error=", ".join(map(_auth_error, selection.profile.settings.auth_error)),
    )


def masked(explanation: Explanation, references: WrittenReferences) -> Explanation:
    """The explanation for others than who runs the proxy: what stands where a reference was is hidden."""
    of_profile = ("profiles", explanation.profile or "")
    connector = explanation.connector
    return replace(
        explanation,
        connector=MASK if connector and references.written_at(*of_profile, "connector") else connector,
        fields=tuple(
            replace(item, value=MASK)
            if references.written_at(*of_profile, "fields", index, "value")
            else item
            for index, item in enumerate(explanation.fields)
        ),
    )


def as_lines(explanation: Explanation) -> list[str]:
    """The explanation for people."""
    lines = [f"{explanation.method} {explanation.url}", ""]
    if explanation.profile is None:
        lines.append("no profile owns this request")
        if explanation.did_you_mean:
            lines.append(f"  a profile owns {explanation.did_you_mean}: is that the host you mean?")
    else:
        about = f" ({explanation.description})" if explanation.description else ""
        lines.append(f"owned by {explanation.profile}{about}")
        lines.append(f"  by its entry {explanation.rule}")
        lines += [f"  {name} = {value}" for name, value in explanation.captures.items()]
        if explanation.tenant is not None and TENANT not in explanation.captures:
            lines.append(f"  {TENANT} = {explanation.tenant}, by default")
        if explanation.is_per_user:
            lines.append("  for each end user, with a token of their own")
        if explanation.connector is not None:
            lines.append(f"  by way of {explanation.connector}")
        if explanation.has_own_tls:
            lines.append("  with authorities or a client certificate of the profile's own")
    if explanation.competitors:
        lines.append("other entries for this host" if explanation.profile else "entries for this host")
        lines += [f"  {item.profile}: {item.rule}: {item.outcome}" for item in explanation.competitors]
    lines += [*_TLS_LINES[explanation.tls], _outcome_line(explanation)]
    lines += [f"  {item.place:<8} {item.key}: {item.value}" for item in explanation.fields]
    if explanation.outcome == "authorized":
        lines.append(f"answered {explanation.auth_error}: the token is renewed, the request sent once more")
    return lines


_TLS_LINES = {
    "intercepted": ["TLS is intercepted"],
    "tunnelled": ["TLS is tunnelled untouched"],
    "refused": ["the tunnel is refused"],
    "none": [],
}


def _outcome_line(explanation: Explanation) -> str:
    if explanation.outcome == "refused":
        return f"refused: {explanation.refusal}: {explanation.detail}"
    if explanation.outcome == "forwarded":
        return "forwarded as it came, without authorization"
    return "forwarded with"


def _tls(composition: Composition, origin: Origin) -> str:
    if origin.scheme != "https":
        return "none"
    if composition.authorizer.refuse_connection(origin.host, origin.port) is not None:
        return "refused"
    return "intercepted" if composition.authorizer.may_own(origin.host, origin.port) else "tunnelled"


def _fields(selection: Selection[Profile]) -> tuple[InjectedField, ...]:
    settings = selection.profile.settings
    known = secrets_of(settings)
    return tuple(
        InjectedField(item.place.value, item.key, masked_template(compile_template(item.value), known))
        for item in settings.fields
    )


def _auth_error(rule: AuthErrorRule) -> str:
    return f"{rule.status} with a certain body" if rule.body is not None else str(rule.status)


def _near_host(composition: Composition, host: str) -> str | None:
    near = difflib.get_close_matches(host, list(composition.index.hosts()), n=1, cutoff=0.7)
    return near[0] if near else None
