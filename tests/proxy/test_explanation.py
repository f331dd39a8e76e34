"""Which profile owns a request and what becomes of it, without any network."""

from dataclasses import asdict, replace

import pytest

from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.explanation import as_lines, explain, parse_request

SECRET = "sentinel-5b1c"

CONFIGURATION = """
unmatched: {unmatched}
profiles:
  tenants:
    description: Each tenant's API
    match:
      - {{host: "{{tenant}}.example.com", path: /api/**, methods: [GET, POST]}}
    credentials: {{username: bot, password: {secret}}}
    grant: {{token_endpoint: "https://login.example.net/token", client_id: c, client_secret: {secret}}}
    fields:
      - {{in: header, key: Authorization, value: "Bearer {{{{access_token}}}}"}}
      - {{in: query, key: api_key, value: {secret}}}
      - {{in: path, key: accountId, value: "{{{{token.account}}}}"}}
    auth_error: [401, {{status: 200, body: expired}}]
  wild:
    match: {{host: "*.example.com"}}
    credentials: {{username: bot, password: {secret}}}
    grant: {{token_endpoint: "https://login.example.net/token"}}
"""


@pytest.fixture
def composed(tmp_path):
    """Compiles the configuration above."""

    def compose_with(unmatched="tunnel"):
        file = tmp_path / "grantproxy.yaml"
        file.write_text(CONFIGURATION.format(unmatched=unmatched, secret=SECRET))
        return compose(load_configuration(file, environ={}, cwd=tmp_path), environ={})

    return compose_with


def test_the_owner_is_named_with_rule_and_captures(composed):
    """And so is who lost, with the reason."""
    found = explain(composed(), parse_request("https://acme.example.com/api/x?q=1", "get"))

    assert (found.profile, found.captures) == ("tenants", {"tenant": "acme"})
    assert found.tls == "intercepted"
    assert found.outcome == "authorized"
    assert [(item.profile, item.outcome) for item in found.competitors] == [
        ("wild", "a more specific entry comes first")
    ]


def test_fields_are_shown_without_their_values(composed):
    """A placeholder by its name, a fixed value not at all."""
    found = explain(composed(), parse_request("https://acme.example.com/api/x", "GET"))

    assert [(item.place, item.key, item.value) for item in found.fields] == [
        ("header", "Authorization", "Bearer ••••{access_token}"),
        ("query", "api_key", "••••"),
        ("path", "accountId", "••••{token.account}"),
    ]


def test_a_method_decides(composed):
    """The entry that does not take DELETE says so."""
    found = explain(composed(), parse_request("https://acme.example.com/api/x", "DELETE"))

    assert found.profile == "wild"
    assert found.competitors[0].outcome == "method is not GET or POST"


@pytest.mark.parametrize(
    ("url", "unmatched", "tls", "outcome", "refusal"),
    [
        pytest.param("https://other.org/", "tunnel", "tunnelled", "forwarded", None, id="tunnelled"),
        pytest.param("http://other.org/", "tunnel", "none", "forwarded", None, id="plain http"),
        pytest.param(
            "https://other.org/", "refuse", "refused", "refused", "origin_not_allowed", id="refused"
        ),
        pytest.param(
            "http://acme.example.com/api/", "tunnel", "none", "refused", "cleartext_refused", id="cleartext"
        ),
    ],
)
def test_the_outcome_is_what_a_lane_would_do(composed, url, unmatched, tls, outcome, refusal):
    """Asked of the same authorizer."""
    found = explain(composed(unmatched), parse_request(url, "GET"))

    assert (found.tls, found.outcome, found.refusal) == (tls, outcome, refusal)


def test_a_near_miss_is_named(composed):
    """A host that no profile owns, but looks like one."""
    found = explain(composed(), parse_request("https://a.exmple.com/", "GET"))

    assert found.profile is None
    assert found.did_you_mean == "*.example.com"


def test_no_secret_shows(composed):
    """Neither for people nor for programs."""
    found = explain(composed(), parse_request(f"https://acme.example.com/api/x?k={SECRET}", "GET"))

    assert SECRET not in "\n".join(as_lines(found)) + str(asdict(found))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        pytest.param("https://a.example.com", "/", id="no path"),
        pytest.param("https://a.example.com/a%2Fb?x=%20y", "/a%2Fb?x=%20y", id="encoded stays"),
        pytest.param("https://a.example.com/ä b?ü=1#f", "/%C3%A4%20b?%C3%BC=1", id="encoded as clients do"),
        pytest.param("https://a.example.com/{accountId}/x", "/{accountId}/x", id="a place for a path field"),
    ],
)
def test_a_url_becomes_the_request_that_a_client_makes(url, target):
    """In origin-form, fragment gone."""
    assert parse_request(url, "GET").target == target


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ftp://a.example.com/", id="other scheme"),
        pytest.param("a.example.com", id="no scheme"),
        pytest.param("https://u:p@a.example.com/", id="credentials"),
        pytest.param("https:///x", id="no host"),
        pytest.param("https://a.example.com:99999/", id="no port"),
        pytest.param("https://a b/", id="no host name"),
        pytest.param("https://[::1/", id="no IPv6 address"),
    ],
)
def test_what_is_no_url_is_refused_without_showing_it(url):
    """A URL may hold a secret."""
    with pytest.raises(ValueError) as raised:
        parse_request(url, "GET")

    assert "u:p" not in str(raised.value)


def test_end_users_and_own_tls_are_told(tmp_path):
    """Who looks for the reason of an answer has to know of both."""
    file = tmp_path / "grantproxy.yaml"
    file.write_text(
        "profiles:\n  mine:\n    match: {host: api.example.com}\n    mode: per_user\n"
        "    grant: {token_endpoint: https://login.example.net/token}\n"
    )
    composition = compose(load_configuration(file, environ={}, cwd=tmp_path), environ={})

    found = explain(composition, parse_request("https://api.example.com/x", "GET"))

    assert (found.outcome, found.is_per_user, found.has_own_tls) == ("authorized", True, False)
    assert "  for each end user, with a token of their own" in as_lines(found)
    assert "client certificate" in "\n".join(as_lines(replace(found, has_own_tls=True)))
