"""The token requests of a profile, built without I/O: the password grant (RFC 6749 section 4.3) and the
refresh grant (section 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from profiles.client_authentication import client_headers, client_parameters
from profiles.content_types import encode
from profiles.errors import CleartextRefused, TokenRequestRejected
from profiles.escaping import escape_host_label, escape_path_segment, escape_query, field_value
from profiles.model import ContentType, FormFieldSettings, GrantSettings
from profiles.origins import is_loopback
from profiles.placeholders import MissingValue, Template, compile_template, text_of
from profiles.token_response import ResponsePlan, compile_response_plan


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the token endpoint. The repr shows neither header section, query nor body."""

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    content: bytes | None = field(repr=False)
    grant_type: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL with placeholders, in its parts, because a value is escaped by the part it lands in."""

    scheme: str
    authority: Template
    path: Template
    query: Template

    def render(self, values: Mapping[str, Any]) -> str:
        authority = self.authority.render(values, escape_host_label)
        path = self.path.render(values, escape_path_segment)
        query = self.query.render(values, escape_query)
        return f"{self.scheme}://{authority}{path}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """How a profile's tokens are asked for. Pure: it builds requests and reads no clock."""

    profile: str
    settings: GrantSettings = field(repr=False)
    token_endpoint: Endpoint = field(repr=False)
    refresh_endpoint: Endpoint = field(repr=False)
    form_keys: tuple[str, ...]
    tree: Mapping[str, Any] = field(repr=False)
    response_plan: ResponsePlan = field(repr=False)
    allow_cleartext: bool
    timeout: float

    @property
    def content_type(self) -> ContentType:
        return self.settings.content_type

    def password_request(self, values: Mapping[str, Any]) -> TokenRequest:
        """The password grant. Raises CleartextRefused."""
        parameters: dict[str, Any] = {"grant_type": "password"}
        parameters |= {key: values[key] for key in self.form_keys if key in values}
        if self.settings.scope:
            parameters["scope"] = " ".join(self.settings.scope)
        return self._request(self.token_endpoint, "password", parameters, "body", values)

    def refresh_request(self, values: Mapping[str, Any], refresh_token: str) -> TokenRequest:
        """The refresh grant. Scope is left out: it then means what was granted (RFC 6749 section 6)."""
        parameters = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        values = {**values, "refresh_token": refresh_token}
        return self._request(self.refresh_endpoint, "refresh_token", parameters, "refresh_body", values)

    def _request(
        self,
        endpoint: Endpoint,
        grant_type: str,
        standard: Mapping[str, Any],
        body: str,
        values: Mapping[str, Any],
    ) -> TokenRequest:
        try:
            url = endpoint.render(values)
            parameters = _rendered(self.tree[body], values) if self.tree[body] is not None else dict(standard)
            parameters |= _rendered(self.tree["parameters"], values)
            query = _rendered(self.tree["query"], values)
            headers = _rendered(self.tree["headers"], values)
            for value in headers.values():
                field_value(value)
        except MissingValue as missing:
            raise TokenRequestRejected(
                f"the token request needs {missing.args[0]}, which nothing provides", profile=self.profile
            ) from None
        except ValueError:
            raise TokenRequestRejected(
                "a value cannot stand in the token request", profile=self.profile
            ) from None
        self._refuse_cleartext(url)
        parameters = client_parameters(self.settings) | parameters
        content = None
        headers = {"Accept": "application/json", **client_headers(self.settings), **headers}
        if self.settings.method in ("GET", "DELETE"):
            query = parameters | query
        else:
            content, media_type = encode(parameters, self.settings.content_type)
            headers.setdefault("Content-Type", media_type)
        if query:
            pairs = urlencode([(key, text_of(key, value)) for key, value in query.items()])
            url += ("&" if "?" in url else "?") + pairs
        return TokenRequest(self.settings.method, url, tuple(headers.items()), content, grant_type)

    def _refuse_cleartext(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "http" and not self.allow_cleartext and not is_loopback(parts.hostname or ""):
            raise CleartextRefused("the token endpoint is reached without TLS", profile=self.profile)


def compile_grant(
    settings: GrantSettings,
    *,
    base_url: str | None,
    form_fields: Sequence[FormFieldSettings],
    profile: str,
    allow_cleartext: bool,
    timeout: float,
    known: Collection[str],
) -> Grant:
    """Compiles a profile's grant. Raises ValueError naming the key that is wrong, never its value."""
    endpoints = {
        key: _compile_endpoint(key, text, base_url, allow_cleartext=allow_cleartext, known=known)
        for key, text in (
            ("token_endpoint", settings.token_endpoint),
            ("refresh_endpoint", settings.refresh_endpoint or settings.token_endpoint),
        )
    }
    plain = {
        "headers": {key: value.get_secret_value() for key, value in settings.headers.items()},
        "query": {key: value.get_secret_value() for key, value in settings.query.items()},
        "parameters": settings.parameters,
        "body": settings.body,
        "refresh_body": settings.refresh_body,
    }
    tree = {}
    for key, value in plain.items():
        allowed = {*known, "refresh_token"} if key == "refresh_body" else known
        tree[key] = _compile_tree(key, value, allowed)
    return Grant(
        profile=profile,
        settings=settings,
        token_endpoint=endpoints["token_endpoint"],
        refresh_endpoint=endpoints["refresh_endpoint"],
        form_keys=tuple(item.key for item in form_fields),
        tree=tree,
        response_plan=compile_response_plan(settings.response, settings.expires_in_unit),
        allow_cleartext=allow_cleartext,
        timeout=timeout,
    )


def _compile_endpoint(
    key: str, text: str, base_url: str | None, *, allow_cleartext: bool, known: Collection[str]
) -> Endpoint:
    if text.startswith("/"):
        if base_url is None:
            raise ValueError(f"{key} is relative, and tenancy.base_url is not set")
        text = base_url.rstrip("/") + text
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in ("http", "https"):
        raise ValueError(f"{key} must be an http or https URL, or a path under tenancy.base_url")
    authority, slash, rest = rest.partition("/")
    if "?" in authority or "#" in rest or "@" in authority or not authority:
        raise ValueError(f"{key} is not a URL of an endpoint")
    path, _, query = (slash + rest).partition("?")
    parts = [_compile_text(key, part, known, single=True) for part in (authority, path, query)]
    endpoint = Endpoint(scheme, *parts)
    host = endpoint.authority.literal
    if scheme == "http" and host is not None and not allow_cleartext:
        name = urlsplit(f"//{host}").hostname or ""
        if not is_loopback(name):
            raise ValueError(f"{key} would send the credentials without TLS; allow_cleartext permits it")
    return endpoint


def _compile_text(key: str, text: str, known: Collection[str], *, single: bool = False) -> Template:
    try:
        template = compile_template(text, single=single)
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None
    unknown = sorted(template.names - set(known))
    if unknown:
        raise ValueError(f"{key}: nothing provides the placeholder {', '.join(unknown)}")
    return template


def _compile_tree(key: str, node: Any, known: Collection[str]) -> Any:
    """A mapping with its texts compiled; numbers, booleans and null stay what they are."""
    return _walk(node, lambda text: _compile_text(key, text, known))


def _rendered(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, Template):
        return node.value(values)
    if isinstance(node, dict):
        return {key: _rendered(item, values) for key, item in node.items()}
    if isinstance(node, list):
        return [_rendered(item, values) for item in node]
    return node


def _walk(node: Any, compile_text: Callable[[str], Template]) -> Any:
    if isinstance(node, str):
        return compile_text(node)
    if isinstance(node, Mapping):
        return {key: _walk(item, compile_text) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [_walk(item, compile_text) for item in node]
    return node
