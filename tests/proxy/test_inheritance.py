"""A profile over its preset: what wins, what is missed, and where each problem is said to stand."""

import pytest

from profiles.errors import ConfigurationError
from profiles.model import ClientAuthentication
from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.presets.catalogue import load_preset

FILLED = """\
profiles:
  orders:
    extends: keycloak
    match: {host: api.example.com}
    tenancy: {base_url: "https://sso.example.com", tenant: acme}
    credentials: {username: bot, password: hunter2}
    grant: {client_id: my-client, client_secret: s3cret}
"""


@pytest.fixture
def load(tmp_path):
    """Writes a configuration and loads it."""

    def write_and_load(text, environ=None, beside=None):
        file = tmp_path / "grantproxy.yaml"
        file.write_text(text)
        file.chmod(0o600)
        for name, content in (beside or {}).items():
            (tmp_path / "profiles.d").mkdir(exist_ok=True)
            (tmp_path / "profiles.d" / name).write_text(content)
        return load_configuration(file, environ=environ or {}, cwd=tmp_path)

    return write_and_load


@pytest.fixture
def orders(load):
    """The settings of the profile `orders`."""
    return lambda *arguments, **options: load(*arguments, **options).settings.profiles["orders"]


@pytest.fixture
def problems(load):
    """What is wrong, by key: line and message."""

    def found(text, **options):
        with pytest.raises(ConfigurationError) as caught:
            load(text, **options)
        return {item.key: (item.line, item.message) for item in caught.value.problems}

    return found


# What wins


def test_the_presets_settings_stand_under_the_profiles_own(orders):
    """Mappings are merged: the endpoint is the preset's, the client the profile's."""
    profile = orders(FILLED)

    assert profile.extends == "keycloak"
    assert profile.grant.token_endpoint == "/realms/{tenant}/protocol/openid-connect/token"
    assert profile.grant.client_authentication is ClientAuthentication.POST
    assert profile.grant.client_id == "my-client"


@pytest.mark.parametrize(
    ("own", "setting", "value"),
    [
        pytest.param(
            "client_authentication: client_secret_basic", "client_authentication", "client_secret_basic"
        ),
        pytest.param("token_endpoint: https://x.example/t", "token_endpoint", "https://x.example/t"),
        pytest.param("scope: [a]", "scope", ("a",)),
    ],
    ids=["client authentication", "endpoint", "scope"],
)
def test_the_profiles_own_key_wins(orders, own, setting, value):
    """A scalar or list of the profile takes the place of the preset's."""
    profile = orders(FILLED.replace("client_secret: s3cret", f"client_secret: s3cret, {own}"))

    assert getattr(profile.grant, setting) == value


def test_a_list_of_the_profile_replaces_the_presets(orders):
    """Lists are not merged entry by entry: reddit's own host is owned no more."""
    profile = orders(
        """\
profiles:
  orders:
    extends: reddit
    match: {host: oauth.example.com}
    credentials: {username: bot, password: hunter2}
    grant: {client_id: my-client, client_secret: s3cret}
    fields: [{in: query, key: token, value: "{{access_token}}"}]
"""
    )

    assert [rule.host for rule in profile.match] == ["oauth.example.com"]
    assert [item.key for item in profile.fields] == ["token"]


def test_a_mapping_inside_the_grant_is_merged_as_well(orders):
    """The body's realm joins the body of the preset."""
    profile = orders(
        FILLED.replace("keycloak", "auth0-realm").replace("client_id:", "body: {realm: r}, client_id:")
    )

    assert profile.grant.body == {
        "grant_type": "http://auth0.com/oauth/grant-type/password-realm",
        "username": "{{username}}",
        "password": "{{password}}",
        "realm": "r",
    }


def test_two_profiles_of_one_preset_do_not_share_what_it_brought(load):
    """What one of them gets from the environment is not in the other, nor in the preset."""
    text = FILLED.replace("keycloak", "auth0-realm")
    text += text.removeprefix("profiles:\n").replace("orders:", "bills:").replace("api.", "bills.")
    environ = {
        "GRANTPROXY_PROFILES__BILLS__GRANT__BODY__REALM": "one",
        "GRANTPROXY_PROFILES__ORDERS__GRANT__BODY__REALM": "two",
    }

    profiles = load(text, environ=environ).settings.profiles

    assert [profiles[name].grant.body["realm"] for name in ("bills", "orders")] == ["one", "two"]
    assert "realm" not in load_preset("auth0-realm").profile["grant"]["body"]


def test_a_section_with_every_entry_commented_out_is_the_presets(orders):
    """`tenancy:` without entries is no null that would win: salesforce's log-in host stays."""
    text = FILLED.replace("keycloak", "salesforce").replace(
        'tenancy: {base_url: "https://sso.example.com", tenant: acme}', "tenancy:"
    )

    assert orders(text).tenancy.base_url == "https://login.salesforce.com"


def test_a_profile_in_its_own_file_extends_too(load):
    """A file of profiles.d has the same keys."""
    own = "\n".join(line.removeprefix("    ") for line in FILLED.splitlines()[2:])

    configuration = load("listen: 127.0.0.1:0", beside={"bills.yaml": own})

    assert list(compose(configuration, environ={}).profiles) == ["bills"]


# The environment


