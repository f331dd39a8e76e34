"""Compiles a profile's grant settings into the plans of its two token requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from profiles.client_authentication import client_headers, client_parameters, refuse_second_way
from profiles.endpoints import Endpoint, compile_endpoint
from profiles.escaping import FIELD_NAME, escape_host_label
from profiles.grants import Grant, RequestPlan
from profiles.model import FormFieldSettings, GrantSettings
from profiles.origins import Cleartext, parse_authority
from profiles.placeholders import Template, compile_template, text_of
from profiles.response_places import compile_response_plan

_WRITTEN_BY_US = frozenset({"connection", "content-length", "host", "te", "trailer", "transfer-encoding"})
"""Header fields that say how a message is framed or where it goes: those of the request that is sent."""


def compile_grant(
    settings: GrantSettings,
    *,
    base_url: str | None,
    form_fields: Sequence[FormFieldSettings],
    profile: str,
    cleartext: Cleartext,
    timeout: float,
    known: Collection[str],
    captured: Collection[str] = (),
    own: Mapping[str, Any] | None = None,
) -> Grant:
    """Compiles a profile's grant. Raises ValueError naming the key that is wrong, never its value.

    *known* are the placeholders that every request can fill, *captured* those whose values come from
    clients, *own* the values that the profile itself has.
    """
    compiler = _Compiler(settings, base_url, frozenset(known), frozenset(captured), own or {}, cleartext)
    return Grant(
        profile=profile,
        settings=settings,
        password=compiler.password(),
        refresh=compiler.refresh(),
        form_keys=tuple(item.key for item in form_fields),
        response_plan=compile_response_plan(settings.response, settings.expires_in_unit),
        cleartext=cleartext,
        timeout=timeout,
    )


@dataclass(frozen=True, slots=True)
class _Compiler:
    """What both requests are compiled with. The refresh request takes what it has no key of its own for
    from the password request."""

    settings: GrantSettings
    base_url: str | None
    known: frozenset[str]
    captured: frozenset[str]
    own: Mapping[str, Any]
    cleartext: Cleartext

    def password(self) -> RequestPlan:
        settings = self.settings
        return self._plan(
            "password",
            settings.method,
            endpoint="token_endpoint",
            headers="headers",
            query="query",
            parameters="parameters",
            body="body",
        )

    def refresh(self) -> RequestPlan:
        settings = self.settings

        def key(name: str, otherwise: str) -> str:
            return otherwise if getattr(settings, name) is None else name

        return self._plan(
            "refresh_token",
            settings.refresh_method or settings.method,
            endpoint=key("refresh_endpoint", "token_endpoint"),
            headers=key("refresh_headers", "headers"),
            query=key("refresh_query", "query"),
            parameters=key("refresh_parameters", "parameters"),
            body="refresh_body",
        )

    def _plan(
        self,
        grant_type: str,
        method: str,
        *,
        endpoint: str,
        headers: str,
        query: str,
        parameters: str,
        body: str,
    ) -> RequestPlan:
        settings = self.settings
        fields = _plain(getattr(settings, headers))
        _check_headers(headers, fields)
        trees = {key: _plain(getattr(settings, key)) for key in (parameters, body, query)}
        refuse_second_way(settings, fields, {key: tree for key, tree in trees.items() if tree})
        is_refresh = grant_type == "refresh_token"
        content_type = (settings.refresh_content_type if is_refresh else None) or settings.content_type
        return RequestPlan(
            grant_type=grant_type,
            method=method,
            content_type=content_type,
            endpoint=self._endpoint(endpoint),
            headers=self._tree(headers, fields),
            query=self._tree(query, trees[query]),
            parameters=self._tree(parameters, trees[parameters]),
            body=self._tree(body, trees[body]),
            client=(client_headers(settings), client_parameters(settings)),
        )

    def _known_to(self, key: str) -> frozenset[str]:
        """A refresh token is there where the refresh request has a key of its own."""
        return self.known | {"refresh_token"} if key.startswith("refresh_") else self.known

    def _endpoint(self, key: str) -> Endpoint:
        try:
            endpoint = compile_endpoint(
                getattr(self.settings, key),
                base_url=self.base_url,
                known=self._known_to(key),
                captured=self.captured,
            )
            host = endpoint.host or self._own_host(endpoint)
        except ValueError as error:
            raise ValueError(f"{key} {error}") from None
        if endpoint.scheme == "http" and host and not self.cleartext.permits(host):
            raise ValueError(f"{key} would send the credentials without TLS; allow_cleartext permits it")
        return endpoint

    def _own_host(self, endpoint: Endpoint) -> str | None:
        """The host where the profile's own values make it, tried now and not with the first request."""
        names = endpoint.authority.names
        for name in sorted(names - self.captured):
            if name in self.own:
                try:
                    escape_host_label(text_of(name, self.own[name]))
                except ValueError:
                    raise ValueError(
                        f"has {name} in its host, whose value may not stand there: "
                        "letters, digits and inner hyphens may"
                    ) from None
        if names & self.captured or not names <= set(self.own):
            return None
        return parse_authority(endpoint.authority.render(self.own, escape_host_label), endpoint.scheme)[0]

    def _tree(self, key: str, node: Any) -> Any:
        """A tree with its texts compiled; numbers, booleans and null stay what they are."""
        if isinstance(node, str):
            return self._text(key, node)
        if isinstance(node, Mapping):
            return {name: self._tree(key, item) for name, item in node.items()}
        if isinstance(node, (list, tuple)):
            return [self._tree(key, item) for item in node]
        return node

    def _text(self, key: str, text: str) -> Template:
        try:
            template = compile_template(text)
        except ValueError as error:
            raise ValueError(f"{key} {error}") from None
        unknown = sorted(template.names - self._known_to(key))
        if unknown:
            raise ValueError(f"{key}: nothing provides the placeholder {', '.join(unknown)}")
        return template


def _plain(settings: Mapping[str, Any] | None) -> Any:
    """The mapping with its secrets as text: they are compiled here and shown nowhere."""
    if settings is None:
        return None
    return {
        key: value.get_secret_value() if isinstance(value, SecretStr) else value
        for key, value in settings.items()
    }


def _check_headers(key: str, fields: Mapping[str, str]) -> None:
    names = [name.lower() for name in fields]
    for name in fields:
        if not FIELD_NAME.fullmatch(name):
            raise ValueError(f"{key} has a name that no header field may have")
        if name.lower() in _WRITTEN_BY_US:
            raise ValueError(f"{key} has {name}, which is the proxy's to write")
        if names.count(name.lower()) > 1:
            raise ValueError(f"{key} has {name} more than once")
