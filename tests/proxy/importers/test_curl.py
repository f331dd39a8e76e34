"""A curl command line becomes a profile that sends the same token request."""

import base64
import json

import pytest
import yaml

from proxy.imported_configuration import imported_configuration
from proxy.importers.curl import import_curl
from proxy.importers.curl_options import split_command
from proxy.importers.draft import NothingToImport, UnreadableSource

PASSWORD = "sentinel-pässword&3"
SECRET = "sentinel-secret-8"
BASIC = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
RAW = "Basic " + base64.b64encode(b"me:a/b c").decode()
USER = {"grant_type": "password", "username": "bot", "password": PASSWORD}
VALUES = {
    "credentials.password": PASSWORD,
    "grant.client_secret": SECRET,
    "grant.parameters.pin": "0042",
    "grant.query.apikey": "k-1",
    "grant.headers.X-Api-Key": "k-2",
    "grant.headers.Cookie": "session=1",
}
MATCH = [{"host": "api.example.com"}]


def imported(text, **options):
    return import_curl(split_command(text), **options)


@pytest.mark.parametrize(
    ("text", "form", "authorization"),
    [
        pytest.param(
            f"curl -u 'me:{SECRET}' -d grant_type=password -d username=bot"
            f" --data-urlencode 'password={PASSWORD}' https://a.example/token",
            USER,
            BASIC,
            id="several data options and -u",
        ),
        pytest.param(
            "curl -sSXPOST https://a.example/token -ume:" + SECRET + " -d 'grant_type=password&username=bot"
            "&password=sentinel-p%C3%A4ssword%263&scope=a+b'",
            {**USER, "scope": "a b"},
            BASIC,
            id="short options in one word",
        ),
        pytest.param(
            "curl --request POST \\\n  --url https://a.example/token \\\n"
            "  --header 'content-type: application/x-www-form-urlencoded' \\\n"
            f"  --data grant_type=password \\\r\n  --data client_id=me --data client_secret={SECRET} \\\n"
            f"  --data username=bot --data-urlencode password='{PASSWORD}'",
            {**USER, "client_id": "me", "client_secret": SECRET},
            None,
            id="line continuations and a secret in the body",
        ),
        pytest.param(
            f"curl -H 'Authorization: {BASIC}' --data-raw 'grant_type=password&username=bot&password=x'"
            " https://a.example/token",
            USER,
            BASIC,
            id="Basic in a header",
        ),
        pytest.param(
            f"curl 'https://me:{SECRET}@a.example/token' -d 'grant_type=password&username=bot&password=x"
            "&pin=0042&audience=https%3A%2F%2Fapi'",
            {**USER, "pin": "0042", "audience": "https://api"},
            BASIC,
            id="a user in the URL and further parameters",
        ),
        pytest.param(
            "curl https://a.example/token -d 'grant_type=password&username=bot&password=x&client_id=me'",
            {**USER, "client_id": "me"},
            None,
            id="a public client",
        ),
    ],
)
def test_the_profile_sends_the_same_form(text, form, authorization, sent):
    """Endpoint, parameters and client authentication; the secrets come from variables."""
    request = sent(imported(text), VALUES, match=MATCH)

    assert (request.method, request.url) == ("POST", "https://a.example/token")
    assert request.form == form
    assert request.headers.get("Authorization") == authorization


