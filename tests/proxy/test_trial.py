"""A trial of one profile, against an authorization server and an origin of its own."""

import json
import secrets
import ssl
from dataclasses import asdict, replace
from urllib.parse import parse_qs

import httpx
import pytest

from profiles.token_endpoint import TokenEndpoint
from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.shown_answers import SHOWN_CHARACTERS
from proxy.trial import TrialImpossible, try_profile

PASSWORD = f"sentinel-password-{secrets.token_hex(4)}"
TOKEN = f"sentinel-token-{secrets.token_hex(4)}"
REFRESH_TOKEN = f"sentinel-refresh-{secrets.token_hex(4)}"

PIN = f"47{secrets.randbelow(10**8)}"

CONFIGURATION = """
profiles:
  orders:
    match: {host: "{tenant}.example.com", path: /api/**}
    tenancy: {base_url: "https://{tenant}.example.com"}
    credentials: {username: bot, password: %(password)s}
    grant: {token_endpoint: /oauth/token%(grant)s}
    fields:
      - {in: header, key: Authorization, value: "Bearer {{access_token}}"}
      - {in: query, key: tenant, value: "{{tenant}}"}
      %(field)s
    check_url: %(check_url)s
    auth_error: [401, {status: 200, body: expired}]
  other:
    match: {host: other.example.com}
    credentials: {username: bot, password: %(password)s}
    grant: {token_endpoint: "https://other.example.com/token"}
  personal:
    match: {host: me.example.com, path: /api/**}
    mode: per_user
    credentials: {area: north}
    form_fields:
      - {key: username}
      - {key: password, type: password}
      - {key: pin, type: password, data_type: number}
      - {key: area, visibility: hidden}
    grant: {token_endpoint: "https://me.example.com/oauth/token", content_type: json}
    fields:
      - {in: header, key: Authorization, value: "Bearer {{access_token}}"}
      - {in: header, key: X-For, value: "{{user}} {{area}} {{pin}}"}
    check_url: %(personal_check_url)s
"""

GOOD = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 60, "refresh_token": REFRESH_TOKEN}


class World:
    """A token endpoint and an origin; both remember what came and answer what they are told."""

    def __init__(self):
        self.token_answer = httpx.Response(200, json=GOOD)
        self.origin_answer = httpx.Response(200, json={"me": "bot"})
        self.passwords = []
        self.checks = []

    def __call__(self, request):
        if request.url.path == "/oauth/token":
            sent = request.content.decode() or request.url.query.decode()
            parameters = json.loads(sent) if sent.startswith("{") else parse_qs(sent)
            self.passwords.append(parameters["password"])
            self.parameters = parameters
            return self.token_answer
        self.checks.append(request)
        return self.origin_answer


@pytest.fixture
def world():
    return World()


@pytest.fixture
def composed(world, tmp_path):
    """The configuration, and the way to the world."""

    def make(check_url="/api/me", grant="", field="", personal_check_url="https://me.example.com/api/me"):
        file = tmp_path / "grantproxy.yaml"
        values = {"password": PASSWORD, "check_url": check_url, "grant": grant, "field": field}
        file.write_text(CONFIGURATION % {**values, "personal_check_url": personal_check_url})
        composition = compose(load_configuration(file, environ={}, cwd=tmp_path), environ={})
        transport = httpx.MockTransport(world)
        return replace(composition, endpoint=TokenEndpoint(composition.verify, transport)), transport

    return make


@pytest.fixture
def trial(composed):
    """Tries the profile `orders`."""

    async def run(check_url="/api/me", captures=None, grant="", field=""):
        composition, transport = composed(check_url, grant, field)
        captures = {"tenant": "acme"} if captures is None else captures
        return await try_profile(composition, composition.profiles["orders"], captures, transport=transport)

    return run


@pytest.fixture
def personal_trial(composed):
    """Tries the per-user profile `personal` with what the end user anna enters."""

    async def run(**settings):
        composition, transport = composed(**settings)
        profile = composition.profiles["personal"]
        entered = {"username": "anna-sentinel", "password": PASSWORD, "pin": PIN}
        entry, problems = profile.entry_of({}, entered, consents=False)
        assert problems == []
        return await try_profile(
            composition, profile, {}, user="anna", entered=entry.values, transport=transport
        )

    return run


