"""What a token endpoint sent: fields, cookies, its clock, and how long it wants to be left alone."""

from __future__ import annotations

import secrets

import pytest

from profiles.token_answer import TokenAnswer

NOW = 1_800_000_000.0


def answer(*headers: tuple[str, str]) -> TokenAnswer:
    return TokenAnswer(200, headers, b"")


def test_field_names_are_in_any_case() -> None:
    """RFC 9110 section 5.1; lines stay apart."""
    given = answer(("X-Token", "a"), ("x-tOKEN", "b"), ("Other", "c"))

    assert given.field_values("x-token") == ["a", "b"]
    assert given.media_type is None


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        pytest.param(["SESSION=abc"], "abc", id="alone"),
        pytest.param(["SESSION=abc; Path=/; HttpOnly; SameSite=None; Secure"], "abc", id="attributes"),
        pytest.param(
            ["SESSION=abc; Path=/; Partitioned; Priority=High"], "abc", id="attributes of a later day"
        ),
        pytest.param(["SESSION=abc; Expires=Wed, 21 Oct 2037 07:28:00 GMT"], "abc", id="a date with a comma"),
        pytest.param(["other=1", "SESSION=abc", "last=2"], "abc", id="one of several"),
        pytest.param(["SESSION=old", "SESSION=new"], "new", id="the last one counts"),
        pytest.param(["SESSION=a=b=="], "a=b==", id="equal signs"),
        pytest.param(['SESSION="abc"; Path=/'], "abc", id="quoted"),
        pytest.param([" SESSION = abc ;Path=/"], "abc", id="space around"),
        pytest.param(["SESSION=a{b}[c],d"], "a{b}[c],d", id="characters that none should hold"),
        pytest.param(["SESSION="], "", id="empty"),
        pytest.param(["session=abc"], None, id="names are case-sensitive"),
        pytest.param(["SESSION"], None, id="no pair"),
        pytest.param(["other=SESSION=abc"], None, id="in another's value"),
        pytest.param([], None, id="none"),
    ],
)
def test_a_cookie(fields, value) -> None:
    """quirk-6: read as RFC 6265 section 5.2 has it, whatever attributes follow."""
    assert answer(*(("Set-Cookie", text) for text in fields)).cookie("SESSION") == value


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        pytest.param(["Fri, 15 Jan 2027 08:00:00 GMT"], NOW, id="a date"),
        pytest.param(["yesterday"], None, id="a word"),
        pytest.param([], None, id="none"),
    ],
)
def test_the_servers_clock(fields, at) -> None:
    """Its Date field, where it has one."""
    assert answer(*(("Date", text) for text in fields)).sent_at == at


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        pytest.param(["7"], 7, id="quirk-21-seconds"),
        pytest.param([" 7 "], 7, id="quirk-21-seconds with space"),
        pytest.param(["0"], 0, id="quirk-21-at once"),
        pytest.param(["86400"], 3600, id="quirk-21-a day"),
        pytest.param(["9" * 5000], 3600, id="quirk-21-thousands of digits"),
        pytest.param(["Fri, 15 Jan 2027 08:01:00 GMT"], 60, id="quirk-21-date"),
        pytest.param(["Friday, 15-Jan-27 08:01:00 GMT"], 60, id="quirk-21-date of RFC 850"),
        pytest.param(["Fri Jan 15 08:01:00 2027"], 60, id="quirk-21-date of asctime"),
        pytest.param(["Fri, 15 Jan 2027 07:00:00 GMT"], 0, id="quirk-21-date that is over"),
        pytest.param(["Sat, 16 Jan 2027 08:00:00 GMT"], 3600, id="quirk-21-date of tomorrow"),
        pytest.param(["-1"], None, id="negative"),
        pytest.param(["1.5"], None, id="fraction"),
        pytest.param(["\xb2"], None, id="a digit that is no number"),
        pytest.param(["soon"], None, id="word"),
        pytest.param(["soon", "7"], 7, id="the first that means something"),
        pytest.param([], None, id="none"),
    ],
)
def test_retry_after(fields, seconds) -> None:
    """RFC 9110 section 10.2.3: whole seconds, an hour at most."""
    assert answer(*(("Retry-After", text) for text in fields)).retry_after(NOW) == seconds


def test_retry_after_as_a_date_is_read_by_the_servers_clock() -> None:
    """quirk-22: the date was made with it, so that our own may be wrong by hours."""
    given = answer(
        ("Date", "Fri, 15 Jan 2027 05:00:00 GMT"), ("Retry-After", "Fri, 15 Jan 2027 05:00:30 GMT")
    )

    assert given.retry_after(NOW) == 30


def test_the_repr_shows_the_status_alone() -> None:
    """hazard-16: a token may stand anywhere in an answer."""
    sentinel = secrets.token_urlsafe(16)

    shown = repr(TokenAnswer(200, (("X-Token", sentinel), (sentinel, "x")), sentinel.encode()))

    assert shown == "TokenAnswer(status_code=200)"
