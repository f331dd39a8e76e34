"""Who may see and do what: the dependencies that pages, forms and the API have before anything else."""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from profiles.stored_secrets import StoredSecrets
from proxy.console.attempts import Attempts
from proxy.console.rendering import Failure
from proxy.console.sessions import LIFETIME, Session, Sessions
from proxy.console.watched import WatchedProxy

logger = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""RFC 9110 section 9.2.1: they change nothing, so nobody gains by having a browser send them."""

SIGN_IN = "/sign-in"

_SECRET = "console"  # noqa: S105  -- what the one secret is called among its own
_CHALLENGE = 'Bearer realm="grantproxy"'
_LONGEST_PATH = 2000


class Access:
    """Signs in by `console_secret`, or where there is none by a random token; *clock* is in seconds.

    `page`, `form` and `api` are what a route has in its `dependencies`, or begins with. As an annotation
    FastAPI would not find them: it looks annotations up in the module, and these are an instance's.
    """

    def __init__(self, proxy: WatchedProxy, *, clock: Callable[[], float] = time.time) -> None:
        self._proxy = proxy
        self.sessions = Sessions(clock)
        self._attempts = Attempts(clock)
        self._token = secrets.token_urlsafe(32)
        self._configured = self._console_secret
        self._stored = self._stored_secrets()

    @property
    def token(self) -> str | None:
        """What to sign in with, for whoever starts the proxy; None where `console_secret` is set."""
        return self._token if self._console_secret is None else None

    def session_of(self, request: Request) -> Session | None:
        """Who is asking, if anybody signed in; the request's page is rendered for them."""
        self._follow_configuration()
        session = self.sessions.of(request.cookies.get(self.cookie_name(request)))
        request.state.session = session
        return session

    def page(self, request: Request) -> Session:
        """For pages: sends whoever is not signed in to the sign-in page, and back afterwards."""
        session = self.session_of(request)
        token = request.query_params.get("token")
        if session is not None and token is None:
            return session
        here = own_path(_without_token(request))
        if session is not None:
            raise Failure(303, headers={"Location": here})
        query = {"next": here} if token is None else {"next": here, "token": token}
        raise Failure(303, headers={"Location": f"{SIGN_IN}?{urlencode(query)}"})

    async def form(self, request: Request) -> FormData:
        """For POSTs of pages: the form of somebody who is signed in and sent it from a page of ours."""
        self.refuse_foreign(request)
        session = self.session_of(request)
        if session is None:
            back = urlencode({"next": _page_before(request)})
            raise Failure(303, headers={"Location": f"{SIGN_IN}?{back}"})
        form = await request.form(max_files=4)
        shown = text_of(form, "csrf_token") or request.headers.get("X-CSRF-Token", "")
        _check_csrf_token(session, shown)
        return form

    async def api(self, request: Request) -> None:
        """For `/api/`: a bearer token, or a session; then what changes something needs `X-CSRF-Token`."""
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if not await self.admits(request, credentials.strip()):
                challenge = f'{_CHALLENGE}, error="invalid_token"'
                raise Failure(
                    401,
                    "not_signed_in",
                    "The bearer token is not the console's.",
                    headers={"WWW-Authenticate": challenge},
                )
            return
        session = self.session_of(request)
        if session is None:
            raise Failure(
                401,
                "not_signed_in",
                "Send the console's token or secret as a bearer token.",
                headers={"WWW-Authenticate": _CHALLENGE},
            )
        if request.method not in SAFE_METHODS:
            self.refuse_foreign(request)
            _check_csrf_token(session, request.headers.get("X-CSRF-Token", ""))

    async def admits(self, request: Request, secret: str) -> bool:
        """Whether *secret* is the right one. Raises Failure where its address has tried too often."""
        self._follow_configuration()
        address = request.client.host if request.client is not None else ""
        stored, tried = self._stored, secret.encode(errors="surrogatepass")
        if self._configured is None and stored.matches_at_once(_SECRET, tried):
            # A random token is not found by trying, and whoever tries must not shut out who has it: to a
            # console on loopback, all who may use the proxy come from one address.
            return True
        wait = self._attempts.seconds_to_wait(address)
        if wait:
            raise Failure(
                429,
                "too_many_attempts",
                f"Too many failed sign-ins from your address. Try again in {wait} seconds.",
                headers={"Retry-After": str(wait)},
            )
        is_right = stored.matches_at_once(_SECRET, tried)
        if is_right:
            return True
        # Before the check of a hash, which takes its time: many at once are many attempts.
        self._attempts.note(address)
        if is_right is None and await stored.matches(_SECRET, tried):
            self._attempts.withdraw(address)
            return True
        logger.warning("console: a sign-in from %s failed", address)
        return False

    def sign_in(self, request: Request, response: Response) -> None:
        """Begins a session, and ends the one that the browser had."""
        self.end_session(request)
        _, cookie = self.sessions.begin()
        response.set_cookie(
            self.cookie_name(request),
            cookie,
            max_age=int(LIFETIME),
            path="/",
            secure=self._is_behind_tls,
            httponly=True,
            samesite="strict",
        )

    def sign_out(self, request: Request, response: Response) -> None:
        """Ends the session here, and not only in the browser."""
        self.end_session(request)
        response.delete_cookie(
            self.cookie_name(request), path="/", secure=self._is_behind_tls, httponly=True, samesite="strict"
        )

    def end_session(self, request: Request) -> None:
        session = self.session_of(request)
        if session is not None:
            self.sessions.end(session)

    def refuse_foreign(self, request: Request) -> None:
        """Raises Failure for what a page of another site had the browser send."""
        if not self._is_same_origin(request):
            raise Failure(403, "cross_site", "This came from a page of another site.")

    def cookie_name(self, request: Request) -> str:
        """With the console's port in it: a host's ports share their cookies (RFC 6265 section 8.5)."""
        server = request.scope.get("server")
        # RFC 6265bis section 4.1.3.2: with the prefix no other host can set it.
        prefix = "__Host-" if self._is_behind_tls else ""
        return f"{prefix}grantproxy-{server[1] if server else 0}"

    def _is_same_origin(self, request: Request) -> bool:
        site = request.headers.get("Sec-Fetch-Site")
        # `none` is what people do by themselves, as with an address that they typed.
        if site is not None and site not in ("same-origin", "none"):
            return False
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        own = self._proxy.snapshot().configuration.settings.console_url
        if own is not None and origin.lower() == own.lower():
            return True
        # Protection has looked at the Host field. Its scheme may have been changed before us.
        return _authority_of(origin).lower() == request.headers["Host"].lower()

    @property
    def _console_secret(self) -> SecretStr | None:
        secret: SecretStr | None = self._proxy.snapshot().configuration.settings.console_secret
        return secret

    @property
    def _is_behind_tls(self) -> bool:
        url = self._proxy.snapshot().configuration.settings.console_url
        return url is not None and url.lower().startswith("https:")

    def _follow_configuration(self) -> None:
        """A reload may bring another secret: who signed in with the one before has to sign in again."""
        secret = self._console_secret
        if secret is self._configured:
            return
        is_another = secret != self._configured
        self._configured = secret
        if is_another:
            self._stored = self._stored_secrets()
            self.sessions.end_all()

    def _stored_secrets(self) -> StoredSecrets:
        secret = self._configured
        return StoredSecrets({_SECRET: self._token if secret is None else secret.get_secret_value()})