async def test_a_good_profile_succeeds(trial, world):
    """One password submission, one check with the fields in it."""
    outcome = await trial()

    (check,) = world.checks
    assert outcome.ok
    assert (outcome.token_type, outcome.lifetime, outcome.has_refresh_token) == ("Bearer", 60, True)
    assert world.passwords == [[PASSWORD]]
    assert check.headers["authorization"] == f"Bearer {TOKEN}"
    assert check.extensions["target"] == b"/api/me?tenant=acme"
    assert outcome.request == "GET https://acme.example.com/api/me?tenant=••••"
    assert outcome.notes == ()


async def test_the_check_is_sent_as_by_the_proxy(trial, world):
    """With no field but those of any client and those of the profile."""
    await trial()

    (check,) = world.checks
    assert sorted(check.headers) == [
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "host",
        "user-agent",
    ]
    assert check.headers["user-agent"] == "grantproxy"


async def test_a_refused_password_fails_with_the_answer(trial, world):
    """The RFC 6749 code is in the reason; nothing is sent to the origin."""
    world.token_answer = httpx.Response(
        400, json={"error": "invalid_grant", "error_description": f"no {PASSWORD}"}
    )

    outcome = await trial()

    assert (outcome.ok, outcome.step) == (False, "grant")
    assert "(invalid_grant), which is how servers answer a wrong user name or password" in outcome.reason
    assert outcome.request == "POST https://acme.example.com/oauth/token"
    assert json.loads(outcome.answer.body) == {"error": "invalid_grant", "error_description": "no ••••"}
    assert len(world.passwords) == 1
    assert not world.checks


async def test_a_token_elsewhere_is_proposed(trial, world):
    """The setting that would have found it, and never the token."""
    world.token_answer = httpx.Response(200, json={"data": {"token": TOKEN}, "ok": True})

    outcome = await trial()

    assert not outcome.ok
    assert outcome.proposals[0].setting == "grant.response.access_token"
    assert outcome.proposals[0].value == "data.token"
    assert TOKEN not in str(asdict(outcome))


@pytest.mark.parametrize(
    ("answer", "reason", "settings"),
    [
        pytest.param(httpx.Response(401), "auth error", [], id="the auth error"),
        pytest.param(
            httpx.Response(200, text="token expired"), "auth error", [], id="the auth error by its body"
        ),
        pytest.param(
            httpx.Response(401, headers={"WWW-Authenticate": "Token"}),
            "asks for Token",
            ["fields"],
            id="scheme",
        ),
        pytest.param(httpx.Response(403), "does not name", ["auth_error"], id="403 that is not named"),
        pytest.param(
            httpx.Response(302, headers={"Location": "/login"}), "people log in", ["auth_error"], id="log-in"
        ),
        pytest.param(httpx.Response(404), "check_url", [], id="not there"),
        pytest.param(httpx.Response(500), "it failed itself", [], id="origin fails"),
    ],
)
async def test_an_origin_that_says_no_fails_the_trial(trial, world, answer, reason, settings):
    """Each kind of no has its sentence; the request that brought it is told."""
    world.origin_answer = answer

    outcome = await trial()

    assert (outcome.ok, outcome.step) == (False, "check")
    assert reason in outcome.reason
    assert [item.setting for item in outcome.proposals] == settings
    assert outcome.request == "GET https://acme.example.com/api/me?tenant=••••"
    assert outcome.answer.status == answer.status_code


async def test_an_origin_that_echoes_shows_no_secret(trial, world):
    """Body and header section are masked, wherever the token stands in them."""
    world.origin_answer = httpx.Response(
        500,
        json={"sent": f"Bearer {TOKEN}", "x": PASSWORD},
        headers={"X-Echo": TOKEN, "X-Other": REFRESH_TOKEN, "Location": f"/x?t={TOKEN}"},
    )

    outcome = await trial()

    shown = str(asdict(outcome))
    assert "Bearer ••••" in shown
    assert not [secret for secret in (TOKEN, PASSWORD, REFRESH_TOKEN) if secret in shown]


@pytest.mark.parametrize(
    ("check_url", "why"),
    [
        pytest.param("https://attacker.test/api/me", "no profile owns it", id="a foreign origin"),
        pytest.param("https://other.example.com/me", "other owns it", id="another profile's"),
        pytest.param("/elsewhere", "no profile owns it", id="a path of nobody's"),
        pytest.param("http://acme.example.com/api/me", "without TLS", id="cleartext"),
    ],
)
async def test_a_check_url_that_the_profile_does_not_own_is_refused(trial, world, check_url, why):
    """I1: not even the token endpoint is asked."""
    with pytest.raises(TrialImpossible, match=why):
        await trial(check_url)
    assert not world.passwords


