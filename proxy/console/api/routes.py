"""All routes of the API, each behind the sign-in, and the document that describes them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from proxy.console.access import Access
from proxy.console.api.editing import editing_operations
from proxy.console.api.openapi import openapi_document
from proxy.console.api.reading import reading_routes
from proxy.console.api.token_operations import token_operations
from proxy.console.api.trying import trying_routes
from proxy.console.api_page import api_page_routes
from proxy.console.console import Console
from proxy.console.trials import Trials

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def api_routes(console: Console, trials: Trials) -> APIRouter:
    """`/api/...`, `/openapi.json`, and `/api` for people."""
    options = {"route_class": _signed_in_route(console.access)}
    routers = [
        reading_routes(console, **options),
        trying_routes(console, trials, **options),
        token_operations(console, **options),
        editing_operations(console, **options),
    ]
    # Made when it is first asked for: it takes as long as all the rest of the console's start.
    document = cache(lambda: openapi_document(routers))
    routes = APIRouter()

    @routes.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(document())

    routes.include_router(api_page_routes(console, document))
    for router in routers:
        routes.include_router(router)
    return routes


def _signed_in_route(access: Access) -> type[APIRoute]:
    class SignedInRoute(APIRoute):
        """A route that asks who it is before it reads anything else: a dependency comes after the body."""

        def get_route_handler(self) -> Handler:
            handler = super().get_route_handler()

            async def handle(request: Request) -> Response:
                await access.api(request)
                return await handler(request)

            return handle

    return SignedInRoute
