"""Profiles out of a Postman collection (format v2.0 and v2.1): its OAuth 2.0 password settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from proxy.importers.draft import (
    Draft,
    NothingToImport,
    UnreadableSource,
    as_list,
    as_mapping,
    literal,
    one_line,
    profile_name,
)
from proxy.importers.postman_variables import Variables, has_variable
from proxy.importers.token_parameters import safe_values

_GRANT = "password_credentials"
_READ = frozenset(
    {"grant_type", "accessTokenUrl", "refreshTokenUrl", "username", "password", "clientId", "clientSecret"}
    | {"scope", "client_authentication", "addTokenTo", "headerPrefix", "tokenName", "tokenRequestParams"}
    | {"refreshRequestParams", "audience", "resource"}
)
_OF_OTHER_GRANTS = frozenset(
    {"authUrl", "redirect_uri", "state", "useBrowser", "challengeAlgorithm", "code_verifier", "tokenType"}
    | {"authRequestParams", "callBackUrl", "algorithm"}
)


@dataclass
class _Authorization:
    """One `auth` block, where it stands, and the requests that it is for."""

    place: str
    settings: Mapping[str, Any] = field(repr=False)
    urls: list[str] = field(default_factory=list)


def import_postman(collection: Any, *, name: str | None = None) -> list[Draft]:
    """The profiles of a collection. Raises UnreadableSource or NothingToImport."""
    if not isinstance(collection, dict) or not isinstance(collection.get("item"), list):
        raise UnreadableSource("this is no Postman collection: it has no list of items")
    title = str(as_mapping(collection.get("info")).get("name") or "")
    variables = Variables(as_list(collection.get("variable")))
    found: dict[str, _Authorization] = {}
    others: list[str] = []
    _walk(collection, "the collection", None, found, others)
    if not found:
        raise NothingToImport("the collection has no OAuth 2.0 settings with the password grant")
    base = name or profile_name(title)
    drafts = []
    for index, authorization in enumerate(found.values(), start=1):
        draft = Draft(base if index == 1 else f"{base}-{index}")
        if title:
            draft.settings["description"] = literal(one_line(title))
        _read(draft, authorization, variables)
        for other in others if index == 1 else ():
            draft.not_carried(other)
        drafts.append(draft)
    return drafts


def _walk(
    node: Mapping[str, Any],
    place: str,
    inherited: _Authorization | None,
    found: dict[str, _Authorization],
    others: list[str],
) -> None:
    """Finds the authorization of every request: its own, else that of the nearest folder above."""
    auth = node.get("auth")
    if isinstance(auth, dict):
        inherited = _authorization(auth, place, found, others)
    if node.get("event"):
        others.append(f"{place}: scripts")
    request = node.get("request")
    if isinstance(request, dict):
        if isinstance(request.get("auth"), dict):
            inherited = _authorization(request["auth"], place, found, others)
        url = request.get("url")
        text = url.get("raw") if isinstance(url, dict) else url
        if inherited is not None and isinstance(text, str):
            inherited.urls.append(text)
    for item in as_list(node.get("item")):
        if isinstance(item, dict):
            kind = "request" if "request" in item else "folder"
            _walk(item, f"{kind} {one_line(str(item.get('name', '')))}", inherited, found, others)


def _authorization(
    auth: Mapping[str, Any], place: str, found: dict[str, _Authorization], others: list[str]
) -> _Authorization | None:
    kind = auth.get("type")
    if kind in ("noauth", None):
        return None
    settings = _settings(auth.get(str(kind)))
    if kind != "oauth2" or settings.get("grant_type") != _GRANT:
        grant = settings.get("grant_type", "authorization_code") if kind == "oauth2" else ""
        others.append(one_line(f"{place}: authorization by {kind} {grant}"))
        return None
    # Folders often repeat what the collection says: the same settings are one profile.
    keys = ("accessTokenUrl", "username", "clientId", "scope", "addTokenTo", "headerPrefix")
    same = "\n".join(str(settings.get(key, "")) for key in keys)
    return found.setdefault(same, _Authorization(place, settings))


def _settings(settings: Any) -> Mapping[str, Any]:
    """v2.1 lists key and value, v2.0 has a mapping."""
    if isinstance(settings, list):
        return {
            str(item["key"]): item.get("value")
            for item in settings
            if isinstance(item, dict) and "key" in item
        }
    return as_mapping(settings)


def _read(draft: Draft, authorization: _Authorization, variables: Variables) -> None:
    settings = authorization.settings
    _read_match(draft, authorization.urls, variables)

    def text(key: str) -> str:
        value = settings.get(key)
        value = variables.resolved(value) if isinstance(value, str) else ""
        return variables.referring(value, lambda name: draft.reference(f"Postman's {{{{{name}}}}}", name))

    username = text("username")
    draft.settings["credentials"] = {
        "username": username or draft.reference("credentials.username"),
        "password": draft.reference("credentials.password"),
    }
    endpoint = text("accessTokenUrl")
    if endpoint:
        draft.grant["token_endpoint"] = endpoint
        draft.say_if_cleartext(endpoint)
    else:
        draft.lacks("grant.token_endpoint: the settings have no Access Token URL")
    if refresh := text("refreshTokenUrl"):
        draft.grant["refresh_endpoint"] = refresh
    if client_id := text("clientId"):
        draft.grant["client_id"] = client_id
        if settings.get("clientSecret"):
            in_body = settings.get("client_authentication") == "body"
            draft.grant["client_secret"] = draft.reference("grant.client_secret")
            draft.grant["client_authentication"] = f"client_secret_{'post' if in_body else 'basic'}"
    if scope := text("scope").split():
        draft.grant["scope"] = scope
    _read_parameters(draft, settings, variables)
    _read_field(draft, settings)
    for key in sorted(set(settings) - _READ - _OF_OTHER_GRANTS):
        draft.not_carried(f"{authorization.place}: {key}")


def _read_match(draft: Draft, urls: list[str], variables: Variables) -> None:
    """One entry for every origin that the requests go to."""
    entries: list[dict[str, Any]] = []
    for url in urls:
        text = variables.resolved(url)
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")  # Postman's own guess
            entry = {"host": parts.hostname, "scheme": parts.scheme, "port": parts.port}
            is_known = parts.scheme in ("http", "https") and not has_variable(parts.netloc)
        except ValueError:
            entry, is_known = {}, False
        if not is_known or not entry["host"]:
            draft.not_carried("the host of requests whose URL starts with a variable of an environment")
            continue
        kept = {key: value for key, value in entry.items() if value is not None}
        if kept not in entries:
            entries.append(kept)
    if entries:
        draft.settings["match"] = entries
    else:
        draft.lacks("match: no request tells which host the tokens are for")


def _read_parameters(draft: Draft, settings: Mapping[str, Any], variables: Variables) -> None:
    """Extra parameters, by where Postman sends them."""
    places = {"request_body": "parameters", "request_header": "headers", "request_url": "query"}
    given = [as_mapping(item) for item in as_list(settings.get("tokenRequestParams"))]
    given += [{"key": key, "value": settings[key]} for key in ("audience", "resource") if settings.get(key)]
    for item in given:
        key, value = item.get("key"), item.get("value")
        if not isinstance(key, str) or not key or item.get("enabled") is False:
            continue
        place = places.get(str(item.get("send_as", "request_body")), "parameters")
        text = variables.resolved(str(value))
        is_open = has_variable(text)
        safe = (
            draft.reference(f"grant.{place}.{key}")
            if is_open
            else safe_values(draft, ("grant", place, key), text)
        )
        draft.grant.setdefault(place, {})[key] = safe
    if settings.get("refreshRequestParams"):
        draft.not_carried("parameters of the refresh request alone; see grant.refresh_body")


def _read_field(draft: Draft, settings: Mapping[str, Any]) -> None:
    if settings.get("addTokenTo") == "queryParams":
        draft.settings["fields"] = [{"in": "query", "key": "access_token", "value": "{{access_token}}"}]
        return
    prefix = settings.get("headerPrefix")
    if isinstance(prefix, str) and prefix.strip() not in ("", "Bearer") and not has_variable(prefix):
        value = f"{prefix.strip()} {{{{access_token}}}}"
        draft.settings["fields"] = [{"in": "header", "key": "Authorization", "value": value}]
    elif isinstance(prefix, str) and not prefix.strip():
        value = "{{access_token}}"
        draft.settings["fields"] = [{"in": "header", "key": "Authorization", "value": value}]
