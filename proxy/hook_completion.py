"""Completes hooks where the layers ask for them, instead of by a task, a lock and an event of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http import (
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHeadersHook,
    RequestEndOfMessage,
    RequestHeaders,
    ResponseHeaders,
)

from addons.flows import refusal_of
from addons.replay import AuthorizedHttpStream

Commands = Generator[commands.Command, Any, None]
Complete = Callable[[commands.StartHook], bool]
"""Runs a hook's handlers. True when they are through, False when the hook has to be waited for."""

COMPLETED_IN_THE_STREAM = (HttpRequestHeadersHook, HttpRequestHook, HttpResponseHeadersHook)
"""Not the response hook: the next request of a pipeline would begin while the origin's connection is
still at the end of this answer."""


class HookCompletion:
    """Stands around the outermost layer and answers its hooks; only those that have to wait come out."""

    def __init__(self, layer: Layer, complete: Complete) -> None:
        self._layer = layer
        self._complete = complete

    def handle_event(self, event: events.Event) -> Commands:
        """As `Layer.handle_event`. A completion is told after all that the event before it led to."""
        completed: deque[commands.StartHook] = deque()
        while True:
            for command in self._layer.handle_event(event):
                if isinstance(command, commands.StartHook) and self._complete(command):
                    if command.blocking:
                        completed.append(command)
                else:
                    yield command
            if not completed:
                return
            event = events.HookCompleted(completed.popleft())


class HookCompletingContext(Context):
    """What all layers of a connection share; it lets a stream complete a hook without asking its way out."""

    def __init__(self, context: Context, complete: Complete) -> None:
        vars(self).update(vars(context))
        self.complete = complete

    def fork(self) -> HookCompletingContext:
        """As mitmproxy's, which makes a new server with an identity of its own only to throw it away."""
        fork = object.__new__(HookCompletingContext)
        vars(fork).update(vars(self))
        fork.layers = self.layers.copy()
        return fork


@dataclass
class GrantproxyPauseHook(commands.StartHook):
    """Nobody handles it: its completion comes when the layers around have done what they are at."""

    flow: http.HTTPFlow
    name = "grantproxy_pause"


class HookCompletingStream(AuthorizedHttpStream):
    """Goes on at once after a hook that did not have to wait."""

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        return self._completing(super().state_wait_for_request_headers(event))

    def state_consume_request_body(self, event: events.Event) -> Commands:
        following = super().state_consume_request_body(event)
        return self._completing(following) if isinstance(event, RequestEndOfMessage) else following

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> Commands:
        return self._completing(super().state_wait_for_response_headers(event))

    def _completing(self, following: Commands) -> Commands:
        assert isinstance(self.context, HookCompletingContext)
        reply = None
        while True:
            try:
                command = following.send(reply)
            except StopIteration:
                return
            if not (isinstance(command, COMPLETED_IN_THE_STREAM) and self.context.complete(command)):
                reply = yield command
                continue
            reply = None
            if isinstance(command, HttpResponseHeadersHook) and refusal_of(self.flow) is not None:
                # The connection to the origin is about to be closed: its layer first has to read the head.
                yield GrantproxyPauseHook(self.flow)
