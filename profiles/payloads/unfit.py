"""What the writers raise: their own words only, so that no foreign exception's text reaches an answer."""

from __future__ import annotations


class BodyUnfit(ValueError):  # noqa: N818  -- named for the body
    """The body cannot take a field; the message continues "the application/json body ..."."""


def no_place(key: str) -> BodyUnfit:
    """For a document that has nowhere to write the field *key*."""
    return BodyUnfit(f"has no place for {key}")
