"""What a compiled profile says of its tokens."""

from __future__ import annotations

import pytest

from tests.profiles.profile_ground import compiled

CAPTURES = (("area", "north"), ("id", "7"), ("tenant", "acme"))
ROUTING = {"host": "{tenant}.example.com", "path": "/{area}/accounts/{id}/**"}


def grant(**changes):
    return {"token_endpoint": "https://login.example.com/token"} | changes


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param({}, [], id="hazard-7-the-tenant-alone"),
        pytest.param({"grant": grant(token_endpoint="https://{area}.example.com/")}, ["area"], id="host"),
        pytest.param({"grant": grant(token_endpoint="https://x.example/{area}")}, ["area"], id="path"),
        pytest.param({"grant": grant(token_endpoint="https://x.example/?t={id}")}, ["id"], id="query-of-url"),
        pytest.param(
            {"grant": grant(refresh_endpoint="https://{area}.example.com/")}, ["area"], id="refresh-url"
        ),
        pytest.param(
            {
                "grant": {"token_endpoint": "/token"},
                "tenancy": {"base_url": "https://{area}.example.com"},
            },
            ["area"],
            id="base-url",
        ),
        pytest.param({"grant": grant(headers={"X-Tenant": "{{area}}"})}, ["area"], id="header"),
        pytest.param({"grant": grant(query={"tenant": "a {{area}}"})}, ["area"], id="query"),
        pytest.param({"grant": grant(parameters={"a": [{"b": "{{id}}"}]})}, ["id"], id="deep-parameter"),
        pytest.param({"grant": grant(body={"t": "{{area}}", "i": "{{id}}"})}, ["area", "id"], id="body"),
        pytest.param({"grant": grant(refresh_body={"t": "{{area}}"})}, ["area"], id="refresh-body"),
        pytest.param(
            {"grant": grant(headers={"X-Area": "{{area}}"}, body={"id": "{{id}}"})},
            ["area", "id"],
            id="several",
        ),
    ],
)
def test_a_token_is_held_for_each_value_of_what_its_requests_mention(changes, names):
    """Tenants keep tokens of their own; a capture that only routes makes no other token."""
    profile = compiled(**{"match": ROUTING} | changes)

    assert profile.token_captures(CAPTURES) == tuple(
        capture for capture in CAPTURES if capture[0] in {*names, "tenant"}
    )
