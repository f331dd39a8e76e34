"""Where a request goes to, by its target and by where it came from (RFC 9112 section 3.2). Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from profiles.errors import RequestMalformed
from profiles.origins import parse_authority
from profiles.requests import Origin

_SCHEMES: Final = ((b"http://", "http"), (b"https://", "https"))


class Destination(NamedTuple):
    """Whom a request is for, and its target as the origin gets it."""

    origin: Origin
    target: str


@lru_cache(maxsize=4096)
def origin_of(scheme: str, authority: bytes) -> Origin:
    """The origin of an authority as it stands in a target or a Host field. Raises RequestMalformed."""
    if b"@" in authority:
        # RFC 9110 section 4.2.4: it is more likely there to deceive than to authenticate.
        raise RequestMalformed("the target holds user information")
    try:
        return Origin(scheme, *parse_authority(authority.decode("ascii"), scheme))
    except ValueError:
        raise RequestMalformed("the target names no host") from None


@lru_cache(maxsize=4096)
def text_of(origin: Origin) -> str:
    """The origin as the access log has it."""
    return str(origin)


def destination_of(target: bytes, method: bytes) -> Destination:
    """Reads the absolute-form in which a proxy is asked. Raises RequestMalformed."""
    if b"#" in target:
        raise RequestMalformed("the target has a fragment")
    if target.startswith(b"http://"):
        scheme, rest = "http", target[7:]
    else:
        scheme, rest = _other_scheme(target)
    slash = rest.find(b"/")
    question = rest.find(b"?")
    end = slash if question < 0 or -1 < slash < question else question
    if end < 0:
        # Section 3.2.4: the last proxy on the way says what a bare OPTIONS means.
        return Destination(origin_of(scheme, rest), "*" if method == b"OPTIONS" else "/")
    path = rest[end:].decode("latin-1")
    return Destination(origin_of(scheme, rest[:end]), path if end == slash else "/" + path)


def check_inner_target(target: bytes, method: bytes) -> str:
    """The origin-form of a request inside a tunnel, or the asterisk-form. Raises RequestMalformed."""
    if target.startswith(b"/"):
        if b"#" in target:
            raise RequestMalformed("the target has a fragment")
        return target.decode("latin-1")
    if target == b"*" and method == b"OPTIONS":
        return "*"
    raise RequestMalformed("the target of a request in a tunnel is no path")


def tunnel_end_of(target: bytes) -> Origin:
    """Host and port of a CONNECT (section 3.2.3). Raises RequestMalformed."""
    host, colon, port = target.rpartition(b":")
    if not colon or not port or not host or target.endswith(b"]"):
        raise RequestMalformed("the target of CONNECT is not host and port")
    return origin_of("https", target)


def _other_scheme(target: bytes) -> tuple[str, bytes]:
    lower = target[:8].lower()
    for prefix, scheme in _SCHEMES:
        if lower.startswith(prefix):
            return scheme, target[len(prefix) :]
    if target.startswith(b"/") or target == b"*":
        raise RequestMalformed("this is a proxy: it is asked for whole URLs")
    raise RequestMalformed("the target is no http or https URL")
