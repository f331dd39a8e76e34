"""A profile's grant out of the parameters of one token request, wherever they were found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.importers.draft import Draft, NothingToImport, literal

_USERNAMES = ("username", "userid", "user", "login", "loginid", "email", "name")
_PASSWORDS = ("password", "passwd", "passphrase", "pass", "pwd", "userpassword")

_STANDARD = frozenset({"grant_type", "username", "password", "scope", "client_id", "client_secret"})

_Path = tuple[str | int, ...]


def read_parameters(draft: Draft, parameters: Mapping[str, Any]) -> None:
    """Writes credentials and grant of *draft*. Raises NothingToImport where it is no password grant."""
    grant_type = parameters.get("grant_type")
    username, password = _path_of(parameters, _USERNAMES), _path_of(parameters, _PASSWORDS)
    # Extension grants (URIs, RFC 6749 section 4.5) that submit a password are password grants too.
    if isinstance(grant_type, str) and grant_type != "password" and ":" not in grant_type:
        raise NothingToImport("the request is for another grant than the password grant")
    if password is None:
        raise NothingToImport("the request submits no password")
    credentials = draft.settings.setdefault("credentials", {})
    if username is None:
        draft.settings["form_fields"] = [{"key": "password", "title": "Password", "type": "password"}]
    else:
        given = _at(parameters, username)
        is_told = isinstance(given, (str, int)) and given != ""
        credentials["username"] = literal(str(given)) if is_told else draft.reference("credentials.username")
    credentials["password"] = draft.reference("credentials.password")
    _read_client(draft, parameters)
    if grant_type == "password" and (username, password) == (("username",), ("password",)):
        _read_standard(draft, parameters)
        return
    added = {"client_id", "client_secret"} if "client_id" in draft.grant else set()
    own = {key: value for key, value in parameters.items() if key not in added}
    known = {username: "{{username}}", password: "{{password}}"}
    draft.grant["body"] = safe_values(draft, ("grant", "body"), own, known)
    if grant_type is None:
        draft.not_carried("how a token is refreshed, for a request in its own words: see grant.refresh_body")


def safe_values(draft: Draft, at: _Path, node: Any, known: Mapping[_Path | None, str] | None = None) -> Any:
    """A tree of parameters without secrets: references for what may be one, templates where *known*.

    *at* is where the tree stands in the profile; the paths in *known* begin below it.
    """
    return _safe(draft, at, (), node, known or {})


def _safe(draft: Draft, at: _Path, path: _Path, node: Any, known: Mapping[_Path | None, str]) -> Any:
    if path in known:
        return known[path]
    if isinstance(node, Mapping):
        return {key: _safe(draft, at, (*path, key), item, known) for key, item in node.items()}
    if isinstance(node, list):
        return [_safe(draft, at, (*path, index), item, known) for index, item in enumerate(node)]
    if node is None or isinstance(node, bool):
        return node
    return draft.value(".".join(str(step) for step in (*at, *path)), node)


def _leaves(node: Any, path: _Path = ()) -> Iterator[_Path]:
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else None
    if items is None:
        yield path
        return
    for key, item in items:
        yield from _leaves(item, (*path, key))


def _path_of(parameters: Mapping[str, Any], names: tuple[str, ...]) -> _Path | None:
    """The parameter that is one of *names*, the likeliest first, whatever its case and separators."""
    folded: dict[str, _Path] = {}
    for path in _leaves(parameters):
        folded.setdefault(str(path[-1]).lower().replace("-", "").replace("_", ""), path)
    return next((folded[name] for name in names if name in folded), None)


def _at(node: Any, path: _Path) -> Any:
    for step in path:
        node = node[step]
    return node


def _read_client(draft: Draft, parameters: Mapping[str, Any]) -> None:
    grant = draft.grant
    if isinstance(parameters.get("client_id"), str) and parameters["client_id"]:
        grant.setdefault("client_id", literal(parameters["client_id"]))
    if parameters.get("client_secret") and "client_secret" not in grant:
        if "client_id" not in grant:
            grant["client_id"] = draft.reference("grant.client_id")
        grant["client_secret"] = draft.reference("grant.client_secret")
        grant["client_authentication"] = "client_secret_post"


def _read_standard(draft: Draft, parameters: Mapping[str, Any]) -> None:
    scope = parameters.get("scope")
    if isinstance(scope, str) and scope.split():
        draft.grant["scope"] = [literal(item) for item in scope.split()]
    extra = {key: value for key, value in parameters.items() if key not in _STANDARD}
    if extra:
        draft.grant["parameters"] = safe_values(draft, ("grant", "parameters"), extra)
