"""The C++ check of the thread pool, which Python cannot make to throw."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CSRC = Path(__file__).parents[2] / "csrc"


@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_pool_visits_all_carries_exceptions_and_survives_fork(tmp_path):
    program = tmp_path / "gather_pool_test"
    source = CSRC / "tests" / "gather_pool_test.cpp"
    build = ["c++", "-std=c++17", "-O1", "-pthread", f"-I{CSRC}", str(source), "-o", str(program)]
    subprocess.run(build, check=True)
    result = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