def test_a_secret_that_encoding_would_change_is_sent_raw_as_curl_does(sent):
    """RFC 6749 section 2.3.1 wants it encoded; curl never does."""
    draft = imported(
        "curl -u 'me:a/b c' -d 'grant_type=password&username=bot&password=x' https://a.example/token"
    )

    request = sent(draft, {**VALUES, "grant.client_secret": "a/b c"}, match=MATCH)

    assert request.headers["Authorization"] == RAW


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            """curl --json '{"grant_type": "password", "username": "bot", "password": "x", "scope": "a b"}'"""
            " https://a.example/token",
            id="json option",
        ),
        pytest.param(
            """curl -X POST -H 'Content-Type: application/json; charset=utf-8' https://a.example/token"""
            """ -d '{"grant_type": "password", "username": "bot", "password": "x", "scope": "a b"}'""",
            id="media type in a header",
        ),
        pytest.param(
            """curl https://a.example/token -H 'content-type: application/json' --data-raw"""
            r""" $'{"grant_type": "password", "username": "b\x6ft", "password": "\'", "scope": "a b"}'""",
            id="a browser's quoting",
        ),
    ],
)
def test_a_json_body_stays_json(text, sent):
    """The content type is the profile's."""
    if "-d '{" in text:
        text = text.replace("' -d '\"password\"", ' "password"')

    request = sent(imported(text), VALUES, match=MATCH)

    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {**USER, "scope": "a b"}


def test_a_body_in_its_own_words_becomes_the_grants_body(sent):
    """Other names and nested members: the credentials take their places, booleans stay what they are."""
    draft = imported(
        """curl https://sap.example/Login -H 'content-type: application/json' --data-raw"""
        """ '{"auth": {"UserName": "bot", "Password": "x"}, "CompanyDB": "SBO", "remember": true}'"""
    )

    request = sent(draft, {**VALUES, "grant.body.CompanyDB": "SBO"}, match=MATCH)

    expected = {"auth": {"UserName": "bot", "Password": PASSWORD}, "CompanyDB": "SBO", "remember": True}
    assert json.loads(request.content) == expected
    assert any("refresh" in text for text in draft.not_carried_over)


def test_get_sends_the_parameters_in_the_query(sent):
    """-G, with what the URL has already."""
    draft = imported("curl -G 'https://a.example/token?grant_type=password' -d username=bot -d password=x")

    request = sent(draft, VALUES, match=MATCH)

    assert (request.method, request.query, request.content) == ("GET", USER, None)


def test_a_post_with_its_parameters_in_the_query_keeps_them_there(sent):
    """As some manuals show it; the body stays empty."""
    draft = imported(
        "curl -X POST 'https://a.example/token?grant_type=password&client_id=me&client_secret=s&username=bot"
        "&password=x&scope=a'"
    )

    request = sent(draft, VALUES, match=MATCH)

    assert request.query == {**USER, "client_id": "me", "client_secret": SECRET, "scope": "a"}
    assert request.content == b""


def test_headers_and_query_are_carried_over(sent):
    """Harmless fields as they are, others by reference; what frames the message is left out."""
    draft = imported(
        "curl 'https://a.example/token?apikey=1' -A my/1.0 -H 'X-Api-Key: 2' -H 'Accept: */*' -H 'Expect:'"
        " -b session=1 -H 'Content-Length: 5' -d 'grant_type=password&username=bot&password=x'"
    )

    request = sent(draft, VALUES, match=MATCH)

    assert request.query == {"apikey": "k-1"}
    assert request.headers["X-Api-Key"] == "k-2"
    assert request.headers["Cookie"] == "session=1"
    assert (request.headers["User-Agent"], request.headers["Accept"]) == ("my/1.0", "*/*")
    assert not {"Expect", "Content-Length"} & request.headers.keys()


def test_multipart_is_named_as_such():
    """-F is the content type form-data, and the type of a part is no part of its value."""
    draft = imported(
        "curl -F grant_type=password -F username=bot -F 'password=x;type=text/plain' -F 'f=@file' https://a.example/t"
    )

    assert draft.grant["content_type"] == "form-data"
    assert draft.settings["credentials"] == {"username": "bot", "password": "${env:A_EXAMPLE_PASSWORD}"}
    assert "-F f: a part out of a file" in draft.not_carried_over


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("-k", "trusted_ca"),
        ("-L", "redirects"),
        ("-x http://proxy:3128", "connector"),
        ("--cacert ca.pem", "trusted_ca"),
        ("--cert me.pem", "client certificate"),
        ("-d @body.txt", "file"),
        ("--data-urlencode password@secret.txt", "file"),
        ("-b jar.txt", "cookies out of a file"),
        ("--frobnicate", "not known"),
        ("-H 'Host: b.example'", "Host"),
    ],
    ids=lambda value: value.split()[0],
)
def test_what_cannot_be_carried_over_is_told(option, said):
    """Each by the option's name."""
    draft = imported(
        f"curl {option} https://a.example/token -d 'grant_type=password&username=bot&password=x'"
    )

    assert any(said in text for text in draft.not_carried_over)


