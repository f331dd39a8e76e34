"""Token responses in the shapes that real servers give them, each by its number in the list of quirks."""

from __future__ import annotations

import json
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.content_types import decode, encode
from profiles.errors import Refusal, TokenRequestRejected, TokenResponseInvalid
from profiles.held_tokens import TokenResponse
from profiles.lifetimes import LONGEST_LIFETIME
from profiles.model import ContentType, ResponseSettings
from profiles.placeholders import lookup
from profiles.token_response import TokenAnswer, compile_response_plan, parse_token_response
from tests.profiles.grant_building import CONTENT_TYPES
from tests.profiles.tokens_made import jwt_of, path_of

NOW = 1_800_000_000.0
TOKEN = "2YotnFZFEjr1zCsicMWpAA"
JSON = "application/json"


def answer_of(
    body: object, *headers: tuple[str, str], media_type: str | None = JSON, status: int = 200
) -> TokenAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = headers if media_type is None else (("Content-Type", media_type), *headers)
    return TokenAnswer(status, fields, content)


def parsed(
    answer: TokenAnswer,
    places: dict[str, str] | None = None,
    *,
    unit: str = "seconds",
    expected: ContentType = ContentType.URLENCODED,
) -> TokenResponse:
    plan = compile_response_plan(ResponseSettings.model_validate(places or {}), unit)
    return parse_token_response(plan, answer, expected, NOW)


def with_token(**members: object) -> TokenAnswer:
    return answer_of({"access_token": TOKEN, **members})


def test_the_rfcs_own_example() -> None:
    """RFC 6749 section 5.1, word for word."""
    response = parsed(
        with_token(
            token_type="example",
            expires_in=3600,
            refresh_token="tGzv3JOkF0XG5Qx2TlKWIA",
            example_parameter="example_value",
        )
    )

    assert response == TokenResponse(
        access_token=TOKEN,
        token_type="example",
        lifetime=3600,
        refresh_token="tGzv3JOkF0XG5Qx2TlKWIA",
        members={
            "access_token": TOKEN,
            "token_type": "example",
            "expires_in": 3600,
            "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
            "example_parameter": "example_value",
        },
    )


# -- the lifetime


@pytest.mark.parametrize(
    ("members", "places", "lifetime"),
    [
        pytest.param({"expires_in": "3599"}, {}, 3599, id="quirk-1-string"),
        pytest.param({"expires_in": None}, {}, None, id="quirk-1-null"),
        pytest.param({"expires_in": 0}, {}, None, id="quirk-1-zero"),
        pytest.param({}, {}, None, id="quirk-1-absent"),
        pytest.param({"expires_in": -5}, {}, None, id="quirk-1-negative"),
        pytest.param({"expires_in": 10**15}, {}, LONGEST_LIFETIME, id="quirk-1-absurd"),
        pytest.param({"expires_in": {"seconds": 5}}, {}, None, id="quirk-1-mapping"),
        pytest.param({"expires": 60}, {"expires_in": "expires"}, 60, id="quirk-2-expires"),
        pytest.param({"expiresIn": "60"}, {"expires_in": "expiresIn"}, 60, id="quirk-2-expiresIn"),
        pytest.param(
            {"token": {"expiresIn": 60}}, {"expires_in": "token.expiresIn"}, 60, id="quirk-2-nested"
        ),
        pytest.param({"ttl": 60}, {"expires_in": "expires_in || ttl"}, 60, id="quirk-2-one or the other"),
        pytest.param({"exp": NOW + 60}, {"expires_at": "exp"}, 60, id="quirk-2-epoch"),
        pytest.param(
            {"exp": (NOW + 60) * 1000}, {"expires_at": "exp"}, 60, id="quirk-2-epoch in milliseconds"
        ),
        pytest.param({"exp": "2027-01-15T08:01:00Z"}, {"expires_at": "exp"}, 60, id="quirk-2-ISO 8601"),
        pytest.param(
            {".expires": "Fri, 15 Jan 2027 08:01:00 GMT"},
            {"expires_at": '".expires"'},
            60,
            id="quirk-2-HTTP date",
        ),
        pytest.param(
            {"exp": NOW + 60, "expires_in": 9},
            {"expires_at": "exp"},
            60,
            id="quirk-2-instant before duration",
        ),
        pytest.param(
            {"exp": "x", "expires_in": 9}, {"expires_at": "exp"}, 9, id="quirk-2-instant that is none"
        ),
        pytest.param({"exp": NOW - 60}, {"expires_at": "exp"}, None, id="quirk-22-instant that is over"),
        pytest.param(
            {"exp": NOW - 60, "expires_in": 9}, {"expires_at": "exp"}, 9, id="quirk-22-then the duration"
        ),
    ],
)
def test_the_lifetime(members, places, lifetime) -> None:
    """Seconds from now; None where the answer does not tell, and the profile's default is for that."""
    assert parsed(with_token(**members), places).lifetime == lifetime


