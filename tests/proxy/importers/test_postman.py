"""A Postman collection's OAuth 2.0 password settings become profiles."""

import json

import pytest

from proxy.imported_configuration import imported_configuration
from proxy.importers.draft import NothingToImport, UnreadableSource
from proxy.importers.postman import import_postman

SETTINGS = {
    "grant_type": "password_credentials",
    "accessTokenUrl": "{{auth}}/oauth/token",
    "username": "bot",
    "password": "sentinel-password",
    "clientId": "my-client",
    "clientSecret": "sentinel-secret",
    "scope": "read write",
    "client_authentication": "header",
    "tokenName": "mine",
    "addTokenTo": "header",
}
VALUES = {"credentials.password": "p&w", "grant.client_secret": "s3cret"}


def auth(**changes):
    settings = {**SETTINGS, **changes}
    return {
        "type": "oauth2",
        "oauth2": [{"key": key, "value": value, "type": "any"} for key, value in settings.items()],
    }


def request(url, **more):
    return {"name": "one", "request": {"method": "GET", "url": {"raw": url}, **more}}


def collection(*items, **more):
    return {
        "info": {"name": "Orders API", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/"},
        "variable": [
            {"key": "host", "value": "api.example.com"},
            {"key": "auth", "value": "https://auth.{{domain}}"},
            {"key": "domain", "value": "example.com"},
        ],
        "item": list(items),
        **more,
    }


def test_the_collections_settings_are_a_profile(sent):
    """Variables resolved, also within variables; the request is the one that Postman would send."""
    (draft,) = import_postman(collection(request("https://{{host}}/v1/orders"), auth=auth()))

    message = sent(draft, VALUES)

    assert draft.name == "orders-api"
    assert draft.settings["match"] == [{"host": "api.example.com", "scheme": "https"}]
    assert message.url == "https://auth.example.com/oauth/token"
    assert message.form == {
        "grant_type": "password",
        "username": "bot",
        "password": "p&w",
        "scope": "read write",
    }
    assert message.headers["Authorization"].startswith("Basic ")
    assert draft.missing == []
    assert draft.not_carried_over == []


@pytest.mark.parametrize(
    ("way", "secret", "expected"),
    [
        ("header", "s", "client_secret_basic"),
        ("body", "s", "client_secret_post"),
        ("body", "", None),
    ],
    ids=["header", "body", "no secret"],
)
def test_client_authentication(way, secret, expected):
    """As the settings say; a public client has none."""
    settings = auth(client_authentication=way, clientSecret=secret)

    (draft,) = import_postman(collection(request("https://a.example"), auth=settings))

    assert draft.grant.get("client_authentication") == expected
    assert draft.grant["client_id"] == "my-client"


def test_the_nearest_settings_count_for_a_request():
    """A request's own before its folder's, before the collection's; `noauth` ends them."""
    tree = collection(
        request("https://a.example/1"),
        {
            "name": "Folder",
            "auth": auth(username="folder"),
            "item": [
                request("https://b.example/1"),
                request("https://c.example/1", auth=auth(username="own")),
                request("https://d.example/1", auth={"type": "noauth"}),
            ],
        },
        auth=auth(),
    )

    drafts = import_postman(tree)

    assert [draft.settings["credentials"]["username"] for draft in drafts] == ["bot", "folder", "own"]
    assert [[item["host"] for item in draft.settings["match"]] for draft in drafts] == [
        ["a.example"],
        ["b.example"],
        ["c.example"],
    ]
    assert [draft.name for draft in drafts] == ["orders-api", "orders-api-2", "orders-api-3"]


def test_the_same_settings_twice_are_one_profile():
    """With the hosts of both places, and ports."""
    tree = collection(
        request("https://a.example:8443/1", auth=auth()), request("http://b.example/", auth=auth())
    )

    (draft,) = import_postman(tree)

    assert draft.settings["match"] == [
        {"host": "a.example", "scheme": "https", "port": 8443},
        {"host": "b.example", "scheme": "http"},
    ]


def test_the_older_format_has_a_mapping():
    """Collection format v2.0, and a request that is its URL alone."""
    settings = {"type": "oauth2", "oauth2": SETTINGS}

    (draft,) = import_postman(
        collection({"name": "x", "request": {"url": "https://a.example/x"}}, auth=settings)
    )

    assert draft.grant["token_endpoint"] == "https://auth.example.com/oauth/token"


def test_a_variable_of_an_environment_becomes_one_of_ours(profile_of):
    """It is not in the collection's file; its name is kept, and it is told."""
    settings = auth(accessTokenUrl="{{idpUrl}}/token", username="{{user}}")

    (draft,) = import_postman(collection(request("https://a.example"), auth=settings))

    values = {**VALUES, "Postman's {{idpUrl}}": "https://idp.example", "Postman's {{user}}": "me"}
    profile = profile_of(draft, values)
    assert draft.grant["token_endpoint"] == "${env:IDP_URL}/token"
    assert profile.form_values["username"] == "me"
    assert profile.grant.password_request(profile.values({})).url == "https://idp.example/token"


def test_a_host_that_only_an_environment_knows_is_missing():
    """`match` cannot be guessed."""
    (draft,) = import_postman(collection(request("{{baseUrl}}/orders"), auth=auth()))

    assert "match" not in draft.settings
    assert draft.missing[0].startswith("match:")
    assert any("variable of an environment" in text for text in draft.not_carried_over)


def test_further_parameters_go_where_postman_sends_them():
    """Body, header and URL; disabled ones nowhere; only harmless values are written out."""
    parameters = [
        {"key": "audience", "value": "orders", "enabled": True, "send_as": "request_body"},
        {"key": "X-Tenant", "value": "sentinel-1", "send_as": "request_header"},
        {"key": "apikey", "value": "sentinel-2", "send_as": "request_url"},
        {"key": "off", "value": "sentinel-3", "enabled": False},
    ]

    (draft,) = import_postman(
        collection(request("https://a.example"), auth=auth(tokenRequestParams=parameters))
    )

    assert draft.grant["parameters"] == {"audience": "orders"}
    assert draft.grant["headers"] == {"X-Tenant": "${env:ORDERS_API_X_TENANT}"}
    assert draft.grant["query"] == {"apikey": "${env:ORDERS_API_APIKEY}"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"addTokenTo": "queryParams"}, {"in": "query", "key": "access_token", "value": "{{access_token}}"}),
        (
            {"headerPrefix": "Token"},
            {"in": "header", "key": "Authorization", "value": "Token {{access_token}}"},
        ),
        ({"headerPrefix": ""}, {"in": "header", "key": "Authorization", "value": "{{access_token}}"}),
    ],
    ids=["query", "prefix", "no prefix"],
)
def test_the_token_goes_where_postman_puts_it(changes, field):
    """The Bearer header is the default and is not written."""
    (draft,) = import_postman(collection(request("https://a.example"), auth=auth(**changes)))

    assert draft.settings["fields"] == [field]


