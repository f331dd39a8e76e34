"""Each preset does the whole grant against a stub that answers as the provider's documentation says."""

import base64
import json
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

import httpx
import pytest
import yaml

from profiles.token_client import TokenClient
from profiles.token_endpoint import TokenEndpoint
from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.presets.catalogue import preset_names
from proxy.trial import try_profile

SECRET = "sentinel secret/8+1"
PASSWORD = "sentinel pässword&3"
RAW_BASIC = "Basic " + base64.b64encode(b"my-client:sentinel+secret%2F8%2B1").decode()


@dataclass(frozen=True)
class Documented:
    """What the documentation says of a provider, and a profile that has filled the preset's blanks."""

    preset: str
    token_endpoint: str
    parameters: dict[str, str]
    answer: dict[str, object]
    basic: str | None = None
    match: str | None = "api.example.com"
    base_url: str | None = None
    tenant: str | None = None
    grant: dict[str, object] = field(
        default_factory=lambda: {"client_id": "my-client", "client_secret": SECRET}
    )
    token_headers: dict[str, str] = field(default_factory=dict)
    check_url: str = "https://api.example.com/api/v4/user"
    injected: str = "Bearer {}"

    def profile(self) -> dict[str, object]:
        own = {
            "extends": self.preset,
            "match": self.match and {"host": self.match},
            "tenancy": {"base_url": self.base_url, "tenant": self.tenant},
            "credentials": {"username": "bot@example.com", "password": PASSWORD},
            "grant": self.grant,
            "check_url": self.check_url,
        }
        own["tenancy"] = {key: value for key, value in own["tenancy"].items() if value} or None
        return {key: value for key, value in own.items() if value}


USER = {"grant_type": "password", "username": "bot@example.com", "password": PASSWORD}
IN_BODY = {"client_id": "my-client", "client_secret": SECRET}
CLIENT = {"client_id": "my-client", "client_secret": SECRET}
JWT = "eyJhbGciOiJub25lIn0.e30."

