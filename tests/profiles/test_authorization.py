"""Which requests are authorized, refused or left alone, and what that costs in the steady state."""

from __future__ import annotations

import pytest

from profiles.authorization import MAXIMUM_BINDINGS, Authorizer, field_values
from profiles.errors import (
    CleartextRefused,
    HostsDisagree,
    OriginNotAllowed,
    ProfileNotAllowed,
    ProxyAuthenticationRequired,
    TokenRequestRejected,
    TokenResponseInvalid,
    TraceRefused,
)
from profiles.held_tokens import TokenKey, TokenResponse
from profiles.selection import ProfileIndex
from profiles.tokens import TokenEvent
from tests.profiles.profile_ground import compiled, head
from tests.profiles.token_ground import WRONG, renewed, subject_with

PER_REQUEST = [
    {"in": "header", "key": "X-Key", "value": "{{request.method}} {{request.path}} {{access_token}}"}
]


class World:
    """Authorizers of some profiles, and how often each set of captures was bound to the network."""

    def __init__(self, tokens, server):
        self.tokens = tokens
        self.server = server
        self.bound = []

    def authorizer(self, *profiles, **settings):
        index = ProfileIndex((p.name, rule, p) for p in profiles for rule in p.rules)
        return Authorizer(index, self.tokens, self._subject_of, **settings)

    def _subject_of(self, profile, captures, user):
        self.bound.append((profile.name, captures, user) if user else (profile.name, captures))
        key = TokenKey(profile.name, captures, user, profile.fingerprint)
        grants_with = (lambda entered: self.server) if profile.is_per_user else None
        return subject_with(self.server, key=key, grants_with=grants_with)


@pytest.fixture
def world(tokens, server):
    return World(tokens, server)


def select(authorizer, request=None, *, sni="api.example.com", hosts=("api.example.com",), client=None):
    return authorizer.select(request or head(), sni=sni, host_fields=hosts, client=client)


@pytest.mark.parametrize(
    ("request_", "sni", "hosts"),
    [
        pytest.param({}, "evil.example.com", ("api.example.com",), id="hazard-18-sni"),
        pytest.param({}, "api.example.com", ("evil.example.com",), id="hazard-18-host"),
        pytest.param({}, "api.example.com", ("api.example.com:8443",), id="hazard-18-port"),
        pytest.param({}, None, ("api.example.com", "evil.example.com"), id="hazard-18-second-host"),
        pytest.param({}, None, ("evil.example.com", "api.example.com"), id="hazard-18-first-host"),
        pytest.param({}, None, ("api.example.com@evil.com",), id="hazard-18-no-host"),
        pytest.param({"host": "free.example"}, None, ("api.example.com",), id="hazard-18-unowned-connection"),
    ],
)
def test_a_request_whose_hosts_disagree_is_refused(request_, sni, hosts, world):
    """Before anything else is asked, and whether or not a profile owns it (I1)."""
    authorizer = world.authorizer(compiled())

    with pytest.raises(HostsDisagree):
        select(authorizer, head(**request_), sni=sni, hosts=hosts)

    assert world.bound == []


@pytest.mark.parametrize(
    ("sni", "hosts"),
    [
        pytest.param("api.example.com", ("api.example.com",), id="all-three"),
        pytest.param(None, ("api.example.com:443",), id="host-with-its-port"),
        pytest.param("API.example.COM", ("Api.Example.Com.",), id="other-spellings"),
        pytest.param(None, (), id="neither"),
        pytest.param(None, ("api.example.com", "api.example.com"), id="the-same-host-twice"),
    ],
)
def test_a_request_whose_hosts_agree_finds_its_profile(sni, hosts, world):
    """As far as they are there."""
    profile = compiled()

    assert select(world.authorizer(profile), sni=sni, hosts=hosts).profile is profile


@pytest.mark.parametrize("refuse", [True, False])
def test_what_no_profile_owns_is_refused_or_left_alone(refuse, world):
    """As `unmatched` says: for a request, and for a tunnel before it is opened."""
    authorizer = world.authorizer(compiled(), refuse_unmatched=refuse)
    request = head(host="free.example")

    connection = authorizer.refuse_connection("free.example", 443)

    assert (connection is not None) is refuse
    if refuse:
        with pytest.raises(OriginNotAllowed, match=r"https://free\.example"):
            select(authorizer, request, sni=None, hosts=())
    else:
        assert select(authorizer, request, sni=None, hosts=()) is None


