"""The two families of errors: a refusal answers a request, a configuration error stops a start.

Neither ever carries a credential, a token, a response body or a foreign exception's text: whatever is
put into one of these is meant to be read by whoever sent the request, or reads the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class Refusal(Exception):  # noqa: N818  -- an outcome that we choose, not an error
    """A request that is answered by us and not forwarded (RFC 9457 names the members of the answer).

    `slug` is stable and meant for programs, `title` is the same for every refusal of a kind, `detail`
    says what happened in this one. `status` and `proxy_error` are those of the kind; an instance may know
    better, and says so by `status_code` and `error_type`.
    """

    slug: ClassVar[str] = "refused"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The request was refused"
    proxy_error: ClassVar[str] = "proxy_internal_error"

    def __init__(self, detail: str = "", *, profile: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.profile = profile

    @property
    def status_code(self) -> int:
        """The status of the answer (RFC 9110 section 15)."""
        return self.status

    @property
    def error_type(self) -> str:
        """The error type in Proxy-Status (RFC 9209 section 2.3)."""
        return self.proxy_error

    @property
    def members(self) -> Mapping[str, str]:
        """Extension members of the problem document (RFC 9457 section 3.2)."""
        return {}

    @property
    def retry_after(self) -> int | None:
        """Whole seconds for a Retry-After field, where waiting helps."""
        return None


class RequestMalformed(Refusal):
    """The request is none that HTTP/1.1 knows, or larger or slower than we take it; *status* says which."""

    slug = "request_malformed"
    status = 400
    title = "The request is not valid HTTP"
    proxy_error = "http_request_error"

    def __init__(self, detail: str = "", *, profile: str | None = None, status: int = 400) -> None:
        super().__init__(detail, profile=profile)
        self._status = status

    @property
    def status_code(self) -> int:
        return self._status


class TooManyConnections(Refusal):
    """This client, or all together, have as many connections to us as they may."""

    slug = "too_many_connections"
    status = 503
    title = "Too many connections are open"
    proxy_error = "connection_limit_reached"

    @property
    def retry_after(self) -> int | None:
        return 1


class HostsDisagree(Refusal):
    slug = "hosts_disagree"
    status = 400
    title = "Connection, SNI and Host do not name the same origin"
    proxy_error = "http_request_error"


class ProxyAuthenticationRequired(Refusal):
    slug = "proxy_authentication_required"
    status = 407
    title = "This proxy serves configured clients only"
    proxy_error = "http_request_denied"


class PathAmbiguous(Refusal):
    """The path can be read in two ways, and its owner is another one in each: I1 leaves no other answer."""

    slug = "path_ambiguous"
    status = 400
    title = "The path can be read in two ways"
    proxy_error = "http_request_error"


class TraceRefused(Refusal):
    """An origin answers TRACE with the request as it got it: the client would read the credential in it."""

    slug = "trace_refused"
    status = 403
    title = "TRACE would show the client what is written into its request"
    proxy_error = "http_request_denied"


class ProfileNotAllowed(Refusal):
    slug = "profile_not_allowed"
    status = 403
    title = "This client may not use this profile"
    proxy_error = "http_request_denied"


class TenantUnknown(Refusal):
    """The profile names its tenants, and the request is for none of them."""

    slug = "tenant_unknown"
    status = 403
    title = "The profile does not serve this tenant"
    proxy_error = "http_request_denied"


class EndUserInvalid(Refusal):
    """The field that names the end user holds none, or more than one."""

    slug = "end_user_invalid"
    status = 400
    title = "The request does not name one end user"
    proxy_error = "http_request_error"


class EndUserNotAllowed(Refusal):
    slug = "end_user_not_allowed"
    status = 403
    title = "This client may not act for this end user"
    proxy_error = "http_request_denied"


class AuthorizationRequired(Refusal):
    """The profile acts for each end user with a token of their own, and this one has authorized none.

    *authorize_url* is where they do so, and a capability: it is for the answer alone. A browser *is_led*
    there.
    """

    slug = "authorization_required"
    status = 403
    title = "The end user has not authorized this profile"
    proxy_error = "http_request_denied"

    def __init__(
        self,
        detail: str = "",
        *,
        profile: str | None = None,
        authorize_url: str | None = None,
        is_led: bool = False,
    ) -> None:
        super().__init__(detail, profile=profile)
        self.authorize_url = authorize_url
        self._is_led = is_led

    @property
    def location(self) -> str | None:
        """Where a browser is sent in place of an answer."""
        return self.authorize_url if self._is_led else None

    @property
    def status_code(self) -> int:
        # RFC 9110 section 15.4.4: what is there is no representation of what was asked for.
        return 303 if self.location is not None else self.status

    @property
    def members(self) -> Mapping[str, str]:
        return {"authorize_url": self.authorize_url} if self.authorize_url else {}


class TooManyEntries(Refusal):
    """The end user's passwords were refused several times: one more might lock the account."""

    slug = "too_many_entries"
    status = 429
    title = "Too many passwords were refused"
    proxy_error = "http_request_denied"

    def __init__(self, detail: str = "", *, profile: str | None = None, retry_after: int = 600) -> None:
        super().__init__(detail, profile=profile)
        self._retry_after = retry_after

    @property
    def retry_after(self) -> int | None:
        return self._retry_after


class OriginNotAllowed(Refusal):
    slug = "origin_not_allowed"
    status = 403
    title = "No profile owns this origin"
    proxy_error = "http_request_denied"


