"""Tenants: which one a request is for, what each has of its own, and that none can be smuggled in."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from profiles.errors import TenantUnknown, TokenRequestRejected
from profiles.fingerprints import Fingerprints
from profiles.model import ProfileSettings
from profiles.origins import normalize_host
from profiles.profile import compile_profile
from profiles.selection import ProfileIndex
from tests.profiles.profile_ground import SETTINGS, compiled, head

SENTINEL = "sentinel-91ab"
BY_HOST = {"match": {"host": "{tenant}.example.com"}}
BY_PATH = {"match": {"host": "api.example.com", "path": "/t/{tenant}/**"}}
TWO = {"acme": {"credentials": {"password": "a-pw"}}, "globex": None}


def with_tenants(tenants=TWO, tenant=None, match=BY_HOST, **changes):
    return compiled(**match, tenancy={"tenants": tenants, "tenant": tenant}, **changes)


def problems_with(**changes):
    """What compiling reports, as pairs of key and message."""
    problems = []
    settings = ProfileSettings.model_validate(SETTINGS | changes)
    compile_profile(
        "orders",
        settings,
        fingerprint=Fingerprints(b"k" * 32),
        report=lambda *problem: problems.append(problem),
    )
    return problems


# What each has of its own


def test_credentials_are_merged_by_key():
    """A tenant's win, and what it has not is the profile's."""
    profile = with_tenants()

    acme, globex = (profile.values({"tenant": name}) for name in ("acme", "globex"))

    assert (acme["username"], acme["password"]) == ("bot", "a-pw")
    assert (globex["username"], globex["password"]) == ("bot", "pw")


@pytest.mark.parametrize("captures", [{"tenant": "umbrella"}, {"tenant": "ACME"}, {}])
def test_a_tenant_that_is_not_named_is_none(captures):
    """Neither another's credentials nor the profile's are a substitute."""
    profile = with_tenants()

    with pytest.raises(TenantUnknown) as raised:
        profile.values(captures)

    assert raised.value.profile == "orders"


def test_the_tenant_by_default_is_one_of_them():
    """Where the match captured none."""
    match = {"match": [*[BY_HOST["match"]], {"host": "api.example.org"}]}
    profile = with_tenants(tenant="ACME", match=match)

    assert profile.values({})["password"] == "a-pw"
    assert profile.tenant_of({}) == "acme"
    # It has the token of the one that was captured.
    assert profile.token_captures(()) == profile.token_captures((("tenant", "acme"),))


def test_one_tenants_password_is_one_tenants_fingerprint():
    """When it changes, or a tenant comes along, the others keep their tokens."""
    before = with_tenants().tenants
    after = with_tenants(TWO | {"acme": {"credentials": {"password": "new"}}, "umbrella": {}}).tenants

    changed = {
        name for name in before.names if before.entered[name].fingerprint != after.entered[name].fingerprint
    }
    assert changed == {"acme"}
    assert before.entered["acme"].fingerprint != before.entered["globex"].fingerprint


def test_what_the_form_requires_may_be_the_tenants_alone():
    """The profile itself then has nothing to ask for a token with, and every tenant has."""
    own = {"credentials": {"username": "u", "password": "p"}}
    profile = with_tenants({"acme": own, "globex": own}, credentials={})

    assert profile.has_credentials
    assert profile.values({"tenant": "acme"})["username"] == "u"


def test_values_are_hidden():
    """In the repr of settings, profile and tenants alike."""
    tenants = {"acme": {"credentials": {"password": SENTINEL}}}
    profile = with_tenants(tenants)

    shown = repr([profile, profile.settings, profile.tenants, profile.tenants.of({"tenant": "acme"})])

    assert SENTINEL not in shown


def test_a_value_is_typed_by_its_form_field():
    """As the profile's own are."""
    fields = [{"key": "username"}, {"key": "password"}, {"key": "pin", "data_type": "number"}]
    own = {"credentials": {"pin": "4711"}}

    profile = with_tenants({"acme": own}, form_fields=fields)

    assert profile.values({"tenant": "acme"})["pin"] == 4711


def test_a_placeholder_counts_where_every_tenant_has_it():
    """One that some tenant lacks could not be filled for it."""
    fields = {"form_fields": [{"key": "username"}, {"key": "password"}, {"key": "pin", "required": False}]}
    header = [{"in": "header", "key": "X-Pin", "value": "{{pin}}"}]
    all_have, one_has = (
        {"acme": {"credentials": {"pin": "1"}}, "globex": other}
        for other in ({"credentials": {"pin": "2"}}, {})
    )

    problems = [
        problems_with(**BY_HOST, **fields, fields=header, tenancy={"tenants": tenants})
        for tenants in (all_have, one_has)
    ]

    assert problems[0] == []
    assert [key for key, _ in problems[1]] == ["fields"]


