"""The lanes of `grantproxy serve`: a test with a proxy runs on both, unless it has one of these marks."""

from __future__ import annotations

import pytest

LANES = ("express", "mitmproxy")

on_express = pytest.mark.parametrize("lane", ["express"], indirect=True)
"""For what the express lane alone has, or has in a way of its own."""
on_one_lane = pytest.mark.parametrize("lane", LANES[:1], indirect=True)
"""For what no lane has a part in: a configuration that is read, a token's life, another command."""