@pytest.mark.parametrize(
    ("match", "host", "port", "owned", "refused"),
    [
        pytest.param({"host": "api.example.com"}, "api.example.com", 443, True, False, id="owned"),
        pytest.param({"host": "api.example.com"}, "API.example.com.", 443, True, False, id="spelling"),
        pytest.param({"host": "api.example.com"}, "api.example.com.evil", 443, False, True, id="hazard-18"),
        pytest.param({"host": "h.example", "scheme": "http"}, "h.example", 80, False, False, id="http-only"),
        pytest.param({"host": "h.example", "port": 8443}, "h.example", 443, False, True, id="other-port"),
        pytest.param(
            {"host": "api.example.com", "path": "/a"}, "api.example.com", 443, True, False, id="path"
        ),
        pytest.param({"host": "api.example.com"}, "no host", 443, False, True, id="no-host"),
    ],
)
def test_tls_is_intercepted_only_where_a_profile_can_match(match, host, port, owned, refused, world):
    """What no profile can own is not decrypted (I7), and with `unmatched: refuse` not tunnelled."""
    authorizer = world.authorizer(compiled(match=match), refuse_unmatched=True)

    assert authorizer.may_own(host, port) is owned
    assert (authorizer.refuse_connection(host, port) is not None) is refused


@pytest.mark.parametrize(
    ("host", "settings", "refused"),
    [
        pytest.param("api.example.com", {}, True, id="plain-http"),
        pytest.param("api.example.com", {"allow_cleartext": True}, False, id="allow_cleartext"),
        pytest.param("127.0.0.1", {}, False, id="loopback-address"),
        pytest.param("api.localhost", {}, False, id="loopback-name"),
        pytest.param("127.0.0.1.evil.com", {}, True, id="hazard-18-loopback-look-alike"),
        pytest.param("127.0.0.1", {"connector": "http://127.0.0.1:3128"}, False, id="connector-here"),
        pytest.param("127.0.0.1", {"connector": "http://gateway:3128"}, True, id="loopback-of-a-connector"),
        pytest.param(
            "127.0.0.1",
            {"connector": "http://gateway:3128", "allow_cleartext": True},
            False,
            id="loopback-of-a-connector-allowed",
        ),
    ],
)
def test_no_credential_travels_in_the_clear(host, settings, refused, world):
    """But to this machine, or where the profile says so (I5)."""
    authorizer = world.authorizer(compiled(match={"host": host}, **settings))
    request = head(scheme="http", host=host, port=80)

    if refused:
        with pytest.raises(CleartextRefused) as raised:
            select(authorizer, request, sni=None, hosts=(host,))
        assert raised.value.profile == "orders"
    else:
        assert select(authorizer, request, sni=None, hosts=(host,)) is not None


@pytest.mark.parametrize(
    ("client", "allowed", "refused"),
    [
        pytest.param("bot", {"bot": frozenset({"orders"})}, False, id="named"),
        pytest.param("bot", {"bot": frozenset({"stock"})}, True, id="another-named"),
        pytest.param("bot", {"bot": frozenset()}, True, id="none-named"),
        pytest.param("bot", {}, False, id="all"),
        pytest.param("bot", {"other": frozenset()}, False, id="others-limits-are-not-its-own"),
        pytest.param(None, {"bot": frozenset()}, False, id="no-clients-demanded"),
    ],
)
def test_a_client_uses_the_profiles_it_may(client, allowed, refused, world):
    """A client without a list may use all."""
    authorizer = world.authorizer(compiled(), allowed=allowed, clients=frozenset({"bot", "other"}))

    if refused:
        with pytest.raises(ProfileNotAllowed) as raised:
            select(authorizer, client=client)
        assert raised.value.profile == "orders"
    else:
        assert select(authorizer, client=client) is not None


@pytest.mark.parametrize(
    ("client", "clients", "refused"),
    [
        pytest.param("bot", frozenset({"bot"}), False, id="one-of-them"),
        pytest.param("bot", frozenset({"other"}), True, id="removed-by-a-reload"),
        pytest.param("bot", None, False, id="none-demanded-any-more"),
    ],
)
def test_a_connection_is_as_old_as_its_client_permits(client, clients, refused, world):
    """A tunnel that was opened under another configuration has no rights of its own."""
    authorizer = world.authorizer(compiled(), clients=clients)

    if refused:
        with pytest.raises(ProxyAuthenticationRequired):
            select(authorizer, client=client)
    else:
        assert select(authorizer, client=client) is not None


