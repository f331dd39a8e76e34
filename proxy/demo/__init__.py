"""The demo's small applications, and the loopback server that carries each of them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref.types import WSGIApplication

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

LOOPBACK = "127.0.0.1"


class _SilentRequestHandler(WSGIRequestHandler):
    """Writes no log: query and form of a token request hold credentials, and the demo tells its own story."""

    timeout = 10  # seconds; a client that connects and says nothing must not keep the server from ending

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  -- werkzeug's name
        pass


@contextmanager
def serve_in_thread(app: WSGIApplication, ssl_context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serves *app* on a free port of 127.0.0.1 and yields its base URL, without a slash at the end.

    Leaving the block stops listening and waits for the requests that are still being answered, so an
    application that blocks must be released first.
    """
    server = ThreadedWSGIServer(LOOPBACK, 0, app, _SilentRequestHandler, ssl_context=ssl_context)
    server.daemon_threads = False  # werkzeug sets it; with it, closing would not wait for open requests
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, name=f"demo-{server.port}", daemon=True
    )
    thread.start()
    scheme = "http" if ssl_context is None else "https"
    try:
        yield f"{scheme}://{LOOPBACK}:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
