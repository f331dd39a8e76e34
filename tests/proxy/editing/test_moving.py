"""A profile leaves the configuration's file for one of its own."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from proxy.editing.moving import taken_out
from proxy.editing.yaml_edits import CannotRewrite
from proxy.yaml_documents import parse_document

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))

TEXT = """\
# The head
listen: 127.0.0.1:8080   # here

profiles:                # all of them
  # About the first
  orders:   # Orders API
    # which requests
    match:
      - host: a.example   # exact
    description: >
      folded
      text
    quoted: "goes on
  here"
    # grant: later

  # About the second
  billing:
    match: [{host: b.example}]
# The end
limits: {}
"""


def test_its_lines_move_with_their_comments_and_the_others_stay() -> None:
    """What stands right above a profile is about it: left behind, it would be about the next one."""
    rest, own, has_comments = taken_out(TEXT, parse_document(TEXT).value, "orders")

    assert rest == TEXT[: TEXT.index("  # About the first")] + TEXT[TEXT.index("\n  # About the second") :]
    assert has_comments
    assert own == textwrap.dedent("""\
        # About the first
        # Orders API
        # which requests
        match:
          - host: a.example   # exact
        description: >
          folded
          text
        quoted: "goes on
        here"
        # grant: later
        """)


def test_the_last_profile_leaves_an_empty_section() -> None:
    """Which the reader takes for no profiles; the comment beside it stays."""
    text = "profiles:   # all\n  a:\n    b: 1\nlisten: x\n"

    rest, own, _ = taken_out(text, parse_document(text).value, "a")

    assert (rest, own) == ("profiles:   # all\nlisten: x\n", "b: 1\n")


@pytest.mark.parametrize(
    ("text", "rest", "own"),
    [
        pytest.param(
            "profiles: {a: {b: 1}, c: {d: 2}} # x\n", "profiles: {c: {d: 2}} # x\n", "b: 1\n", id="flow"
        ),
        pytest.param("profiles: {a: {b: 1}}\n", "profiles: {}\n", "b: 1\n", id="flow-last"),
        pytest.param(
            "profiles:\n  a: {b: [1, 2]}\n  c: 1\n", "profiles:\n  c: 1\n", "b: [1, 2]\n", id="flow-inside"
        ),
        pytest.param(
            "profiles:\n  a: {b: 1, # why\n    c: 2}\n",
            "profiles:\n",
            "{b: 1, # why\n    c: 2}\n",
            id="flow-in-lines",
        ),
        pytest.param("profiles:\n  a:\n    b: 1", "profiles:\n", "b: 1", id="no-line-break-at-the-end"),
        pytest.param('profiles:\n    "a":\n        b: 1\n', "profiles:\n", "b: 1\n", id="quoted-and-deep"),
        pytest.param(
            "profiles:\n  a: &x {b: 1}\n  c: 2\n", "profiles:\n  c: 2\n", "b: 1\n", id="nobodys-anchor"
        ),
        pytest.param(
            "profiles:\n  c: &x {b: 1}\n  a: *x\n", "profiles:\n  c: &x {b: 1}\n", "b: 1\n", id="alias"
        ),
        pytest.param("profiles:\n  a: &x {b: 1}\n  c: *x\n", CannotRewrite, "", id="anchor-that-others-need"),
        pytest.param("x: &x\n  a: {b: 1}\nprofiles: *x\n", CannotRewrite, "", id="all-shared"),
    ],
)
def test_profiles_of_every_style_are_taken_out(text: str, rest: str | type[Exception], own: str) -> None:
    """Where it cannot be done without a change to others, it is refused."""
    if isinstance(rest, str):
        assert taken_out(text, parse_document(text).value, "a")[:2] == (rest, own)
    else:
        with pytest.raises(rest):
            taken_out(text, parse_document(text).value, "a")


@pytest.mark.parametrize(
    ("above", "moves"),
    [
        pytest.param("  # one\n  # two\n", "# one\n# two\n", id="lines"),
        pytest.param("  # section\n\n  # one\n", "# one\n", id="empty-line-between"),
        pytest.param("  # section\n\n", "", id="empty-line-below"),
        pytest.param("# section\n", "", id="less-indented"),
        pytest.param("  z: {x: y}\n    # of z\n", "", id="more-indented"),
    ],
)
def test_comments_right_above_move_along(above: str, moves: str) -> None:
    """Those of the section, and of the profile before, do not."""
    text = f"profiles:\n{above}  a:\n    b: 1\n"

    rest, own, _ = taken_out(text, parse_document(text).value, "a")

    assert own == f"{moves}b: 1\n"
    kept = "".join(f"  {line}\n" for line in moves.splitlines())
    assert rest == f"profiles:\n{above.removesuffix(kept)}"


@pytest.mark.parametrize(
    ("profile", "own"),
    [
        pytest.param("b: *x   # why\n    # d\n", "b: {k: [1, '2'], l: m}   # why\n# d\n", id="value"),
        pytest.param("b: [*x, 1]   # why\n", "b: [{k: [1, '2'], l: m}, 1]   # why\n", id="item"),
        pytest.param("b:\n    - *x   # why\n", "b:\n- {k: [1, '2'], l: m}   # why\n", id="block-item"),
        pytest.param("<<: *x   # why\n    l: 1\n", "k: [1, '2']   # why\nl: 1\n", id="merged"),
        pytest.param("b:\n      <<: *x   # why\n", "b:\n  k: [1, '2']\n  l: m   # why\n", id="merged-below"),
        pytest.param("b: {<<: *x, l: 1}   # why\n", "b: {k: [1, '2'], l: 1}   # why\n", id="merged-in-flow"),
    ],
)
def test_what_is_shared_with_others_is_written_out(profile: str, own: str) -> None:
    """The comments move along."""
    text = f"profiles:\n  c: &x {{k: [1, '2'], l: m}}\n  a:\n    {profile}"

    apart = taken_out(text, parse_document(text).value, "a")

    assert apart == ("profiles:\n  c: &x {k: [1, '2'], l: m}\n", own, True)


def test_comments_that_cannot_be_kept_are_told() -> None:
    """Where what is shared is written as nobody does."""
    text = 'profiles:\n  c: &x {k: 1}\n  a:\n    <<: *x   # why\n    "<<": *x\n'

    apart = taken_out(text, parse_document(text).value, "a")

    assert apart == ("profiles:\n  c: &x {k: 1}\n", "'<<':\n  k: 1\nk: 1\n", False)


@pytest.mark.parametrize(
    ("example", "name"),
    [(file, name) for file in EXAMPLES for name in parse_document(file.read_text()).value["profiles"]],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_every_example_can_be_taken_apart(example: Path, name: str) -> None:
    """No line is lost: each is in the one text or in the other."""
    text = example.read_text()

    rest, own, _ = taken_out(text, parse_document(text).value, name)

    assert parse_document(own).value == parse_document(text).value["profiles"][name]
    lines = sorted(line.strip() for line in text.splitlines())
    assert sorted(line.strip() for line in [*rest.splitlines(), f"{name}:", *own.splitlines()]) == lines