CASES = [
    Documented(
        "keycloak",
        base_url="https://sso.example.com/auth",
        tenant="master",
        token_endpoint="https://sso.example.com/auth/realms/master/protocol/openid-connect/token",
        parameters={**USER, **IN_BODY},
        answer={
            "access_token": JWT,
            "expires_in": 60,
            "refresh_expires_in": 1800,
            "refresh_token": "refresh-1",
            "token_type": "Bearer",
            "not-before-policy": 0,
            "session_state": "2e5d",
            "scope": "profile email",
        },
    ),
    Documented(
        "auth0",
        base_url="https://acme.eu.auth0.com",
        grant={**CLIENT, "parameters": {"audience": "https://api.example.com"}, "scope": ["offline_access"]},
        token_endpoint="https://acme.eu.auth0.com/oauth/token",
        parameters={**USER, **IN_BODY, "audience": "https://api.example.com", "scope": "offline_access"},
        answer={
            "access_token": JWT,
            "refresh_token": "GEbRxBN",
            "id_token": JWT,
            "token_type": "Bearer",
            "expires_in": 36000,
        },
    ),
    Documented(
        "auth0-realm",
        base_url="https://acme.eu.auth0.com",
        grant={
            "client_id": "my-client",
            "body": {"realm": "my-database-connection", "scope": "openid email offline_access"},
            "parameters": {"audience": "https://api.example.com"},
        },
        token_endpoint="https://acme.eu.auth0.com/oauth/token",
        parameters={
            **USER,
            "grant_type": "http://auth0.com/oauth/grant-type/password-realm",
            "client_id": "my-client",
            "realm": "my-database-connection",
            "scope": "openid email offline_access",
            "audience": "https://api.example.com",
        },
        answer={
            "access_token": "SlAV32hkKG",
            "token_type": "Bearer",
            "refresh_token": "8xLOxBtZp8",
            "expires_in": 3600,
            "id_token": JWT,
        },
    ),
    Documented(
        "okta",
        base_url="https://acme.okta.com",
        token_endpoint="https://acme.okta.com/oauth2/default/v1/token",
        basic=RAW_BASIC,
        parameters={**USER, "scope": "openid"},
        answer={
            "access_token": JWT,
            "expires_in": 3600,
            "id_token": JWT,
            "scope": "openid",
            "token_type": "Bearer",
        },
    ),
    Documented(
        "entra",
        tenant="contoso.onmicrosoft.com",
        grant={"client_id": "my-client", "scope": ["user.read", "openid", "profile", "offline_access"]},
        token_endpoint="https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token",
        parameters={
            **USER,
            "client_id": "my-client",
            "scope": "user.read openid profile offline_access",
        },
        answer={
            "token_type": "Bearer",
            "scope": "User.Read profile openid email",
            "expires_in": 3599,
            "access_token": JWT,
            "refresh_token": "AwABAAAAvPM1KaPlrEqdFSBzjqfTGAMxZGUTdM0t4B4",
            "id_token": JWT,
        },
    ),
    Documented(
        "salesforce",
        match="acme.my.salesforce.com",
        check_url="https://acme.my.salesforce.com/services/data",
        token_endpoint="https://login.salesforce.com/services/oauth2/token",
        parameters={**USER, **IN_BODY},
        answer={
            "id": "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P",
            "issued_at": "1278448832702",
            "instance_url": "https://acme.my.salesforce.com",
            "signature": "0CmxinZir53Yex7nE0TD+zMpvIWYGb/bdJh6XfOH6EQ=",
            "access_token": "00Dx0000000BV7z!AR8AQAxo9UfVkh8AlV0Gomt9Czx9LjHnSSpwBMmbRcgKFmxO",
            "token_type": "Bearer",
        },
    ),
    Documented(
        "servicenow",
        match="acme.service-now.com",
        base_url="https://acme.service-now.com",
        check_url="/api/now/table/incident?sysparm_limit=1",
        token_endpoint="https://acme.service-now.com/oauth_token.do",
        parameters={**USER, **IN_BODY},
        answer={
            "scope": "useraccount",
            "token_type": "Bearer",
            "expires_in": 1799,
            "refresh_token": "w599voG89897rGVDmdp12WA681r9E5948c1CJTPi8g4HGc4NWaz62k6k1K0FMxHW40H8yOO3Hoe",
            "access_token": "9ybdPTc5kPXbDfxuFZ6Ngs",
        },
    ),
    Documented(
        "reddit",
        match=None,
        grant={**CLIENT, "headers": {"User-Agent": "linux:my-bot:1.0 (by /u/my_bot)"}},
        check_url="",
        token_endpoint="https://www.reddit.com/api/v1/access_token",
        basic=RAW_BASIC,
        parameters=USER,
        token_headers={"User-Agent": "linux:my-bot:1.0 (by /u/my_bot)"},
        answer={
            "access_token": "J1qK1c18UUGJFAzz9xnH56584l4",
            "expires_in": 3600,
            "scope": "*",
            "token_type": "bearer",
        },
        injected="bearer {}",
    ),
    Documented(
        "gitlab",
        match="gitlab.example.com",
        base_url="https://gitlab.example.com",
        check_url="",
        token_endpoint="https://gitlab.example.com/oauth/token",
        basic=RAW_BASIC,
        parameters=USER,
        answer={
            "access_token": "1f0af717251950dbd4d73154fdf0a474a5c5119adad999683f5b450c460726aa",
            "token_type": "bearer",
            "expires_in": 7200,
        },
    ),
    Documented(
        "fusionauth",
        base_url="https://acme.fusionauth.io",
        grant={**CLIENT, "scope": ["openid", "offline_access"]},
        token_endpoint="https://acme.fusionauth.io/oauth2/token",
        basic=RAW_BASIC,
        parameters={**USER, "scope": "openid offline_access"},
        answer={
            "access_token": JWT,
            "expires_in": 3600,
            "id_token": JWT,
            "refresh_token": "ze9fi6Y9sMSf3yWp3aaO2w7AMav2MFdiMIi2GObrAi-i3248oo0jTQ",
            "refresh_token_id": "0a1b",
            "scope": "openid offline_access",
            "token_type": "Bearer",
            "userId": "3b6d2f70-4821-4694-ac89-60333c9c4165",
        },
    ),
    Documented(
        "laravel-passport",
        base_url="https://passport-app.test",
        grant={**CLIENT, "scope": "user:read orders:create"},
        token_endpoint="https://passport-app.test/oauth/token",
        parameters={**USER, **IN_BODY, "scope": "user:read orders:create"},
        answer={"token_type": "Bearer", "expires_in": 31536000, "access_token": JWT, "refresh_token": "def5"},
    ),
    Documented(
        "django-oauth-toolkit",
        base_url="https://app.example.com",
        token_endpoint="https://app.example.com/o/token/",
        basic=RAW_BASIC,
        parameters=USER,
        answer={
            "access_token": "5jNKc2g2pHRM2I3Rma8X2DwDWyTYeZ",
            "token_type": "Bearer",
            "expires_in": 36000,
            "refresh_token": "gLTWA5zHTOnPDlUB1HvRUukHVqVQ66",
            "scope": "read write groups",
        },
    ),
]

