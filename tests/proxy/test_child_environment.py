"""The variables of a program behind the proxy."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.host_patterns import compile_host
from proxy.child_environment import (
    WatchedEnvironment,
    assignments,
    bypasses,
    proxy_url,
    variables,
    without_credentials,
)
from proxy.trust_files import TrustFiles

TRUST = TrustFiles(Path("/t/added.pem"), Path("/t/bundle.pem"), Path("/t/bundle.p12"))


@pytest.mark.parametrize(
    ("host", "client", "url"),
    [
        pytest.param("127.0.0.1", None, "http://127.0.0.1:8080", id="loopback"),
        pytest.param("0.0.0.0", None, "http://127.0.0.1:8080", id="every IPv4 address"),
        pytest.param("::", None, "http://[::1]:8080", id="every IPv6 address"),
        pytest.param(
            "proxy.lan", ("bot", "p@ss/ä"), "http://bot:p%40ss%2F%C3%A4@proxy.lan:8080", id="client"
        ),
    ],
)
def test_the_proxy_is_named_by_an_address_that_can_be_dialled(host, client, url):
    """Wildcard addresses become loopback, credentials are percent-encoded."""
    assert proxy_url(host, 8080, client) == url


@pytest.mark.parametrize(
    ("no_proxy", "host", "kept"),
    [
        pytest.param("", "api.example.com", [], id="nothing named"),
        pytest.param("*", "api.example.com", [], id="everything"),
        pytest.param(
            "localhost,127.0.0.1", "api.example.com", ["localhost", "127.0.0.1"], id="loopback stays"
        ),
        pytest.param("localhost 127.0.0.1", "127.0.0.1", ["localhost"], id="an owned loopback address"),
        pytest.param("127.0.0.0/8,10.0.0.0/8", "127.0.0.1", ["10.0.0.0/8"], id="a network around it"),
        pytest.param("127.0.0.0/8", "localhost", [], id="localhost by its network"),
        pytest.param("[::1],::1", "::1", [], id="IPv6"),
        pytest.param("example.com,example.org", "api.example.com", ["example.org"], id="bare suffix"),
        pytest.param(".example.com", "api.example.com", [], id="dotted suffix"),
        pytest.param("*.example.com", "api.example.com", [], id="starred suffix"),
        pytest.param("API.Example.com.", "api.example.com", [], id="case and root dot"),
        pytest.param("api.example.com:443", "api.example.com", [], id="port"),
        pytest.param("www.example.com", "api.example.com", ["www.example.com"], id="a sibling"),
        pytest.param("evilexample.com", "example.com", ["evilexample.com"], id="only looks alike"),
        pytest.param("a.example.com", "*.example.com", [], id="below a wildcard"),
        pytest.param("com", "{tenant}.example.com", [], id="above a capture"),
        pytest.param("acme.example.com", "{tenant}.example.com", [], id="one tenant"),
    ],
)
def test_no_proxy_keeps_what_hides_no_owned_host(no_proxy, host, kept):
    """An entry that would send an owned host around the proxy is dropped, the others stay."""
    assert bypasses(no_proxy, [compile_host(host)]) == kept


def test_both_spellings_are_set():
    """curl reads http_proxy in lower case only, others the upper case one."""
    found = variables("http://127.0.0.1:1", TRUST, [], {})

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        assert found[name] == found[name.lower()]
    assert found["NO_PROXY"] == ""
    assert "ALL_PROXY" not in found


@pytest.mark.parametrize(
    "name",
    [
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "AWS_CA_BUNDLE",
        "PIP_CERT",
        "CARGO_HTTP_CAINFO",
        "npm_config_cafile",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        "HTTPLIB2_CA_CERTS",
        "BUNDLE_SSL_CA_CERT",
    ],
)
def test_what_replaces_the_trust_store_gets_the_whole_bundle(name):
    """A program goes on trusting the hosts that are tunnelled."""
    assert variables("http://127.0.0.1:1", TRUST, [], {})[name] == "/t/bundle.pem"


@pytest.mark.parametrize("name", ["NODE_EXTRA_CA_CERTS", "DENO_CERT"])
def test_what_adds_to_the_trust_store_gets_our_authority(name):
    """Node and Deno keep their own list."""
    found = variables("http://127.0.0.1:1", TRUST, [], {})

    assert found[name] == "/t/added.pem"
    assert found["NODE_USE_ENV_PROXY"] == "1"


def test_java_is_told_in_its_own_way():
    """Java reads system properties; what the user set for it stays in front."""
    environ = {"JAVA_TOOL_OPTIONS": "-Xmx1g", "NO_PROXY": ".lan,wiki"}

    options = variables("http://u:p@127.0.0.1:8080", TRUST, [], environ)["JAVA_TOOL_OPTIONS"].split()

    assert options[0] == "-Xmx1g"
    assert "-Dhttp.proxyHost=127.0.0.1" in options
    assert "-Dhttps.proxyPort=8080" in options
    assert "-Dhttp.nonProxyHosts=*.lan|wiki" in options
    assert "-Djavax.net.ssl.trustStore=/t/bundle.p12" in options


def test_the_command_does_not_get_what_the_configuration_refers_to():
    """Neither a referenced variable nor any of ours; what every program needs stays."""
    environ = {"PATH": "/bin", "API_PASSWORD": "x", "GRANTPROXY_SECRET_KEY": "y", "EDITOR": "vi"}

    assert without_credentials(environ, {"API_PASSWORD", "PATH"}) == {"PATH": "/bin", "EDITOR": "vi"}


def test_an_environment_remembers_what_was_asked_of_it():
    """Looking through it is not asking for a variable."""
    watched = WatchedEnvironment({"A": "1", "B": "2"})

    watched["A"]
    dict(watched)
    list(watched.items())
    "B" in watched  # noqa: B015

    assert watched.asked == {"A"}


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_sh_reads_back_exactly_the_value(value):
    """No value can become a command: quotes, dollars, back-ticks and line ends are data."""
    script = "\n".join(assignments({"X": value}, "sh")) + '\nprintf %s "$X"'

    output = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, check=True, env=dict(os.environ))

    assert output.stdout.decode() == value


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        pytest.param("sh", "export X='it'\"'\"'s $HOME'", id="sh"),
        pytest.param("fish", "set -gx X 'it\\'s $HOME'", id="fish"),
        pytest.param("powershell", "$env:X = 'it''s $HOME'", id="powershell"),
    ],
)
def test_each_shell_has_its_own_quoting(shell, line):
    """Single quotes, escaped as the shell has it."""
    assert assignments({"X": "it's $HOME"}, shell) == [line]


@pytest.mark.parametrize("value", ["", "it's", 'a"b', "$(x)", "back\\slash", "\u2019typographic"])
def test_fish_reads_back_exactly_the_value(value):
    """As sh does."""
    script = "\n".join(assignments({"X": value}, "fish")) + '\nprintf %s "$X"'

    assert subprocess.run(["fish", "-c", script], stdout=subprocess.PIPE, check=True).stdout.decode() == value