def test_the_environment_wins_over_both(orders):
    """Over the preset's key as over the profile's own."""
    environ = {
        "GRANTPROXY_PROFILES__ORDERS__GRANT__CLIENT_AUTHENTICATION": "client_secret_basic",
        "GRANTPROXY_PROFILES__ORDERS__GRANT__CLIENT_ID": "other",
    }

    grant = orders(FILLED, environ=environ).grant

    assert (grant.client_id, grant.client_authentication) == ("other", ClientAuthentication.BASIC)


def test_a_blank_may_be_filled_by_the_environment(orders):
    """It is read before the blanks are looked for."""
    environ = {"GRANTPROXY_PROFILES__ORDERS__TENANCY__TENANT": "umbrella"}

    profile = orders(FILLED.replace(", tenant: acme", ""), environ=environ)

    assert profile.tenancy.tenant == "umbrella"


def test_the_preset_itself_may_be_named_by_the_environment(orders):
    """And is known before the variables that go into what it brings."""
    environ = {
        "GRANTPROXY_PROFILES__ORDERS__EXTENDS": "reddit",
        "GRANTPROXY_PROFILES__ORDERS__FIELDS__0__VALUE": "token {{access_token}}",
    }

    profile = orders(FILLED, environ=environ)

    assert profile.grant.token_endpoint == "https://www.reddit.com/api/v1/access_token"
    assert profile.fields[0].value == "token {{access_token}}"


# Blanks


@pytest.mark.parametrize(
    ("filled", "key"),
    [
        ("    match: {host: api.example.com}\n", "match"),
        ('base_url: "https://sso.example.com", ', "tenancy.base_url"),
        (", tenant: acme", "tenancy.tenant"),
        ("username: bot, ", "credentials.username"),
        ("client_id: my-client, client_secret: s3cret", "grant.client_id"),
    ],
    ids=["match", "base_url", "tenant", "username", "client_id"],
)
def test_a_blank_that_is_not_filled_is_told(problems, filled, key):
    """Under its own key, at the line of `extends`, with the preset's name and an example."""
    found = problems(FILLED.replace(filled, ""))

    line, message = found.pop(f"profiles.orders.{key}")
    assert line == 3
    assert message.startswith("preset keycloak needs ")
    assert ", such as " in message
    assert found == {}


def test_a_blank_does_not_hide_what_else_is_wrong(problems):
    """A misspelt key in the same profile is told together with it."""
    found = problems(FILLED.replace(", tenant: acme", "").replace("client_secret", "client_secrte"))

    assert set(found) == {"profiles.orders.tenancy.tenant", "profiles.orders.grant.client_secrte"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            FILLED.replace("api.example.com", '"{tenant}.example.com"').replace(", tenant: acme", ""),
            id="a capture is the tenant",
        ),
        pytest.param(
            FILLED.replace('{base_url: "https://sso.example.com", tenant: acme}', "{}").replace(
                "client_id", "token_endpoint: https://sso.example.com/token, client_id"
            ),
            id="an endpoint of its own needs no base URL and no tenant",
        ),
        pytest.param(
            FILLED.replace("username: bot, password: hunter2", "pin: x").replace(
                "    grant", "    form_fields: [{key: pin}]\n    grant"
            ),
            id="form fields of its own need no username",
        ),
    ],
)
def test_a_blank_that_nothing_needs_is_not_demanded(load, text):
    """What the profile says of its own takes the place of what was left blank."""
    compose(load(text), environ={})


# Problems


def test_an_unknown_preset_is_one_problem(problems):
    """At its line; what it would have brought is not missed on top."""
    found = problems(
        "profiles:\n  orders:\n    extends: keyclock\n    credentials: {username: a, password: b}\n"
    )

    assert list(found) == ["profiles.orders.extends"]
    assert found["profiles.orders.extends"][0] == 3
    assert 'did you mean "keycloak"' in found["profiles.orders.extends"][1]


def test_what_is_wrong_with_a_presets_setting_stands_at_extends(tmp_path, load):
    """The preset's endpoint would be reached in clear; what comes from a preset has the line of `extends`."""
    configuration = load(FILLED.replace("https://sso", "http://sso"))

    with pytest.raises(ConfigurationError) as caught:
        compose(configuration, environ={})

    (problem,) = caught.value.problems
    assert "without TLS" in problem.message
    assert problem.key == "profiles.orders.grant"
    assert configuration.positions.problem("", "profiles.orders.grant.token_endpoint").line == 3
    assert configuration.positions.problem("", "profiles.orders.grant.client_id").line == 7


@pytest.mark.parametrize("value", ["[keycloak]", "{name: keycloak}", "5"], ids=["list", "mapping", "number"])
def test_extends_takes_one_name(problems, value):
    """Anything else is told as for any other text."""
    found = problems(FILLED.replace("extends: keycloak", f"extends: {value}"))

    assert "must be text" in found["profiles.orders.extends"][1]


def test_client_authentication_of_the_profiles_own_demands_its_secret(problems):
    """Only the preset's is dropped for a public client, even where both stand on one line."""
    text = (
        'profiles: {orders: {extends: keycloak, match: {host: a.example}, tenancy: {base_url: "https://s.example",'
        " tenant: t}, credentials: {username: a, password: b}, grant: {client_id: c,"
        " client_authentication: client_secret_post}}}"
    )

    assert "needs client_secret" in problems(text)["profiles.orders.grant"][1]
