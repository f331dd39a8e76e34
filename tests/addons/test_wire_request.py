"""The request on the wire is the client's with the authorization written in."""

from typing import Any, cast

from mitmproxy import http
from mitmproxy.test import tflow

from addons.flows import Passage, head_of, wire_request


def test_wire_request_is_what_the_constructor_would_make() -> None:
    """It is equal in every part, though it is made past the constructor; the flow's own stays bare."""
    flow = tflow.tflow()
    before = flow.request.get_state()
    headers = (*flow.request.headers.fields, (b"authorization", b"Bearer abc"))
    passage = Passage(cast("Any", None), head_of(flow), headers, "/orders?key=\u00e9")

    made = wire_request(flow, passage)

    data = flow.request.data
    assert (
        made.get_state()
        == http.Request(
            host=data.host,
            port=data.port,
            method=data.method,
            scheme=data.scheme,
            authority=data.authority,
            path=b"/orders?key=\xe9",
            http_version=data.http_version,
            headers=http.Headers(headers),
            content=None,
            trailers=None,
            timestamp_start=data.timestamp_start,
            timestamp_end=data.timestamp_end,
        ).get_state()
    )
    assert made.headers["Authorization"] == "Bearer abc"
    assert flow.request.get_state() == before
