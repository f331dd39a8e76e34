"""What a parameter may be, and what is said of one that cannot be written: its name, never its value."""

from __future__ import annotations

import traceback
from datetime import UTC, date, datetime
from typing import Any

import pytest

from profiles.content_types import encode
from profiles.content_types.parameters import plain
from profiles.model import ContentType

SECRET = "sentinel9f3"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(date(2024, 2, 29), "2024-02-29", id="date"),
        pytest.param(datetime(2024, 2, 29, 12, tzinfo=UTC), "2024-02-29T12:00:00+00:00", id="instant"),
        pytest.param((1, ["x"]), [1, ["x"]], id="tuple"),
        pytest.param({1: None, 2.5: 2}, {"1": None, "2.5": 2}, id="keys-that-are-no-text"),
    ],
)
def test_values_of_yaml_become_values_of_json(value: Any, written: Any) -> None:
    """YAML has dates, and keys that are numbers."""
    assert plain({"p": value}) == {"p": written}


@pytest.mark.parametrize("content_type", ContentType)
@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        pytest.param({"p": SECRET + "\ud800"}, "'p'", id="half-a-surrogate-pair"),
        pytest.param({"a": {"b": [0, SECRET + "\ud800"]}}, "'a.b.1'", id="nested"),
        pytest.param({"p": SECRET.encode()}, "'p'", id="bytes"),
        pytest.param({"p": float("nan")}, "'p'", id="no-number"),
        pytest.param({"p": {SECRET}}, "'p'", id="set"),
        pytest.param({"p\ud800": SECRET}, r"'p\ud800'", id="name"),
    ],
)
def test_what_no_request_can_hold_is_named(
    content_type: ContentType, parameters: dict[str, Any], key: str
) -> None:
    """Each content type says the same, and shows nothing of the value."""
    with pytest.raises(ValueError) as raised:
        encode(parameters, content_type)

    assert key in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value, limit=0))


@pytest.mark.parametrize(
    ("content_type", "parameters", "key"),
    [
        pytest.param("xml", {"p": SECRET + "\x00"}, "'p'", id="xml-control"),
        pytest.param("rss", {"a": {"b": [SECRET + "\x1b"]}}, "'a.b'", id="rss-control"),
        pytest.param("xml", {"@p": SECRET + "\x1b"}, "'@p'", id="xml-attribute-control"),
        pytest.param("xml", {"my key": SECRET}, "'my key'", id="xml-name-with-space"),
        pytest.param("xml", {"a": {"1st": SECRET}}, "'a.1st'", id="xml-name-with-digit"),
        pytest.param("xml", {"a><b": SECRET}, "'a><b'", id="xml-name-with-markup"),
        pytest.param("xml", {"": SECRET}, "''", id="xml-no-name"),
        pytest.param("xml", {"@a b": SECRET}, "'@a b'", id="xml-attribute-name"),
        pytest.param("xml", {"@a": {"b": SECRET}}, "'@a'", id="xml-nested-attribute"),
        pytest.param("xml", {"#comment": SECRET}, "'#comment'", id="xml-comment"),
        pytest.param("xml", {"a:b:c": SECRET}, "'a:b:c'", id="xml-two-prefixes"),
        pytest.param("text", {"a=b": SECRET}, "'a=b'", id="text-name-with-separator"),
        pytest.param("text", {"a: b": SECRET}, "'a: b'", id="text-name-with-colon"),
        pytest.param("text", {"a\nb": SECRET}, r"'a\nb'", id="text-name-with-line-break"),
        pytest.param("text", {" a": SECRET}, "' a'", id="text-name-with-space-at-its-end"),
        pytest.param("text", {"": SECRET}, "''", id="text-no-name"),
    ],
)
def test_what_one_type_cannot_hold_is_named(content_type: str, parameters: dict[str, Any], key: str) -> None:
    """XML has no control characters and few names; a line of text ends its name at the separator."""
    with pytest.raises(ValueError, match="parameter") as raised:
        encode(parameters, ContentType(content_type))

    assert f"parameter {key} " in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value, limit=0))