def test_the_lifetime_in_milliseconds() -> None:
    """quirk-2: of the access token and of the refresh token."""
    response = parsed(with_token(expires_in=3_600_000, refresh_expires_in="7200000"), unit="milliseconds")

    assert (response.lifetime, response.refresh_lifetime) == (3600, 7200)


@pytest.mark.parametrize(
    ("token", "members", "lifetime"),
    [
        pytest.param(jwt_of({"exp": NOW + 60}), {}, 60, id="without iat"),
        pytest.param(jwt_of({"exp": NOW + 7260, "iat": NOW + 7200}), {}, 60, id="quirk-22-with iat"),
        pytest.param(
            jwt_of({"exp": NOW + 60}), {"expires_in": 9}, 9, id="the answer's word before the token's"
        ),
        pytest.param(jwt_of({"exp": NOW + 60}), {"expires_in": 0}, 60, id="quirk-1-zero is no word"),
        pytest.param(jwt_of({"exp": NOW + 60, "nbf": NOW + 30}), {}, 60, id="quirk-22-nbf in the future"),
        pytest.param("a.b.c", {}, None, id="malformed"),
        pytest.param(jwt_of(["exp"]), {}, None, id="no claims"),
    ],
)
def test_a_jwts_own_lifetime(token, members, lifetime) -> None:
    """RFC 7519 section 4.1.4, where the answer names none."""
    assert parsed(answer_of({"access_token": token, **members})).lifetime == lifetime


@pytest.mark.parametrize(
    ("members", "places"),
    [
        pytest.param(
            {"access_token": TOKEN, "exp": NOW - 7140}, {"expires_at": "exp"}, id="quirk-22-expires_at"
        ),
        pytest.param({"access_token": jwt_of({"exp": NOW - 7140})}, {}, id="quirk-22-JWT"),
    ],
)
def test_an_instant_is_read_by_the_clock_that_made_it(members, places) -> None:
    """The server is two hours behind, and its Date field says so."""
    given_answer = answer_of(members, ("Date", "Fri, 15 Jan 2027 06:00:00 GMT"))

    assert parsed(given_answer, places).lifetime == 60


# -- how it is written


@pytest.mark.parametrize(
    "media_type",
    [
        pytest.param("application/x-www-form-urlencoded", id="quirk-3-its own"),
        pytest.param("text/plain; charset=utf-8", id="quirk-3-text/plain"),
        pytest.param("text/html", id="quirk-3-text/html"),
        pytest.param(None, id="quirk-3-no media type"),
        pytest.param("application/json", id="quirk-3-wrong media type"),
    ],
)
def test_a_form_encoded_answer(media_type) -> None:
    """Whatever it is served as."""
    body = f"access_token={TOKEN}&expires_in=60&scope=a%20b&refresh_token=r%2F1".encode()

    response = parsed(answer_of(body, media_type=media_type))

    assert (response.access_token, response.lifetime, response.scope, response.refresh_token) == (
        TOKEN,
        60,
        "a b",
        "r/1",
    )


