"""Who a request's end user is, and who is believed when it names one."""

from __future__ import annotations

import pytest

from profiles.end_users import LOCAL, EndUsers
from profiles.errors import EndUserInvalid, EndUserNotAllowed

BY_HEADER = EndUsers("X-End-User")


@pytest.mark.parametrize(
    ("client", "named", "user"),
    [
        pytest.param("gateway", (), "gateway", id="the-client-itself"),
        pytest.param("gateway", (b"alice",), "alice", id="named"),
        pytest.param("gateway", (b" alice\t",), "alice", id="named-with-spaces-around"),
        pytest.param("gateway", ("Zoë Ω".encode(),), "Zoë Ω", id="named-in-utf-8"),
        pytest.param("gateway", (b"alice", b"alice"), "alice", id="named-twice-alike"),
        pytest.param(None, (), LOCAL, id="nobody-demanded"),
        pytest.param(None, (b"alice",), LOCAL, id="named-by-nobody"),
    ],
)
def test_the_end_user_is_the_client_or_whom_it_names(client, named, user):
    """An unauthenticated client is not believed."""
    assert BY_HEADER.identify(client, named) == user


@pytest.mark.parametrize(
    "named",
    [
        pytest.param((b"alice", b"bob"), id="two"),
        pytest.param((b"",), id="empty"),
        pytest.param((b"  ",), id="spaces"),
        pytest.param((b"\xff",), id="no-utf-8"),
        pytest.param((b"a\x00b",), id="control-character"),
        pytest.param(("a\u202eb".encode(),), id="direction-override"),
        pytest.param((b"a" * 257,), id="too-long"),
    ],
)
def test_what_names_nobody_is_refused(named):
    """Rather than taken for somebody else."""
    with pytest.raises(EndUserInvalid):
        BY_HEADER.identify("gateway", named)


def test_a_client_acts_for_those_it_may_name_alone():
    """And for itself, where it names nobody."""
    end_users = EndUsers("X-End-User", {"gateway": frozenset({"alice"}), "bot": frozenset()})

    assert end_users.identify("gateway", (b"alice",)) == "alice"
    assert end_users.identify("bot", ()) == "bot"
    for client, named in (("gateway", b"bob"), ("bot", b"alice")):
        with pytest.raises(EndUserNotAllowed):
            end_users.identify(client, (named,))


def test_the_field_is_taken_out_however_it_is_spelt():
    """Every line of it, and nothing else."""
    fields = ((b"x-end-user", b"alice"), (b"Accept", b"*/*"), (b"X-End-User", b"bob"), (b"X-End-Users", b"c"))

    named, left = BY_HEADER.take(fields)

    assert named == (b"alice", b"bob")
    assert left == ((b"Accept", b"*/*"), (b"X-End-Users", b"c"))


def test_what_cgi_reads_as_the_field_goes_too():
    """And is not believed: with an underscore it is another field to everybody else."""
    named, left = BY_HEADER.take(((b"X_End_User", b"bob"), (b"X-End_User", b"eve"), (b"Accept", b"*/*")))

    assert named == ()
    assert left == ((b"Accept", b"*/*"),)


def test_nobody_names_the_end_user_of_a_proxy_without_clients():
    """What was authorized before there were clients is nobody's of them."""
    with pytest.raises(EndUserNotAllowed):
        BY_HEADER.identify("gateway", (LOCAL.encode(),))


def test_without_the_field_the_section_is_the_same_object():
    """Nothing is copied on the way of most requests."""
    fields = ((b"Accept", b"*/*"),)

    assert BY_HEADER.take(fields)[1] is fields
    assert EndUsers().fields == frozenset()
    assert BY_HEADER.fields == {b"x-end-user"}
