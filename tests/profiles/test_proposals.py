"""Each shape of answer that a profile does not fit has the setting that would mend it."""

import json
import secrets

import pytest
import yaml

from profiles.model import GrantSettings
from profiles.proposals import propose
from profiles.response_places import compile_response_plan
from profiles.token_answer import TokenAnswer
from profiles.token_response import parse_token_response

TOKEN = f"sentinel{secrets.token_hex(12)}"
NOW = 1_700_000_000

REDIRECTED = f"https://u:{TOKEN}@b.example/oauth/token;s={TOKEN}?t={TOKEN}#{TOKEN}"

IN_ONE_HOUR = {"access_token": TOKEN, "expires_in": 3600}
A_PAGE = b"<!DOCTYPE html><title>Log in</title><input type=hidden value=" + TOKEN.encode()


def settings(**more: object) -> GrantSettings:
    return GrantSettings.model_validate(
        {"token_endpoint": "https://a.example/token", "client_id": "c", "client_secret": "s", **more}
    )


def answer(
    status: int, body: object, *headers: tuple[str, str], media_type: str = "application/json"
) -> TokenAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return TokenAnswer(status, (("Content-Type", media_type), *headers), content)


def case(name: str, given: TokenAnswer, *expected: object, **configured: object):
    """*expected* are setting, value and, where it is not an hour, the lifetime once the setting is made."""
    return pytest.param(given, configured, *expected, id=name)


def text(body: str, media_type: str = "text/plain") -> TokenAnswer:
    return answer(200, body.encode(), media_type=media_type)


ACCESS_TOKEN = "grant.response.access_token"
EXPIRES_IN = "grant.response.expires_in"
EXPIRES_AT = "grant.response.expires_at"
UNIT = "grant.expires_in_unit"

