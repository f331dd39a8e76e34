"""Signing in and out: by a form, or by a link that holds the token."""

from __future__ import annotations

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

    def page(request: Request, following: str, problem: str = "", status: int = 200) -> Response:
        is_by_token = access.token is not None
        return console.pages.answer(
            request,
            "sign_in.html",
            status=status,
            following=following,
            problem=problem,
            is_by_token=is_by_token,
        )

    async def signed_in(request: Request, secret: str, following: str) -> Response:
        try:
            is_right = await access.admits(request, secret)
        except Failure as failure:
            answer = page(request, following, failure.detail, failure.status_code)
            answer.headers.update(failure.headers or {})
            return answer
        if not is_right:
            what = "token" if access.token is not None else "secret"
            return page(request, following, f"That is not the {what} of this console.", 403)
        response = RedirectResponse(following, 303)
        access.sign_in(request, response)
        return response

    @routes.get(SIGN_IN)
    async def show(request: Request) -> Response:
        following = own_path(request.query_params.get("next", "/"))
        token = request.query_params.get("token")
        if token is not None and _is_of_a_person(request):
            return await signed_in(request, token, following)
        if access.session_of(request) is not None:
            return RedirectResponse(following, 303)
        return page(request, following)

    @routes.post(SIGN_IN)
    async def submit(request: Request) -> Response:
        access.refuse_foreign(request)
        form = await request.form(max_files=0, max_fields=10)
        following = own_path(text_of(form, "next"))
        # Nobody's secret ends in a line break, but what is copied from a terminal does.
        return await signed_in(request, text_of(form, "secret").strip("\r\n"), following)

    @routes.post("/sign-out")
    async def leave(request: Request) -> Response:
        await access.form(request)
        response = RedirectResponse(SIGN_IN, 303)
        access.sign_out(request, response)
        return response

    return routes


def _is_of_a_person(request: Request) -> bool:
    """Whether somebody followed a link: images of foreign pages would use up the attempts of an address."""
    return request.headers.get("Sec-Fetch-Dest", "document") == "document"