def own_path(text: str) -> str:
    """*text* where it is the path of a page of ours, else `/`: what is redirected to comes from outside."""
    is_path = text.startswith("/") and not text.startswith("//") and len(text) <= _LONGEST_PATH
    # Browsers take a backslash for a slash, and drop tabs and line breaks (WHATWG URL, section 4.4).
    if not is_path or "\\" in text or not text.isascii() or not text.isprintable() or " " in text:
        return "/"
    return "/" if text.partition("?")[0] in (SIGN_IN, "/sign-out") else text


def text_of(form: FormData, name: str) -> str:
    """What was entered under *name*; nothing where that is missing, or a file."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _check_csrf_token(session: Session, shown: str) -> None:
    if not hmac.compare_digest(shown.encode(errors="replace"), session.csrf_token.encode()):
        raise Failure(
            403,
            "csrf_token_wrong",
            "The page was made for another session. Load it again, and try once more.",
        )


def _without_token(request: Request) -> str:
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    return request.url.path + (f"?{urlencode(pairs)}" if pairs else "")


def _page_before(request: Request) -> str:
    """Where the form stood, for after the sign-in."""
    referrer = request.headers.get("Referer", "")
    is_ours = _authority_of(referrer) == request.headers.get("Host")
    return own_path(urlsplit(referrer).path) if is_ours else "/"


def _authority_of(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        # http://[ and its kin: nobody's.
        return ""