@pytest.mark.parametrize("expected", CONTENT_TYPES)
@pytest.mark.parametrize("media_type", [JSON, "application/vnd.x+json", "text/plain", "text/html", None])
def test_a_json_answer_to_every_content_type(expected, media_type) -> None:
    """RFC 6749 section 5.1 has JSON, and most servers keep to it whatever the request is written in."""
    body = {"access_token": TOKEN, "expires_in": 60}

    response = parsed(answer_of(body, media_type=media_type), expected=expected)

    assert (response.access_token, response.lifetime) == (TOKEN, 60)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        pytest.param(
            {"data": {"token": {"access_token": TOKEN}}}, "data.token.access_token", id="quirk-5-data.token"
        ),
        pytest.param(
            {"authed_user": {"access_token": TOKEN}}, "authed_user.access_token", id="quirk-5-authed_user"
        ),
        pytest.param({"body": {"access_token": TOKEN}}, "body.access_token", id="quirk-5-body"),
        pytest.param([{"access_token": TOKEN}], "[0].access_token", id="quirk-5-in a list"),
        pytest.param({"accessToken": TOKEN}, "accessToken", id="quirk-5-accessToken"),
        pytest.param({"Token": TOKEN}, "Token", id="quirk-5-Token"),
        pytest.param({"jwt": TOKEN}, "jwt", id="quirk-5-jwt"),
        pytest.param({"authToken": TOKEN}, "authToken", id="quirk-5-authToken"),
        pytest.param({"SessionId": TOKEN}, "SessionId", id="quirk-5-SessionId"),
        pytest.param({"access_token": f" {TOKEN}\n"}, "access_token", id="quirk-5-space around it"),
        pytest.param(TOKEN, "@", id="quirk-6-the whole body as a JSON text"),
    ],
)
def test_where_the_token_stands(body, places) -> None:
    """A JMESPath says where."""
    assert parsed(answer_of(body), {"access_token": places}).access_token == TOKEN


def test_a_session_number_is_a_token() -> None:
    """quirk-5: some servers give it as a number; true is none."""
    assert parsed(answer_of({"sid": 4711}), {"access_token": "sid"}).access_token == "4711"
    with pytest.raises(TokenResponseInvalid):
        parsed(answer_of({"sid": True}), {"access_token": "sid"})


BODIES = [
    pytest.param(b"", None, id="empty"),
    pytest.param(b" \r\n", "text/plain", id="blank"),
    pytest.param(b"\xff\xfe\x00\x01", "application/octet-stream", id="undecodable"),
    pytest.param(b"{", JSON, id="broken"),
    pytest.param(b"<html>welcome</html>", "text/html", id="HTML"),
    pytest.param(b"[1, 2]", JSON, id="of another shape"),
]


@pytest.mark.parametrize("expected", CONTENT_TYPES)
@pytest.mark.parametrize(("body", "media_type"), BODIES)
@pytest.mark.parametrize(
    ("places", "headers"),
    [
        pytest.param(
            {"access_token": "header:X-Token", "refresh_token": "cookie:R", "expires_in": "header:X-TTL"},
            (("x-token", TOKEN), ("Set-Cookie", "R=r-1; HttpOnly"), ("X-Ttl", "60")),
            id="quirk-6-header",
        ),
        pytest.param(
            {"access_token": "cookie:SESSION", "refresh_token": "header:X-R", "expires_in": "cookie:ttl"},
            (("Set-Cookie", f"SESSION={TOKEN}; Path=/"), ("Set-Cookie", "ttl=60"), ("X-R", "r-1")),
            id="quirk-6-cookie",
        ),
    ],
)
def test_a_token_in_a_header_or_a_cookie(expected, body, media_type, places, headers) -> None:
    """In every content type, and whatever became of the body."""
    response = parsed(answer_of(body, *headers, media_type=media_type), places, expected=expected)

    assert (response.access_token, response.refresh_token, response.lifetime) == (TOKEN, "r-1", 60)


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"bearer  {TOKEN}"])
def test_a_token_comes_with_its_scheme(value) -> None:
    """quirk-6: in an Authorization field of the answer it stands as it would be sent."""
    response = parsed(answer_of({}, ("Authorization", value)), {"access_token": "header:Authorization"})

    assert (response.access_token, response.token_type) == (TOKEN, "Bearer")


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("media_type", [None, "text/plain", "application/octet-stream"])
def test_an_answer_in_the_profiles_content_type(content_type, media_type) -> None:
    """Where its media type says nothing, the expected one is what it is read as."""
    body, own_media_type = encode({"access_token": TOKEN, "expires_in": 60}, content_type)
    if content_type.value in ("form-data", "related"):
        media_type = own_media_type  # Its boundary stands nowhere else.
    answer = answer_of(body, media_type=media_type)
    place = path_of(decode(body, media_type, content_type), TOKEN)

    response = parsed(answer, {"access_token": place}, expected=content_type)

    assert response.access_token == TOKEN


# -- the other members


@pytest.mark.parametrize(
    ("members", "token_type"),
    [
        pytest.param({}, None, id="quirk-7-missing"),
        pytest.param({"token_type": "bearer"}, "bearer", id="quirk-7-lower-case"),
        pytest.param({"token_type": "User Access Token"}, "User Access Token", id="quirk-7-odd"),
        pytest.param({"token_type": None}, None, id="quirk-7-null"),
        pytest.param({"token_type": ["Bearer"]}, None, id="quirk-7-list"),
    ],
)
def test_the_token_type(members, token_type) -> None:
    """As the server has it: it decides nothing here."""
    assert parsed(with_token(**members)).token_type == token_type


