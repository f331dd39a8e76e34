"""Each shape of answer that a profile does not fit has the setting that would mend it."""

import json

import pytest

from profiles.model import GrantSettings
from profiles.proposals import propose
from profiles.token_response import TokenAnswer

TOKEN = "sentinel-token-9f3"


def settings(**more: object) -> GrantSettings:
    return GrantSettings.model_validate(
        {"token_endpoint": "https://a.example/token", "client_id": "c", "client_secret": "s", **more}
    )


def answer(
    status: int, body: object, *headers: tuple[str, str], media_type: str = "application/json"
) -> TokenAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return TokenAnswer(status, (("Content-Type", media_type), *headers), content)


@pytest.mark.parametrize(
    ("given", "configured", "setting", "value"),
    [
        pytest.param(
            answer(200, {"data": {"token": TOKEN}}),
            {},
            "grant.response.access_token",
            "data.token",
            id="nested",
        ),
        pytest.param(
            answer(200, {"accessToken": TOKEN}),
            {},
            "grant.response.access_token",
            "accessToken",
            id="renamed",
        ),
        pytest.param(
            answer(200, f"accessToken={TOKEN}".encode(), media_type="text/plain"),
            {},
            "grant.response.access_token",
            "accessToken",
            id="form-encoded",
        ),
        pytest.param(
            answer(200, {"access_token": TOKEN, "expires_in": 3_600_000}),
            {},
            "grant.expires_in_unit",
            "milliseconds",
            id="milliseconds",
        ),
        pytest.param(
            answer(200, {"authed_user": {"access_token": TOKEN}}),
            {},
            "grant.response.access_token",
            "authed_user.access_token",
            id="nested-below-another-name",
        ),
        pytest.param(
            answer(200, {"d-1": {"Session Id": 1, "SessionId": TOKEN}}),
            {},
            "grant.response.access_token",
            '"d-1".SessionId',
            id="name-to-be-quoted",
        ),
        pytest.param(
            answer(200, {"access_token": TOKEN, "expires_in": "2031-01-31T12:00:00Z"}),
            {},
            "grant.response.expires_at",
            "expires_in",
            id="instant-as-lifetime",
        ),
        pytest.param(
            answer(200, {"access_token": TOKEN, "expires": 1_900_000_000}),
            {},
            "grant.response.expires_at",
            "expires",
            id="instant-renamed",
        ),
        pytest.param(
            answer(401, b"", ("WWW-Authenticate", 'Basic realm="token"')),
            {"client_authentication": "client_secret_post"},
            "grant.client_authentication",
            "client_secret_basic",
            id="401-without-a-code",
        ),
        pytest.param(
            answer(400, {"error": "unsupported_grant_type"}),
            {"content_type": "json"},
            "grant.content_type",
            "urlencoded",
            id="form-expected",
        ),
        pytest.param(answer(415, b""), {}, "grant.content_type", "json", id="media-type-not-supported"),
        pytest.param(
            answer(200, {"ok": True}, ("Set-Cookie", f"JSESSIONID={TOKEN}; Path=/; HttpOnly")),
            {},
            "grant.response.access_token",
            "cookie:JSESSIONID",
            id="cookie",
        ),
        pytest.param(
            answer(200, TOKEN.encode(), media_type="text/plain"),
            {},
            "grant.content_type",
            "text",
            id="bare-word",
        ),
        pytest.param(
            answer(200, {"access_token": TOKEN, "expiresIn": 3600}),
            {},
            "grant.response.expires_in",
            "expiresIn",
            id="lifetime-renamed",
        ),
        pytest.param(
            answer(401, {"error": "invalid_client"}),
            {},
            "grant.client_authentication",
            "client_secret_post",
            id="basic-refused",
        ),
        pytest.param(
            answer(400, {"error": "invalid_client"}),
            {"client_authentication": "client_secret_post"},
            "grant.client_authentication",
            "client_secret_basic",
            id="post-refused",
        ),
        pytest.param(
            answer(400, {"error": "invalid_scope"}), {"scope": ["x"]}, "grant.scope", "[]", id="scope"
        ),
        pytest.param(
            answer(308, b"", ("Location", "https://b.example/oauth/token?x=1")),
            {},
            "grant.token_endpoint",
            "https://b.example/oauth/token",
            id="redirect",
        ),
        pytest.param(
            answer(200, b"<html>log in</html>", media_type="text/html"),
            {},
            "grant.token_endpoint",
            "the address of the token endpoint",
            id="html-log-in-page",
        ),
        pytest.param(answer(405, b"", ("Allow", "GET, PUT")), {}, "grant.method", "GET", id="method"),
        pytest.param(
            answer(200, b"", ("X-Token", TOKEN)),
            {},
            "grant.response.access_token",
            "header:X-Token",
            id="header",
        ),
    ],
)
def test_answer_that_does_not_fit_has_a_proposal(
    given: TokenAnswer, configured: dict, setting: str, value: str
) -> None:
    """The setting that would mend it comes first, and shows no token."""
    proposals = propose(given, settings(**configured))

    assert (proposals[0].setting, proposals[0].value) == (setting, value)
    assert TOKEN not in str(proposals)


@pytest.mark.parametrize(
    ("given", "configured"),
    [
        pytest.param(answer(200, {"access_token": TOKEN, "expires_in": 3600}), {}, id="standard"),
        pytest.param(answer(200, {"access_token": TOKEN}), {}, id="no-lifetime"),
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
        pytest.param(answer(400, {"error": "invalid_grant"}), {}, id="wrong-password"),
    ],
)
def test_answer_that_fits_has_no_proposal(given: TokenAnswer, configured: dict) -> None:
    """Nothing is proposed where no setting is wrong."""
    assert propose(given, settings(**configured)) == []
