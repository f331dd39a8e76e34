"""Whatever a text holds, it is a profile or one of the two reasons why it is none."""

import json
import re
import shlex

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.imported_configuration import imported_configuration
from proxy.importers.draft import NothingToImport, UnreadableSource
from proxy.importers.sources import Kind, import_text

WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        """info item request url raw auth type oauth2 grant_type password_credentials accessTokenUrl key value
        variable https://a.example/{{x}} ://[ tokenRequestParams openapi swagger servers components flows
        securitySchemes password tokenUrl scopes $ref #/components security paths get securityDefinitions
        flow host""",
    )
)
LEAVES = st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=5)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)
OPTIONS = st.sampled_from(
    re.findall(
        r"\S+",
        """-d -u -H -X -G --json --data-urlencode -F -b https://a.example/t a:b - -- -Xput @ password=x
        grant_type=password&username=a&password=b {"password":{"a":1}}""",
    )
)


def imports_or_says_why(text, kind):
    try:
        drafts = import_text(text, kind)
    except (NothingToImport, UnreadableSource):
        return
    assert yaml.safe_load(imported_configuration(drafts))["profiles"]


@pytest.mark.parametrize("kind", [Kind.POSTMAN, Kind.OPENAPI], ids=str)
@given(tree=TREES, top=st.dictionaries(WORDS, TREES, max_size=6))
@settings(max_examples=300, deadline=None)
def test_any_json_is_imported_or_refused(kind, tree, top):
    """No shape of a document leads to another exception."""
    start = {"item": [tree]} if kind is Kind.POSTMAN else {"openapi": "3.1.0", "components": tree}

    imports_or_says_why(json.dumps({**top, **start}), kind)


@given(words=st.lists(OPTIONS | st.text(max_size=8), max_size=8))
@settings(max_examples=300, deadline=None)
def test_any_command_line_is_imported_or_refused(words):
    """Nor any order of options and values."""
    imports_or_says_why("curl " + shlex.join(words), Kind.CURL)


@given(text=st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_is_imported_or_refused(text):
    """Nor a text that is nothing of it."""
    imports_or_says_why(text, None)
