"""Health and metrics, for machines: without sign-in, and without anything that would need one."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from proxy.console.prometheus import CONTENT_TYPE_LATEST, Exposition
from proxy.console.watched import WatchedProxy


def health_routes(proxy: WatchedProxy) -> APIRouter:
    """`/healthz`, `/readyz` and `/metrics`."""
    routes = APIRouter(tags=["health"])
    exposition = Exposition(proxy)

    @routes.get("/healthz", response_class=PlainTextResponse, summary="Whether the process is alive")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @routes.get(
        "/readyz",
        response_class=PlainTextResponse,
        summary="Whether the proxy takes requests: not before it listens, nor while it drains",
        responses={503: {"description": "It takes none"}},
    )
    async def readyz() -> PlainTextResponse:
        return PlainTextResponse("ok\n") if proxy.is_ready else PlainTextResponse("not ready\n", 503)

    @routes.get("/metrics", response_class=PlainTextResponse, summary="Prometheus metrics")
    async def metrics() -> Response:
        return Response(exposition.text(), media_type=CONTENT_TYPE_LATEST)

    return routes
