"""The token requests of a profile, built without I/O: the password grant (RFC 6749 section 4.3) and the
refresh grant (section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from profiles.content_types import encode
from profiles.endpoints import Endpoint
from profiles.errors import CleartextRefused, TokenRequestRejected
from profiles.escaping import escape_query, field_value
from profiles.model import ContentType, GrantSettings
from profiles.origins import Cleartext
from profiles.placeholders import MissingValue, Template, text_of
from profiles.response_places import ResponsePlan

_BODILESS = ("GET", "DELETE")

_HOLDS_NULL = (ContentType.JSON, ContentType.RELATED, ContentType.ORACLE_ADF)
"""The content types that are JSON, where a parameter can be null; in the others it is left out."""

_ACCEPTED: Mapping[ContentType, str] = {
    ContentType.XML: "application/xml, text/xml;q=0.9, application/json;q=0.8",
    ContentType.RSS: "application/rss+xml, application/xml;q=0.9, application/json;q=0.8",
    ContentType.CSV: "text/csv, application/json;q=0.8",
    ContentType.TEXT: "text/plain, application/json;q=0.8",
    ContentType.ORACLE_ADF: "application/vnd.oracle.adf.action+json, "
    "application/vnd.oracle.adf.resourceitem+json;q=0.9, application/json;q=0.8",
}
"""What is asked for where RFC 6749 section 5.1's JSON is not what the profile expects."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the token endpoint; `content_type` is what its answer is expected in.

    The repr shows neither header section, address nor body.
    """

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    content: bytes | None = field(repr=False)
    grant_type: str
    content_type: ContentType = ContentType.URLENCODED


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RequestPlan:
    """One of the two requests, compiled. `parameters` go on top of `body`, or of the standard parameters
    where that is None; `client` is what names the client: header fields and parameters."""

    grant_type: str
    method: str
    content_type: ContentType
    endpoint: Endpoint
    headers: Mapping[str, Template]
    query: Mapping[str, Any]
    parameters: Mapping[str, Any]
    body: Mapping[str, Any] | None
    client: tuple[Mapping[str, str], Mapping[str, str]]

    @property
    def names(self) -> frozenset[str]:
        """The placeholders anywhere in it."""
        trees = (self.headers, self.query, self.parameters, self.body)
        return self.endpoint.names.union(*map(names_in, trees))

    def request(self, standard: Mapping[str, Any], values: Mapping[str, Any]) -> TokenRequest:
        """The request with *values*. Raises MissingValue, and ValueError for a value that cannot stand."""
        url = self.endpoint.render(values)
        client_headers, client_parameters = self.client
        own = standard if self.body is None else rendered(self.body, values)
        parameters = {**client_parameters, **own, **rendered(self.parameters, values)}
        query = rendered(self.query, values)
        headers = {"Accept": _ACCEPTED.get(self.content_type, "application/json"), **client_headers}
        content = None
        if self.method in _BODILESS:
            query = {**parameters, **query}
        else:
            if self.content_type not in _HOLDS_NULL:
                parameters = _without_nulls(parameters)
            content, headers["Content-Type"] = encode(parameters, self.content_type)
        headers = _overridden(headers, {key: item.render(values) for key, item in self.headers.items()})
        if query := _without_nulls(query):
            pairs = (f"{escape_query(key)}={escape_query(text_of(key, item))}" for key, item in query.items())
            url += ("&" if "?" in url else "?") + "&".join(pairs)
        return TokenRequest(
            self.method, url, tuple(headers.items()), content, self.grant_type, self.content_type
        )


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """How a profile's tokens are asked for. Pure: it builds requests and reads no clock."""

    profile: str
    settings: GrantSettings = field(repr=False)
    password: RequestPlan = field(repr=False)
    refresh: RequestPlan = field(repr=False)
    form_keys: tuple[str, ...]
    response_plan: ResponsePlan = field(repr=False)
    cleartext: Cleartext
    timeout: float

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in either token request, and the form fields, which are sent under their keys."""
        return self.password.names | self.refresh.names | frozenset(self.form_keys)

    @property
    def content_type(self) -> ContentType:
        """What the answer to the password request is expected in."""
        return self.settings.content_type

    def password_request(self, values: Mapping[str, Any]) -> TokenRequest:
        """The password grant. Raises TokenRequestRejected or CleartextRefused."""
        parameters: dict[str, Any] = {"grant_type": "password"}
        parameters |= {key: values[key] for key in self.form_keys if key in values}
        if self.settings.scope:
            parameters["scope"] = " ".join(self.settings.scope)
        return self._request(self.password, parameters, values)

    def refresh_request(self, values: Mapping[str, Any], refresh_token: str) -> TokenRequest:
        """The refresh grant. Scope is left out: it then means what was granted (RFC 6749 section 6).

        Raises TokenRequestRejected or CleartextRefused.
        """
        parameters = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._request(self.refresh, parameters, {**values, "refresh_token": refresh_token})

    def _request(
        self, plan: RequestPlan, standard: Mapping[str, Any], values: Mapping[str, Any]
    ) -> TokenRequest:
        try:
            request = plan.request(standard, values)
        except MissingValue as missing:
            raise TokenRequestRejected(
                f"the token request needs {missing.args[0]}, which nothing provides", profile=self.profile
            ) from None
        except ValueError:
            raise TokenRequestRejected(
                "a value cannot stand in the token request", profile=self.profile
            ) from None
        parts = urlsplit(request.url)
        if parts.scheme == "http" and not self.cleartext.permits(parts.hostname or ""):
            raise CleartextRefused("the token endpoint is reached without TLS", profile=self.profile)
        return request


def rendered(node: Any, values: Mapping[str, Any]) -> Any:
    """A compiled tree with its placeholders filled; numbers, booleans and null stay what they are."""
    if isinstance(node, Template):
        return node.value(values)
    if isinstance(node, Mapping):
        return {key: rendered(item, values) for key, item in node.items()}
    if isinstance(node, list):
        return [rendered(item, values) for item in node]
    return node


def names_in(node: Any) -> frozenset[str]:
    """The placeholders of a compiled tree."""
    if isinstance(node, Template):
        return node.names
    items = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    return frozenset().union(*map(names_in, items))


def _without_nulls(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if value is not None}


def _overridden(headers: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The profile's own fields in the place of ours, however they are spelt."""
    for value in own.values():
        field_value(value)
    names = {name.lower() for name in own}
    return {name: value for name, value in headers.items() if name.lower() not in names} | dict(own)