class CleartextRefused(Refusal):
    slug = "cleartext_refused"
    status = 403
    title = "A credential would travel unencrypted"
    proxy_error = "http_request_denied"


class PayloadNotInjectable(Refusal):
    slug = "payload_not_injectable"
    status = 422
    title = "The body cannot take the authorization field"
    proxy_error = "http_request_error"


class PayloadTooLarge(Refusal):
    slug = "payload_too_large"
    status = 413
    title = "The body is larger than the profile's payload_limit"
    proxy_error = "http_request_error"


class PathNotInjectable(Refusal):
    """The client's path holds no place for a path field: 422 as for a body that cannot take its field."""

    slug = "path_not_injectable"
    status = 422
    title = "The path cannot take the authorization field"
    proxy_error = "http_request_error"


class TokenRequestRejected(Refusal):
    """The authorization server said no; `error` is its RFC 6749 section 5.2 code, if it gave a proper one."""

    slug = "token_request_rejected"
    status = 502
    title = "The authorization server rejected the token request"
    proxy_error = "proxy_configuration_error"

    def __init__(
        self,
        detail: str = "",
        *,
        profile: str | None = None,
        error: str | None = None,
        upstream_status: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail, profile=profile)
        self.error = error
        self.upstream_status = upstream_status
        self._retry_after = retry_after

    @property
    def retry_after(self) -> int | None:
        return self._retry_after

    @property
    def members(self) -> Mapping[str, str]:
        return {"error": self.error} if self.error else {}


class TokenResponseInvalid(Refusal):
    slug = "token_response_invalid"
    status = 502
    title = "The authorization server's answer holds no token"
    proxy_error = "proxy_internal_error"


class TokenEndpointUnreachable(Refusal):
    slug = "token_endpoint_unreachable"
    status = 502
    title = "The token endpoint cannot be reached"
    proxy_error = "destination_unavailable"

    def __init__(
        self,
        detail: str = "",
        *,
        profile: str | None = None,
        timed_out: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail, profile=profile)
        self.timed_out = timed_out
        self._retry_after = retry_after

    @property
    def status_code(self) -> int:
        return 504 if self.timed_out else 502

    @property
    def retry_after(self) -> int | None:
        return self._retry_after


class ConnectorUnavailable(Refusal):
    """The profile's connector gives no way. *reason* continues "the connector"; `was_refused` tells a no from
    a silence, `is_about_itself` whether another host would have fared no better."""

    slug = "connector_unavailable"
    status = 502
    title = "The profile's connector is not available"
    proxy_error = "destination_unavailable"

    def __init__(
        self,
        reason: str,
        *,
        profile: str | None = None,
        was_refused: bool = False,
        is_about_itself: bool = True,
    ) -> None:
        super().__init__(f"the connector {reason}", profile=profile)
        self.reason = reason
        self.was_refused = was_refused
        self.is_about_itself = is_about_itself


class CredentialsLocked(Refusal):
    """The password was refused and is not submitted again until it changes or an operator resets it."""

    slug = "credentials_locked"
    status = 503
    title = "The credentials were refused and are not tried again"
    proxy_error = "proxy_configuration_error"

    def __init__(self, detail: str = "", *, profile: str | None = None, retry_after: int = 300) -> None:
        super().__init__(detail, profile=profile)
        self._retry_after = retry_after

    @property
    def retry_after(self) -> int | None:
        return self._retry_after


class OriginUnreachable(Refusal):
    slug = "origin_unreachable"
    status = 502
    title = "The origin cannot be reached"
    proxy_error = "destination_unavailable"

    def __init__(self, detail: str = "", *, profile: str | None = None, timed_out: bool = False) -> None:
        super().__init__(detail, profile=profile)
        self.timed_out = timed_out

    @property
    def status_code(self) -> int:
        return 504 if self.timed_out else 502

    @property
    def error_type(self) -> str:
        return "connection_timeout" if self.timed_out else self.proxy_error


class OriginAnswerInvalid(Refusal):
    """The origin answered something from which nobody can tell where the answer ends, or what it is."""

    slug = "origin_answer_invalid"
    status = 502
    title = "The origin's answer is not valid HTTP"
    proxy_error = "http_protocol_error"


class OriginBusy(Refusal):
    """As many requests wait for a connection to the origin as may; one more would wait for long."""

    slug = "origin_busy"
    status = 503
    title = "Too many requests are waiting for the origin"
    proxy_error = "connection_limit_reached"

    @property
    def retry_after(self) -> int | None:
        return 1


class InternalError(Refusal):
    """Something of ours failed: the request is refused rather than forwarded without authorization."""

    slug = "internal_error"
    status = 500
    title = "The proxy failed and did not forward the request"
    proxy_error = "proxy_internal_error"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the configuration: where it stands (never what it says) and what is wrong."""

    message: str
    key: str = ""
    file: Path | None = None
    line: int | None = None
    variable: str | None = None
    """The environment variable the value came from, where it came from one."""

    def __str__(self) -> str:
        if self.variable:
            where = self.variable
        elif self.file is not None:
            where = f"{self.file}:{self.line}" if self.line else str(self.file)
        else:
            where = ""
        parts = [part for part in (where, self.key) if part]
        return ": ".join([*parts, self.message])


class ConfigurationError(Exception):
    """Everything that is wrong in the configuration, reported together."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
