"""The control socket, server and client, over a real Unix socket."""

import asyncio
import json
import socket
import stat

import pytest

from proxy.control import LONGEST_PATH, ControlError, ControlServer, NoProxyRunning, ask, control_path


@pytest.fixture
async def serve(tmp_path):
    """Starts servers, and closes them at the end."""
    servers = []

    async def start(handlers, path=tmp_path / "state" / "control-8080.sock"):
        server = ControlServer(path, handlers)
        await server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.close()


def in_thread(*arguments, **named):
    return asyncio.to_thread(ask, *arguments, **named)


async def test_a_command_is_answered_by_its_handler(serve):
    """The handler gets the request's members and its value comes back."""

    async def clear(request):
        return {"cleared": request["profile"]}

    server = await serve({"clear": clear})

    assert await in_thread(server.path, "clear", profile="orders") == {"cleared": "orders"}


async def test_the_socket_is_for_its_owner_only(serve):
    """0600 in a folder with 0700: no other user of the machine can ask or clear."""
    server = await serve({})

    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700


async def test_a_refusal_of_the_handler_reaches_the_client(serve):
    """A ControlError comes out as one, with its text."""

    async def clear(_):
        raise ControlError("no such profile")

    server = await serve({"clear": clear})

    with pytest.raises(ControlError, match="no such profile"):
        await in_thread(server.path, "clear")


async def test_the_text_of_a_foreign_exception_stays_inside(serve, caplog):
    """Whatever a handler fails with is neither answered nor logged."""

    async def fail(_):
        raise RuntimeError("sentinel-4711")

    server = await serve({"tokens": fail})

    with pytest.raises(ControlError) as raised:
        await in_thread(server.path, "tokens")
    assert "sentinel" not in str(raised.value) + caplog.text


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"\n", id="empty"),
        pytest.param(b"nonsense\n", id="no JSON"),
        pytest.param(b"[1]\n", id="no object"),
        pytest.param(b'{"command": "nothing"}\n', id="unknown command"),
        pytest.param(b'{"command": ["x"]}\n', id="command of another type"),
    ],
)
async def test_a_request_that_is_none_is_refused(serve, line):
    """The connection is answered and the server lives on."""
    server = await serve({})
    reader, writer = await asyncio.open_unix_connection(server.path)

    writer.write(line)
    answer = json.loads(await reader.readline())

    writer.close()
    assert answer["ok"] is False


async def test_a_client_that_leaves_at_once_harms_nobody(serve):
    """The next client is served."""

    async def pong(_):
        return "pong"

    server = await serve({"ping": pong})
    _, writer = await asyncio.open_unix_connection(server.path)
    writer.close()

    assert await in_thread(server.path, "ping") == "pong"


async def test_an_endless_line_is_not_kept(serve):
    """A request over the limit ends the connection."""
    server = await serve({})
    reader, writer = await asyncio.open_unix_connection(server.path)

    writer.write(b"x" * 200_000)

    assert await reader.read() == b""
    writer.close()


async def test_the_socket_of_a_killed_proxy_is_taken_over(serve, tmp_path):
    """What a dead process left behind does not stop the next one."""
    path = tmp_path / "state" / "control-8080.sock"
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def pong(_):
        return "pong"

    await serve({"ping": pong}, path)

    assert await in_thread(path, "ping") == "pong"


async def test_the_socket_of_a_living_proxy_is_left_alone(serve):
    """A second proxy on the same socket cannot start, and the first one goes on."""

    async def pong(_):
        return "pong"

    server = await serve({"ping": pong})

    with pytest.raises(OSError, match="in use"):
        await ControlServer(server.path, {}).start()
    assert await in_thread(server.path, "ping") == "pong"


async def test_close_takes_the_socket_away(serve):
    """A stopped proxy is not there any more."""
    server = await serve({})
    await server.close()

    assert not server.path.exists()
    with pytest.raises(NoProxyRunning):
        await in_thread(server.path, "tokens")


def test_a_long_state_folder_gets_a_short_socket(tmp_path):
    """The kernel takes about a hundred bytes of path, and a state folder may be longer."""
    folder = tmp_path / ("x" * 120)

    path = control_path(folder, 8080)

    assert len(str(path)) <= LONGEST_PATH
    assert path != control_path(folder, 8081)
    assert path == control_path(folder, 8080)