SHAPES = [
    case("nested", answer(200, {"data": {"token": TOKEN}}), ACCESS_TOKEN, "data.token", None),
    case("renamed", answer(200, {"accessToken": TOKEN}), ACCESS_TOKEN, "accessToken", None),
    case(
        "the-nearest",
        answer(200, {"a": {"b": {"token": "no"}}, "c": {"jwt": TOKEN}}),
        ACCESS_TOKEN,
        "c.jwt",
        None,
    ),
    case(
        "below-another-name",
        answer(200, {"authed_user": {"access_token": TOKEN}}),
        ACCESS_TOKEN,
        "authed_user.access_token",
        None,
    ),
    case(
        "name-to-be-quoted",
        answer(200, {"d-1": {"Session Id": 1, "SessionId": TOKEN}}),
        ACCESS_TOKEN,
        '"d-1".SessionId',
        None,
    ),
    case("in-a-list", answer(200, {"result": [{"token": TOKEN}]}), ACCESS_TOKEN, "result[0].token", None),
    case(
        "below-the-name-itself",
        answer(200, {"access_token": {"token": TOKEN}}),
        ACCESS_TOKEN,
        "access_token.token",
        None,
    ),
    case(
        "not-the-refresh-token",
        answer(200, {"refresh": {"token": "no"}, "access": {"token": TOKEN}}),
        ACCESS_TOKEN,
        "access.token",
        None,
    ),
    case(
        "called-like-a-token",
        answer(200, {"user": "bot", "loginTicket": TOKEN}),
        ACCESS_TOKEN,
        "loginTicket",
        None,
    ),
    case("the-only-text", answer(200, {"d": TOKEN}), ACCESS_TOKEN, "d", None),
    case("a-json-string", answer(200, TOKEN), ACCESS_TOKEN, "@", None),
    case("form-encoded", text(f"accessToken={TOKEN}&expires_in=3600"), ACCESS_TOKEN, "accessToken"),
    case("form-encoded-as-html", text(f"token={TOKEN}&expires_in=3600", "text/html"), ACCESS_TOKEN, "token"),
    case(
        "xml",
        text(f"<Response><Token>{TOKEN}</Token></Response>", "application/xml"),
        ACCESS_TOKEN,
        "Token",
        None,
    ),
    case(
        "xml-below-other-elements",
        text(f"<?xml version='1.0'?><R><user>b</user><s><sessionId>{TOKEN}</sessionId></s></R>", "text/xml"),
        ACCESS_TOKEN,
        "s.sessionId",
        None,
    ),
    case(
        "xml-of-one-element",
        text(f"<string xmlns='http://tempuri.org/'>{TOKEN}</string>", "text/xml"),
        ACCESS_TOKEN,
        "string",
        None,
    ),
    case("csv", text(f"User,Token\r\nbot,{TOKEN}\r\n", "text/csv"), ACCESS_TOKEN, "Token", None),
    case(
        "cookie",
        answer(200, {"ok": True}, ("Set-Cookie", f"JSESSIONID={TOKEN}; Path=/; HttpOnly")),
        ACCESS_TOKEN,
        "cookie:JSESSIONID",
        None,
    ),
    case("header", answer(200, b"", ("X-Token", TOKEN)), ACCESS_TOKEN, "header:X-Token", None),
    case(
        "header-with-scheme",
        answer(200, {}, ("Authorization", f"Bearer {TOKEN}")),
        ACCESS_TOKEN,
        "header:Authorization",
        None,
    ),
    case("bare-word", text(TOKEN), ACCESS_TOKEN, "@", None),
    case("milliseconds", answer(200, {"access_token": TOKEN, "expires_in": 3_600_000}), UNIT, "milliseconds"),
    case(
        "milliseconds-as-text",
        answer(200, {"access_token": TOKEN, "expires_in": "3600000"}),
        UNIT,
        "milliseconds",
    ),
    case(
        "30-days-in-milliseconds",
        answer(200, {"access_token": TOKEN, "expires_in": 2_592_000_000}),
        UNIT,
        "milliseconds",
        2_592_000,
    ),
    case("seconds", answer(200, IN_ONE_HOUR), UNIT, "seconds", expires_in_unit="milliseconds"),
    case(
        "lifetime-renamed", answer(200, {"access_token": TOKEN, "expiresIn": 3600}), EXPIRES_IN, "expiresIn"
    ),
    case(
        "instant-as-lifetime",
        answer(200, {"access_token": TOKEN, "expires_in": "2023-11-14T23:13:20Z"}),
        EXPIRES_AT,
        "expires_in",
    ),
    case(
        "instant-in-seconds",
        answer(200, {"access_token": TOKEN, "expires": NOW + 3600}),
        EXPIRES_AT,
        "expires",
    ),
    case(
        "instant-in-milliseconds",
        answer(200, {"access_token": TOKEN, "exp": 1000 * (NOW + 3600)}),
        EXPIRES_AT,
        "exp",
    ),
]