async def test_a_get_token_request_is_shown_without_its_parameters(trial, world):
    """The password is in its URL (quirk-12)."""
    outcome = await trial(grant=", method: GET, scope: [read]", check_url="null")

    assert outcome.ok
    assert outcome.request == (
        "GET https://acme.example.com/oauth/token?grant_type=password&username=••••&password=••••&scope=read"
    )


ACCOUNT = '- {in: path, key: accountId, value: "{{token.account}}"}'


@pytest.mark.parametrize(
    "check_url",
    [
        pytest.param("/api/accounts/{accountId}/me", id="relative"),
        pytest.param("'https://{tenant}.example.com/api/accounts/{accountId}/me'", id="absolute"),
        pytest.param("/api/accounts/%7BaccountId%7D/me", id="percent-encoded"),
    ],
)
async def test_a_path_field_is_filled_into_the_check_url(trial, world, check_url):
    """As into a client's path; the line that is shown has a mask there."""
    world.token_answer = httpx.Response(200, json={**GOOD, "account": "4/2"})

    outcome = await trial(check_url, field=ACCOUNT)

    (check,) = world.checks
    assert outcome.ok
    assert check.extensions["target"] == b"/api/accounts/4%2F2/me?tenant=acme"
    assert outcome.request == "GET https://acme.example.com/api/accounts/••••/me?tenant=••••"


async def test_a_path_field_wins_over_a_placeholder_of_its_name(trial, world):
    """In the path it is a place, as in a client's; in the host it stays a placeholder."""
    field = '- {in: path, key: tenant, value: "of-{{tenant}}"}'

    outcome = await trial("'https://{tenant}.example.com/api/{tenant}'", field=field)

    assert outcome.ok
    assert world.checks[0].url.host == "acme.example.com"
    assert world.checks[0].extensions["target"] == b"/api/of-acme?tenant=acme"


async def test_a_check_url_without_the_place_of_a_path_field_is_wrong_use(trial, world):
    """The proxy would refuse such a request, so no password is submitted for it."""
    with pytest.raises(TrialImpossible, match=r"no \{accountId\}, which a path field"):
        await trial(field=ACCOUNT)
    assert not world.passwords


async def test_a_path_field_without_a_value_fails_the_trial(trial, world):
    """As the proxy refuses the request; nothing is sent."""
    outcome = await trial("/api/{accountId}", field=ACCOUNT)

    assert not outcome.ok
    assert "nothing gave token.account a value, which accountId needs" in outcome.reason
    assert (outcome.request, world.checks) == (None, [])


async def test_a_payload_field_is_told_to_be_left_out(trial, world):
    """A GET has no body; one line says so."""
    outcome = await trial(field='- {in: payload, key: customer.ssn, value: "{{username}}"}')

    assert outcome.ok
    assert outcome.notes == (
        "the check is a GET without a body, so it does not carry customer.ssn (payload)",
    )


@pytest.mark.parametrize(
    ("scope", "notes"),
    [
        pytest.param(None, 0, id="not told"),
        pytest.param("write read", 0, id="as asked for"),
        pytest.param("read,write", 0, id="quirk-8: separated by a comma"),
        pytest.param("https://graph.example/Read https://graph.example/Write", 0, id="by its address"),
        pytest.param("read", 1, id="less"),
    ],
)
async def test_a_scope_that_is_not_granted_is_told(trial, world, scope, notes):
    """RFC 6749 section 5.1: the server names the scope where it is another one."""
    world.token_answer = httpx.Response(200, json={**GOOD, "scope": scope})

    outcome = await trial(grant=", scope: [read, write]")

    assert outcome.ok
    assert len(outcome.notes) == notes
    assert all("does not name write" in note for note in outcome.notes)


async def test_an_answer_that_never_ends_is_not_waited_for(trial, world):
    """An event stream is known by its head."""

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"data: 1\n\n"
            raise AssertionError("the body was read")

    world.origin_answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Endless())

    assert (await trial()).ok


async def test_bytes_that_are_no_text_are_shown_somehow(trial, world):
    """An image in the place of a token breaks nothing."""
    world.token_answer = httpx.Response(200, content=b"\x89PNG\xff")

    outcome = await trial()

    assert outcome.answer.body == "\ufffdPNG\ufffd"


async def test_a_large_answer_is_read_in_part(trial, world):
    """As much as an auth error is looked for in."""
    world.origin_answer = httpx.Response(500, content=b"x" * 200_000)

    outcome = await trial()

    assert len(outcome.answer.body) <= SHOWN_CHARACTERS + 1


async def test_a_missing_capture_is_asked_for(trial, world):
    """By its name, for each way of asking to say how it is given."""
    with pytest.raises(TrialImpossible, match="check_url needs tenant") as raised:
        await trial(captures={})
    assert raised.value.capture == "tenant"
    assert not world.passwords


