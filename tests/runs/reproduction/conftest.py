"""The tiny study, carried out once; tests that change it take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from adfast.runs.hooks import QUIET
from adfast.runs.reproduction.reproduction import Reproduction
from runs.reproduction.tiny_study import tiny


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results and runs of the tiny study, which no test changes."""
    folder = tmp_path_factory.mktemp("tiny-study")
    Reproduction(tiny(), folder / "results", folder / "runs").carry_out(QUIET)
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))
