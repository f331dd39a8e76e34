"""The only translation between mitmproxy's flows and the domain."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakSet

from mitmproxy import connection, http

from profiles.answers import answer_of
from profiles.errors import Refusal
from profiles.exchange import Exchange, Verdict
from profiles.requests import HeaderFields, Origin, RequestHead


@dataclass(slots=True, eq=False)
class Passage:
    """A flow's way with authorization: the exchange, and what goes on the wire in place of the request.

    `flow.request` stays as the client sent it, so that no dump, view or log of a flow holds a token, and
    the repr shows nothing of what is sent.
    """

    exchange: Exchange
    head: RequestHead = field(repr=False)
    headers: HeaderFields = field(repr=False)
    target: str = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    """The body to send, where a field goes into it."""
    verdict: Verdict = Verdict.FORWARD
    replays: bool = False
    """Set by the renewal: the request goes out again. Otherwise the held answer is passed on."""


_passages: WeakKeyDictionary[http.HTTPFlow, Passage] = WeakKeyDictionary()
_clients: WeakKeyDictionary[connection.Client, str] = WeakKeyDictionary()
_refusals: WeakKeyDictionary[http.HTTPFlow, Refusal] = WeakKeyDictionary()
_tunnels: WeakSet[http.HTTPFlow] = WeakSet()
_end_user_fields: WeakKeyDictionary[http.HTTPFlow, frozenset[bytes]] = WeakKeyDictionary()

passage_of = _passages.get
"""The passage of a flow, or None for one that is forwarded as it came."""

client_name_of = _clients.get
"""The authenticated client of a connection, or None."""

refusal_of = _refusals.get
"""Why a flow was answered by us, or None."""


def set_passage(flow: http.HTTPFlow, passage: Passage) -> None:
    _passages[flow] = passage


def set_client_name(client: connection.Client, name: str) -> None:
    _clients[client] = name


def set_end_user_fields(flow: http.HTTPFlow, names: frozenset[bytes]) -> None:
    """Notes what may not stand in the flow's trailers."""
    _end_user_fields[flow] = names


def end_user_fields_of(flow: http.HTTPFlow) -> frozenset[bytes]:
    """What names end users, in lower case."""
    return _end_user_fields.get(flow, frozenset())


def set_tunnel(flow: http.HTTPFlow) -> None:
    """Marks a CONNECT to a host that no profile owns."""
    _tunnels.add(flow)


def is_tunnel(flow: http.HTTPFlow) -> bool:
    return flow in _tunnels


def head_of(flow: http.HTTPFlow) -> RequestHead:
    """The neutral view of the flow's request; the origin is the one that the connection goes to."""
    data = flow.request.data
    return RequestHead(
        method=data.method.decode("ascii", "replace"),
        origin=Origin(data.scheme.decode("ascii", "replace"), data.host, data.port),
        target=data.path.decode("latin-1"),
        headers=data.headers.fields,
    )


def host_fields_of(request: http.Request) -> tuple[str, ...]:
    """What the request itself says its host is: :authority and every Host field."""
    fields = tuple(
        value.decode("latin-1") for name, value in request.data.headers.fields if name.lower() == b"host"
    )
    return (request.authority, *fields) if request.authority else fields


def response_of(refusal: Refusal) -> http.Response:
    """The answer to a refused request."""
    answer = answer_of(refusal)
    now = time.time()
    return http.Response(
        http_version=b"HTTP/1.1",
        status_code=answer.status,
        reason=b"",
        headers=http.Headers(answer.headers),
        content=answer.content,
        trailers=None,
        timestamp_start=now,
        timestamp_end=now,
    )


def refuse(flow: http.HTTPFlow, refusal: Refusal) -> None:
    """Answers the flow in place of the origin."""
    _refusals[flow] = refusal
    flow.response = response_of(refusal)
    if flow.request.method != "CONNECT":
        # Without this, mitmproxy would ask for a body that nobody wants.
        flow.request.headers.pop("expect", None)


def wire_request(flow: http.HTTPFlow, passage: Passage) -> http.Request:
    """The request as it goes to the origin: the client's, with the authorization written in.

    Without Expect: mitmproxy has answered 100 itself, and would take the origin's for the answer proper.
    """
    data = flow.request.data
    # Past the constructors, which look at the type of everything that is handed to them.
    headers = http.Headers.__new__(http.Headers)
    headers.fields = tuple([item for item in passage.headers if item[0].lower() != b"expect"])
    request = http.Request.__new__(http.Request)
    request.data = http.RequestData(
        host=data.host,
        port=data.port,
        method=data.method,
        scheme=data.scheme,
        authority=data.authority,
        path=passage.target.encode("latin-1"),
        http_version=data.http_version,
        headers=headers,
        content=None,
        trailers=None,
        timestamp_start=data.timestamp_start,
        timestamp_end=data.timestamp_end,
    )
    return request
