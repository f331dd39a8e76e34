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
    """What stands above a profile stays: nobody knows whether it is about that one alone."""
    rest, own = taken_out(TEXT, parse_document(TEXT).value, "orders")

    assert rest == TEXT[: TEXT.index("  orders:")] + TEXT[TEXT.index("\n  # About the second") :]
    assert own == textwrap.dedent("""\
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

    rest, own = taken_out(text, parse_document(text).value, "a")

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
        assert taken_out(text, parse_document(text).value, "a") == (rest, own)
    else:
        with pytest.raises(rest):
            taken_out(text, parse_document(text).value, "a")


@pytest.mark.parametrize(
    ("example", "name"),
    [(file, name) for file in EXAMPLES for name in parse_document(file.read_text()).value["profiles"]],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_every_example_can_be_taken_apart(example: Path, name: str) -> None:
    """No line is lost: each is in the one text or in the other."""
    text = example.read_text()

    rest, own = taken_out(text, parse_document(text).value, name)

    assert parse_document(own).value == parse_document(text).value["profiles"][name]
    lines = sorted(line.strip() for line in text.splitlines())
    assert sorted(line.strip() for line in [*rest.splitlines(), f"{name}:", *own.splitlines()]) == lines
