"""Each answer of an origin to a fresh token has its sentence, and the setting that would mend it."""

import gzip
import json
import secrets

import pytest
import yaml

from profiles.origin_judgements import DEFAULT_FIELD, OriginAnswer, judge
from tests.profiles.profile_ground import compiled, head

TOKEN = f"sentinel{secrets.token_hex(12)}"
LOG_IN_PAGE = (
    "<!DOCTYPE html><html><form><input name=user>"
    f'<input type="password" name=p><input type="hidden" name="csrf" value="{TOKEN}"></form>'
)
PAGE = "<html><title>My account</title><p>Welcome, bot"


def answer(status, body="", **headers):
    """The body is JSON unless it is text; underscores in the names of headers are hyphens."""
    content = body if isinstance(body, str) else json.dumps(body)
    named = {"content_type": "text/html" if content.startswith("<") else "application/json", **headers}
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
    return OriginAnswer(status, tuple(fields), content.encode())


def fields(*values):
    return [{"in": "header", "key": "Authorization", "value": value} for value in values]


def case(name, given, reason, setting, value, **configured):
    return pytest.param(given, configured, reason, setting, value, id=name)


BEARER = 'Bearer realm="x"'
NO_TOKEN = "takes a user name and password or a key"

AUTH_ERRORS = [
    case("403-where-the-profile-says-401", answer(403), "403: forbidden", "auth_error", "[401, 403]"),
    case(
        "401-where-the-profile-says-403",
        answer(401),
        "401: not authorized",
        "auth_error",
        "[401, 403]",
        auth_error=403,
    ),
    case(
        "403-beside-a-pattern",
        answer(403),
        "does not name",
        "auth_error",
        "[{status: 200, body: as it is}, 401, 403]",
        auth_error=[401, {"status": 200, "body": "x"}],
    ),
    case(
        "403-of-a-dead-token",
        answer(403, www_authenticate='Bearer error="invalid_token"'),
        "asks for Bearer",
        "auth_error",
        "[401, 403]",
    ),
    case("419", answer(419), "a session is over", "auth_error", "[401, 419]"),
    case("440", answer(440), "a session is over", "auth_error", "[401, 440]"),
    case("498", answer(498), "ArcGIS", "auth_error", "[401, 498]"),
    case("499", answer(499), "ArcGIS", "auth_error", "[401, 499]"),
    case("407-of-the-origin", answer(407), "a proxy on the way", "auth_error", "[401, 407]"),
    case(
        "redirect-to-a-log-in-page",
        answer(302, location=f"/login?next={TOKEN}"),
        "where people log in",
        "auth_error",
        "[302, 401]",
    ),
    case(
        "redirect-to-another-host-for-log-in",
        answer(303, location=f"https://sso.example.com/start;s={TOKEN}"),
        "where people log in",
        "auth_error",
        "[303, 401]",
    ),
    case(
        "log-in-page",
        answer(200, LOG_IN_PAGE),
        "a log-in page",
        "auth_error",
        "[{status: 200, body: 'type=.?password'}, 401]",
    ),
    case(
        "log-in-page-by-its-title",
        answer(200, "<html><TITLE>Acme - Sign in</TITLE><script src=x>"),
        "a log-in page",
        "auth_error",
        "[{status: 200, body: '(?i)<title>[^<]*(?:log|sign)[- ]?[io]n'}, 401]",
    ),
    case(
        "error-in-a-200",
        answer(200, {"error": "invalid_token"}),
        "its body says",
        "auth_error",
        """[{status: 200, body: '"error": *"invalid_token"'}, 401]""",
    ),
    case(
        "error-code-in-a-200",
        answer(200, {"error": {"code": 498, "message": f"Invalid token {TOKEN}"}}),
        "its body says",
        "auth_error",
        """[{status: 200, body: '"code": *498\\b'}, 401]""",
    ),
    case(
        "error-as-a-message-in-a-200",
        answer(200, {"success": False, "message": f"Token {TOKEN} is bad"}),
        "its body says",
        "auth_error",
        """[{status: 200, body: '(?i)"message": *"[^"]*token'}, 401]""",
    ),
    case(
        "error-as-words-in-a-200",
        answer(200, "token expired", content_type="text/plain"),
        "its body says",
        "auth_error",
        "[{status: 200, body: '(?i)token expired'}, 401]",
    ),
    case(
        "error-in-a-400",
        answer(400, {"error": "token_expired"}),
        "answered 400, and its body says",
        "auth_error",
        """[{status: 400, body: '"error": *"token_expired"'}, 401]""",
    ),
]

