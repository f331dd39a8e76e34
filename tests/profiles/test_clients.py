"""Who may use the proxy: proxy authentication by Basic credentials (RFC 7617)."""

from __future__ import annotations

import base64
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.clients import Clients, parse_basic_credentials
from profiles.errors import ProxyAuthenticationRequired
from profiles.secret_hashes import hash_secret

SECRET = "s3cr3t-sentinel"


def basic(name, secret, scheme="Basic "):
    return scheme + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.fixture
def clients():
    return Clients({"bot-1": SECRET, "bot-2": "täg:lich:", "bot-3": ""})


@pytest.mark.parametrize(
    ("field_value", "name"),
    [
        pytest.param(basic("bot-1", SECRET), "bot-1", id="right"),
        pytest.param(basic("bot-1", SECRET, "bAsIc "), "bot-1", id="scheme-in-another-case"),
        pytest.param(basic("bot-1", SECRET, "  Basic   ") + " ", "bot-1", id="spaces-around"),
        pytest.param(basic("bot-2", "täg:lich:"), "bot-2", id="colons-and-utf-8-in-the-secret"),
        pytest.param(basic("bot-3", ""), "bot-3", id="configured-without-a-secret"),
    ],
)
def test_the_right_secret_names_its_client(field_value, name, clients):
    """However the field is spelt."""
    assert clients.authenticate_at_once(field_value) == name


@pytest.mark.parametrize(
    "field_value",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("Basic", id="scheme-alone"),
        pytest.param("Basic ", id="no-credentials"),
        pytest.param(basic("bot-1", "wrong"), id="wrong-secret"),
        pytest.param(basic("bot-1", SECRET[:-1]), id="secret-cut-short"),
        pytest.param(basic("bot-1", SECRET + "x"), id="secret-with-more"),
        pytest.param(basic("bot-1", ""), id="empty-secret"),
        pytest.param(basic("bot-2", SECRET), id="another-clients-secret"),
        pytest.param(basic("nobody", SECRET), id="unknown-name"),
        pytest.param(basic("nobody", ""), id="unknown-name-without-a-secret"),
        pytest.param(basic("", ""), id="nothing-at-all"),
        pytest.param(basic("BOT-1", SECRET), id="name-in-another-case"),
        pytest.param(basic("bot-1", SECRET, "Bearer "), id="another-scheme"),
        pytest.param(basic("bot-1", SECRET, "Basic"), id="no-space"),
        pytest.param(basic("bot-1", SECRET, "Basic\t"), id="tab"),
        pytest.param(f"Basic bot-1:{SECRET}", id="not-encoded"),
        pytest.param("Basic " + base64.b64encode(b"bot-1").decode(), id="no-colon"),
        pytest.param("Basic " + base64.b64encode(b"b\xf6t:x").decode(), id="name-that-is-no-utf-8"),
        pytest.param("Basic ====", id="no-base64"),
        pytest.param(basic("bot-1", SECRET).replace("Ym", "Y!m", 1), id="stray-characters-first"),
        pytest.param("Basic b\u00f6t", id="not-ascii"),
        pytest.param("Basic \udcff\udcfe", id="bytes-that-are-no-text"),
        pytest.param(basic("bot-1", SECRET) + ", " + basic("bot-1", SECRET), id="two-in-one"),
        pytest.param("Basic " + "A" * 100_000, id="very-long"),
    ],
)
def test_whoever_is_not_named_is_asked_for_credentials(field_value, clients):
    """With a refusal that repeats nothing of what came (I4)."""
    with pytest.raises(ProxyAuthenticationRequired) as raised:
        clients.authenticate_at_once(field_value)

    assert raised.value.status_code == 407
    assert SECRET not in str(raised.value)
    assert "bot" not in str(raised.value)


@pytest.mark.parametrize("field_value", [None, basic("bot-1", "x"), basic("nobody", "x" * 1000)])
def test_the_time_taken_tells_neither_names_nor_lengths(field_value):
    """Whatever comes, one comparison is made, of two values of one length."""
    compared = []

    def compare(first, second):
        compared.append((len(first), len(second)))
        return hmac.compare_digest(first, second)

    with pytest.raises(ProxyAuthenticationRequired):
        Clients({"bot-1": SECRET}, compare=compare).authenticate_at_once(field_value)

    assert compared == [(32, 32)]


def test_an_unknown_name_is_refused_whatever_it_compares_to():
    """The comparison for an unknown name is made for its time alone."""
    with pytest.raises(ProxyAuthenticationRequired):
        Clients({"bot-1": SECRET}, compare=lambda *_: True).authenticate_at_once(basic("nobody", SECRET))


async def test_a_hashed_secret_names_its_client_and_no_other_does():
    """The client sends its secret as ever; only the configuration holds something else."""
    clients = Clients({"bot-1": hash_secret(SECRET)})

    assert clients.authenticate_at_once(basic("bot-1", SECRET)) is None
    assert await clients.authenticate(basic("bot-1", SECRET)) == "bot-1"
    assert clients.authenticate_at_once(basic("bot-1", SECRET)) == "bot-1"
    with pytest.raises(ProxyAuthenticationRequired):
        await clients.authenticate(basic("bot-1", "wrong"))


async def test_the_hash_itself_is_no_secret():
    """Who has read the configuration cannot come in with what stands there."""
    stored = hash_secret(SECRET)

    with pytest.raises(ProxyAuthenticationRequired):
        await Clients({"bot-1": stored}).authenticate(basic("bot-1", stored))


def test_without_clients_nobody_is_asked():
    """Whoever reaches a loopback listener may use it."""
    assert not Clients({}).are_demanded
    assert Clients({"bot": "x"}).are_demanded


def test_no_secret_is_shown(clients):
    """Names at most (I4)."""
    assert repr(clients) == "Clients(bot-1, bot-2, bot-3)"
    assert SECRET not in repr(vars(clients))
    assert SECRET not in repr(vars(clients._secrets))


@given(name=st.text().filter(lambda text: ":" not in text), secret=st.text())
@settings(max_examples=200, deadline=None)
def test_name_and_secret_survive_the_encoding(name, secret):
    """The name ends at the first colon, the secret holds the others."""
    try:
        field_value = basic(name, secret)
    except UnicodeEncodeError:
        return
    assert parse_basic_credentials(field_value) == (name, secret.encode())


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_no_field_value_is_an_error(text):
    """Whatever a client sends, it names somebody or nobody."""
    name, secret = parse_basic_credentials(f"Basic {text}")

    assert (type(name), type(secret)) == (str, bytes)


@pytest.mark.parametrize(
    ("secrets", "name", "refused"),
    [
        pytest.param({"bot": "s3cret"}, None, True, id="from-before-any-was-demanded"),
        pytest.param({"bot": "s3cret"}, "bot", False, id="admitted"),
        pytest.param({}, None, False, id="none-demanded"),
    ],
)
def test_a_tunnel_has_been_admitted_or_there_was_no_need(secrets, name, refused):
    """A reload that demands clients asks those whose tunnels are open already."""
    clients = Clients(secrets)

    if refused:
        with pytest.raises(ProxyAuthenticationRequired):
            clients.check_tunnel(name)
    else:
        clients.check_tunnel(name)
