"""A profile compiled from its settings: its URLs, its values, and what its tokens depend on."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.fingerprints import Fingerprints
from profiles.model import ProfileSettings
from profiles.profile import Profile, compile_profile

FINGERPRINTS = Fingerprints(b"key")


def compiled(**settings: Any) -> tuple[Profile | None, list[tuple[str, str]]]:
    """The profile and what was reported of it."""
    problems: list[tuple[str, str]] = []
    plain = {
        "match": [{"host": "{tenant}.example.com"}],
        "credentials": {"username": "bot", "password": "p"},
        "grant": {"token_endpoint": "https://as.example/token"},
        **settings,
    }
    profile = compile_profile(
        "orders",
        ProfileSettings.model_validate(plain),
        fingerprint=FINGERPRINTS,
        report=lambda key, message: problems.append((key, message)),
    )
    return profile, problems


@pytest.mark.parametrize(
    ("check_url", "url"),
    [
        pytest.param("/api/me", "https://acme.example.com/v1/api/me", id="relative"),
        pytest.param(
            "https://{tenant}.example.com/{{username}}", "https://acme.example.com/a%2Fb", id="absolute"
        ),
        pytest.param(
            "/me?u={username}&t={{tenant}}", "https://acme.example.com/v1/me?u=a%2Fb&t=acme", id="query"
        ),
    ],
)
def test_the_check_url_takes_placeholders_in_every_part(check_url, url) -> None:
    """As the token endpoint does, each value escaped for its part."""
    profile, _ = compiled(
        check_url=check_url,
        tenancy={"base_url": "https://{tenant}.example.com/v1"},
        credentials={"username": "a/b", "password": "p"},
    )

    assert profile.check_url.render(profile.values({"tenant": "acme"})) == url


@pytest.mark.parametrize(
    ("check_url", "with_token"),
    [
        pytest.param("https://{tenant}.example.com/me", False, id="known before"),
        pytest.param(
            "https://{tenant}.example.com/test/{{token.id}}", True, id="a member of the token response"
        ),
        pytest.param("https://{tenant}.example.com/me?t={{access_token}}", True, id="the token"),
    ],
)
def test_the_check_url_may_hold_what_the_token_response_tells(check_url, with_token) -> None:
    """The source's own example is http://{tenant}.example.com/test/{{tokenId}}."""
    profile, _ = compiled(check_url=check_url)

    url = profile.check_url.render({"tenant": "acme", "token": {"id": "4/2"}, "access_token": "t&1"})

    assert profile.checks_with_token is with_token
    assert url == check_url.replace("{tenant}", "acme").replace("{{token.id}}", "4%2F2").replace(
        "{{access_token}}", "t%261"
    )


@pytest.mark.parametrize("tenant", ["evil.com#", "evil.com/", "a.b", ""])
def test_no_value_moves_the_check_to_another_host(tenant) -> None:
    """hazard-18: the token would go there."""
    profile, _ = compiled(check_url="https://{tenant}.example.com/me")

    with pytest.raises(ValueError, match="host"):
        profile.check_url.render(profile.values({"tenant": tenant}))


def test_captures_win_over_the_profiles_own_tenant() -> None:
    """`tenancy.tenant` stands in where the match captured none."""
    profile, _ = compiled(
        tenancy={"tenant": "own"}, grant={"token_endpoint": "https://a.example/t", "client_id": "c"}
    )

    assert profile.values({}) == {"username": "bot", "password": "p", "client_id": "c", "tenant": "own"}
    assert profile.values({"tenant": "acme"})["tenant"] == "acme"


@pytest.mark.parametrize(
    ("settings", "key", "message"),
    [
        pytest.param({"check_url": "me"}, "check_url", "must be an http or https URL", id="check_url"),
        pytest.param(
            {"check_url": "/me"}, "check_url", "tenancy.base_url is not set", id="relative check_url"
        ),
        pytest.param(
            {"check_url": "https://a/{who}"},
            "check_url",
            "nothing provides the placeholder who",
            id="unknown",
        ),
        pytest.param(
            {"check_url": "https://{{token.host}}/me"},
            "check_url",
            "lets token.host choose",
            id="host by the server",
        ),
        pytest.param(
            {"check_url": "https://a/{{request.path}}"}, "check_url", "nothing provides", id="no request"
        ),
        pytest.param(
            {"grant": {"token_endpoint": "https://{tenant}/t"}},
            "grant",
            "lets tenant choose the host",
            id="host",
        ),
        pytest.param(
            {"match": [{"host": "{username}.example.com"}]},
            "match",
            "captures username",
            id="captured form field",
        ),
        pytest.param(
            {
                "match": [{"host": "a.example.com"}],
                "tenancy": {"tenant": "a.b"},
                "grant": {"token_endpoint": "https://{tenant}.x.example/t"},
            },
            "grant",
            "token_endpoint has tenant in its host",
            id="own tenant",
        ),
    ],
)
def test_what_is_wrong_is_reported_with_its_key(settings, key, message) -> None:
    """And then there is no profile."""
    profile, problems = compiled(**settings)

    assert profile is None
    assert [(at, message in text) for at, text in problems] == [(key, True)]


@pytest.mark.parametrize(
    "change",
    [
        {"refresh_method": "PUT"},
        {"refresh_content_type": "json"},
        {"refresh_headers": {"X-Key": "1"}},
        {"refresh_headers": {}},
        {"refresh_query": {"key": "1"}},
        {"refresh_parameters": {"key": "1"}},
        {"headers": {"X-Key": "1"}},
        {"query": {"key": "1"}},
        {"client_id": "c", "client_secret": "s"},
    ],
    ids=str,
)
def test_a_changed_grant_has_another_fingerprint(change) -> None:
    """hazard-12: what was held under the old settings is not found any more."""
    base = {"token_endpoint": "https://as.example/token"}
    fingerprints = {compiled(grant={**base, **more})[0].fingerprint for more in ({}, {}, change)}

    assert len(fingerprints) == 2


def test_a_changed_secret_alone_has_another_fingerprint() -> None:
    """hazard-12: secrets count by their values, which pydantic would mask."""
    base = {"token_endpoint": "https://as.example/token", "client_id": "c"}
    variants = [
        {"client_secret": "s1"},
        {"client_secret": "s2"},
        {"refresh_headers": {"X": "1"}},
        {"refresh_headers": {"X": "2"}},
        {"refresh_query": {"X": "1"}},
        {"refresh_query": {"X": "2"}},
    ]

    fingerprints = {compiled(grant={**base, **variant})[0].fingerprint for variant in variants}

    assert len(fingerprints) == len(variants)
