"""How it stands with a profile, in one word and a few more."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from profiles.errors import ConnectorUnavailable, TokenRequestRejected
from profiles.tokens import TokenState
from proxy.console.states import SHOWN_NAMES, Status, status_of_token
from tests.proxy.console.conftest import SENTINELS, matching

Watch = Callable[..., Any]

NOW = 1_000_000.0
REFUSED = TokenRequestRejected("no", error="invalid_grant", upstream_status=400)
NOTHING = TokenState(
    profile="orders",
    captures=(),
    user="",
    obtained_at=None,
    expires_at=None,
    has_refresh_token=False,
    locked_since=None,
    cooling_until=None,
    renewing=False,
)

TENANTS = {
    "match": [{"host": "{tenant}.localhost", "port": 9000}],
    "grant": {"token_endpoint": "http://{tenant}.localhost:9001/token"},
}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.NONE),
        ({"expires_at": NOW + 1}, Status.VALID),
        ({"expires_at": NOW}, Status.EXPIRED),
        ({"expires_at": NOW + 1, "renewing": True}, Status.RENEWING),
        ({"expires_at": NOW + 1, "cooling_until": NOW + 1}, Status.COOLING),
        ({"expires_at": NOW + 1, "cooling_until": NOW + 1, "renewing": True}, Status.COOLING),
        ({"locked_since": NOW - 1}, Status.LOCKED),
        ({"locked_since": NOW - 1, "expires_at": NOW + 1, "renewing": True}, Status.LOCKED),
    ],
)
def test_a_token_is_in_one_state(changes: dict[str, Any], status: Status) -> None:
    """The worst that is true of it."""
    assert status_of_token(dataclasses.replace(NOTHING, **changes), NOW) is status


async def test_a_profile_that_nobody_used_says_so(watch: Watch) -> None:
    """Until its first request."""
    survey = watch().built.console.survey()

    assert survey.state_of("orders").status is Status.UNUSED
    assert survey.counts == {Status.UNUSED: 1}


async def test_a_valid_token_says_until_when(watch: Watch) -> None:
    """As an instant: the rest is a matter of where one looks from."""
    watched = watch()
    await watched.use()
    state = watched.built.console.survey().state_of("orders")
    [token] = watched.composition.tokens.overview()

    assert (state.status, state.note, state.at) == (Status.VALID, "until", token.expires_at)


async def test_several_tokens_say_which_expires_first(watch: Watch) -> None:
    """One for each tenant."""
    watched = watch(TENANTS)
    for tenant in ("acme", "globex"):
        await watched.use(captures=(("tenant", tenant),))
    state = watched.built.console.survey().state_of("orders")

    tokens = watched.composition.tokens.overview()
    assert state.note == "2 tokens, the first until"
    assert state.at == min(item.expires_at for item in tokens)


async def test_one_locked_token_is_what_matters(watch: Watch) -> None:
    """Whatever else is well; the others go on, and are counted."""
    watched = watch(TENANTS)
    await watched.use(captures=(("tenant", "acme"),))
    watched.grants.refusal = REFUSED
    with pytest.raises(TokenRequestRejected):
        await watched.use(captures=(("tenant", "globex"),))
    survey = watched.built.console.survey()

    assert (survey.state_of("orders").status, survey.state_of("orders").note) == (
        Status.LOCKED,
        "1 of 2 tokens, since",
    )
    assert [item.captures for item in survey.tokens_of("orders")] == [
        (("tenant", "acme"),),
        (("tenant", "globex"),),
    ]


@pytest.mark.parametrize("has_token", [True, False])
async def test_a_failed_renewal_shows_though_a_token_is_valid(watch: Watch, has_token: bool) -> None:
    """Its end is known."""
    watched = watch()
    if has_token:
        await watched.use()
    watched.composition.tallies.token_requested("orders", "refresh", "token_endpoint_unreachable", 0.1)
    state = watched.built.console.survey().state_of("orders")

    assert state.status is Status.FAILING
    assert state.note.startswith("the last token request failed")
    assert (state.at is not None) is has_token
    assert state.renewals == 1


async def test_end_users_are_counted_where_each_has_a_token(watch: Watch) -> None:
    """A preauthorized profile has none to count."""
    calendar = matching("/calendar/**", mode="per_user", credentials={})
    watched = watch(profiles={"calendar": calendar})
    for user in ("ada", "grace"):
        await watched.use("calendar", user=user)
    survey = watched.built.console.survey()

    assert survey.state_of("calendar").users == 2
    assert survey.state_of("orders").users is None


@pytest.mark.parametrize(
    ("query", "status", "found"),
    [
        ("", "", ["billing", "orders"]),
        ("ORD", "", ["orders"]),
        ("invoices", "", ["billing"]),
        ("<B>", "", ["orders"]),
        ("nothing", "", []),
        ("", "valid", ["orders"]),
        ("", "unused", ["billing"]),
        ("billing", "valid", []),
    ],
)
async def test_profiles_are_found(watch: Watch, query: str, status: str, found: list[str]) -> None:
    """By name, description and state."""
    watched = watch(profiles={"billing": matching("/billing/**", description="Sends invoices")})
    await watched.use()

    assert watched.built.console.survey().names(query, status) == found


async def test_warnings_name_what_to_look_at(watch: Watch) -> None:
    """Locked credentials, failures, connectors, cleartext, and what the configuration warns of."""
    watched = watch(
        profiles={
            "locked": matching("/locked/**"),
            "failing": matching("/failing/**"),
            "far": matching("/far/**", connector="http://gw:gateway-sentinel@127.0.0.1:3128"),
            "bare": matching("/bare/**", allow_cleartext=True),
        },
        console="0.0.0.0:8082",
    )
    watched.grants.refusal = REFUSED
    with pytest.raises(TokenRequestRejected):
        await watched.use("locked")
    watched.composition.tallies.token_requested("failing", "password", "token_response_invalid", 0.1)
    watched.composition.connectors[0].failed(ConnectorUnavailable("refuses connections"))
    warnings = {item.text: item.profiles for item in watched.built.console.survey().warnings}

    assert warnings["Credentials were refused, and are not tried again."] == ("locked",)
    assert warnings["The last token requests failed."] == ("failing",)
    assert warnings["The connector http://127.0.0.1:3128 is unavailable: it refuses connections."] == ("far",)
    assert warnings["Credentials may travel unencrypted: allow_cleartext is on."] == ("bare",)
    assert any("the console has no TLS of its own" in text for text in warnings)
    assert "gateway-sentinel" not in str(warnings)


async def test_a_warning_about_many_names_some(watch: Watch) -> None:
    """The page stays a page."""
    many = {
        f"p{number:02}": matching(f"/p{number}/**", allow_cleartext=True) for number in range(SHOWN_NAMES + 5)
    }
    [warning] = watch(profiles=many).built.console.survey().warnings

    assert warning.profiles == tuple(sorted(many)[:SHOWN_NAMES])
    assert warning.more == 5


async def test_what_is_told_of_a_profile_holds_no_secret(watch: Watch) -> None:
    """Invariant I4."""
    watched = watch()
    await watched.use()
    survey = watched.built.console.survey()

    told = f"{survey.state_of('orders')} {survey.state_of('orders').as_json()} {survey.warnings}"
    assert [text for text in SENTINELS if text in told] == []