def test_options_that_change_nothing_are_no_matter():
    """Nothing is said of them."""
    draft = imported(
        "curl -sSvif --compressed --http2 -o out.json -w '%{http_code}' --retry 3 https://a.example/token"
        " -d 'grant_type=password&username=bot&password=x'"
    )

    assert draft.not_carried_over == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("curl https://a.example/token -d grant_type=client_credentials", NothingToImport),
        ("curl https://a.example/token", NothingToImport),
        ("curl -X OPTIONS https://a.example/token -d password=x", NothingToImport),
        ("curl https://a.example -H 'Content-Type: text/xml' -d '<a/>'", NothingToImport),
        ("curl --json '[1]' https://a.example", NothingToImport),
        ("curl --json '{' https://a.example", UnreadableSource),
        ("curl -d password=x", UnreadableSource),
        ("curl 'https://a.example", UnreadableSource),
        ("curl ftp://a.example/ -d password=x", UnreadableSource),
        ("curl https://a.example:x/ -d password=x", UnreadableSource),
        ("curl https://a.example -d", UnreadableSource),
        ("curl -Z https://a.example -d password=x", UnreadableSource),
    ],
    ids=[
        *("another grant", "no password", "another method", "another media type", "no object", "no JSON"),
        *("no URL", "an open quote", "another scheme", "no port", "no value", "an unknown letter"),
    ],
)
def test_what_holds_no_password_grant_is_refused(text, error):
    """Read and found empty, or not to be read at all."""
    with pytest.raises(error):
        imported(text)


def test_no_secret_is_written():
    """None of the values that may be one: not in the text, not in what is told, not in a repr."""
    secrets = [f"sentinel{number}" for number in range(7)]
    draft = imported(
        "curl -u 'me:{}' -H 'X-Key: {}' -b 's={}' 'https://a.example/t?k={}' -d 'grant_type=password"
        "&username=bot&password={}&pin={}' --oauth2-bearer {}".format(*secrets)
    )

    shown = imported_configuration([draft]) + repr(draft)
    assert "sentinel" not in shown
    assert len(draft.variables) >= 6


def test_cleartext_and_a_missing_match_are_told():
    """What `check` would say is said beforehand."""
    draft = imported("curl a.example/token -d 'grant_type=password&username=bot&password=x'")

    assert draft.grant["token_endpoint"] == "http://a.example/token"
    assert [text.partition(":")[0] for text in draft.missing] == ["the token endpoint has no TLS", "match"]


def test_a_dollar_and_a_brace_in_a_value_stay_text(profile_of):
    """They are no reference of ours."""
    draft = imported(
        "curl https://a.example/token -d 'grant_type=password&password=x'"
        " --data-urlencode 'username=a${env:HOME}'"
    )

    profile = profile_of(draft, VALUES, match=MATCH)

    assert profile.form_values["username"] == "a${env:HOME}"


def test_a_line_break_in_a_name_stays_in_its_comment():
    """What follows it is no setting of ours."""
    draft = imported(r"curl https://a.example/t --json $'{\"password\": \"x\", \"a\\nlisten: x\": \"1\"}'")

    loaded = yaml.safe_load(imported_configuration([draft]))

    assert list(loaded) == ["profiles"]
    assert "a\nlisten: x" in loaded["profiles"]["a-example"]["grant"]["body"]