@pytest.mark.parametrize("host", ["api.example.com", "elsewhere.example"], ids=["owned", "unowned"])
def test_an_origin_is_not_asked_to_show_what_it_got(host, world):
    """TRACE of an owned request would be answered with the credential in it; others are nobody's business."""
    authorizer = world.authorizer(compiled())
    request = head(method="TRACE", host=host)

    if host == "api.example.com":
        with pytest.raises(TraceRefused):
            select(authorizer, request, sni=None, hosts=(host,))
    else:
        assert select(authorizer, request, sni=None, hosts=(host,)) is None


async def test_a_cold_request_waits_and_the_next_one_does_not(world, server):
    """At once there is nothing; once obtained, everything is at hand."""
    authorizer = world.authorizer(compiled())
    selection = select(authorizer)

    cold = authorizer.authorize_at_once(selection, head())
    first = await authorizer.authorize(selection, head())
    second = authorizer.authorize_at_once(selection, head())

    assert cold is None
    assert (first.event, second.event) == (TokenEvent.PASSWORD, TokenEvent.CACHED)
    assert second.authorize_head(head())[0] == ((b"Authorization", b"Bearer at1"),)
    assert server.asked == ["password"]


async def test_the_steady_state_asks_no_store_and_renders_nothing(world, store):
    """A request costs look-ups: the fields that were rendered for the token are used as they are."""
    authorizer = world.authorizer(compiled())
    selection = select(authorizer)
    first = await authorizer.authorize(selection, head())
    uses = store.uses

    later = [authorizer.authorize_at_once(select(authorizer), head(target=f"/{n}")) for n in range(10)]

    assert {id(exchange._fields) for exchange in later} == {id(first._fields)}
    assert (world.bound, store.uses) == ([("orders", ())], uses)


async def test_a_renewed_token_is_rendered_once(world, tokens):
    """Fields follow the token, whichever request renewed it."""
    authorizer = world.authorizer(compiled())
    selection = select(authorizer)
    exchange = await authorizer.authorize(selection, head())
    await exchange.renew()

    later = [authorizer.authorize_at_once(selection, head()) for _ in range(3)]

    assert {id(item._fields) for item in later} == {id(exchange._fields)}
    assert later[0].authorize_head(head())[0] == ((b"Authorization", b"Bearer at2"),)


async def test_fields_that_name_the_request_are_rendered_for_each(world):
    """One request's method and path are never written into another's."""
    authorizer = world.authorizer(compiled(fields=PER_REQUEST))
    selection = select(authorizer)
    await authorizer.authorize(selection, head())
    requests = [head("GET", "/a?q=1"), head("POST", "/b"), head("GET", "/a?q=1")]

    values = [
        authorizer.authorize_at_once(selection, item).authorize_head(item)[0][0][1] for item in requests
    ]

    assert values == [b"GET /a at1", b"POST /b at1", b"GET /a at1"]


async def test_a_replay_names_its_own_request(world):
    """The renewed token goes into the fields of the request that is sent once more."""
    authorizer = world.authorizer(compiled(fields=PER_REQUEST))
    exchange = await authorizer.authorize(select(authorizer), head("PUT", "/mine"))
    authorizer.authorize_at_once(select(authorizer), head("GET", "/other"))

    await exchange.renew()

    assert exchange.authorize_head(head("PUT", "/mine"))[0] == ((b"X-Key", b"PUT /mine at2"),)


async def test_each_tenant_has_its_own_token_and_fields(world):
    """What the host captured chooses the token and is written where the fields name it (I1)."""
    profile = compiled(
        match={"host": "{tenant}.example.com"},
        fields=[{"in": "header", "key": "X-Key", "value": "{{tenant}} {{access_token}}"}],
    )
    authorizer = world.authorizer(profile)
    written = []
    for host in ("a.example.com", "b.example.com", "a.example.com"):
        selection = select(authorizer, head(host=host), sni=host, hosts=(host,))
        exchange = await authorizer.authorize(selection, head(host=host))
        written.append(exchange.authorize_head(head(host=host))[0][0][1])

    assert written == [b"a at1", b"b at2", b"a at1"]
    assert world.bound == [("orders", (("tenant", "a"),)), ("orders", (("tenant", "b"),))]


async def test_what_is_remembered_of_captures_is_bounded_hazard_17(world):
    """Clients make them up: the least used are bound anew when they come back."""
    authorizer = world.authorizer(compiled(match={"host": "{tenant}.example.com"}))
    for number in range(MAXIMUM_BINDINGS + 10):
        host = f"t{number}.example.com"
        request = head(host=host)
        authorizer.authorize_at_once(select(authorizer, request, sni=host, hosts=(host,)), request)

    assert len(authorizer._bindings) == MAXIMUM_BINDINGS