CLIENT = "grant.client_authentication"
REFUSALS = [
    case("basic-refused", answer(401, {"error": "invalid_client"}), CLIENT, "client_secret_post"),
    case(
        "post-refused",
        answer(400, {"error": "invalid_client"}),
        CLIENT,
        "client_secret_basic",
        client_authentication="client_secret_post",
    ),
    case(
        "raw-refused",
        answer(400, {"error": "invalid_client"}),
        CLIENT,
        "client_secret_basic",
        client_authentication="client_secret_basic_raw",
    ),
    case(
        "none-refused",
        answer(400, {"error": "invalid_client"}),
        CLIENT,
        "client_secret_basic",
        client_authentication="none",
    ),
    case(
        "basic-encoded-otherwise",
        answer(401, {"error": "invalid_client"}, ("WWW-Authenticate", 'Basic realm="x"')),
        CLIENT,
        "client_secret_basic_raw",
        client_secret="a b",
    ),
    case("client-may-not", answer(400, {"error": "unauthorized_client"}), CLIENT, "client_secret_post"),
    case(
        "401-without-a-code",
        answer(401, b"", ("WWW-Authenticate", 'Basic realm="token"')),
        CLIENT,
        "client_secret_basic",
        client_authentication="client_secret_post",
    ),
    case(
        "public-client-refused",
        answer(401, {"error": "invalid_client"}),
        "grant.client_secret",
        "${env:CLIENT_SECRET}",
        client_secret=None,
    ),
    case(
        "no-client",
        answer(401, {"error": "invalid_client"}),
        "grant.client_id",
        "the client that is registered for this",
        client_id=None,
        client_secret=None,
    ),
    case("wrong-scope", answer(400, {"error": "invalid_scope"}), "grant.scope", "[]", scope=["x"]),
    case(
        "scope-wanted",
        answer(400, {"error": "invalid_scope"}),
        "grant.scope",
        "[a scope that the server knows]",
    ),
    case("error-in-a-200", answer(200, {"error": "invalid_scope"}), "grant.scope", "[]", scope=["x"]),
    case(
        "error-in-xml",
        text("<e><error>invalid_scope</error></e>", "text/xml"),
        "grant.scope",
        "[]",
        scope=["x"],
    ),
    case("json-expected", answer(400, {"error": "unsupported_grant_type"}), "grant.content_type", "json"),
    case(
        "form-expected",
        answer(400, {"error": "unsupported_grant_type"}),
        "grant.content_type",
        "urlencoded",
        content_type="json",
    ),
    case(
        "post-expected",
        answer(400, {"error": "unsupported_grant_type"}),
        "grant.method",
        "POST",
        method="GET",
    ),
    case("media-type-not-supported", answer(415, b""), "grant.content_type", "json"),
    case(
        "missing-scope",
        answer(400, {"error": "invalid_request", "error_description": "Scope is required"}),
        "grant.scope",
        "[a scope that the server knows]",
    ),
    case(
        "missing-audience",
        answer(400, {"error": "invalid_request", "error_description": "Missing audience"}),
        "grant.parameters",
        "{audience: what the server wants there}",
    ),
    case(
        "missing-grant-type",
        answer(400, {"error": "invalid_request", "error_description": "Missing 'grant_type'"}),
        "grant.content_type",
        "json",
    ),
    case(
        "missing-client",
        answer(
            400, {"error": "invalid_request", "error_description": "client_id must be given: it is missing"}
        ),
        CLIENT,
        "client_secret_post",
    ),
    case(
        "redirect",
        answer(308, b"", ("Location", REDIRECTED)),
        "grant.token_endpoint",
        "https://b.example/oauth/token",
    ),
    case(
        "redirect-on-the-spot",
        answer(301, b"", ("Location", f"/oauth/token/?t={TOKEN}")),
        "grant.token_endpoint",
        "/oauth/token/",
    ),
    case(
        "html-log-in-page",
        answer(200, A_PAGE, media_type="text/html"),
        "grant.token_endpoint",
        "the address of the token endpoint",
    ),
    case(
        "html-error-page",
        answer(403, b"<html><h1>Forbidden", media_type="text/html"),
        "grant.token_endpoint",
        "the address of the token endpoint",
    ),
    case("not-there", answer(404, b""), "grant.token_endpoint", "the path of the token endpoint"),
    case("method", answer(405, b"", ("Allow", "GET, PUT")), "grant.method", "GET"),
]


@pytest.mark.parametrize(
    ("given", "configured", "setting", "value"),
    [pytest.param(*shape.values[:4], id=shape.id) for shape in [*SHAPES, *REFUSALS]],
)
def test_an_answer_that_does_not_fit_has_a_proposal(given, configured, setting, value):
    """The setting that would mend it comes first, and nothing that is proposed shows the token."""
    proposals = propose(given, settings(**configured))

    assert (proposals[0].setting, proposals[0].value) == (setting, value)
    assert TOKEN not in str(proposals)


@pytest.mark.parametrize(
    ("given", "configured", "lifetime"),
    [
        pytest.param(*shape.values[:2], shape.values[4] if len(shape.values) > 4 else 3600, id=shape.id)
        for shape in SHAPES
    ],
)
def test_a_profile_that_follows_the_proposals_finds_the_token(given, configured, lifetime):
    """With all that is proposed for a shape set, the token is found, its lifetime is right, and there is
    nothing left to propose."""
    mended = settings(**configured)
    for proposal in propose(given, mended):
        mended = with_setting(mended, proposal.setting, proposal.value)

    plan = compile_response_plan(mended.response, mended.expires_in_unit)
    response = parse_token_response(plan, given, mended.content_type, NOW)
    assert response.access_token == TOKEN
    assert response.lifetime == lifetime
    assert propose(given, mended) == []