@pytest.mark.parametrize(
    ("members", "scope"),
    [
        pytest.param({}, None, id="quirk-8-missing"),
        pytest.param({"scope": None}, None, id="quirk-8-null"),
        pytest.param({"scope": "read,write"}, "read,write", id="quirk-8-commas"),
        pytest.param({"scope": "read+write"}, "read+write", id="quirk-8-pluses"),
        pytest.param({"scope": ["read", "write"]}, "read write", id="quirk-8-list"),
        pytest.param({"scope": "admin"}, "admin", id="quirk-8-other than asked for"),
        pytest.param({"scope": {"read": True}}, None, id="quirk-8-mapping"),
    ],
)
def test_the_scope(members, scope) -> None:
    """As the server has it: no shape of it costs the token."""
    assert parsed(with_token(**members)).scope == scope


def test_members_are_there_for_placeholders() -> None:
    """quirk-10: `{{token.instance_url}}` finds what the answer holds beside the token."""
    members = parsed(with_token(instance_url="https://eu1.example", account={"ids": [7, 8]})).members

    values = {"token": members}
    assert lookup(values, "token.instance_url") == "https://eu1.example"
    assert lookup(values, "token.account.ids.1") == 8


def test_an_answer_that_is_no_mapping_has_no_members() -> None:
    """quirk-10: there is nothing that could be named."""
    assert parsed(answer_of([TOKEN]), {"access_token": "[0]"}).members == {}


@pytest.mark.parametrize(
    ("members", "refresh_token", "lifetime"),
    [
        pytest.param({}, None, None, id="quirk-17-none"),
        pytest.param({"refresh_token": None}, None, None, id="quirk-17-null"),
        pytest.param({"refresh_token": ""}, None, None, id="quirk-17-empty"),
        pytest.param({"refresh_token": {"value": "r"}}, None, None, id="quirk-17-mapping"),
        pytest.param({"refresh_token": "r"}, "r", None, id="quirk-18-no lifetime"),
        pytest.param(
            {"refresh_token": "r", "refresh_expires_in": 1800}, "r", 1800, id="quirk-18-refresh_expires_in"
        ),
        pytest.param(
            {"refresh_token": "r", "refresh_token_expires_in": "1800"},
            "r",
            1800,
            id="quirk-18-refresh_token_expires_in",
        ),
        pytest.param({"refresh_token": "r", "refresh_expires_in": 0}, "r", None, id="quirk-18-zero"),
    ],
)
def test_the_refresh_token(members, refresh_token, lifetime) -> None:
    """None where there is none, so that the old one is kept; its own lifetime where it is told."""
    response = parsed(with_token(**members))

    assert (response.refresh_token, response.refresh_lifetime) == (refresh_token, lifetime)


