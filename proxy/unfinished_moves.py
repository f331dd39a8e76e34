"""A profile on its way out of the configuration's file: which of two texts counts if that is cut short.

It stands in both for a moment. A note beside the new file says what the old text was, so that nobody's two
profiles of one name are taken for that.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_LONGEST = 1024


def note_of(own: Path) -> Path:
    """Where the note is while the profile moves to *own*; hidden files are no profiles."""
    return own.with_name(f".{own.name}.moving")


def noted(settings: Any) -> bytes:
    """What the note says of the settings that are left behind."""
    text = json.dumps(settings or {}, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest().encode()


def is_left_behind(settings: Any, own: Path) -> bool:
    """Whether *settings* are those of the profile in *own* before it moved, and nobody has changed them."""
    try:
        with note_of(own).open("rb") as file:
            return file.read(_LONGEST) == noted(settings)
    except OSError:
        return False