def test_what_cannot_be_carried_over_is_told():
    """Scripts, other kinds of authorization, settings without a place here."""
    tree = collection(
        request("https://a.example"),
        {"name": "Admin", "auth": {"type": "apikey", "apikey": []}, "item": []},
        {"name": "Web", "auth": auth(grant_type="authorization_code"), "item": []},
        auth=auth(accessToken="sentinel-token", refreshRequestParams=[{"key": "a"}]),
        event=[{"listen": "prerequest"}],
    )

    (draft,) = import_postman(tree)

    assert draft.not_carried_over == [
        "parameters of the refresh request alone; see grant.refresh_body",
        "the collection: accessToken",
        "the collection: scripts",
        "folder Admin: authorization by apikey",
        "folder Web: authorization by oauth2 authorization_code",
    ]


def test_no_secret_is_written():
    """Password, client secret and a token that Postman keeps."""
    tree = collection(request("https://a.example"), auth=auth(accessToken="sentinel-token"))
    tree["variable"].append({"key": "pw", "value": "sentinel-variable"})
    tree["auth"]["oauth2"][3]["value"] = "{{pw}}"

    (draft,) = import_postman(tree)

    assert "sentinel" in json.dumps(tree)
    assert "sentinel" not in imported_configuration([draft]) + repr(draft)


@pytest.mark.parametrize(
    ("tree", "error"),
    [
        (collection(request("https://a.example")), NothingToImport),
        (collection(auth=auth(grant_type="client_credentials")), NothingToImport),
        ({"openapi": "3.1.0"}, UnreadableSource),
        ([], UnreadableSource),
        ({"item": [None, 5, {"item": 7, "request": "x", "auth": []}], "variable": [1]}, NothingToImport),
    ],
    ids=["no authorization", "another grant", "no collection", "a list", "odd shapes"],
)
def test_what_holds_no_password_grant_is_refused(tree, error):
    """Whatever shape it has."""
    with pytest.raises(error):
        import_postman(tree)
