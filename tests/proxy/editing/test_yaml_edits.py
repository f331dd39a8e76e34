"""Values change in a YAML text, and everything else in it stays."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from proxy.editing.plain_values import same
from proxy.editing.yaml_edits import CannotRewrite, reads_as, rewritten
from proxy.editing.yaml_writing import document
from proxy.yaml_documents import parse_document

COMMENTED = """\
# The head
timeout: 10     # short
# the margin is large because of the clocks
margin: 60

grant:          # where tokens come from
  token_endpoint:   /x   # te
  # client_id: bot
# fields are special
fields:
  - {in: header,   key: A, value: "{{x}}"}   # the first
  # the second
  - in: query
    key: 'b'    # quoted
    value: v
regenerate: yes
connector: ~
port: 012
# The end
"""


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets what stands at *path* ("a/0/b"); `...` takes it out."""

    def change_it(tree: dict[str, Any]) -> None:
        node: Any = tree
        *above, last = path.split("/")
        for step in above:
            node = node[int(step) if isinstance(node, list) else step]
        if isinstance(node, list):
            index = int(last)
            if value is ...:
                del node[index]
            else:
                node[index : index + 1] = [value]
        elif value is ...:
            del node[last]
        else:
            node[last] = value

    return change_it


def changed(text: str, *changes: Callable[[dict[str, Any]], None], order: tuple[str, ...] = ()) -> str:
    tree = copy.deepcopy(parse_document(text).value) or {}
    for change_it in changes:
        change_it(tree)
    return rewritten(text, tree, order)


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        ("timeout", 20, "timeout: 10     # short\n", "timeout: 20     # short\n"),
        ("timeout", ..., "timeout: 10     # short\n", ""),
        ("margin", ..., "margin: 60\n", ""),
        ("grant/token_endpoint", "/y: z", "  /x   # te", "  '/y: z'   # te"),
        ("grant/scope", ["a", "b"], "  # client_id", "  scope: [a, b]\n  # client_id"),
        ("grant/body", {"a": {"b": 1}}, "  # client_id", "  body:\n    a:\n      b: 1\n  # client_id"),
        (
            "grant",
            ...,
            "grant:          # where tokens come from\n  token_endpoint:   /x   # te\n  # client_id: bot\n",
            "",
        ),
        ("fields/0/key", "on", "key: A,", "key: 'on',"),
        ("fields/0/key", ..., ",   key: A", ""),
        ("fields/0/in", ..., "in: header,   key", "key"),
        ("fields/1/key", "it's", "'b'    # quoted", "'it''s'    # quoted"),
        ("fields/1/key", "a\nb", "'b'    # quoted", '"a\\nb"    # quoted'),
        ("fields/1/key", ..., "    key: 'b'    # quoted\n", ""),
        ("fields/1/in", ..., "- in: query\n    key", "- key"),
        ("fields/0", ..., '  - {in: header,   key: A, value: "{{x}}"}   # the first\n', ""),
        ("fields/1", ..., "  - in: query\n    key: 'b'    # quoted\n    value: v\n", ""),
        ("fields/2", {"in": "path", "key": "c"}, "    value: v\n", "    value: v\n  - {in: path, key: c}\n"),
        ("regenerate", False, "regenerate: yes", "regenerate: false"),
        ("connector", "http://g:1", "connector: ~", "connector: http://g:1"),
        ("port", 443, "port: 012", "port: 443"),
        ("new", "x", "# The end", "new: x\n# The end"),
    ],
)  # fmt: skip
def test_one_value_changes_and_nothing_else(path: str, value: Any, before: str, after: str) -> None:
    """The rest is the same byte for byte: comments, order, quotes, blanks, spellings."""
    assert COMMENTED.count(before) == 1

    text = changed(COMMENTED, change(path, value))

    assert text == COMMENTED.replace(before, after)


