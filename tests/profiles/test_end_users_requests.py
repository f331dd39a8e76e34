"""Requests of per-user profiles: whose token each gets, and how an end user is led to authorize."""

from __future__ import annotations

import gc
import json
import secrets
from urllib.parse import urlsplit

import pytest

from profiles.answers import answer_of
from profiles.authorization import MAXIMUM_BINDINGS, Authorizer
from profiles.end_users import EndUsers
from profiles.errors import AuthorizationRequired, EndUserInvalid
from profiles.exchange import Verdict
from profiles.held_tokens import Entry, TokenKey, TokenResponse
from profiles.invitations import Invitations
from profiles.selection import ProfileIndex
from tests.profiles.profile_ground import compiled, head
from tests.profiles.test_profile_compilation import compiled as compile_with_problems
from tests.profiles.token_ground import subject_with

GRANT = {"token_endpoint": "https://login.example.com/token", "headers": {"X-User": "{{user}}"}}
FIELDS = [
    {"in": "header", "key": "Authorization", "value": "Bearer {{access_token}}"},
    {"in": "header", "key": "X-Badge", "value": "{{user}} {{pin}}"},
]
FORM = [{"key": "username"}, {"key": "password", "type": "password"}, {"key": "pin", "type": "password"}]
CONSOLE = "http://127.0.0.1:8082"
HTML = ((b"Accept", b"text/html,*/*;q=0.8"),)


@pytest.fixture
def profile():
    return compiled(mode="per_user", credentials={}, form_fields=FORM, fields=FIELDS, grant=GRANT)


@pytest.fixture
def invitations(clock):
    return Invitations(CONSOLE, clock=clock)


class World:
    def __init__(self, profile, tokens, server, invitations):
        self.profile, self.tokens, self.server = profile, tokens, server
        index = ProfileIndex((profile.name, rule, profile) for rule in profile.rules)
        self.authorizer = Authorizer(
            index,
            tokens,
            self.subject_of,
            clients=frozenset({"gateway", "bot"}),
            end_users=EndUsers("X-End-User"),
            invitations=invitations,
        )

    def subject_of(self, profile, captures, user):
        key = TokenKey(profile.name, profile.token_captures(captures), user, profile.fingerprint)
        return subject_with(
            self.server, key=key, has_credentials=False, grants_with=lambda entered: self.server
        )

    async def enter(self, user, **entered):
        entry, problems = self.profile.entry_of({}, entered, consents=False)
        assert problems == []
        return await self.tokens.authorize(self.subject_of(self.profile, (), user), entry)

    def select(self, request, client="gateway"):
        return self.authorizer.select(
            request, sni="api.example.com", host_fields=("api.example.com",), client=client
        )

    async def send(self, request, client="gateway"):
        """What goes out, by field name."""
        selection = self.select(request, client)
        exchange = self.authorizer.authorize_at_once(selection, request)
        if exchange is None:
            exchange = await self.authorizer.authorize(selection, request)
        headers, _ = exchange.authorize_head(request)
        return exchange, {name.decode().lower(): value.decode() for name, value in headers}


@pytest.fixture
def world(profile, tokens, server, invitations):
    return World(profile, tokens, server, invitations)


def of_user(user, *headers, **changes):
    return head(headers=((b"X-End-User", user.encode()), *headers), **changes)


async def test_each_end_user_has_a_token_and_values_of_their_own(world):
    """And the field that named them does not reach the origin."""
    await world.enter("alice", username="a", password="p", pin="1111")
    await world.enter("bob", username="b", password="p", pin="2222")

    _, alice = await world.send(of_user("alice"))
    _, bob = await world.send(of_user("bob"))

    assert (alice["authorization"], alice["x-badge"]) == ("Bearer at1", "alice 1111")
    assert (bob["authorization"], bob["x-badge"]) == ("Bearer at2", "bob 2222")
    assert "x-end-user" not in alice | bob


async def test_a_client_that_names_nobody_is_the_end_user(world):
    """By its own name, in the steady state as at first."""
    await world.enter("bot", username="b", password="p", pin="3333")

    for _ in range(2):
        _, sent = await world.send(head(), client="bot")
        assert sent["x-badge"] == "bot 3333"


async def test_the_naming_field_is_taken_from_what_no_profile_owns_too(world):
    """It is meant for the proxy, wherever the request goes."""
    request = of_user("alice", (b"Accept", b"*/*"), host="free.example")

    assert world.authorizer.select(request, sni=None, host_fields=(), client="gateway") is None
    assert request.headers == ((b"Accept", b"*/*"),)


async def test_a_request_that_names_two_is_refused(world):
    """Rather than one of them being chosen."""
    request = head(headers=((b"X-End-User", b"alice"), (b"x-end-user", b"bob")))

    with pytest.raises(EndUserInvalid):
        world.select(request)


async def test_a_program_is_told_where_to_authorize(world, invitations):
    """With a link that is for this end user and profile."""
    with pytest.raises(AuthorizationRequired) as required:
        await world.send(of_user("alice", method="POST"))

    answer = answer_of(required.value)
    problem = json.loads(answer.content)
    assert (answer.status, problem["slug"]) == (403, "authorization_required")
    assert b"Location" not in dict(answer.headers)
    link = problem["authorize_url"].partition("link=")[2]
    assert invitations.read("orders", link).user == "alice"


async def test_a_browser_is_led_to_the_page(world, invitations):
    """And the link knows where it came from."""
    with pytest.raises(AuthorizationRequired) as required:
        await world.send(of_user("alice", *HTML, target="/report?y=1"))

    answer = answer_of(required.value)
    location = dict(answer.headers)[b"Location"].decode()
    assert answer.status == 303
    assert urlsplit(location).path == "/authorize/orders"
    read = invitations.read("orders", location.partition("link=")[2])
    assert read.return_to == "https://api.example.com/report?y=1"