each_preset = pytest.mark.parametrize("case", CASES, ids=[case.preset for case in CASES])


class Provider:
    """A token endpoint that answers as documented, and an origin that takes everything; both remember."""

    def __init__(self, case):
        self.case = case
        self.token_requests = []
        self.checks = []

    def __call__(self, request):
        if str(request.url) == self.case.token_endpoint:
            self.token_requests.append(request)
            return httpx.Response(200, json=self.case.answer)
        self.checks.append(request)
        return httpx.Response(200, json={"me": "bot"})


def composition_of(case, tmp_path, provider):
    file = tmp_path / "grantproxy.yaml"
    file.write_text(yaml.safe_dump({"profiles": {"it": case.profile()}}))
    composition = compose(load_configuration(file, environ={}, cwd=tmp_path), environ={})
    return replace(composition, endpoint=TokenEndpoint(composition.verify, httpx.MockTransport(provider)))


def form_of(request):
    pairs = parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_every_preset_has_its_documentation():
    """No preset without a case in the table."""
    assert sorted(case.preset for case in CASES) == sorted(preset_names())


@each_preset
async def test_the_token_request_is_the_documented_one(case, tmp_path):
    """URL, method, media type, client authentication and every parameter; nothing besides."""
    provider = Provider(case)
    composition = composition_of(case, tmp_path, provider)

    outcome = await try_profile(
        composition, composition.profiles["it"], {}, transport=httpx.MockTransport(provider)
    )

    assert outcome.ok, outcome.reason
    (request,) = provider.token_requests
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers.get("Authorization") == case.basic
    assert form_of(request) == case.parameters
    assert {name: request.headers[name] for name in case.token_headers} == case.token_headers


@each_preset
async def test_the_token_goes_where_it_is_documented_to_go(case, tmp_path):
    """The answer is understood, lifetime included, and the origin gets the token in its field."""
    provider = Provider(case)
    composition = composition_of(case, tmp_path, provider)

    outcome = await try_profile(
        composition, composition.profiles["it"], {}, transport=httpx.MockTransport(provider)
    )

    (check,) = provider.checks
    assert check.headers["Authorization"] == case.injected.format(case.answer["access_token"])
    assert outcome.lifetime == case.answer.get("expires_in")
    assert outcome.has_refresh_token == ("refresh_token" in case.answer)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if "refresh_token" in case.answer],
    ids=[case.preset for case in CASES if "refresh_token" in case.answer],
)
async def test_the_refresh_goes_to_the_same_endpoint_with_the_same_client(case, tmp_path):
    """Where the documentation shows a refresh token; the password is in no such request."""
    provider = Provider(case)
    composition = composition_of(case, tmp_path, provider)
    profile = composition.profiles["it"]

    response = await TokenClient(composition.endpoint).refresh(profile.grant, profile.values({}), "old-one")

    (request,) = provider.token_requests
    form = form_of(request)
    client = {key: value for key, value in case.parameters.items() if key.startswith("client_")}
    assert response.access_token == case.answer["access_token"]
    assert form["grant_type"] == "refresh_token"
    assert form["refresh_token"] == "old-one"
    assert {key: value for key, value in form.items() if key.startswith("client_")} == client
    assert request.headers.get("Authorization") == case.basic
    assert PASSWORD not in json.dumps(form, ensure_ascii=False)


async def test_a_public_client_sends_no_secret(tmp_path):
    """The preset's client authentication is for a secret; without one the id alone goes into the body."""
    (keycloak,) = [case for case in CASES if case.preset == "keycloak"]
    case = replace(keycloak, grant={"client_id": "my-client"})
    provider = Provider(case)
    composition = composition_of(case, tmp_path, provider)
    profile = composition.profiles["it"]

    await TokenClient(composition.endpoint).password(profile.grant, profile.values({}))

    (request,) = provider.token_requests
    assert form_of(request) == {**USER, "client_id": "my-client"}
    assert "Authorization" not in request.headers