# -- what is no token


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(
            answer_of(b"<html><body>Sorry</body></html>", media_type="text/html"),
            "text/html",
            id="quirk-4-HTML",
        ),
        pytest.param(
            answer_of(b"<!DOCTYPE html><p a=b&c=d>", media_type=JSON),
            "application/json",
            id="quirk-4-HTML as JSON",
        ),
        pytest.param(answer_of(b"", media_type=None), "empty body", id="quirk-4-empty"),
        pytest.param(answer_of(b"\n", media_type=JSON), "empty body", id="quirk-4-blank"),
        pytest.param(answer_of({}), "no token", id="empty mapping"),
        pytest.param(answer_of(None), "no token", id="null"),
        pytest.param(answer_of({"access_token": None}), "no token", id="null token"),
        pytest.param(answer_of({"access_token": ""}), "no token", id="empty token"),
        pytest.param(answer_of({"access_token": {"value": "x"}}), "no token", id="mapping"),
        pytest.param(answer_of({"access_token": "a b"}), "characters", id="token with a space"),
        pytest.param(answer_of({"access_token": "a\r\nX: y"}), "characters", id="token with a line break"),
        pytest.param(answer_of({"access_token": "tökén"}), "characters", id="token beyond ASCII"),
        pytest.param(answer_of(b"x", media_type=None), "no media type", id="no media type"),
        pytest.param(
            answer_of(b"x", media_type="image/s3cret"), "another media type", id="hazard-16-media type"
        ),
        pytest.param(answer_of(b"x", ("Location", "/s3cret"), status=302), "redirect", id="quirk-23-302"),
        pytest.param(
            answer_of({"access_token": TOKEN}, status=307), "redirect", id="quirk-23-307 with a token"
        ),
        pytest.param(answer_of({"access_token": TOKEN}, status=500), "500", id="500 with a token"),
    ],
)
def test_what_holds_no_token_is_refused(answer, says) -> None:
    """With what came, in words of ours."""
    with pytest.raises(TokenResponseInvalid, match=says) as refused:
        parsed(answer)

    assert "s3cret" not in refused.value.detail


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        pytest.param(
            answer_of({"error": "invalid_grant"}), 200, "invalid_grant", id="quirk-4-200 with an error"
        ),
        pytest.param(
            answer_of({"error": "invalid_grant", "access_token": ""}),
            200,
            "invalid_grant",
            id="quirk-4-and an empty token",
        ),
        pytest.param(
            answer_of(b"error=invalid_grant", media_type="text/plain"),
            200,
            "invalid_grant",
            id="quirk-4-form-encoded",
        ),
        pytest.param(
            answer_of({"errors": [{"errorType": "invalid_grant"}]}), 200, "invalid_grant", id="quirk-9-200"
        ),
        pytest.param(
            answer_of({"errors": [{"errorType": "invalid_grant"}]}, status=400),
            400,
            "invalid_grant",
            id="quirk-9-400",
        ),
        pytest.param(
            answer_of({"error": "invalid_grant"}, status=401),
            401,
            "invalid_grant",
            id="quirk-9-no description",
        ),
        pytest.param(answer_of(b"", status=401), 401, None, id="empty 401"),
        pytest.param(answer_of(b"<html>", media_type="text/html", status=403), 403, None, id="HTML 403"),
        pytest.param(answer_of({"access_token": TOKEN}, status=400), 400, None, id="400 with a token"),
        pytest.param(answer_of({"error": "slow_down"}, status=429), 429, "slow_down", id="quirk-21-429"),
    ],
)
def test_a_no_is_a_no(answer, status, error) -> None:
    """By status, or by an error where a token should be."""
    with pytest.raises(TokenRequestRejected) as rejected:
        parsed(answer)

    assert (rejected.value.upstream_status, rejected.value.error) == (status, error)


def test_a_token_beside_an_error_is_a_token() -> None:
    """quirk-4: some servers always have the member, empty or as a word about nothing."""
    assert parsed(with_token(error="", errors=[])).access_token == TOKEN
    assert parsed(with_token(error="none")).access_token == TOKEN


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("7", 7, id="quirk-21-seconds"),
        pytest.param("Fri, 15 Jan 2027 08:00:09 GMT", 9, id="quirk-21-date"),
    ],
)
def test_a_no_tells_how_long_to_wait(value, seconds) -> None:
    """Retry-After goes with the rejection."""
    with pytest.raises(TokenRequestRejected) as rejected:
        parsed(answer_of({"error": "slow_down"}, ("Retry-After", value), status=429))

    assert rejected.value.retry_after == seconds


# -- whatever else comes

SENTINEL = "Zq7" + secrets.token_hex(12)
"""Stands for every secret in an answer: no refusal may hold it, wherever it got to."""

PLANS = [
    {},
    {"access_token": "header:X-Token", "refresh_token": "cookie:R"},
    {"access_token": "cookie:SID", "expires_at": "header:X-Token"},
    {"access_token": "data.*.token | [0]", "expires_at": "access_token", "scope": "keys(@)"},
    {"access_token": "@", "expires_in": "sum(@)", "token_type": "join(',', @)"},
]

SEEDS = [
    json.dumps(
        {"access_token": SENTINEL, "expires_in": 60, "refresh_token": SENTINEL, "scope": [SENTINEL]}
    ).encode(),
    json.dumps({"error": SENTINEL, "error_description": SENTINEL}).encode(),
    json.dumps({"errors": [{"errorType": SENTINEL}, SENTINEL]}).encode(),
    json.dumps({"data": {"a": {"token": jwt_of({"exp": 1e9, "x": SENTINEL})}}}).encode(),
    f"access_token={SENTINEL}&expires_in=60&error={SENTINEL}".encode(),
    f"<r><access_token>{SENTINEL}</access_token><error>{SENTINEL}</error></r>".encode(),
    f"<!DOCTYPE r [<!ENTITY a '{SENTINEL}'>]><r><access_token>&a;</access_token></r>".encode(),
    f"access_token,expires_in\r\n{SENTINEL},60\r\n".encode(),
    f"--b\r\nContent-Disposition: form-data; name=access_token\r\n\r\n{SENTINEL}\r\n--b--\r\n".encode(),
    SENTINEL.encode(),
    b"",
]