@pytest.mark.parametrize(
    ("text", "changes", "after"),
    [
        pytest.param("", [change("a", 1)], "a: 1\n", id="empty"),
        pytest.param("# only this", [change("a", 1)], "# only this\na: 1\n", id="only-a-comment"),
        pytest.param("---\na: 1\n", [change("b", 2)], "---\na: 1\nb: 2\n", id="explicit-document"),
        pytest.param("a: 1", [change("b", 2)], "a: 1\nb: 2\n", id="no-line-break-at-the-end"),
        pytest.param("a: 1\n", [change("a", ...)], "{}\n", id="nothing-left"),
        pytest.param("{}\n", [change("a", 1)], "a: 1\n", id="from-nothing"),
        pytest.param("a:\nb: 1\n", [change("a", "x")], "a: x\nb: 1\n", id="empty-value"),
        pytest.param("a:\n  b: 1\n", [change("a", None)], "a: null\n", id="mapping-to-null"),
        pytest.param("a:\n  b: 1 # c\n", [change("a", {})], "a: {} # c\n", id="mapping-to-none"),
        pytest.param("a: 401   # c\n", [change("a", [401, 403])], "a: [401, 403]   # c\n", id="to-a-list"),
        pytest.param("a: [1, 2]\n", [change("a/2", 3)], "a: [1, 2, 3]\n", id="flow-list-grows"),
        pytest.param("a: [1, 2, 3]\n", [change("a/0", ...)], "a: [2, 3]\n", id="flow-list-first-goes"),
        pytest.param("a: [1, 2, 3]\n", [change("a/2", ...)], "a: [1, 2]\n", id="flow-list-last-goes"),
        pytest.param("a: [1, 2]\n", [change("a", [0, 1, 2])], "a: [0, 1, 2]\n", id="flow-list-new-first"),
        pytest.param(
            "a: [1, 2, 3]\n", [change("a", [3, 1, 4])], "a: [3, 1, 4]\n", id="flow-list-all-at-once"
        ),
        pytest.param(
            "a: [1, # one\n    2] # two\n",
            [change("a/2", 3)],
            "a: [1, # one\n    2, 3] # two\n",
            id="flow-comments",
        ),
        pytest.param(
            "a: [1, # one\n    2, # two\n    3 # three\n   ]\n",
            [change("a/1", ...)],
            "a: [1, # one\n    3 # three\n   ]\n",
            id="flow-comment-goes-with-its-entry",
        ),
        pytest.param(
            "a: {x: 1, # one\n    y: 2 # two\n   }\n",
            [change("a/y", ...)],
            "a: {x: 1, # one\n     # two\n   }\n",
            id="flow-comment-of-the-entry-before-stays",
        ),
        pytest.param("a: {b: 1}\n", [change("a/c", "x, y")], "a: {b: 1, c: 'x, y'}\n", id="flow-grows"),
        pytest.param("a: {b: 1}\n", [change("a/b", ...)], "a: {}\n", id="flow-mapping-empties"),
        pytest.param("- a", [], CannotRewrite, id="no-mapping"),
        pytest.param("- 1\n", [], CannotRewrite, id="a-list"),
        pytest.param("a: 1\na: 2\n", [change("b", 1)], CannotRewrite, id="key-twice"),
        pytest.param("a: [\n", [], CannotRewrite, id="no-yaml"),
        pytest.param(
            "a: &x {b: 1}\nc: *x\n", [change("a/b", 2)], CannotRewrite, id="anchor-that-somebody-shares"
        ),
        pytest.param("a: &x {b: 1}\nc: *x\n", [change("c", 2)], "a: &x {b: 1}\nc: 2\n", id="alias"),
        pytest.param("a: &x {b: 1}\nc: *x\n", [change("a", ...)], CannotRewrite, id="anchor-is-needed"),
        pytest.param(
            "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n",
            [change("c/b", 3), change("c/d", 4)],
            "a: &x {b: 1}\nc:\n  <<: *x\n  d: 4\n  b: 3\n",
            id="merged",
        ),
        pytest.param("a:\n- b: 1\n- c\n", [change("a/1", ...)], "a:\n- b: 1\n", id="list-not-indented"),
        pytest.param("a:\n- 1\n- 2\n", [change("a", [0, 1, 2])], "a:\n- 0\n- 1\n- 2\n", id="list-new-first"),
        pytest.param("a:\n  - - 1\n    - 2\n", [change("a/0/0", 3)], "a:\n  - [3, 2]\n", id="list-in-list"),
        pytest.param("a:\n  -\n  - 2\n", [change("a/0", "x")], "a:\n  - x\n  - 2\n", id="empty-item"),
        pytest.param(
            "a: |\n  one\n  two\n# c\nb: 1\n", [change("a", "x")], "a: x\n# c\nb: 1\n", id="block-scalar"
        ),
        pytest.param(
            "a:\n  b: |+\n    one\n\nc: 1\n",
            [change("a/d", 1)],
            "a:\n  b: |+\n    one\n\n  d: 1\nc: 1\n",
            id="kept-line-breaks",
        ),
        pytest.param('a: "x"\n', [change("a", 'y "z" \\')], 'a: "y \\"z\\" \\\\"\n', id="same-quotes"),
        pytest.param(
            "a:\n    b: 1\n", [change("a/c", {"d": 1})], "a:\n    b: 1\n    c:\n      d: 1\n", id="indent"
        ),
        pytest.param(
            "'a': 1\n\"b\": 2\n",
            [change("b", {"c": {"d": 1}})],
            "'a': 1\n\"b\":\n  c:\n    d: 1\n",
            id="quoted-key",
        ),
    ],
)  # fmt: skip
def test_texts_of_every_style_are_changed(
    text: str, changes: list[Callable[[dict[str, Any]], None]], after: str | type[Exception]
) -> None:
    """What cannot be changed piece by piece is refused; nothing is guessed."""
    if isinstance(after, str):
        assert changed(text, *changes) == after
    else:
        with pytest.raises(after):
            rewritten(text, {"b": 1} if not changes else _after(text, changes))


