"""What a token request that failed most likely means, in plain words."""

from __future__ import annotations

from profiles.errors import Refusal, TokenRequestRejected, TokenResponseInvalid
from profiles.html_pages import is_html, mark_of_log_in
from profiles.model import GrantSettings
from profiles.token_answer import TokenAnswer

_BY_CODE = {
    "invalid_grant": "which is how servers answer a wrong user name or password",
    "invalid_request": "which is how servers answer a parameter that is missing, "
    "and some of them a wrong user name or password",
    "invalid_client": "which means that the server does not know this client_id, "
    "or does not take its secret in this way",
    "unauthorized_client": "which means that this client may not use the password grant, "
    "or did not prove itself",
    "unsupported_grant_type": "which means that the server does not offer the password grant, "
    "or does not read the parameters where they are sent",
    "invalid_scope": "which means that the server does not grant the scope that is asked for",
    "access_denied": "which means that the server knows the user and refuses",
    "temporarily_unavailable": "which means that the server asks to try again later",
    "slow_down": "which means that the server counts too many requests",
}

_BY_STATUS = {
    401: "which is how servers answer a client that they do not know or a wrong user name or password",
    403: "which means that the server forbids it to this client, this user or this network",
    404: "so there is no token endpoint at this address",
    405: "so the token endpoint takes another method",
    415: "so the token endpoint takes another content type",
    429: "so the server counts too many token requests",
}


def reason_of(refusal: Refusal, answer: TokenAnswer | None, settings: GrantSettings) -> str:
    """One sentence: what happened, and what that usually means. Never the server's own words."""
    sentence = f"{refusal.title}: {refusal.detail}" if refusal.detail else refusal.title
    meaning = None if answer is None else _meaning(refusal, answer, settings)
    return f"{sentence}, {meaning}" if meaning else sentence


def _meaning(refusal: Refusal, answer: TokenAnswer, settings: GrantSettings) -> str | None:
    page = answer.body.decode("latin-1")
    if is_html(page):
        kind = "a page where people log in" if mark_of_log_in(page) else "a page for people"
        return f"because what came is {kind} and no answer of a token endpoint"
    if isinstance(refusal, TokenRequestRejected):
        by_code = _BY_CODE.get(refusal.error or "")
        return by_code or _BY_STATUS.get(answer.status_code)
    if isinstance(refusal, TokenResponseInvalid) and 200 <= answer.status_code < 300 and answer.body.strip():
        return f"because there is none at {settings.response.access_token}"
    if answer.status_code >= 500:
        return "so the server failed itself, which says nothing about the password"
    return None
