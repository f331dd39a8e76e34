"""A trial of one profile, against an authorization server and an origin of its own."""

import json
from dataclasses import asdict, replace
from urllib.parse import parse_qs

import httpx
import pytest

from profiles.token_endpoint import TokenEndpoint
from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.trial import TrialImpossible, try_profile

PASSWORD = "sentinel-password-9d2"
TOKEN = "sentinel-token-77a"
REFRESH_TOKEN = "sentinel-refresh-3c1"

CONFIGURATION = """
profiles:
  orders:
    match: {host: "{tenant}.example.com", path: /api/**}
    tenancy: {base_url: "https://{tenant}.example.com"}
    credentials: {username: bot, password: %(password)s}
    grant: {token_endpoint: /oauth/token}
    fields:
      - {in: header, key: Authorization, value: "Bearer {{access_token}}"}
      - {in: query, key: tenant, value: "{{tenant}}"}
      - {in: payload, key: id, value: "{{username}}"}
    check_url: %(check_url)s
    auth_error: [401, {status: 200, body: expired}]
  other:
    match: {host: other.example.com}
    credentials: {username: bot, password: %(password)s}
    grant: {token_endpoint: "https://other.example.com/token"}
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
            self.passwords.append(parse_qs(request.content.decode())["password"])
            return self.token_answer
        self.checks.append(request)
        return self.origin_answer


@pytest.fixture
def world():
    return World()


@pytest.fixture
def trial(world, tmp_path):
    """Tries the profile `orders`."""

    async def run(check_url="/api/me", captures=None):
        file = tmp_path / "grantproxy.yaml"
        file.write_text(CONFIGURATION % {"password": PASSWORD, "check_url": check_url})
        composition = compose(load_configuration(file, environ={}, cwd=tmp_path), environ={})
        transport = httpx.MockTransport(world)
        composition = replace(composition, endpoint=TokenEndpoint(composition.verify, transport))
        captures = {"tenant": "acme"} if captures is None else captures
        return await try_profile(composition, composition.profiles["orders"], captures, transport=transport)

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


async def test_a_refused_password_fails_with_the_answer(trial, world):
    """The RFC 6749 code is in the reason; nothing is sent to the origin."""
    world.token_answer = httpx.Response(
        400, json={"error": "invalid_grant", "error_description": f"no {PASSWORD}"}
    )

    outcome = await trial()

    assert (outcome.ok, outcome.step) == (False, "grant")
    assert "invalid_grant" in outcome.reason
    assert json.loads(outcome.answer.body) == {"error": "invalid_grant", "error_description": "no ••••"}
    assert len(world.passwords) == 1
    assert not world.checks


async def test_a_token_elsewhere_is_proposed(trial, world):
    """The setting that would have found it, and never the token."""
    world.token_answer = httpx.Response(200, json={"data": {"token": TOKEN}, "ok": True})

    outcome = await trial()

    assert not outcome.ok
    assert any("response.access_token: data.token" in proposal for proposal in outcome.proposals)
    assert TOKEN not in str(asdict(outcome))


@pytest.mark.parametrize(
    ("answer", "reason", "proposals"),
    [
        pytest.param(httpx.Response(401), "auth error", (), id="the auth error"),
        pytest.param(
            httpx.Response(200, text="token expired"), "auth error", (), id="the auth error by its body"
        ),
        pytest.param(
            httpx.Response(403),
            "does not name",
            ("add 403 to the list of auth_error",),
            id="403 that is not named",
        ),
        pytest.param(httpx.Response(302, headers={"Location": "/login"}), "redirect", (), id="redirect"),
        pytest.param(httpx.Response(404), "check_url", (), id="not there"),
        pytest.param(httpx.Response(500), "check_url", (), id="origin fails"),
    ],
)
async def test_an_origin_that_says_no_fails_the_trial(trial, world, answer, reason, proposals):
    """Each kind of no has its sentence."""
    world.origin_answer = answer

    outcome = await trial()

    assert (outcome.ok, outcome.step) == (False, "check")
    assert reason in outcome.reason
    assert outcome.proposals == proposals


async def test_an_origin_that_echoes_shows_no_secret(trial, world):
    """Body and header section are masked, wherever the token stands in them."""
    world.origin_answer = httpx.Response(
        500,
        json={"sent": f"Bearer {TOKEN}", "x": PASSWORD},
        headers={"X-Echo": TOKEN, "X-Other": REFRESH_TOKEN},
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


async def test_a_missing_capture_is_asked_for(trial, world):
    """The message says how to give it."""
    with pytest.raises(TrialImpossible, match="--capture tenant=VALUE"):
        await trial(captures={})
    assert not world.passwords


async def test_an_origin_that_cannot_be_reached_fails_the_trial(trial, world):
    """In our own words."""

    def fail(_):
        raise httpx.ConnectError(f"to {TOKEN}")

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
