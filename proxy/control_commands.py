"""What a running proxy does for the commands of its own machine, which ask by the control socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from profiles.connectors import overview_of
from profiles.errors import Refusal
from profiles.plain_words import plain_words
from proxy.composition import Composition
from proxy.control import ControlError, Handler


def control_handlers(snapshot: Callable[[], Composition]) -> dict[str, Handler]:
    """The handlers by their commands' names; *snapshot* gives the profiles in force."""
    return {
        "tokens": lambda _: _tokens(snapshot()),
        "connectors": lambda _: _connectors(snapshot()),
        "clear": lambda request: _clear(snapshot(), request),
        "authorize": lambda request: _authorize(snapshot(), request),
    }


async def _tokens(composition: Composition) -> list[dict[str, Any]]:
    return [asdict(state) for state in composition.tokens.overview()]


async def _connectors(composition: Composition) -> dict[str, dict[str, Any]]:
    profiles = composition.profiles.items()
    return {name: overview_of(item.connector) for name, item in profiles if item.connector is not None}


async def _clear(composition: Composition, request: Mapping[str, Any]) -> int:
    profile, user = request.get("profile"), request.get("user")
    return await composition.tokens.clear(
        None if profile is None else str(profile), user=None if user is None else str(user)
    )


async def _authorize(composition: Composition, request: Mapping[str, Any]) -> dict[str, float]:
    """Has a token by what an end user has entered; the socket is for the proxy's owner alone."""
    profile = composition.profiles.get(str(request.get("profile")))
    if profile is None or not profile.is_per_user:
        raise ControlError(
            "the running proxy has no per-user profile of that name: does it run another file?"
        )
    captures, entered = _texts(request.get("captures")), _texts(request.get("entered"))
    try:
        entry, problems = profile.entry_of(captures, entered, consents=request.get("consents") is True)
        if problems:
            raise ControlError("; ".join(f"{item.key} {item.message}" for item in problems))
        subject = composition.subject_of(
            profile, tuple(sorted(captures.items())), str(request.get("user") or "")
        )
        obtained = await composition.tokens.authorize(subject, entry)
    except Refusal as refusal:
        raise ControlError(plain_words(refusal)) from None
    return {"expires_at": obtained.token.expires_at}


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ControlError("the request is not what this proxy understands")
    return value
