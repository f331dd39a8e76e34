"""Where the members of a token response stand, and what an answer has there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from profiles.escaping import FIELD_NAME
from profiles.model import ResponseSettings
from profiles.token_answer import TokenAnswer

_PLACE = re.compile(r"(header|cookie):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """Where each member stands: a compiled JMESPath, or the name of a header field or cookie.

    `unit` is how many seconds one of `expires_in` means.
    """

    places: Mapping[str, Any]
    unit: float

    def find(self, key: str, answer: TokenAnswer, data: Any) -> Any:
        """What stands at the place of *key*; None where nothing does. *data* is the decoded body."""
        place = self.places.get(key)
        if place is None:
            return None
        if isinstance(place, tuple):
            kind, name = place
            return answer.cookie(name) if kind == "cookie" else next(iter(answer.field_values(name)), None)
        try:
            return place.search(data)
        except (JMESPathError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError):
            # A function of the expression met a value it does not take: there is nothing at that place.
            return None


def compile_response_plan(settings: ResponseSettings, unit: str) -> ResponsePlan:
    """Compiles the mapping. Raises ValueError naming the key whose place is none."""
    places = {key: _compile_place(key, place) for key, place in settings if place is not None}
    return ResponsePlan(places, 0.001 if unit == "milliseconds" else 1.0)


def _compile_place(key: str, place: str) -> Any:
    found = _PLACE.fullmatch(place)
    if found:
        kind, name = found[1], found[2].strip()
        # A cookie's name is a token too (RFC 6265 section 4.1.1).
        if not FIELD_NAME.fullmatch(name):
            raise ValueError(f"response.{key} names no {kind}")
        return kind, name
    try:
        return jmespath.compile(place)
    except JMESPathError:
        raise ValueError(f"response.{key} is not a JMESPath expression") from None