@pytest.mark.parametrize(
    ("changes", "key", "says"),
    [
        pytest.param(
            BY_HOST | {"credentials": {"username": "u"}, "tenancy": {"tenants": TWO}},
            "tenancy.tenants.globex.credentials.password",
            "is missing",
            id="one-lacks-a-required-field",
        ),
        pytest.param(
            BY_HOST | {"tenancy": {"tenants": {"acme": {"credentials": {"pasword": SENTINEL}}}}},
            "tenancy.tenants.acme.credentials.pasword",
            "form_fields does not name it",
            id="no-form-field",
        ),
        pytest.param(
            BY_HOST | {"tenancy": {"tenants": {"acme": {}, "ACME": {}}}},
            "tenancy.tenants.ACME",
            "the same tenant",
            id="twice",
        ),
        pytest.param(
            BY_HOST | {"tenancy": {"tenants": {"acme.evil": {}}}},
            "tenancy.tenants.acme.evil",
            "no name that a capture could hold",
            id="dot-in-a-host",
        ),
        pytest.param(
            BY_PATH | {"tenancy": {"tenants": {"a/b": {}}}},
            "tenancy.tenants.a/b",
            "no name that a capture could hold",
            id="slash-in-a-path",
        ),
        pytest.param(
            BY_HOST | {"tenancy": {"tenants": TWO, "tenant": "umbrella"}},
            "tenancy.tenant",
            "none of tenancy.tenants",
            id="default-is-none-of-them",
        ),
        pytest.param(
            {"match": [BY_HOST["match"], {"host": "api.example.org"}], "tenancy": {"tenants": TWO}},
            "match.1",
            "captures no {tenant}",
            id="an-entry-without-tenant",
        ),
    ],
)
def test_what_is_wrong_is_found_before_a_request_comes(changes, key, says):
    """By its key, and never with a value."""
    problems = problems_with(**changes)

    assert [problem[0] for problem in problems] == [key]
    assert says in problems[0][1]
    assert SENTINEL not in str(problems)


def test_no_tenants_at_all_is_no_list_of_them():
    """Empty, it would refuse everybody; whoever means that takes the profile away."""
    with pytest.raises(ValidationError):
        ProfileSettings.model_validate(SETTINGS | {"tenancy": {"tenants": {}}})


# How names are compared


@pytest.mark.parametrize(
    ("match", "written", "captured"),
    [
        pytest.param(BY_HOST, "Acme", "acme", id="host-without-case"),
        pytest.param(BY_HOST, "bücher", "xn--bcher-kva", id="host-international"),
        pytest.param(BY_PATH, "Acme", "Acme", id="path-as-it-stands"),
        pytest.param(BY_PATH, "acme.north_1~x", "acme.north_1~x", id="path-characters"),
    ],
)
def test_a_name_is_spelt_as_captures_are(match, written, captured):
    """Hosts in lower case and A-labels, paths as they stand."""
    profile = with_tenants({written: {"credentials": {"password": "own"}}}, match=match)

    assert profile.values({"tenant": captured})["password"] == "own"


def test_a_path_is_compared_with_case():
    """`/t/acme/` and `/t/Acme/` may be two tenants."""
    profile = with_tenants({"Acme": {}}, match=BY_PATH)

    with pytest.raises(TenantUnknown):
        profile.values({"tenant": "acme"})


# What a capture may hold

ENDPOINT = {"grant": {"token_endpoint": "https://{tenant}.example.com/token"}}


