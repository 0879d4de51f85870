from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from report.synthetic_run import write_synthetic_run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory that no test changes."""
    return write_synthetic_run(tmp_path_factory.mktemp("runs") / "dark-room")


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """A run directory of the test's own."""
    return Path(shutil.copytree(finished_run, tmp_path / "dark-room"))