async def test_profiles_without_captures_are_bound_once_hazard_17(world):
    """However many captures of others come and go."""
    plain, tenants = compiled(), compiled("stock", match={"host": "{tenant}.example.org"})
    authorizer = world.authorizer(plain, tenants)
    await authorizer.authorize(select(authorizer), head())
    for number in range(MAXIMUM_BINDINGS + 10):
        host = f"t{number}.example.org"
        request = head(host=host)
        authorizer.authorize_at_once(select(authorizer, request, sni=host, hosts=(host,)), request)

    exchange = authorizer.authorize_at_once(select(authorizer), head())

    assert exchange is not None
    assert world.bound.count(("orders", ())) == 1


async def test_what_becomes_of_a_token_is_seen_by_the_next_request(world, tokens, server, clock):
    """Rejected, cleared or expired, it is not at hand; past its soft expiry it is, and is renewed beside."""
    authorizer = world.authorizer(compiled())
    selection = select(authorizer)

    def at_once():
        exchange = authorizer.authorize_at_once(selection, head())
        return exchange and exchange.token

    first = await authorizer.authorize(selection, head())
    subject = first._binding.subject
    assert at_once() is first.token
    tokens.reject(subject, first.token)
    assert at_once() is None
    second = await authorizer.authorize(selection, head())
    assert at_once() is second.token
    await tokens.clear("orders")
    assert at_once() is None
    third = await authorizer.authorize(selection, head())
    clock.now = third.token.soft_at
    assert at_once() is third.token
    await renewed(tokens, subject)
    fourth = at_once()
    clock.now = fourth.expires_at

    assert at_once() is None
    assert fourth is not third.token
    assert server.asked == ["password", "refresh", "password", "refresh"]


async def test_a_reload_finds_the_tokens_of_what_stayed_the_same(world, server):
    """What is remembered for each request begins anew, the tokens go on; changed credentials have none."""
    before = world.authorizer(compiled())
    token = (await before.authorize(select(before), head())).token

    same = world.authorizer(compiled())
    changed = world.authorizer(compiled(credentials={"username": "bot", "password": "new"}))

    assert same.authorize_at_once(select(same), head()).token is token
    assert changed.authorize_at_once(select(changed), head()) is None
    assert server.asked == ["password"]


async def test_a_refusal_about_the_token_is_the_requests(world, server):
    """Nothing goes out without authorization (I2)."""
    authorizer = world.authorizer(compiled())
    server.say(WRONG)

    with pytest.raises(TokenRequestRejected) as raised:
        await authorizer.authorize(select(authorizer), head())

    assert raised.value.profile == "orders"


async def test_a_token_response_that_lacks_what_a_field_needs_is_a_refusal(world, server):
    """The first time and every time: a field is never left out (I2)."""
    fields = [{"in": "header", "key": "X-Key", "value": "{{token.api_key}}"}]
    authorizer = world.authorizer(compiled(fields=fields))
    server.say(TokenResponse("at", lifetime=100, members={"access_token": "at"}))

    for _ in range(2):
        with pytest.raises(TokenResponseInvalid):
            await authorizer.authorize(select(authorizer), head())

    assert server.asked == ["password"]


@pytest.mark.parametrize(
    ("told", "value"),
    [
        pytest.param("bearer", "bearer", id="quirk-7-lower-case"),
        pytest.param("User Access Token", "User Access Token", id="quirk-7-odd"),
        pytest.param(None, "Bearer", id="quirk-7-missing"),
    ],
)
async def test_token_type_is_bearer_where_the_answer_names_none(tokens, server, told, value):
    """`{{token_type}} {{access_token}}` works with servers that leave it out."""
    server.say(TokenResponse("at", token_type=told))
    token = (await tokens.obtain(subject_with(server))).token

    assert field_values(compiled(), {}, token)["token_type"] == value


async def test_field_values_hold_what_the_placeholders_name(tokens, server):
    """Credentials, captures and the token with its members; captures win over the configured tenant."""
    server.say(TokenResponse("at", token_type="Bearer", refresh_token="rt", members={"id": 7}))
    token = (await tokens.obtain(subject_with(server))).token
    profile = compiled(
        match={"host": "{tenant}.example.com"},
        tenancy={"tenant": "none"},
        grant={"token_endpoint": "https://login.example.com/token", "client_id": "c"},
    )

    values = field_values(profile, {"tenant": "acme"}, token)

    assert values == {
        "username": "bot",
        "password": "pw",
        "client_id": "c",
        "tenant": "acme",
        "access_token": "at",
        "refresh_token": "rt",
        "token_type": "Bearer",
        "token": {"id": 7},
    }
