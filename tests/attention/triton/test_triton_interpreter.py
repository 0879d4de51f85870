import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "options", [(), pytest.param(("-m", "thorough"), marks=pytest.mark.thorough)], ids=str
)
def test_kernels_are_right_in_the_interpreter(options):
    folder = Path(__file__).parent / "interpreted"
    environment = dict(os.environ, TRITON_INTERPRET="1", OMP_NUM_THREADS="1")
    for inherited in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        environment.pop(inherited, None)
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-x", *options, str(folder)]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