OTHERS = [
    case(
        "token-elsewhere",
        answer(401, www_authenticate=BEARER),
        "asks for Bearer",
        "fields",
        DEFAULT_FIELD,
        fields=[{"in": "query", "key": "access_token", "value": "{{access_token}}"}],
    ),
    case(
        "token-without-scheme",
        answer(401, www_authenticate="Bearer"),
        "asks for Bearer",
        "fields",
        DEFAULT_FIELD,
        fields=fields("{{access_token}}"),
    ),
    case(
        "scheme-in-lower-case",
        answer(401, www_authenticate=BEARER),
        "asks for Bearer",
        "fields",
        DEFAULT_FIELD,
        fields=fields("{{token_type}} {{access_token}}"),
    ),
    case(
        "another-scheme",
        answer(401, www_authenticate="Token"),
        "asks for Token",
        "fields",
        DEFAULT_FIELD.replace("Bearer", "Token"),
    ),
    case(
        "invalid-token",
        answer(401, www_authenticate=f'Bearer error="invalid_token", error_description="{TOKEN}"'),
        "it rejects a fresh token",
        "grant.parameters",
        "{audience: the API that the token is for}",
    ),
    case(
        "basic",
        answer(401, www_authenticate='Basic realm="x"'),
        "asks for Basic",
        "check_url",
        "an address of the origin that takes a token",
    ),
    case(
        "digest",
        answer(401, www_authenticate='Digest realm="x", qop="auth, auth-int", nonce="a=="'),
        "asks for Digest",
        "check_url",
        "an address of the origin that takes a token",
    ),
    case(
        "wrong-scope",
        answer(403, www_authenticate='Bearer error="insufficient_scope", scope="read write"'),
        "the token lacks a scope",
        "grant.scope",
        "[read, write]",
    ),
    case(
        "wrong-scope-unnamed",
        answer(401, www_authenticate='Bearer error="insufficient_scope"'),
        "auth error",
        "grant.scope",
        "[the scope this address needs]",
    ),
    case(
        "a-proxy-on-the-way",
        answer(407, proxy_authenticate="Basic"),
        "a proxy on the way",
        "connector",
        "http://user:password@host:port",
    ),
    case(
        "redirect-on-the-spot",
        answer(301, location=f"/api/me/?t={TOKEN}"),
        "a redirect",
        "check_url",
        "/api/me/",
    ),
    case(
        "redirect-by-its-whole-address",
        answer(308, location="https://api.example.com/v2/me"),
        "a redirect",
        "check_url",
        "/v2/me",
    ),
    case(
        "redirect-to-another-host",
        answer(307, location="https://eu.example.com/me"),
        "a redirect",
        "check_url",
        "https://eu.example.com/me",
    ),
]


@pytest.mark.parametrize(("given", "configured", "reason", "setting", "value"), [*AUTH_ERRORS, *OTHERS])
def test_a_no_has_its_sentence_and_its_proposal(given, configured, reason, setting, value):
    """What the origin wrote into its answer is in neither."""
    judgement = judge(compiled(**configured), head(target="/api/me"), given)

    assert not judgement.ok
    assert reason in judgement.reason
    assert (judgement.proposals[0].setting, judgement.proposals[0].value) == (setting, value)
    assert TOKEN not in str(judgement)


@pytest.mark.parametrize(
    ("given", "configured"),
    [
        pytest.param(*shape.values[:2], id=shape.id)
        for shape in AUTH_ERRORS
        if "as it is" not in shape.values[4]
    ],
)
def test_a_profile_that_follows_the_proposal_knows_the_auth_error(given, configured):
    """The proposed value is YAML that loads, and makes the answer an auth error."""
    (proposal, *_) = judge(compiled(**configured), head(), given).proposals
    mended = compiled(**{**configured, proposal.setting: yaml.safe_load(proposal.value)})

    judgement = judge(mended, head(), given)

    assert "which is the profile's auth error: it rejects a fresh token" in judgement.reason
    assert not any(item.setting == "auth_error" for item in judgement.proposals)


@pytest.mark.parametrize("challenge", ["Token", "Bearer"])
def test_a_profile_that_follows_the_proposed_fields_has_what_the_origin_asks_for(challenge):
    """The field is not proposed again."""
    given = answer(401, www_authenticate=challenge)
    (proposal,) = judge(compiled(fields=fields("x {{access_token}}")), head(), given).proposals

    judgement = judge(compiled(fields=yaml.safe_load(proposal.value)), head(), given)

    assert judgement.proposals == ()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(
            answer(401), "which is the profile's auth error: it rejects a fresh token", id="auth-error"
        ),
        pytest.param(answer(400), "look at check_url and the fields", id="bad-request"),
        pytest.param(answer(404), "there is nothing at this address", id="not-there"),
        pytest.param(answer(405), "takes another method", id="method"),
        pytest.param(answer(429), "try again later", id="too-many"),
        pytest.param(answer(503, {"error": "token store is down"}), "it failed itself", id="origin-fails"),
        pytest.param(answer(302), "a redirect, which the check does not follow", id="redirect-to-nowhere"),
        pytest.param(
            answer(302, location="http://[::1/x"), "a redirect", id="redirect-to-what-is-no-address"
        ),
    ],
)
def test_a_no_that_shows_no_setting_has_its_sentence(given, reason):
    """And proposes nothing."""
    judgement = judge(compiled(), head(), given)

    assert not judgement.ok
    assert reason in judgement.reason
    assert judgement.proposals == ()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(answer(200, {"me": "bot"}), id="JSON"),
        pytest.param(answer(204), id="nothing"),
        pytest.param(answer(200, PAGE), id="a-page"),
        pytest.param(answer(200, {"error": None, "errors": [], "token_status": "valid"}), id="no-error"),
        pytest.param(answer(200, {"error": "not found"}), id="an-error-about-something-else"),
        pytest.param(
            answer(200, {"success": True, "message": "session valid", "code": 0}), id="told-success"
        ),
        pytest.param(answer(200, {"message": "your token is expired soon", "code": 200}), id="about-tokens"),
        pytest.param(answer(200, [1, 2]), id="a-list"),
    ],
)
def test_a_yes_is_a_yes(given):
    """Whatever words are in it."""
    judgement = judge(compiled(), head(), given)

    assert judgement.ok
    assert judgement.proposals == ()


def test_a_compressed_log_in_page_is_read():
    """What the pattern of auth_error reads, the judgement reads too."""
    page = OriginAnswer(200, ((b"content-encoding", b"gzip"),), gzip.compress(LOG_IN_PAGE.encode()))

    assert "a log-in page" in judge(compiled(), head(), page).reason


def test_the_repr_of_an_answer_shows_its_status_alone():
    """It may hold anything."""
    assert repr(answer(200, TOKEN)) == "OriginAnswer(status=200)"
