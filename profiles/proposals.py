"""What to change in a profile when the token endpoint's answer has another shape than it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from profiles.content_types import decode
from profiles.model import ClientAuthentication, GrantSettings
from profiles.token_response import TokenAnswer, compile_response_plan, duration_of

DEEPEST = 4
LIKELY_TOKENS = ("access_token", "accesstoken", "token", "jwt", "authtoken", "sessionid", "session_id")
LIKELY_LIFETIMES = ("expires_in", "expiresin", "expires")
TEN_YEARS = 10 * 365 * 86400.0


class Proposal(NamedTuple):
    """A setting, the value that would fit the answer, and why. Never holds a token."""

    setting: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"set {self.setting}: {self.value} ({self.reason})"


def propose(answer: TokenAnswer, settings: GrantSettings) -> list[Proposal]:
    """Reads *answer* for what would have made the profile fit it; the most certain proposal first."""
    if 300 <= answer.status_code < 400:
        return list(_for_redirect(answer))
    if answer.status_code in (404, 405):
        what = "grant.method" if answer.status_code == 405 else "grant.token_endpoint"
        value = _allowed_method(answer) if answer.status_code == 405 else "the path of the token endpoint"
        return [Proposal(what, value, f"the answer is {answer.status_code}")]
    try:
        data = decode(answer.body, answer.media_type, settings.content_type)
    except ValueError:
        data = None
    if not isinstance(data, Mapping):
        return list(_for_no_data(answer))
    if answer.status_code >= 400 or "error" in data:
        return list(_for_error(data, settings))
    return [*_for_token(data, settings), *_for_lifetime(data, settings)]


def _for_redirect(answer: TokenAnswer) -> Iterator[Proposal]:
    for location in answer.field_values("location"):
        parts = urlsplit(location)
        # Without its query: what a server puts there may be a secret.
        place = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path
        yield Proposal("grant.token_endpoint", place, "the answer is a redirect, which is never followed")


def _allowed_method(answer: TokenAnswer) -> str:
    allowed = ",".join(answer.field_values("allow")).upper().replace(" ", "").split(",")
    return next((name for name in ("POST", "GET", "PUT", "PATCH", "DELETE") if name in allowed), "GET")


def _for_no_data(answer: TokenAnswer) -> Iterator[Proposal]:
    if b"<html" in answer.body[:2048].lower() or "html" in (answer.media_type or ""):
        reason = "the answer is an HTML page: this is where people log in, not a token endpoint"
        yield Proposal("grant.token_endpoint", "the address of the token endpoint", reason)
        return
    for name, value in answer.headers:
        if name.lower() in ("x-token", "x-auth-token", "x-access-token", "authorization") and value:
            yield Proposal("grant.response.access_token", f"header:{name}", "the body holds no token")


def _for_error(data: Mapping[str, Any], settings: GrantSettings) -> Iterator[Proposal]:
    error = data.get("error")
    if error == "invalid_client":
        yield Proposal(
            "grant.client_authentication",
            _other_way(settings).value,
            "the server does not accept the client as it is authenticated now",
        )
    elif error == "invalid_scope":
        value = "[]" if settings.scope else "[a scope that the server knows]"
        yield Proposal("grant.scope", value, "the server does not grant this scope")
    elif error == "unsupported_grant_type":
        reason = "the server does not read grant_type where it is now, or does not offer the password grant"
        other = "json" if settings.content_type.value == "urlencoded" else "urlencoded"
        yield Proposal("grant.content_type", other, reason)


def _other_way(settings: GrantSettings) -> ClientAuthentication:
    match settings.way_of_client_authentication:
        case ClientAuthentication.BASIC:
            return ClientAuthentication.POST
        case ClientAuthentication.POST:
            return ClientAuthentication.BASIC
        case ClientAuthentication.BASIC_RAW:
            return ClientAuthentication.BASIC
        case ClientAuthentication.NONE:
            return ClientAuthentication.POST


def _for_token(data: Mapping[str, Any], settings: GrantSettings) -> Iterator[Proposal]:
    plan = compile_response_plan(settings.response, settings.expires_in_unit)
    place = plan.places["access_token"]
    found = None if isinstance(place, tuple) else place.search(data)
    if isinstance(found, str) and found:
        return
    path = _path_of(data, LIKELY_TOKENS, str)
    if path:
        yield Proposal("grant.response.access_token", path, "that is where the answer has a token")


def _for_lifetime(data: Mapping[str, Any], settings: GrantSettings) -> Iterator[Proposal]:
    path = _path_of(data, LIKELY_LIFETIMES, (int, float, str))
    if path is None:
        return
    place = compile_response_plan(settings.response, "seconds").places["expires_in"]
    value = None if isinstance(place, tuple) else place.search(data)
    if value is None:
        yield Proposal("grant.response.expires_in", path, "that is where the answer has a lifetime")
        value = _value_at(data, path)
    seconds = duration_of(value)
    if seconds is not None and settings.expires_in_unit == "seconds" and seconds >= 30 * 86400:
        in_thousandths = duration_of(value, 0.001)
        if in_thousandths is not None and in_thousandths < TEN_YEARS / 10:
            reason = f"as seconds the token would live {seconds / 86400:.0f} days or more"
            yield Proposal("grant.expires_in_unit", "milliseconds", reason)


def _path_of(data: Any, names: tuple[str, ...], kind: Any, depth: int = DEEPEST) -> str | None:
    """The JMESPath of the likeliest member, the nearest to the root first."""
    if not isinstance(data, Mapping) or depth == 0:
        return None
    for name in names:
        for key, value in data.items():
            if str(key).lower() == name and isinstance(value, kind) and value:
                return _quoted(str(key))
    for key, value in data.items():
        below = _path_of(value, names, kind, depth - 1)
        if below:
            return f"{_quoted(str(key))}.{below}"
    return None


def _value_at(data: Any, path: str) -> Any:
    for step in path.split("."):
        data = data.get(step.strip('"')) if isinstance(data, Mapping) else None
    return data


def _quoted(key: str) -> str:
    """A key as JMESPath writes it."""
    plain = key.replace("_", "a")
    return key if plain.isascii() and plain.isalnum() and not key[0].isdigit() else f'"{key}"'
