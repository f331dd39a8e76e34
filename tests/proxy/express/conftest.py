"""What the tests of the express lane share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proxy.express.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA that certifies any name."""
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)
