"""Templates: what is a placeholder, what it stands for, how its value becomes text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.placeholders import MissingValue, compile_template

VALUES: dict[str, Any] = {
    "access_token": "abc",
    "tenant": "acme",
    "pin": 4711,
    "ratio": 1.5,
    "active": True,
    "nothing": None,
    "request.host": "api.example.com",
    "token": {"account": {"id": 7}, "roles": ["a", {"name": "b"}], "empty": None, "list": [1, 2]},
}

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(lambda name: name != "token")
literals = st.text(st.characters(exclude_characters="{}"), max_size=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain", "plain", id="literal"),
        pytest.param("Bearer {{access_token}}", "Bearer abc", id="one"),
        pytest.param("{{ tenant }}-{{pin}}", "acme-4711", id="two-with-space"),
        pytest.param("{{active}}", "true", id="boolean"),
        pytest.param("{{ratio}}", "1.5", id="float"),
        pytest.param("{{request.host}}", "api.example.com", id="dotted-key"),
        pytest.param("{{token.account.id}}", "7", id="member"),
        pytest.param("{{token.roles.1.name}}", "b", id="list-member"),
        pytest.param("{{token.list}}", "[1,2]", id="compact-json"),
        pytest.param("{tenant}", "{tenant}", id="single-braces-are-text"),
    ],
)
def test_placeholders_stand_for_their_values(text: str, expected: str) -> None:
    """`{{name}}` is replaced by the value's text, and `token.` walks into the token response."""
    assert compile_template(text).render(VALUES) == expected


def test_urls_know_single_braces_too() -> None:
    """In a URL `{name}` is a placeholder like `{{name}}`."""
    template = compile_template("https://{tenant}.example.com/{{pin}}", single=True)

    assert template.names == {"tenant", "pin"}
    assert template.render(VALUES) == "https://acme.example.com/4711"


@pytest.mark.parametrize("text", ["{{", "}}", "{{ }}", "{{}}", "{{1a}}", "{{a b}}", "{{a}} {{", "{{a:b}}"])
def test_malformed_placeholders_are_refused(text: str) -> None:
    """Double braces that are no placeholder are an error, not text."""
    with pytest.raises(ValueError, match="no placeholder"):
        compile_template(text)


@pytest.mark.parametrize("text", ["{", "a}b", "{}", "{1}"])
def test_malformed_single_braces_are_refused_in_urls(text: str) -> None:
    """A URL holds no braces but placeholders'."""
    with pytest.raises(ValueError, match="no placeholder"):
        compile_template(text, single=True)


@pytest.mark.parametrize(
    "name", ["absent", "nothing", "token.absent", "token.empty", "token.account.id.more", "token.list.9"]
)
def test_missing_value_names_the_placeholder(name: str) -> None:
    """What nothing provides, and null, is missing."""
    with pytest.raises(MissingValue) as missing:
        compile_template(f"x{{{{{name}}}}}").render(VALUES)

    assert missing.value.args == (name,)


@pytest.mark.parametrize("name", ["pin", "active", "token.account", "token.list"])
def test_lone_placeholder_keeps_the_type(name: str) -> None:
    """A template that is one placeholder gives the value itself, any other gives text."""
    assert not isinstance(compile_template(f"{{{{{name}}}}}").value(VALUES), str)
    assert isinstance(compile_template(f"{{{{{name}}}}}!").value(VALUES), str)


def test_repr_shows_names_only() -> None:
    """Literal text may be a secret, so the repr leaves it out."""
    assert repr(compile_template("s3cret {{tenant}}")) == "Template(tenant)"


@settings(deadline=None)
@given(st.lists(st.tuples(literals, names), max_size=4), literals, st.text(max_size=8))
def test_rendering_keeps_literals_and_escapes_values_only(
    pairs: list[tuple[str, str]], tail: str, value: str
) -> None:
    """Literal text comes out as written; every value goes through the escape, and is not read again."""
    template = compile_template("".join(f"{literal}{{{{{name}}}}}" for literal, name in pairs) + tail)

    rendered = template.render(dict.fromkeys(template.names, value), escape=lambda text: f"<{text}>")

    assert rendered == "".join(f"{literal}<{value}>" for literal, _ in pairs) + tail


@settings(deadline=None)
@given(st.text(alphabet="{}ab1 .", max_size=16), st.booleans())
def test_any_text_compiles_or_is_refused(text: str, single: bool) -> None:
    """No text makes the compiler raise anything but ValueError."""
    try:
        template = compile_template(text, single=single)
    except ValueError:
        return

    assert template.render(dict.fromkeys(template.names, "v")) is not None
