"""Makes the console's answers: pages from templates, and failures as a page or as a problem document."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from proxy.console.watched import WatchedProxy
from proxy.token_overview import duration

FOLDER = Path(__file__).parent

TITLES = {
    400: "That could not be read",
    401: "You are not signed in",
    403: "That was refused",
    404: "There is nothing here",
    405: "That cannot be done here",
    413: "That is too large",
    422: "Something is not right yet",
    429: "Too many attempts",
    500: "The console failed",
    503: "The console is busy",
}
"""In the place of what was asked for; the phrase of the status where it has no title of its own."""

_SLUGS = {
    400: "malformed",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    422: "invalid",
    429: "too_many_attempts",
    503: "busy",
}


class Failure(HTTPException):
    """Answers in the place of what was asked for: as a page, or under `/api/` as a problem document.

    *detail* is for whoever asked and never holds a secret; *members* are those of the problem document
    besides the usual ones (RFC 9457 section 3.2). A 303 with a Location is a redirect.
    """

    def __init__(
        self,
        status: int,
        slug: str = "",
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.slug = slug
        self.members = dict(members or {})


class Pages:
    """The templates, and what all of them are given."""

    def __init__(self, proxy: WatchedProxy) -> None:
        self._proxy = proxy
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "number": lambda value: f"{value:,}",
            "instant": instant,
            "iso": lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
            "duration": duration,
        }

    def answer(self, request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """The page that *template* makes of *context*.

        Every template has `session` (None where nobody is signed in), `csrf_token`, `messages`, `path` and
        `console_editing` as well.
        """
        session = getattr(request.state, "session", None)
        common = {
            "session": session,
            "csrf_token": session.csrf_token if session is not None else "",
            "messages": session.take_messages() if session is not None else (),
            "path": request.url.path,
            "console_editing": self._proxy.snapshot().configuration.settings.console_editing,
        }
        return HTMLResponse(self._environment.get_template(template).render(common | context), status)

    def failure(self, request: Request, failure: HTTPException) -> Response:
        """A page that says what was wrong, or a problem document for programs."""
        status, headers = failure.status_code, failure.headers
        if 300 <= status < 400:
            return Response(status_code=status, headers=headers)
        title = TITLES.get(status, HTTPStatus(status).phrase)
        # Starlette puts the phrase of the status where nothing else was said.
        detail = "" if failure.detail == HTTPStatus(status).phrase else failure.detail
        if request.url.path.startswith("/api/"):
            slug = getattr(failure, "slug", "") or _SLUGS.get(status, "failed")
            members = getattr(failure, "members", {})
            return problem(status, slug, title, detail, headers=headers, members=members)
        answer = self.answer(request, "failure.html", status=status, title=title, detail=detail)
        answer.headers.update(headers or {})
        return answer


def problem(
    status: int,
    slug: str,
    title: str,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document (RFC 9457), like those of the proxy itself (`profiles.answers`)."""
    document = {"type": f"urn:grantproxy:problem:{slug}", "title": title, "status": status, "slug": slug}
    if detail:
        document["detail"] = detail
    content = json.dumps({**document, **(members or {})}) + "\n"
    return Response(content, status, headers, media_type="application/problem+json")


def instant(at: float) -> str:
    """`14:05:09 UTC` for today, and the date before it for another day; a script may show local time."""
    shown = time.gmtime(at)
    is_today = shown[:3] == time.gmtime()[:3]
    return time.strftime("%H:%M:%S UTC" if is_today else "%Y-%m-%d %H:%M:%S UTC", shown)
