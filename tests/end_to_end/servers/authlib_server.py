"""The demo's authorization server (Authlib on Flask): served, recorded, and made to fail on purpose."""

from __future__ import annotations

import base64
import io
import json
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from proxy.demo import serve_in_thread
from proxy.demo.authorization_server import AuthorizationServer, DemoClient, create_authorization_server

USERNAME = "bot"
PASSWORD = "p&ss+w%rd=ü"
CLIENT_ID = "bot-client"
CLIENT_SECRET = "client-s3cret"
PUBLIC_CLIENT_ID = "public-client"
StartResponse = Callable[..., Any]


@dataclass(frozen=True)
class TokenRequest:
    """A request the token endpoint received, with its parameters decoded, and the status of its answer."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    status: int = 0

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the body, JSON or urlencoded, else those of the query."""
        if "json" in self.headers.get("content-type", ""):
            return json.loads(self.body)
        return dict(parse_qsl(self.body.decode() or self.query, keep_blank_values=True))

    @property
    def grant_type(self) -> str | None:
        return self.parameters.get("grant_type")

    @property
    def basic_credentials(self) -> tuple[str, str] | None:
        """Id and secret as HTTP Basic carried them, not yet form-decoded."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return None
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
        return name, secret


@dataclass
class AuthlibServer:
    """`state` is the server itself; what stands between it and the wire here records, delays and fails."""

    state: AuthorizationServer
    url: str = ""
    token_requests: list[TokenRequest] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _arrived: threading.Condition = field(default_factory=threading.Condition)
    _released: threading.Event = field(default_factory=threading.Event)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _delay: float = 0
    _answer: tuple[int, list[tuple[str, str]], bytes] | None = None
    _answers_left: int | None = None

    def __post_init__(self) -> None:
        self._released.set()

    @property
    def token_endpoint(self) -> str:
        return f"{self.url}/oauth/token"

    @property
    def requests(self) -> int:
        """How many token requests have arrived, answered or not."""
        return len(self.token_requests)

    def count(self, grant_type: str) -> int:
        """How many token requests of this grant type have arrived."""
        return sum(request.grant_type == grant_type for request in self.token_requests)

    def accepts(self, token: str | None) -> bool:
        """Whether an access token is good now: what an origin's `accepts` may be set to."""
        return self.state.accepts(token)

    def revoke_access_tokens(self) -> None:
        self.state.revoke_access_tokens()

    def kill_refresh_tokens(self) -> None:
        self.state.kill_refresh_tokens()

    def answer_with(
        self,
        status: int,
        body: bytes | str | Mapping[str, Any] = b"",
        headers: Mapping[str, str] | None = None,
        *,
        times: int | None = None,
    ) -> None:
        """Answers the next *times* token requests (None: all) so, instead of having them looked at."""
        if isinstance(body, Mapping):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json", **(headers or {})}
        content = body.encode() if isinstance(body, str) else body
        self._answer, self._answers_left = (status, list((headers or {}).items()), content), times

    def fail_with(
        self, status: int, *, times: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answers the next *times* token requests (None: all) with a status and no OAuth error."""
        fields = {"Content-Type": "text/plain", **(headers or {})}
        self.answer_with(status, b"out of order", fields, times=times)

    def recover(self) -> None:
        """Ends `answer_with`, `fail_with`, `delay` and `hold`."""
        self._answer, self._answers_left, self._delay = None, None, 0
        self._released.set()

    def delay(self, seconds: float) -> None:
        """Answers later; the end of the server does not wait for it."""
        self._delay = seconds

    def hold(self) -> None:
        """Keeps token requests waiting until `release`."""
        self._released.clear()

    def release(self) -> None:
        self._released.set()

    def wait_for_requests(self, count: int, timeout: float = 10) -> None:
        """Waits until *count* token requests have arrived; they need not have been answered."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.token_requests) >= count, timeout):
                raise TimeoutError(f"{len(self.token_requests)} of {count} token requests arrived")

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application: records, then waits, fails or asks the server proper."""
        if not environ["PATH_INFO"].startswith("/oauth/token"):
            return self.state.app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        index = self._record(environ, body)
        self._wait()

        def start_and_record(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            self.token_requests[index] = replace(self.token_requests[index], status=int(status[:3]))
            return start_response(status, headers, *rest)

        answer = self._answer_instead()
        if answer is not None:
            status, headers, content = answer
            start_and_record(f"{status} Told So", [*headers, ("Content-Length", str(len(content)))])
            return [content]
        return self.state.app(environ, start_and_record)

    def _record(self, environ: dict[str, Any], body: bytes) -> int:
        names = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}
        headers = {
            names.get(key, key.removeprefix("HTTP_").replace("_", "-").lower()): str(value)
            for key, value in environ.items()
            if key in names or key.startswith("HTTP_")
        }
        request = TokenRequest(
            environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], headers, body
        )
        with self._arrived:
            self.token_requests.append(request)
            self._arrived.notify_all()
            return len(self.token_requests) - 1

    def _wait(self) -> None:
        if self._delay:
            self._stopped.wait(self._delay)
        self._released.wait(30)

    def _answer_instead(self) -> tuple[int, list[tuple[str, str]], bytes] | None:
        with self._lock:
            if self._answer is None or self._answers_left == 0:
                return None
            if self._answers_left is not None:
                self._answers_left -= 1
            return self._answer

    def end(self) -> None:
        """Lets go of everything that waits, so that the server can end."""
        self._stopped.set()
        self._released.set()


@contextmanager
def authlib_server(ssl_context: ssl.SSLContext | None = None, **settings: Any) -> Iterator[AuthlibServer]:
    """Serves an authorization server with one user, a confidential and a public client."""
    settings.setdefault("users", {USERNAME: PASSWORD})
    settings.setdefault("clients", [DemoClient(CLIENT_ID, CLIENT_SECRET), DemoClient(PUBLIC_CLIENT_ID)])
    server = AuthlibServer(create_authorization_server(**settings))
    with serve_in_thread(server, ssl_context) as url:
        server.url = url
        try:
            yield server
        finally:
            server.end()
