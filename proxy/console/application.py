"""The console's ASGI application, put together."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp

from proxy.console.health import health_routes
from proxy.console.protection import Protection
from proxy.console.watched import WatchedProxy


def build_application(proxy: WatchedProxy) -> ASGIApp:
    """The application for one proxy. FastAPI's own documentation pages load scripts from elsewhere: off."""
    application = FastAPI(title="grantproxy", docs_url=None, redoc_url=None, openapi_url=None)
    application.include_router(health_routes(proxy))
    settings = proxy.snapshot().configuration.settings
    own = [settings.console.host] if settings.console is not None else []
    return Protection(application, (*own, *settings.console_hosts))
