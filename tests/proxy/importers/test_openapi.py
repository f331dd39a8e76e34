"""An OpenAPI document's password flow becomes a profile."""

import pytest

from proxy.importers.draft import NothingToImport, UnreadableSource
from proxy.importers.openapi import import_openapi

VALUES = {"credentials.username": "bot", "credentials.password": "p&w"}
FLOW = {
    "tokenUrl": "https://auth.example.com/oauth/token",
    "refreshUrl": "https://auth.example.com/oauth/refresh",
    "scopes": {"read": "Read", "write": "Write", "admin": "All"},
}


def document(flow=FLOW, schemes=None, **more):
    return {
        "openapi": "3.1.0",
        "info": {"title": "Orders API", "version": "1"},
        "servers": [{"url": "https://api.example.com/v1"}],
        "components": {
            "securitySchemes": schemes or {"oauth": {"type": "oauth2", "flows": {"password": flow}}}
        },
        "security": [{"oauth": ["read"]}],
        "paths": {"/x": {"get": {"security": [{"oauth": ["write", "read"]}]}}},
        **more,
    }


def test_the_password_flow_is_a_profile(sent):
    """Server, endpoints and the scopes that are asked for; the credentials come from variables."""
    draft = import_openapi(document())

    message = sent(draft, VALUES)

    assert draft.name == "orders-api"
    assert draft.settings["match"] == [{"host": "api.example.com", "scheme": "https", "path": "/v1/**"}]
    assert draft.grant["refresh_endpoint"] == "https://auth.example.com/oauth/refresh"
    assert message.url == "https://auth.example.com/oauth/token"
    assert message.form == {
        "grant_type": "password",
        "username": "bot",
        "password": "p&w",
        "scope": "read write",
    }
    assert draft.not_carried_over == ["scopes that no operation asks for: admin"]
    assert [text.partition(",")[0] for text in draft.missing] == ["grant.client_id and client_secret"]


def test_swagger_2_has_the_parts_elsewhere(profile_of):
    """Host, base path and schemes at the top, the flow in the scheme itself."""
    draft = import_openapi(
        {
            "swagger": "2.0",
            "info": {"title": "Old"},
            "host": "api.example.com:8443",
            "basePath": "/v2",
            "schemes": ["https", "http"],
            "securityDefinitions": {
                "oauth": {"type": "oauth2", "flow": "password", "tokenUrl": "/token", "scopes": {"a": ""}}
            },
        }
    )

    profile_of(draft, VALUES)

    assert draft.grant["token_endpoint"] == "https://api.example.com:8443/token"
    assert draft.settings["match"] == [
        {"host": "api.example.com", "scheme": "https", "port": 8443, "path": "/v2/**"},
        {"host": "api.example.com", "scheme": "http", "port": 8443, "path": "/v2/**"},
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/oauth/token", "https://api.example.com/oauth/token"),
        ("oauth/token", "https://api.example.com/v1/oauth/token"),
        ("https://x.example/t", "https://x.example/t"),
    ],
    ids=["absolute path", "relative path", "URL"],
)
def test_a_relative_token_url_starts_at_the_server(url, expected):
    """As OpenAPI 3.1 section 4.6 resolves it."""
    assert import_openapi(document({"tokenUrl": url})).grant["token_endpoint"] == expected


def test_server_variables_take_their_defaults():
    """And that is told."""
    draft = import_openapi(
        document(
            servers=[
                {"url": "https://{region}.example.com/", "variables": {"region": {"default": "eu"}}},
                {"url": "/relative"},
            ]
        )
    )

    assert draft.settings["match"] == [{"host": "eu.example.com", "scheme": "https"}]
    assert "server variable region: only its default is taken" in draft.not_carried_over
    assert "a server whose URL is relative or has no host" in draft.not_carried_over


def test_without_a_server_the_match_is_missing():
    """And a relative token URL cannot be used."""
    draft = import_openapi(document({"tokenUrl": "/token"}, servers=[]))

    assert "match" not in draft.settings
    assert [text.partition(":")[0] for text in draft.missing[:2]] == ["match", "grant.token_endpoint"]


def test_a_scheme_may_be_a_reference():
    """Within the document; one that leads in a circle or outside is no scheme."""
    schemes = {
        "oauth": {"$ref": "#/components/x-schemes/a~1b"},
        "circle": {"$ref": "#/components/securitySchemes/circle"},
        "outside": {"$ref": "other.yaml#/x"},
    }
    text = document(schemes=schemes)
    text["components"]["x-schemes"] = {"a/b": {"type": "oauth2", "flows": {"password": FLOW}}}

    draft = import_openapi(text)

    assert draft.grant["token_endpoint"] == FLOW["tokenUrl"]


def test_further_schemes_are_told():
    """Other kinds, a second password flow, other flows of the same scheme."""
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X"},
        "oauth": {"type": "oauth2", "flows": {"password": FLOW, "clientCredentials": {}}},
        "other": {"type": "oauth2", "flows": {"password": FLOW}},
    }

    draft = import_openapi(document(schemes=schemes))

    assert draft.not_carried_over[-3:] == [
        "security scheme key: apiKey",
        "security scheme oauth: clientCredentials",
        "security scheme other: a further password flow",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (document(schemes={"key": {"type": "apiKey"}}), NothingToImport),
        ({"openapi": "3.0.3", "components": None, "servers": None}, NothingToImport),
        (
            {"swagger": "2.0", "securityDefinitions": {"a": 1, "b": {"type": "oauth2", "flow": "implicit"}}},
            NothingToImport,
        ),
        ({"item": []}, UnreadableSource),
        ("text", UnreadableSource),
    ],
    ids=["another kind", "nothing", "another flow", "another document", "no mapping"],
)
def test_what_holds_no_password_flow_is_refused(text, error):
    """Whatever shape it has."""
    with pytest.raises(error):
        import_openapi(text)