def _after(text: str, changes: list[Callable[[dict[str, Any]], None]]) -> dict[str, Any]:
    tree: dict[str, Any] = copy.deepcopy(parse_document(text).value)
    for change_it in changes:
        change_it(tree)
    return tree


def test_what_is_new_comes_to_its_place_in_the_order() -> None:
    """After what stands before it there; after the first one where nothing does."""
    order = ("description", "match", "grant", "timeout")

    text = changed("match: 1 # m\ntimeout: 2\n", change("grant", 3), change("description", 4), order=order)

    assert text == "match: 1 # m\ngrant: 3\ndescription: 4\ntimeout: 2\n"


def test_what_is_refused_does_not_show_the_text() -> None:
    """The reason is ours, and holds no value."""
    with pytest.raises(CannotRewrite) as caught:
        rewritten("password: hunter2\npassword: hunter3\n", {"a": 1})

    assert str(caught.value) == "its line 2 is there twice, first on line 1"


# Whatever there is

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.dates(),
    st.text(),
    st.sampled_from(
        [
            *("on", "1e3", "1_000", "0o17", "012", "12:30", "~", "null", "'", '"', "{{x}}", "${env:X}"),
            *("# no", "- a", "a: b", "a:", "*a", "&a", "!t", "%", "@", "`", "a\tb", "a\r\nb", "\n", " a "),
            *("<<", "=", "?", "? a", "---", "...", "[", "}", ",", "a, b", "a #b", "é", "\U0001f600"),
        ]
    ),
)
keys = st.one_of(st.sampled_from("abcdef"), st.text(min_size=1).filter(lambda key: key != "<<"))
values = st.recursive(
    scalars,
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(keys, below, max_size=4)),
    max_leaves=12,
)
trees = st.dictionaries(keys, values, max_size=6)


def _is_writable(tree: Any) -> bool:
    """Whether YAML can hold it at all: no surrogates, no long dates of other calendars."""
    return reads_as(document(tree), tree)


@settings(deadline=None)
@given(trees)
@example({"a": "\x85"})
@example({"a": "\u2028"})
@example({"a": "\ufeff"})
@example({"a": [[]]})
@example({"a": [{}], "b": {"c": []}})
def test_what_is_written_reads_as_what_it_was(tree: dict[str, Any]) -> None:
    """Numbers stay numbers, and texts that look like something else stay texts."""
    assume(all(text.isprintable() or text.isascii() for text in _texts(tree)) or _is_writable(tree))

    assert reads_as(document(tree), tree)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, below in value.items() for text in (key, *_texts(below))]
    if isinstance(value, list):
        return [text for below in value for text in _texts(below)]
    return [value] if isinstance(value, str) else []


@settings(deadline=None)
@given(old=trees, new=trees, flow=st.sampled_from([None, True, False]), indent=st.sampled_from([2, 4]))
def test_any_document_becomes_any_other(
    old: dict[str, Any], new: dict[str, Any], flow: bool | None, indent: int
) -> None:
    """Whatever style it is written in; what comes out is judged by the reader itself."""
    text = yaml.safe_dump(old, default_flow_style=flow, allow_unicode=True, indent=indent, sort_keys=False)
    # A key that is too long for its line is marked by `?`, which nobody does by hand.
    assume(reads_as(text, old) and _is_writable(new) and "? " not in text)

    assert reads_as(rewritten(text, new), new)


@settings(deadline=None)
@given(tree=trees, data=st.data())
def test_comments_outlive_what_changes_around_them(tree: dict[str, Any], data: st.DataObject) -> None:
    """A comment before each key is still there, and in the same order, when some other keys have changed."""
    assume(tree and _is_writable(tree))
    lines, names = [], list(tree)
    for index, name in enumerate(names):
        lines += [f"# comment {index}\n", document({name: tree[name]})]
    text = "".join(lines)
    stays = data.draw(st.sets(st.sampled_from(names), min_size=1))
    new = {name: value if name in stays else data.draw(scalars) for name, value in tree.items()}
    new = {name: value for name, value in new.items() if name in stays or data.draw(st.booleans())}
    assume(_is_writable(new))

    after = rewritten(text, new)

    assert [line for line in after.split("\n") if line.startswith("# comment")] == [
        f"# comment {index}" for index in range(len(names))
    ]
    assert all(document({name: tree[name]}) in after for name in stays)


@settings(deadline=None)
@given(trees)
def test_without_a_change_the_text_is_the_same(tree: dict[str, Any]) -> None:
    """And not only alike."""
    text = "# head\n" + yaml.safe_dump(tree, sort_keys=False)
    assume(reads_as(text, tree))

    assert rewritten(text, parse_document(text).value) == text


def test_values_are_told_apart_by_kind() -> None:
    """In Python 1, 1.0 and True are equal."""
    assert not same({"a": 1}, {"a": True})
    assert not same([1], [1.0])
    assert same({"a": 1, "b": [None]}, {"b": [None], "a": 1})
