"""A profile out of the curl command line that performs its token request."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote, unquote_plus, urlsplit, urlunsplit

from proxy.importers.curl_options import CurlCommand, parse_curl
from proxy.importers.draft import Draft, NothingToImport, UnreadableSource, literal, profile_name
from proxy.importers.token_parameters import read_parameters, safe_values

_MEDIA_TYPES = {
    "application/x-www-form-urlencoded": "urlencoded",
    "application/json": "json",
    "multipart/form-data": "form-data",
}
_FRAMING = frozenset({"content-type", "content-length", "host", "accept-encoding", "connection", "expect"})
_PLAIN = frozenset({"accept", "accept-language", "user-agent", "cache-control"})
"""Fields of a token request whose values are written out, in lower case."""


def import_curl(words: Sequence[str], *, name: str | None = None) -> Draft:
    """The profile of one curl command. Raises UnreadableSource or NothingToImport."""
    command = parse_curl(words)
    url = command.url if "://" in command.url else f"http://{command.url}"  # curl's own guess
    try:
        parts = urlsplit(url)
        host = parts.hostname
        port = parts.port
    except ValueError:
        raise UnreadableSource("the command line's URL is none") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnreadableSource("the command line's URL is none of http or https")
    draft = Draft(name or profile_name(host))
    for what in command.not_carried_over:
        draft.not_carried(what)
    authority = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    endpoint = urlunsplit((parts.scheme, authority, parts.path or "/", "", ""))
    draft.grant["token_endpoint"] = literal(endpoint)
    draft.say_if_cleartext(endpoint)
    _read_client(draft, command, parts.username, parts.password)
    fields = _read_headers(draft, command.headers)
    body, content_type = _body(draft, command, fields.get("content-type", ""))
    _read_request(draft, command, body, content_type, parse_qsl(parts.query, keep_blank_values=True))
    draft.lacks("match: the API that the tokens are for, which a token request does not tell")
    return draft


def _read_request(
    draft: Draft,
    command: CurlCommand,
    body: dict[str, Any],
    content_type: str,
    query: Sequence[tuple[str, str]],
) -> None:
    """Method, parameters and query. With GET the parameters are the query."""
    in_query = dict(query)
    method = (command.method or ("POST" if command.data and not command.is_get else "GET")).upper()
    if method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        raise NothingToImport(f"no token request is sent by {method}")
    if method in ("GET", "DELETE") or command.is_get:
        draft.grant["method"] = method
        read_parameters(draft, in_query | body)
        return
    if method != "POST":
        draft.grant["method"] = method
    if content_type != "urlencoded":
        draft.grant["content_type"] = content_type
    if not body and in_query:
        _read_query_request(draft, in_query)
        return
    read_parameters(draft, body)
    if in_query:
        draft.grant["query"] = safe_values(draft, ("grant", "query"), in_query)


def _read_query_request(draft: Draft, query: dict[str, str]) -> None:
    """A POST that has its parameters in the query: they stay there, and the body stays empty."""
    read_parameters(draft, query)
    grant = draft.grant
    client = {}
    for key in ("client_id", "client_secret"):
        if key in query and key in grant:
            client[key] = grant.pop(key)
            grant.pop("client_authentication", None)
    scope = {"scope": " ".join(grant.pop("scope"))} if "scope" in grant else {}
    standard = {"grant_type": "password", "username": "{{username}}", "password": "{{password}}"}
    grant["query"] = grant.pop("body", standard | grant.pop("parameters", {})) | scope | client
    grant["body"] = {}
    draft.not_carried("refreshing: the query of the password request goes with every token request")


def _read_client(draft: Draft, command: CurlCommand, username: str | None, password: str | None) -> None:
    """`-u`, or the user in the URL: Basic, as curl sends it, which encodes nothing."""
    user = command.user
    if user is None and username is not None:
        user = unquote(username) + (":" + unquote(password) if password is not None else "")
    if user is not None:
        _basic(draft, user)


def _basic(draft: Draft, user: str) -> None:
    client_id, _, secret = user.partition(":")
    encoded = quote_plus(client_id) == client_id and quote_plus(secret) == secret
    draft.grant["client_id"] = literal(client_id)
    draft.grant["client_secret"] = draft.reference("grant.client_secret")
    draft.grant["client_authentication"] = "client_secret_basic" if encoded else "client_secret_basic_raw"


def _read_headers(draft: Draft, headers: Sequence[str]) -> dict[str, str]:
    """Writes `grant.headers` and what Basic says; gives all fields by their lower-case names."""
    found: dict[str, str] = {}
    for line in headers:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not value:
            continue  # curl leaves a field without value out
        found[name.lower()] = value
        scheme, _, credentials = value.partition(" ")
        if name.lower() == "authorization" and scheme.lower() == "basic":
            _read_basic(draft, credentials.strip())
        elif name.lower() in _PLAIN:
            draft.grant.setdefault("headers", {})[name] = literal(value)
        elif name.lower() not in _FRAMING:
            draft.grant.setdefault("headers", {})[name] = draft.reference(f"grant.headers.{name}")
        elif name.lower() == "host":
            draft.not_carried("-H Host: the Host field is the token endpoint's own")
    return found


def _read_basic(draft: Draft, credentials: str) -> None:
    try:
        _basic(draft, base64.b64decode(credentials, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        draft.grant.setdefault("headers", {})["Authorization"] = draft.reference(
            "grant.headers.Authorization"
        )


def _body(draft: Draft, command: CurlCommand, media_type: str) -> tuple[dict[str, Any], str]:
    """The body's parameters, and the content type by the profile's name for it."""
    kinds = {kind for kind, _ in command.data}
    media_type = media_type.partition(";")[0].strip().lower()
    if kinds & {"form", "form-string"}:
        return dict(_form_parts(draft, command)), "form-data"
    default = "json" if "json" in kinds else "urlencoded"
    content_type = _MEDIA_TYPES.get(media_type, default)
    if media_type and media_type not in _MEDIA_TYPES:
        raise NothingToImport(
            f"the body is {media_type}: write the profile by hand, with grant.content_type and grant.body"
        )
    if content_type == "json":
        text = "".join(value for kind, value in _texts(draft, command) if kind != "data-urlencode")
        return _json(text), content_type
    pairs = [pair for kind, value in _texts(draft, command) for pair in _urlencoded(kind, value)]
    return dict(pairs), content_type


def _texts(draft: Draft, command: CurlCommand) -> Iterator[tuple[str, str]]:
    """The data options, without those that name a file: what is in a file is not looked at."""
    for kind, value in command.data:
        if kind != "data-raw" and (value.startswith("@") or (kind == "data-urlencode" and _is_file(value))):
            draft.not_carried(f"--{kind} @...: data out of a file")
        else:
            yield kind, value


def _is_file(value: str) -> bool:
    """Of `--data-urlencode`: `name@file`, where no = comes first."""
    return "@" in value and "=" not in value.partition("@")[0]


def _urlencoded(kind: str, value: str) -> Iterator[tuple[str, str]]:
    if kind == "data-urlencode":
        name, equals, content = value.partition("=")
        yield (unquote_plus(name), content) if equals else (value, "")
    else:
        yield from parse_qsl(value, keep_blank_values=True)


def _form_parts(draft: Draft, command: CurlCommand) -> Iterator[tuple[str, str]]:
    for kind, value in command.data:
        name, _, content = value.partition("=")
        if kind not in ("form", "form-string"):
            continue
        if kind == "form" and content[:1] in ("@", "<"):
            draft.not_carried(f"-F {name}: a part out of a file")
        else:
            yield name, content.partition(";type=")[0] if kind == "form" else content


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableSource("the body is no JSON text") from None
    if not isinstance(data, dict):
        raise NothingToImport("the body is JSON and no object: it holds no parameters")
    return data
