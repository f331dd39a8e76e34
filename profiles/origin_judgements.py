"""What the origin's answer to a fresh token means for a profile, and what to set where it was misread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from profiles.auth_errors import INSPECTED_BYTES, AuthErrorMatch
from profiles.challenges import Challenge, parse_challenges
from profiles.error_bodies import token_error_pattern
from profiles.html_pages import mark_of_log_in
from profiles.inspected_bodies import text_of
from profiles.model import AuthErrorRule, FieldSettings, Place
from profiles.profile import Profile
from profiles.proposals import Proposal
from profiles.requests import HeaderFields, RequestHead

DEFAULT_FIELD = '[{in: header, key: Authorization, value: "Bearer {{access_token}}"}]'

_LOG_IN_PLACE = re.compile(
    r"log[-_]?[io]n|sign[-_]?[io]n|(?:^|[/._-])(?:sso|saml2?|oauth2?|openid|auth|authorize|adfs|cas)(?:[/._?-]|$)",
    re.IGNORECASE,
)
_SIMPLE_SCHEME = re.compile(r"[A-Za-z][A-Za-z-]{0,19}")
_NO_TOKEN_SCHEMES = frozenset(
    {"basic", "digest", "negotiate", "ntlm", "kerberos", "mutual", "hoba", "dpop", "hawk", "privatetoken"}
    | {"scram-sha-1", "scram-sha-256", "vapid", "gnap", "signature"}
)
"""Schemes in which a bare access token cannot be sent."""

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+){0,19}")

_EXPIRED = {
    401: "401: not authorized",
    403: "403: forbidden",
    419: "419, which some frameworks answer when a session is over",
    440: "440, which IIS answers when a session is over",
    498: "498, which ArcGIS answers to a token that is invalid",
    499: "499, which ArcGIS answers where it wants a token",
}
"""Statuses by which origins say that they do not accept a token."""

_OTHERWISE = {
    404: "there is nothing at this address, so look at check_url",
    405: "the check is a GET, and this address takes another method, so look at check_url",
    406: "it has nothing in a media type that is asked for, so look at check_url",
    429: "it counts too many requests; try again later",
}


@dataclass(frozen=True, slots=True)
class OriginAnswer:
    """What the origin sent; `body` is its beginning, content coding and all. The repr shows the status."""

    status: int
    headers: HeaderFields = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text, as far as an auth error is looked for in it."""
        return text_of(self.headers, self.body, INSPECTED_BYTES)

    def values(self, name: str) -> list[str]:
        """The values of a header field; the name in lower case."""
        return [
            value.decode("latin-1") for key, value in self.headers if key.decode("latin-1").lower() == name
        ]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the answer means that the origin takes the token, a sentence about it, and what to set."""

    reason: str
    proposals: tuple[Proposal, ...] = ()
    ok: bool = False


def judge(profile: Profile, head: RequestHead, answer: OriginAnswer) -> Judgement:
    """Judges the answer to *head*, a request with a fresh token. Pure."""
    came = f"the origin answered {answer.status}"
    challenges = parse_challenges(answer.values("www-authenticate"))
    if _is_auth_error(profile, answer):
        reason = f"{came}, which is the profile's auth error: it rejects a fresh token"
        return Judgement(_with_wish(reason, challenges), _for_challenges(profile, challenges))
    if answer.status in _EXPIRED:
        return _unnamed_auth_error(profile, answer, challenges)
    if answer.status == 407:
        return _proxy_wants_authentication(profile, answer)
    if 300 <= answer.status < 400:
        return _redirect(profile, head, answer)
    if 200 <= answer.status < 300 or answer.status == 400:
        found = _told_in_body(profile, answer)
        if found is not None:
            return found
    if 200 <= answer.status < 300:
        return Judgement(came, ok=True)
    if answer.status >= 500:
        return Judgement(f"{came}: it failed itself, which says nothing about the token")
    otherwise = _OTHERWISE.get(answer.status, "that is no auth error, so look at check_url and the fields")
    return Judgement(f"{came}: {otherwise}")


def _is_auth_error(profile: Profile, answer: OriginAnswer) -> bool:
    match = profile.auth_errors.match_head(answer.status, answer.headers)
    if match is AuthErrorMatch.BODY_DECIDES:
        return profile.auth_errors.match_body(answer.status, answer.headers, answer.body)
    return match is AuthErrorMatch.YES


def _unnamed_auth_error(profile: Profile, answer: OriginAnswer, challenges: list[Challenge]) -> Judgement:
    came = f"the origin answered {_EXPIRED[answer.status]}, which auth_error does not name"
    for_challenges = _for_challenges(profile, challenges)
    if any(item.setting == "grant.scope" for item in for_challenges):
        # No new token would have more scope than this one, so a replay would be in vain.
        return Judgement(f"the origin answered {answer.status}: the token lacks a scope", for_challenges)
    reason = f"the origin answers {answer.status} to a token that it does not accept"
    proposal = _with_auth_error(profile, answer.status, None, reason)
    return Judgement(_with_wish(came, challenges), (proposal, *for_challenges))


def _proxy_wants_authentication(profile: Profile, answer: OriginAnswer) -> Judgement:
    came = "the origin answered 407, which is what a proxy on the way answers that wants authentication"
    if answer.values("proxy-authenticate"):
        reason = "a proxy on the way to the origin wants authentication"
        return Judgement(came, (Proposal("connector", "http://user:password@host:port", reason),))
    reason = "no proxy asks for anything, so the origin means its own token by 407"
    return Judgement(came, (_with_auth_error(profile, 407, None, reason),))


def _redirect(profile: Profile, head: RequestHead, answer: OriginAnswer) -> Judgement:
    status = answer.status
    location = next(iter(answer.values("location")), "")
    try:
        parts = urlsplit(location)
    except ValueError:
        parts = urlsplit("")
    # Without query and parameters: what a server puts there may be a secret.
    path = parts.path.partition(";")[0]
    if _LOG_IN_PLACE.search(f"{parts.netloc}{path}"):
        came = (
            f"the origin answered {status}, a redirect to where people log in: it does not accept the token"
        )
        reason = "the origin sends clients without a good token to its log-in page"
        return Judgement(came, (_with_auth_error(profile, status, None, reason),))
    came = f"the origin answered {status}: a redirect, which the check does not follow"
    if not path and not parts.netloc:
        return Judgement(came)
    origin = f"{parts.scheme or head.origin.scheme}://{parts.netloc.rpartition('@')[2]}"
    elsewhere = bool(parts.netloc) and origin != str(head.origin)
    reason = "that is where it is now" + ("; an entry of match has to own it" if elsewhere else "")
    return Judgement(came, (Proposal("check_url", origin + path if elsewhere else path, reason),))


def _told_in_body(profile: Profile, answer: OriginAnswer) -> Judgement | None:
    """A log-in page or an error about the token, under a status that does not tell."""
    text = answer.text
    mark = mark_of_log_in(text)
    if mark is not None:
        came = f"the origin answered {answer.status} with a log-in page: it does not accept the token"
        reason = "the origin answers its log-in page to a token that it does not accept"
        return Judgement(came, (_with_auth_error(profile, answer.status, mark, reason),))
    pattern = token_error_pattern(text)
    if pattern is None:
        return None
    came = f"the origin answered {answer.status}, and its body says that it does not accept the token"
    reason = "the origin tells of a token that it does not accept in the body"
    return Judgement(came, (_with_auth_error(profile, answer.status, pattern, reason),))


def _with_auth_error(profile: Profile, status: int, body: str | None, reason: str) -> Proposal:
    """The proposal to name one more answer; a rule that has a pattern already is shown without it."""
    new = AuthErrorRule(status=status, body=body)
    rules = sorted((*profile.settings.auth_error, new), key=lambda rule: rule.status)
    texts = [_rule(rule, shown=rule is new) for rule in rules]
    return Proposal("auth_error", f"[{', '.join(dict.fromkeys(texts))}]", reason)


def _rule(rule: AuthErrorRule, *, shown: bool) -> str:
    if rule.body is None:
        return str(rule.status)
    quoted = "'" + rule.body.replace("'", "''") + "'" if shown else "as it is"
    return f"{{status: {rule.status}, body: {quoted}}}"


def _with_wish(reason: str, challenges: list[Challenge]) -> str:
    """The sentence, with what the origin says that it wants."""
    schemes = [item.scheme for item in challenges if _SIMPLE_SCHEME.fullmatch(item.scheme)]
    return f"{reason}, and asks for {' or '.join(dict.fromkeys(schemes))}" if schemes else reason


def _for_challenges(profile: Profile, challenges: list[Challenge]) -> tuple[Proposal, ...]:
    bearer = next((item for item in challenges if item.scheme.lower() == "bearer"), None)
    if bearer is not None:
        return tuple(_for_bearer(profile, bearer))
    for challenge in challenges:
        scheme = challenge.scheme
        if scheme.lower() not in _NO_TOKEN_SCHEMES and _SIMPLE_SCHEME.fullmatch(scheme):
            if _token_is_sent_as(profile, scheme):
                return ()
            value = DEFAULT_FIELD.replace("Bearer", scheme)
            return (Proposal("fields", value, f"the origin asks for the scheme {scheme}"),)
    if challenges:
        reason = "this one asks for a user name and password or a key of its own, which no token replaces"
        return (Proposal("check_url", "an address of the origin that takes a token", reason),)
    return ()


def _for_bearer(profile: Profile, challenge: Challenge) -> Iterator[Proposal]:
    """RFC 6750 section 3.1: a request that brought no token is answered without an error code."""
    error = challenge.parameters.get("error")
    if error == "insufficient_scope":
        scope = challenge.parameters.get("scope", "")
        value = (
            f"[{', '.join(scope.split(' '))}]"
            if _SCOPE.fullmatch(scope)
            else "[the scope this address needs]"
        )
        yield Proposal("grant.scope", value, "the origin says that the token lacks a scope")
    elif not _token_is_sent_as(profile, "Bearer"):
        yield Proposal("fields", DEFAULT_FIELD, "the origin looks for the token in Authorization: Bearer")
    elif error == "invalid_token":
        reason = "the origin reads the token and calls it invalid: it was issued for something else"
        yield Proposal("grant.parameters", "{audience: the API that the token is for}", reason)


def _token_is_sent_as(profile: Profile, scheme: str) -> bool:
    """Whether a field is exactly `Authorization: <scheme> {{access_token}}`; some origins mind the case."""
    return any(_is_token_field(item, scheme) for item in profile.settings.fields)


def _is_token_field(item: FieldSettings, scheme: str) -> bool:
    return (
        item.place is Place.HEADER
        and item.key.lower() == "authorization"
        and re.fullmatch(rf"{re.escape(scheme)} \{{\{{\s*access_token\s*\}}\}}", item.value) is not None
    )