async def test_every_request_gets_a_link_of_its_own(world):
    """One that is used up by somebody else's tab would be no help."""
    links = set()
    for _ in range(2):
        with pytest.raises(AuthorizationRequired) as required:
            await world.send(of_user("alice"))
        links.add(required.value.authorize_url)

    assert len(links) == 2


async def test_without_a_console_the_command_is_named(profile, tokens, server):
    """There is another way to authorize, and no link."""
    world = World(profile, tokens, server, Invitations())

    with pytest.raises(AuthorizationRequired) as required:
        await world.send(of_user("alice", *HTML))

    answer = answer_of(required.value)
    assert answer.status == 403
    assert "grantproxy authorize orders --user alice" in json.loads(answer.content)["detail"]


async def test_a_rejected_token_that_cannot_be_renewed_asks_the_end_user_again(world, server):
    """With a link, as before there was one."""
    server.say(TokenResponse("at", lifetime=100.0))
    await world.enter("alice", username="a", password="p", pin="1")
    exchange, _ = await world.send(of_user("alice"))

    assert exchange.judge_head(401, ()) is Verdict.RENEW
    with pytest.raises(AuthorizationRequired) as required:
        await exchange.renew()

    assert required.value.authorize_url.startswith(CONSOLE)


async def test_what_is_remembered_of_end_users_is_bounded_hazard_17(world):
    """Clients name whom they like."""
    for number in range(MAXIMUM_BINDINGS + 5):
        request = of_user(f"user-{number}")
        world.authorizer.authorize_at_once(world.select(request), request)

    assert len(world.authorizer._bindings) == MAXIMUM_BINDINGS


async def test_a_reload_that_asks_for_more_asks_the_end_user_again(world, tokens, server, invitations):
    """A field whose value they never entered is not left out, and not refused for ever."""
    await world.enter("alice", username="a", password="p", pin="1")
    fields = [*FIELDS, {"in": "header", "key": "X-Team", "value": "{{team}}"}]
    form = [*FORM, {"key": "team"}]
    reloaded = compiled(mode="per_user", credentials={}, form_fields=form, fields=fields, grant=GRANT)
    after = World(reloaded, tokens, server, invitations)

    with pytest.raises(AuthorizationRequired) as required:
        await after.send(of_user("alice"))

    assert required.value.authorize_url is not None


async def test_what_was_forgotten_is_not_kept_beside(world, tokens, store):
    """Prepared fields hold the token and what was entered."""
    await world.enter("alice", username="a", password="p", pin="1")
    await world.send(of_user("alice"))
    (binding,) = world.authorizer._bindings.values()
    assert binding._prepared is not None

    await tokens.clear("orders")
    store.saved.clear()
    gc.collect()

    assert binding._prepared is None


async def test_a_browser_is_not_led_to_what_the_profile_owns_itself(world, invitations):
    """It would be led there for ever; the answer has the link all the same."""
    invitations.base_url = "https://api.example.com"

    with pytest.raises(AuthorizationRequired) as required:
        await world.send(of_user("alice", *HTML))

    assert answer_of(required.value).status == 403
    assert required.value.authorize_url.startswith("https://api.example.com/")


async def test_a_client_that_is_none_any_more_is_not_believed(world, tokens, server, profile):
    """A reload took the clients away, and a connection from before has still its name."""
    index = ProfileIndex((profile.name, rule, profile) for rule in profile.rules)
    open_to_all = Authorizer(index, tokens, world.subject_of, end_users=EndUsers("X-End-User"))
    request = of_user("alice")

    open_to_all.select(request, sni=None, host_fields=(), client="gateway")

    assert request.end_user == "local"


def test_the_password_is_kept_with_consent_alone(profile):
    """What requests mention is kept in any case."""
    entered = {"username": "a", "password": secrets.token_hex(), "pin": "1"}

    without, _ = profile.entry_of({}, entered, consents=False)
    consented, _ = profile.entry_of({}, entered, consents=True)

    assert without == Entry(entered, {"pin": "1"}, account="a")
    assert consented == Entry(entered, entered, regenerates=True, account="a")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        pytest.param({"mode": "preauthorized", "grant": GRANT}, "grant", id="user-without-end-users"),
        pytest.param(
            {
                "mode": "per_user",
                "form_fields": [{"key": "pin", "required": False}],
                "fields": [{"in": "header", "key": "X-Pin", "value": "{{pin}}"}],
            },
            "form_fields",
            id="an-optional-field-that-is-needed",
        ),
        pytest.param({"mode": "per_user", "match": [{"host": "{user}.example.com"}]}, "mode", id="captured"),
        *(
            pytest.param(
                {"mode": "per_user", "form_fields": [{"key": key}]}, "mode", id=f"a-form-field-{key}"
            )
            for key in ("user", "tenant", "client_id", "grant_type")
        ),
        *(
            pytest.param(
                {"mode": "per_user", "grant": {"token_endpoint": url}, "form_fields": [{"key": "realm"}]},
                "grant",
                id=f"hazard-18-{name}-chooses-the-host",
            )
            for name, url in (
                ("form-field", "https://{realm}/token"),
                ("end-user", "https://{{user}}/token"),
                ("form-field-label", "https://{realm}.{realm}/token"),
                ("form-field-domain", "https://login.{realm}.com/token"),
            )
        ),
    ],
)
def test_what_a_per_user_profile_cannot_be(changes, key):
    """Told when it is loaded, by key."""
    settings = {"credentials": {} if changes["mode"] == "per_user" else {"username": "b", "password": "p"}}

    profile, problems = compile_with_problems(**settings | changes)

    assert profile is None
    assert key in [where for where, _ in problems]
