"""Signing in and out: by a form, or by a link that holds the token."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proxy.console.access import SIGN_IN, own_path, text_of
from proxy.console.console import Console
from proxy.console.rendering import Failure


def sign_in_routes(console: Console) -> APIRouter:
    """`/sign-in` and `/sign-out`. Any page with `?token=` comes here too, by `Access.page`."""
    routes = APIRouter(include_in_schema=False)
    access = console.access

    @routes.get(SIGN_IN)
    async def show(request: Request) -> Response:
        visit = _Visit(console, request, request.query_params.get("next", "/"))
        token = request.query_params.get("token")
        if token is not None and _is_of_a_person(request):
            return await visit.enter(token)
        return visit.show()

    @routes.post(SIGN_IN)
    async def submit(request: Request) -> Response:
        access.refuse_foreign(request)
        form = await request.form(max_files=0, max_fields=10)
        # Nobody's secret ends in a line break, but what is copied from a terminal does.
        return await _Visit(console, request, text_of(form, "next")).enter(
            text_of(form, "secret").strip("\r\n")
        )

    @routes.post("/sign-out")
    async def leave(request: Request) -> Response:
        await access.form(request)
        response = RedirectResponse(SIGN_IN, 303)
        access.sign_out(request, response)
        return response

    return routes


class _Visit:
    """Somebody at the sign-in page, who wants to go on to *following*."""

    def __init__(self, console: Console, request: Request, following: str) -> None:
        self._access, self._pages = console.access, console.pages
        self._request = request
        self._following = own_path(following)

    def show(self) -> Response:
        """The form, for those who are not signed in."""
        if self._access.session_of(self._request) is not None:
            return RedirectResponse(self._following, 303)
        if _is_from_elsewhere(self._request):
            # Perhaps there is a session: the next request will tell.
            return self._lead_on(f"{SIGN_IN}?{urlencode({'next': self._following})}")
        return self._form()

    async def enter(self, secret: str) -> Response:
        """Signs in, or says why not."""
        try:
            is_right = await self._access.admits(self._request, secret)
        except Failure as failure:
            answer = self._form(failure.detail, failure.status_code)
            answer.headers.update(failure.headers or {})
            return answer
        if not is_right:
            what = "token" if self._access.token is not None else "secret"
            return self._form(f"That is not the {what} of this console.", 403)
        if _is_from_elsewhere(self._request):
            response = self._lead_on(self._following)
        else:
            response = RedirectResponse(self._following, 303)
        self._access.sign_in(self._request, response)
        return response

    def _form(self, problem: str = "", status: int = 200) -> Response:
        return self._pages.answer(
            self._request,
            "sign_in.html",
            status=status,
            following=self._following,
            problem=problem,
            is_by_token=self._access.token is not None,
        )

    def _lead_on(self, path: str) -> Response:
        # Whoever has just signed in has no session in this request yet.
        self._request.state.session = None
        return self._pages.answer(self._request, "onward.html", following=path)


def _is_from_elsewhere(request: Request) -> bool:
    """Whether a link on another site led here. The browser then leaves out the session's cookie, as it is
    SameSite=Strict, after redirects too; not when a page of ours leads on."""
    return request.headers.get("Sec-Fetch-Site") == "cross-site"


def _is_of_a_person(request: Request) -> bool:
    """Whether somebody followed a link: images of foreign pages would use up the attempts of an address."""
    return request.headers.get("Sec-Fetch-Dest", "document") == "document"
