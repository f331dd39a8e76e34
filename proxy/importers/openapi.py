"""A profile out of an OpenAPI document (3.x, or Swagger 2.0): its password-flow security scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

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

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DEEPEST = 10


def import_openapi(document: Any, *, name: str | None = None) -> Draft:
    """The profile of a document's first password flow. Raises UnreadableSource or NothingToImport."""
    if not isinstance(document, dict) or not ("openapi" in document or "swagger" in document):
        raise UnreadableSource("this is no OpenAPI document: it has neither openapi nor swagger at its top")
    schemes = dict(_schemes(document))
    flows = {key: flow for key, scheme in schemes.items() if (flow := _password_flow(scheme)) is not None}
    if not flows:
        raise NothingToImport("the document has no security scheme with the password flow")
    chosen, flow = next(iter(flows.items()))
    title = str(as_mapping(document.get("info")).get("title") or "")
    draft = Draft(name or profile_name(title))
    if title:
        draft.settings["description"] = literal(one_line(title))
    servers = list(_servers(draft, document))
    _read_match(draft, servers)
    draft.settings["credentials"] = {
        "username": draft.reference("credentials.username"),
        "password": draft.reference("credentials.password"),
    }
    _read_flow(draft, flow, next((server for server in servers if "://" in server), None))
    _read_scopes(draft, document, chosen, flow)
    draft.lacks("grant.client_id and client_secret, where the server wants them: a document does not tell")
    for key, scheme in schemes.items():
        if key != chosen:
            what = "a further password flow" if key in flows else str(scheme.get("type", "of no type"))
            draft.not_carried(f"security scheme {key}: {what}")
        elif others := set(_flows(scheme)) - {"password"}:
            draft.not_carried(f"security scheme {key}: {', '.join(sorted(map(str, others)))}")
    return draft


def _schemes(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = as_mapping(as_mapping(document.get("components")).get("securitySchemes"))
    for key, scheme in (found or as_mapping(document.get("securityDefinitions"))).items():
        resolved = _resolved(document, scheme)
        if isinstance(resolved, dict):
            yield str(key), resolved


def _resolved(document: Mapping[str, Any], node: Any) -> Any:
    """What a local `$ref` points to; None for one into another document, or in a circle."""
    for _ in range(_DEEPEST):
        if not (isinstance(node, dict) and isinstance(node.get("$ref"), str)):
            return node
        reference = node["$ref"]
        if not reference.startswith("#/"):
            return None
        node = document
        for step in reference[2:].split("/"):
            # RFC 6901 section 4: the order of the two matters.
            node = as_mapping(node).get(step.replace("~1", "/").replace("~0", "~"))
    return None


def _flows(scheme: Mapping[str, Any]) -> Mapping[str, Any]:
    flows = scheme.get("flows")
    if isinstance(flows, dict):
        return flows
    return {str(scheme["flow"]): scheme} if "flow" in scheme else {}


def _password_flow(scheme: Mapping[str, Any]) -> Mapping[str, Any] | None:
    flow = _flows(scheme).get("password") if scheme.get("type") == "oauth2" else None
    return flow if isinstance(flow, dict) else None


def _servers(draft: Draft, document: Mapping[str, Any]) -> Iterator[str]:
    """The servers' URLs, variables filled by their defaults; Swagger 2.0 has them in parts."""
    if "swagger" in document:
        if isinstance(document.get("host"), str):
            for scheme in as_list(document.get("schemes")) or ["https"]:
                yield f"{scheme}://{document['host']}{document.get('basePath') or ''}"
        return
    for server in as_list(document.get("servers")):
        if isinstance(server, dict) and isinstance(server.get("url"), str):
            yield _filled(draft, server)


def _filled(draft: Draft, server: Mapping[str, Any]) -> str:
    variables = as_mapping(server.get("variables"))

    def default(found: re.Match[str]) -> str:
        variable = as_mapping(variables.get(found[1]))
        if "default" in variable:
            draft.not_carried(f"server variable {found[1]}: only its default is taken")
            return str(variable["default"])
        return found[0]

    return re.sub(r"\{([^{}]+)\}", default, str(server["url"]))


def _read_match(draft: Draft, servers: list[str]) -> None:
    entries = []
    for server in servers:
        entry = _match_entry(server)
        if entry is None:
            draft.not_carried("a server whose URL is relative or has no host")
        elif entry not in entries:
            entries.append(entry)
    if entries:
        draft.settings["match"] = entries
    else:
        draft.lacks("match: the document has no server with a host")


def _match_entry(server: str) -> dict[str, Any] | None:
    try:
        parts = urlsplit(server)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    entry: dict[str, Any] = {"host": host, "scheme": parts.scheme, "port": port}
    if parts.path.strip("/"):
        entry["path"] = parts.path.rstrip("/") + "/**"
    return {key: value for key, value in entry.items() if value is not None}


def _read_flow(draft: Draft, flow: Mapping[str, Any], server: str | None) -> None:
    for setting, key in (("token_endpoint", "tokenUrl"), ("refresh_endpoint", "refreshUrl")):
        url = flow.get(key)
        if not isinstance(url, str) or not url:
            continue
        if "://" not in url and server is not None:
            # A relative URL is relative to the server (OpenAPI 3.1 section 4.6).
            url = _joined(server, url)
        if "://" in url:
            draft.grant[setting] = literal(url)
            draft.say_if_cleartext(url)
        else:
            draft.not_carried(f"{key}: it is relative, and the document has no server to start from")
    if "token_endpoint" not in draft.grant:
        draft.lacks("grant.token_endpoint: the document has no usable tokenUrl")


def _joined(server: str, url: str) -> str:
    try:
        return urljoin(server.rstrip("/") + "/", url)
    except ValueError:
        return url


def _read_scopes(draft: Draft, document: Mapping[str, Any], scheme: str, flow: Mapping[str, Any]) -> None:
    """The scopes that operations ask for, in their order; those that are only offered are told."""
    wanted = list(dict.fromkeys(_wanted_scopes(document, scheme)))
    if wanted:
        draft.grant["scope"] = wanted
    offered = [str(scope) for scope in as_mapping(flow.get("scopes")) if scope not in wanted]
    if offered:
        draft.not_carried(f"scopes that no operation asks for: {', '.join(offered)}")


def _wanted_scopes(document: Mapping[str, Any], scheme: str) -> Iterator[str]:
    requirements = [document.get("security")]
    for path in as_mapping(document.get("paths")).values():
        operations = (as_mapping(as_mapping(path).get(method)) for method in _METHODS)
        requirements += [operation.get("security") for operation in operations]
    for requirement in requirements:
        for entry in as_list(requirement):
            yield from (str(scope) for scope in as_list(as_mapping(entry).get(scheme)))