@pytest.mark.parametrize("error", [httpx.ConnectError, ssl.SSLError])
async def test_an_origin_that_cannot_be_reached_fails_the_trial(trial, world, error):
    """In our own words."""

    def fail(_):
        raise error(f"to {TOKEN}")

    answer = world.token_answer
    world.__class__ = type(
        "Down", (World,), {"__call__": lambda self, r: answer if "oauth" in r.url.path else fail(r)}
    )

    outcome = await trial()

    assert not outcome.ok
    assert "cannot be reached" in outcome.reason
    assert TOKEN not in outcome.reason


async def test_a_check_url_may_hold_what_the_token_response_tells(trial, world):
    """The check comes after the grant; the value stands in the path, escaped."""
    world.token_answer = httpx.Response(200, json={**GOOD, "id": "4/2"})

    outcome = await trial("/api/test/{{token.id}}")

    assert outcome.ok
    assert world.checks[0].extensions["target"].startswith(b"/api/test/4%2F2?")


async def test_a_check_url_that_the_token_response_cannot_fill_is_wrong_use(trial, world):
    """Nothing is sent to a half-made address."""
    with pytest.raises(TrialImpossible, match=r"token\.id, and the token response has none"):
        await trial("/api/test/{{token.id}}")

    assert world.checks == []


async def test_a_per_user_profile_is_tried_with_what_is_entered(personal_trial, world):
    """Typed by the form field's data type, together with what is preset; fields may name it."""
    outcome = await personal_trial()

    (check,) = world.checks
    assert outcome.ok, outcome.reason
    assert world.parameters == {
        "grant_type": "password",
        "username": "anna-sentinel",
        "password": PASSWORD,
        "pin": int(PIN),
        "area": "north",
    }
    assert check.headers["x-for"] == f"anna north {PIN}"


@pytest.mark.parametrize("fails_at", ["grant", "check"])
async def test_what_was_entered_is_masked(personal_trial, world, fails_at):
    """Wherever it turns up in an answer, a number as well."""
    repeated = {"error": "invalid_grant", "password": PASSWORD, "of": "anna-sentinel", "pin": int(PIN)}
    if fails_at == "grant":
        world.token_answer = httpx.Response(400, json=repeated)
    else:
        world.origin_answer = httpx.Response(500, json=repeated, headers={"X-Echo": PASSWORD})

    outcome = await personal_trial()

    shown = str(asdict(outcome))
    assert (outcome.ok, outcome.step) == (False, fails_at)
    assert "••••" in outcome.answer.body
    assert not [secret for secret in (PASSWORD, PIN, "anna-sentinel", TOKEN) if secret in shown]


async def test_an_address_that_shows_what_was_entered_is_masked(personal_trial, world):
    """A check that is not the profile's own names its address, and the value stands in that."""
    with pytest.raises(TrialImpossible, match="no profile owns it") as raised:
        await personal_trial(personal_check_url="'https://me.example.com/elsewhere/{password}'")

    assert PASSWORD not in str(raised.value)
    assert not world.passwords


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        pytest.param({"status_code": 400, "json": {"error": "invalid_grant"}}, True, id="refused"),
        pytest.param({"status_code": 401, "json": {"error": "invalid_client"}}, False, id="the client"),
        pytest.param({"status_code": 200, "json": {"data": {"token": TOKEN}}}, False, id="another shape"),
    ],
)
async def test_a_refused_password_is_told_from_other_failures(trial, world, status, refused):
    """So that whoever asks again by accident can be stopped before the account is locked."""
    world.token_answer = httpx.Response(**status)

    outcome = await trial()

    assert (outcome.ok, outcome.password_refused) == (False, refused)


HALF = "\ud800"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"access_token": TOKEN, "more": f"{HALF}sentinel-half"}, id="member"),
        pytest.param({"access_token": f"{HALF}sentinel-half"}, id="token"),
        pytest.param({"data": {f"{HALF}token": "sentinel-half-1234567890"}}, id="name"),
    ],
)
async def test_half_a_surrogate_pair_is_shown_somehow(trial, world, answer):
    """JSON can hold it, and UTF-8 cannot."""
    content = json.dumps(answer).encode()
    world.token_answer = httpx.Response(200, content=content, headers={"Content-Type": "application/json"})
    world.origin_answer = httpx.Response(500, content=content)

    shown = str(asdict(await trial()))

    assert shown.encode()
    assert "sentinel-half" not in shown
