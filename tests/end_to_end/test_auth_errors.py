"""Origins that say "not with this token" in their own way: other statuses, or 200 with a code in the body."""

from __future__ import annotations

import gzip

import pytest

from tests.end_to_end.clients.sending import Sender
from tests.end_to_end.configurations import one_profile
from tests.end_to_end.servers.authlib_server import AuthlibServer
from tests.end_to_end.servers.origin import Origin
from tests.end_to_end.servers.shared_proxy import SharedProxy

RULES = [401, {"status": 200, "body": '"code": *60[12]'}]
EXPIRED = b'{"ok": false, "code": 601}'


@pytest.mark.parametrize(
    ("rules", "status", "headers", "body"),
    [
        pytest.param(403, 403, [], b"", id="status"),
        pytest.param([401, 419], 419, [], b"x", id="one-of-a-list"),
        pytest.param(RULES, 401, [], b"", id="status-beside-a-pattern"),
        pytest.param(RULES, 200, [], EXPIRED, id="pattern"),
        pytest.param(
            RULES, 200, [("Content-Encoding", "gzip")], gzip.compress(EXPIRED), id="pattern-in-gzip"
        ),
        pytest.param(RULES, 200, [], EXPIRED + b" " * 200_000, id="pattern-in-a-long-body"),
    ],
)
def test_the_profiles_auth_error_causes_a_replay(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
    rules: object,
    status: int,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    """The client sees the second answer alone."""
    origin.accepts = authorization_server.accepts
    origin.auth_error_status, origin.auth_error_headers, origin.auth_error_body = status, headers, body
    running = shared_proxy(one_profile(authorization_server, origin, auth_error=rules))
    send("requests", running, "GET", origin.url("/protected"))
    authorization_server.revoke_access_tokens()

    answer = send("requests", running, "POST", origin.url("/protected"), body=b"payload")

    assert (answer.status, origin.last.body) == (200, b"payload")
    assert [request.status for request in origin.at("/protected")] == [200, status, 200]
    assert authorization_server.requests == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b'{"ok": true, "code": 700}', id="pattern-not-found"),
        pytest.param(403, EXPIRED, id="status-that-no-rule-names"),
        pytest.param(200, b" " * 65_536 + EXPIRED, id="pattern-beyond-what-is-read"),
    ],
)
def test_other_answers_pass_as_they_are(
    shared_proxy: SharedProxy,
    send: Sender,
    authorization_server: AuthlibServer,
    origin: Origin,
    status: int,
    body: bytes,
) -> None:
    """Nothing is renewed and nothing is sent twice."""
    origin.accepts = lambda token: False
    origin.auth_error_status, origin.auth_error_body = status, body
    running = shared_proxy(one_profile(authorization_server, origin, auth_error=RULES))

    answer = send("requests", running, "GET", origin.url("/protected"))

    assert (answer.status, answer.body) == (status, body)
    assert (len(origin.requests), authorization_server.requests) == (1, 1)


def test_an_event_stream_is_never_held_back_for_a_pattern(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Its first event is with the client before the origin has the last one."""
    running = shared_proxy(one_profile(authorization_server, origin, auth_error=RULES))

    with send.client(running) as client, client.stream("GET", origin.url("/sse?count=2&hold=1")) as answer:
        events = answer.iter_lines()
        first = next(events)
        origin.release()
        rest = [line for line in events if line]

    assert (first, rest) == ("data: 0", ["data: 1"])


def test_a_large_answer_streams_once_enough_of_it_was_read(
    shared_proxy: SharedProxy, send: Sender, authorization_server: AuthlibServer, origin: Origin
) -> None:
    """Byte for byte, the part that was held back in front."""
    running = shared_proxy(one_profile(authorization_server, origin, auth_error=RULES))
    direct = send("requests", None, "GET", origin.url("/large?size=5000000"))

    answer = send("requests", running, "GET", origin.url("/large?size=5000000"))

    assert answer.body == direct.body
