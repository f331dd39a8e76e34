"""The internals of mitmproxy 12.2 that `connections`, `hook_completion` and `debugging_checks` stand on."""

import inspect

from mitmproxy import http as messages
from mitmproxy import options
from mitmproxy.proxy import context, mode_servers, server
from mitmproxy.test import tflow


def test_connection_handlers_are_made_by_the_name_that_is_replaced() -> None:
    """The top layer is put around the context of the handler that was made."""
    source = inspect.getsource(mode_servers.ServerInstance.handle_stream)

    assert "handler = ProxyConnectionHandler(" in source
    assert "handler.layer = self.make_top_layer(handler.layer.context)" in source
    assert "await handler.handle_client()" in source


def test_connection_handler_drives_its_layer_by_one_method() -> None:
    """So something that has this method alone can stand around the layers."""
    source = inspect.getsource(server.ConnectionHandler)

    assert source.count("self.layer") == 2
    assert "self.layer = layer.NextLayer(context, ask_on_start=True)" in source
    assert "self.layer.handle_event(event)" in source


def test_hook_that_comes_out_of_the_layers_is_waited_for_in_a_task() -> None:
    """Its task asks `handle_hook`, and tells the layers when that is through."""
    task = inspect.getsource(server.ConnectionHandler.hook_task)

    assert "self.hook_task(command)" in inspect.getsource(server.ConnectionHandler.server_event)
    assert "await self.handle_hook(hook)" in task
    assert "events.HookCompleted(hook)" in task


def test_handle_hook_disarms_the_watchdog_and_waits_for_an_intercepted_flow() -> None:
    """What is done here for a hook that has begun is what mitmproxy does for any."""
    source = inspect.getsource(mode_servers.ProxyConnectionHandler.handle_hook)

    assert "with self.timeout_watchdog.disarm():" in source
    assert "await data.wait_for_resume()" in source


def test_context_holds_what_a_fork_copies() -> None:
    """A fork shares all of it but for the list of layers."""
    whole = context.Context(tflow.tclient_conn(), options.Options())

    assert set(vars(whole)) == {"client", "options", "server", "layers"}


def test_check_of_a_messages_fields_only_raises() -> None:
    """`python -O` goes without it, so nothing can rest on it."""
    source = inspect.getsource(messages.MessageData.__post_init__)

    assert "typecheck.check_option_type" in source
    assert "setattr" not in source
    assert "self.__post_init__" not in inspect.getsource(messages.Message)


def test_drain_only_waits_for_full_buffers() -> None:
    """Where no writer holds anything back there is nothing to wait for."""
    assert "await transport.writer.drain()" in inspect.getsource(server.ConnectionHandler.drain_writers)


def test_look_up_of_a_field_is_a_mappings() -> None:
    """mitmproxy has no `get` and no `in` of its own that a faster one would have to follow."""
    for kind in (messages.Headers, *messages.Headers.__mro__[1:3]):
        assert not {"get", "__contains__"} & set(vars(kind))


def test_request_and_headers_hold_what_is_set_past_their_constructors() -> None:
    """`flows.wire_request` makes them without a check of each field."""
    made = messages.Request.make("GET", "http://example.com/")

    assert set(vars(made)) == {"data"}
    assert set(vars(made.headers)) == {"fields"}
    assert isinstance(made.headers.fields, tuple)