MEDIA_TYPES = [
    *(
        None,
        "",
        JSON,
        "text/html",
        "text/plain; charset=utf-16",
        "application/xml; charset=nonsense",
        "text/csv",
    ),
    *(
        "multipart/form-data; boundary=b",
        "multipart/related; boundary=b",
        "multipart/form-data",
        "application/rss+xml",
    ),
    *(
        "application/x-www-form-urlencoded; charset=idna",
        f"{SENTINEL}/{SENTINEL}",
        f"text/{SENTINEL}; charset=\0",
    ),
]

PIECES = [
    b"",
    b"\0",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\u",
    b"&",
    b"=",
    b"%",
    b"<",
    b">",
    b"--b",
    b"\r\n",
    b"\xff",
    b"9" * 400,
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An answer with some of it cut out, doubled or replaced."""
    body = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 20)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4) | st.just(body[start:end] * 2))
        body = body[:start] + piece + body[end:]
    return body


def outcome_of(answer: TokenAnswer, places: dict[str, str], expected: ContentType) -> TokenResponse | Refusal:
    try:
        return parsed(answer, places, expected=expected)
    except (TokenRequestRejected, TokenResponseInvalid) as refusal:
        return refusal


def texts_of(outcome: TokenResponse | Refusal) -> str:
    """All that a log or an answer of ours could show of it."""
    if isinstance(outcome, TokenResponse):
        return repr(TokenResponse(outcome.access_token, members=outcome.members))
    return f"{outcome!r} {outcome} {outcome.detail} {dict(outcome.members)} {outcome.__cause__!r}"


@settings(deadline=None, max_examples=1000)
@given(
    mutated(),
    st.sampled_from(MEDIA_TYPES),
    st.sampled_from([200, 200, 200, 201, 302, 400, 401, 429, 500]),
    st.sampled_from(PLANS),
    st.sampled_from(CONTENT_TYPES),
    st.lists(st.sampled_from(["X-Token", "Set-Cookie", "Retry-After", "Date"]), max_size=3),
    st.sampled_from(
        [SENTINEL, f"SID={SENTINEL}", f"R={SENTINEL}; x", "Bearer ", "Bearer a b", "\xb2", "9" * 5000]
    ),
)
def test_a_mutated_answer_is_a_token_or_one_of_two_refusals(
    body, media_type, status, places, expected, names, value
):
    """Property: nothing else is raised, and no refusal shows what stood in the answer."""
    answer = answer_of(body, *((name, value) for name in names), media_type=media_type, status=status)

    outcome = outcome_of(answer, places, expected)

    assert SENTINEL not in texts_of(outcome)


@pytest.mark.parametrize("expected", CONTENT_TYPES)
@pytest.mark.parametrize(
    "media_type", [JSON, "application/xml", "text/html", "text/csv", "multipart/form-data; boundary=b"]
)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 65_536, id="lists"),
        pytest.param(b'{"a":' * 13_000, id="mappings"),
        pytest.param(b'{"access_token": ' + b"9" * 60_000 + b"}", id="digits"),
        pytest.param(b'{"expires_in": 1e' + b"9" * 60_000 + b"}", id="exponent"),
        pytest.param(b"<a>" * 21_000, id="elements"),
        pytest.param(b"a&" * 32_000, id="pairs"),
        pytest.param(b"a=" * 32_000, id="equal signs"),
        pytest.param(b"%" * 65_536, id="percent signs"),
        pytest.param(b'"' * 65_536, id="quotes"),
        pytest.param(b"--b\r\n" * 13_000, id="boundaries"),
        pytest.param(b",\n" * 32_000, id="cells"),
        pytest.param(b"\0" * 65_536, id="nothing at all"),
        pytest.param(b" " * 65_535 + b"?", id="blanks"),
    ],
)
def test_the_largest_answer_that_means_nothing_ends_in_a_refusal(body, media_type, expected) -> None:
    """64 KiB of whatever a parser likes least: no error of its own, and an end."""
    assert isinstance(outcome_of(answer_of(body, media_type=media_type), {}, expected), TokenResponseInvalid)
