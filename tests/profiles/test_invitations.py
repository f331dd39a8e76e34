"""The links by which end users authorize: what they hold for, and what they do not."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from profiles.held_tokens import TokenKey
from profiles.invitations import (
    LIFETIME,
    LONGEST_RETURN,
    InvitationRefused,
    Invitations,
    asks_for_page,
)
from tests.profiles.profile_ground import head
from tests.profiles.token_ground import Clock

ALICE = TokenKey("orders", (("tenant", "acme"),), "alice", secrets.token_hex())
CONSOLE = "https://console.example.com"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def invitations(clock):
    return Invitations(CONSOLE, clock=clock)


def link_of(url):
    return parse_qs(urlsplit(url).query)["link"][0]


def test_a_link_says_who_may_authorize_what(invitations):
    """And where they came from; it leads to the page of its profile."""
    url = invitations.url_for(ALICE, return_to="https://api.example.com/x?y=1")

    assert url.startswith(f"{CONSOLE}/authorize/orders?link=")
    read = invitations.read("orders", link_of(url))
    assert (read.profile, read.captures, read.user) == ("orders", ALICE.captures, "alice")
    assert read.return_to == "https://api.example.com/x?y=1"


def test_a_link_holds_nothing_secret(invitations):
    """Whoever reads it learns what its holder knows; the fingerprint of credentials stays here."""
    link = link_of(invitations.url_for(ALICE))

    body = link.partition(".")[0]
    text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))

    assert b"alice" in text
    assert ALICE.fingerprint.encode() not in text


def test_without_a_console_there_is_no_link(clock):
    """There is nowhere to lead to."""
    assert Invitations(clock=clock).url_for(ALICE) is None


@pytest.mark.parametrize(
    ("console", "allowed", "is_given"),
    [
        pytest.param("https://console.example.com", False, True, id="tls"),
        pytest.param("http://127.0.0.1:8082", False, True, id="this-machine"),
        pytest.param("http://[::1]:8082", False, True, id="this-machine-by-ipv6"),
        pytest.param("http://console.example.com", False, False, id="in-the-clear"),
        pytest.param("http://192.0.2.1:8082", True, True, id="in-the-clear-and-allowed"),
    ],
)
def test_no_password_is_asked_for_in_the_clear(console, allowed, is_given, clock):
    """Unless the profile allows it (I5)."""
    invitations = Invitations(console, clock=clock)

    assert (invitations.url_for(ALICE, allow_cleartext=allowed) is not None) is is_given


def test_a_link_expires(invitations, clock):
    """After ten minutes, to the second."""
    link = link_of(invitations.url_for(ALICE))

    clock.now += LIFETIME - 1
    assert invitations.read("orders", link).user == "alice"
    clock.now += 1
    with pytest.raises(InvitationRefused, match="too old"):
        invitations.read("orders", link)


def test_a_link_works_once(invitations):
    """From the moment on at which an entry is submitted by it; one that was refused gives it back."""
    link = link_of(invitations.url_for(ALICE))
    invitation = invitations.read("orders", link)

    invitations.use(invitation)
    with pytest.raises(InvitationRefused, match="used already"):
        invitations.read("orders", link)
    invitations.give_back(invitation)
    assert invitations.read("orders", link) == invitation


def test_links_are_used_each_by_itself(invitations):
    """Of one end user too."""
    first, second = (link_of(invitations.url_for(ALICE)) for _ in range(2))
    invitations.use(invitations.read("orders", first))

    assert first != second
    assert invitations.read("orders", second).user == "alice"


def test_a_link_is_for_its_profile_alone(invitations):
    """On the page of another it says nothing."""
    with pytest.raises(InvitationRefused, match="something else"):
        invitations.read("stock", link_of(invitations.url_for(ALICE)))


def test_a_link_of_another_proxy_does_not_hold(invitations, clock):
    """Nor one from before a restart: the key is the process's own."""
    other = Invitations(CONSOLE, clock=clock)

    with pytest.raises(InvitationRefused, match="not one of this proxy's"):
        invitations.read("orders", link_of(other.url_for(ALICE)))


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda link: "", id="empty"),
        pytest.param(lambda link: "x", id="no-link"),
        pytest.param(lambda link: link[:-1], id="cut-off"),
        pytest.param(lambda link: link.replace(".", ""), id="without-signature"),
        pytest.param(lambda link: "W10" + link[link.rindex(".") :], id="another-content"),
        pytest.param(lambda link: link.swapcase(), id="other-letters"),
        pytest.param(lambda link: link + "\x00\u0130", id="foreign-characters"),
    ],
)
def test_a_forged_link_does_not_hold(forge, invitations):
    """Whatever is changed in it."""
    with pytest.raises(InvitationRefused, match="not one of this proxy's"):
        invitations.read("orders", forge(link_of(invitations.url_for(ALICE))))


def test_an_address_too_long_to_come_back_to_is_left_out(invitations):
    """The link stays one that fits into an address."""
    url = invitations.url_for(ALICE, return_to="https://api.example.com/" + "x" * LONGEST_RETURN)

    assert invitations.read("orders", link_of(url)).return_to is None


@pytest.mark.parametrize(
    ("method", "accept", "wanted"),
    [
        pytest.param("GET", b"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", True, id="browser"),
        pytest.param("GET", b"Text/HTML; q=0.5", True, id="with-weight"),
        pytest.param("GET", b"application/json, text/html;q=0", False, id="not-html"),
        pytest.param("GET", b"*/*", False, id="anything"),
        pytest.param("GET", b"application/json", False, id="json"),
        pytest.param("POST", b"text/html", False, id="form"),
        pytest.param("HEAD", b"text/html", False, id="head"),
        pytest.param("GET", None, False, id="nothing-said"),
    ],
)
def test_only_a_browser_that_wants_a_page_is_led_to_one(method, accept, wanted):
    """A program gets an answer that it can read."""
    headers = () if accept is None else ((b"Accept", accept),)

    assert asks_for_page(head(method, headers=headers)) is wanted
