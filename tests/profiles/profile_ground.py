"""A compiled profile for tests: settings as a file has them, changed where a test needs it."""

from __future__ import annotations

from profiles.fingerprints import Fingerprints
from profiles.model import ProfileSettings
from profiles.profile import compile_profile
from profiles.requests import Origin, RequestHead

SETTINGS = {
    "match": {"host": "api.example.com"},
    "credentials": {"username": "bot", "password": "pw"},
    "grant": {"token_endpoint": "https://login.example.com/token"},
}


def compiled(name="orders", **changes):
    """The profile called *name*; whatever is wrong with its settings fails the test."""
    problems = []
    profile = compile_profile(
        name,
        ProfileSettings.model_validate(SETTINGS | changes),
        fingerprint=Fingerprints(b"k" * 32),
        report=lambda key, message: problems.append((key, message)),
    )
    assert profile is not None, problems
    return profile


def head(method="GET", target="/", scheme="https", host="api.example.com", port=443, headers=()):
    """A request's head."""
    return RequestHead(method, Origin(scheme, host, port), target, headers)