def with_setting(given: GrantSettings, setting: str, value: str) -> GrantSettings:
    """The settings with one of them as a proposal writes it, read as the YAML file would be."""
    _, *path, name = setting.split(".")
    tree = given.model_dump(mode="json", exclude_unset=True)
    node = tree
    for step in path:
        node = node.setdefault(step, {})
    node[name] = yaml.safe_load(value) if name != "access_token" else value
    return settings(**{key: item for key, item in tree.items() if key != "client_secret"})


@pytest.mark.parametrize(
    ("given", "configured"),
    [
        pytest.param(answer(200, IN_ONE_HOUR), {}, id="standard"),
        pytest.param(answer(200, {"access_token": TOKEN}), {}, id="no-lifetime"),
        pytest.param(answer(200, {"access_token": 4711}), {}, id="a-session-by-number"),
        pytest.param(
            answer(200, {}, ("X-Token", TOKEN)), {"response": {"access_token": "header:X-Token"}}, id="header"
        ),
        pytest.param(
            answer(200, b"", ("Set-Cookie", f"sid={TOKEN}")),
            {"response": {"access_token": "cookie:sid"}},
            id="cookie",
        ),
        pytest.param(
            answer(200, {"access_token": TOKEN, "until": "2031-01-31"}),
            {"response": {"expires_at": "until"}},
            id="instant",
        ),
        pytest.param(
            answer(200, {"access_token": TOKEN, "expires_in": 31_536_000}), {}, id="a-year-of-passport"
        ),
        pytest.param(answer(200, {"access_token": TOKEN, "expires_in": 2_147_483_647}), {}, id="for-ever"),
        pytest.param(
            answer(200, {"access_token": TOKEN, "expires_in": 3_600_000}),
            {"expires_in_unit": "milliseconds"},
            id="milliseconds-that-are-set",
        ),
        pytest.param(answer(400, {"error": "invalid_grant"}), {}, id="wrong-password"),
        pytest.param(answer(401, {"error": "invalid_grant"}), {}, id="wrong-password-as-401"),
        pytest.param(
            answer(400, {"error": "invalid_request", "error_description": f"Invalid username {TOKEN}"}),
            {},
            id="wrong-password-as-invalid-request",
        ),
        pytest.param(answer(429, b""), {}, id="too-many"),
        pytest.param(answer(200, {"csrf_token": TOKEN, "n": "1"}), {}, id="another-token"),
        pytest.param(answer(302, b""), {}, id="redirect-to-nowhere"),
    ],
)
def test_an_answer_that_fits_or_tells_nothing_has_no_proposal(given, configured):
    """Nothing is proposed where no setting is known to be wrong."""
    assert propose(given, settings(**configured)) == []


def test_all_encodings_of_the_pair_are_proposed():
    """What form encoding changes in id or secret may be what the server trips over (server difference 1)."""
    proposals = propose(answer(401, {"error": "invalid_client"}), settings(client_secret="a b"))

    assert [item.value for item in proposals] == ["client_secret_post", "client_secret_basic_raw"]


def test_a_proposal_can_be_masked():
    """All of it that may come from a server."""
    (proposal,) = propose(answer(302, b"", ("Location", f"/{TOKEN}/x")), settings())

    assert TOKEN not in str(proposal.masked(lambda text: text.replace(TOKEN, "x")))


def test_a_proposal_can_be_pasted_as_it_is_shown() -> None:
    """A value that YAML would not take plainly is quoted."""
    (proposal, *_) = propose(answer(200, TOKEN), settings())

    assert yaml.safe_load(str(proposal).removeprefix("set ").partition(" (")[0]) == {ACCESS_TOKEN: "@"}