@pytest.mark.parametrize(
    ("host", "tenant"),
    [
        pytest.param("acme.example.com", "acme", id="plain"),
        pytest.param("ACME.Example.COM", "acme", id="upper-case"),
        pytest.param("acme.example.com.", "acme", id="final-dot"),
        pytest.param("xn--bcher-kva.example.com", "xn--bcher-kva", id="punycode"),
        pytest.param("bücher.example.com", "xn--bcher-kva", id="international"),
        pytest.param("\u0430cme.example.com", "xn--cme-5cd", id="cyrillic-look-alike-is-another"),
        pytest.param("\uff41cme.example.com", "acme", id="full-width-is-the-same-host"),
        pytest.param("acme.evil.example.com", None, id="dot"),
        pytest.param("acme\u3002evil.example.com", None, id="ideographic-full-stop"),
        pytest.param("acme\uff0eevil.example.com", None, id="full-width-full-stop"),
        pytest.param("acme.evil.com#.example.com", None, id="fragment"),
        pytest.param("acme.evil.com/.example.com", None, id="slash"),
        pytest.param("acme.evil.com\\.example.com", None, id="backslash"),
        pytest.param("acme.evil.com?.example.com", None, id="question-mark"),
        pytest.param("acme%2eevil.example.com", None, id="percent"),
        pytest.param("acme%00.example.com", None, id="encoded-nul"),
        pytest.param("acme\x00.example.com", None, id="nul"),
        pytest.param("acme evil.example.com", None, id="space"),
        pytest.param("acme\r\nX.example.com", None, id="line-break"),
        pytest.param("bot@acme.example.com", None, id="userinfo"),
        pytest.param("acme:80.example.com", None, id="port"),
        pytest.param("\u2100cme.example.com", None, id="compatibility-slash"),
        pytest.param("ac\u00adme.example.com", "acme", id="soft-hyphen-is-the-same-host"),
        pytest.param("acme-.example.com", None, id="hyphen-at-the-end"),
        pytest.param("-acme.example.com", None, id="hyphen-at-the-start"),
        pytest.param("ac_me.example.com", None, id="underscore"),
        pytest.param(".example.com", None, id="empty"),
        pytest.param("a" * 64 + ".example.com", None, id="too-long"),
        pytest.param("acme.example.com.evil.com", None, id="other-end"),
        pytest.param("acmeexample.com", None, id="no-dot-before-the-end"),
    ],
)
def test_a_host_capture_is_part_of_one_label(host, tenant):
    """Whatever a client writes, the token endpoint stays below the profile's own domain."""
    profile = compiled(**BY_HOST, **ENDPOINT)
    index = ProfileIndex([("orders", rule, profile) for rule in profile.rules])

    try:
        selection = index.select(head(host=normalize_host(host)))
    except ValueError:
        selection = None

    assert (dict(selection.captures) if selection else None) == ({"tenant": tenant} if tenant else None)
    if selection:
        request = profile.grant.password_request(profile.values(dict(selection.captures)))
        assert request.url == f"https://{tenant}.example.com/token"


@pytest.mark.parametrize(
    ("path", "url"),
    [
        pytest.param("/t/acme/x", "https://acme.example.com/token", id="plain"),
        pytest.param("/t/ACME/x", "https://acme.example.com/token", id="upper-case"),
        pytest.param("/t/%61cme/x", "https://acme.example.com/token", id="encoded-letter"),
        pytest.param("/t/acme.evil.com/x", None, id="dots"),
        pytest.param("/t/acme%2eevil/x", None, id="encoded-dot"),
        pytest.param("/t/acme.evil.com%23/x", None, id="encoded-fragment"),
        pytest.param("/t/acme.evil.com%2f/x", None, id="encoded-slash"),
        pytest.param("/t/acme%252f/x", None, id="encoded-twice"),
        pytest.param("/t/acme%00/x", None, id="nul"),
        pytest.param("/t/acme@evil/x", None, id="userinfo"),
        pytest.param("/t/acme:1/x", None, id="port"),
        pytest.param("/t/ac_me/x", None, id="underscore"),
        pytest.param("/t/acme~/x", None, id="tilde"),
        pytest.param("/t/b%C3%BCcher/x", None, id="international"),
        pytest.param("/t/xn--bcher-kva/x", "https://xn--bcher-kva.example.com/token", id="punycode"),
        pytest.param("/t/" + "a" * 64 + "/x", None, id="too-long-for-a-label"),
        pytest.param("/t//x", None, id="empty"),
    ],
)
def test_a_path_capture_in_a_host_is_one_label(path, url):
    """A path may hold dots and more, and a token endpoint's host takes none of that from it."""
    profile = compiled(**BY_PATH, **ENDPOINT)
    index = ProfileIndex([("orders", rule, profile) for rule in profile.rules])

    selection = index.select(head(target=path))

    if selection is None:
        assert url is None
        return
    values = profile.values(dict(selection.captures))
    if url is None:
        with pytest.raises(TokenRequestRejected, match="a value cannot stand in the token request"):
            profile.grant.password_request(values)
    else:
        assert profile.grant.password_request(values).url == url
