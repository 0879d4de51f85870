"""Kernels under AddressSanitizer and UndefinedBehaviorSanitizer, in full: `make sanitize`.

Optimised as a release is, thousands of shapes; the suite's short form is neither.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

CSRC = Path(__file__).parents[2] / "csrc"
FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g1", "-std=c++17")


PROGRAMS = {"attention": "attention", "recurrent": "layers"}  # and of whose kernels


def stress(
    folder: Path, name: str, num_shapes: int, *options: str
) -> subprocess.CompletedProcess[str]:
    """Build csrc/tests/NAME_stress.cpp with `options`, and run it over so many shapes."""
    program = folder / f"{name}_stress"
    kernels = sorted(CSRC.glob(f"{PROGRAMS[name]}*.cpp"))
    sources = [*kernels, CSRC / "tests" / f"{name}_stress.cpp"]
    command = ["c++", *FLAGS, *options, f"-I{CSRC}", *map(str, sources), "-o", str(program)]
    subprocess.run(command, check=True)
    return subprocess.run(
        [str(program), str(num_shapes)], capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    is_clean = True
    for name in PROGRAMS:
        with tempfile.TemporaryDirectory() as folder:
            outcome = stress(Path(folder), name, 4000, "-O1")
        print(f"{name}: {outcome.stdout}{outcome.stderr}", end="")
        is_clean &= outcome.returncode == 0
    sys.exit(not is_clean)
