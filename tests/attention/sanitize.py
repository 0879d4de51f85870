"""Attention under AddressSanitizer and UndefinedBehaviorSanitizer, in full: `make sanitize`.

Optimised as a release is, thousands of shapes; the suite's short form is neither.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

CSRC = Path(__file__).parents[2] / "csrc"
FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g1", "-std=c++17")


def stress(folder: Path, num_shapes: int, optimisation: str) -> subprocess.CompletedProcess[str]:
    """Build csrc/tests/attention_stress.cpp in `folder` and run it over so many shapes."""
    program = folder / "attention_stress"
    sources = [*sorted(CSRC.glob("attention*.cpp")), CSRC / "tests" / "attention_stress.cpp"]
    command = ["c++", *FLAGS, optimisation, f"-I{CSRC}", *map(str, sources), "-o", str(program)]
    subprocess.run(command, check=True)
    return subprocess.run(
        [str(program), str(num_shapes)], capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        outcome = stress(Path(folder), 4000, "-O1")
    print(f"attention: {outcome.stdout}{outcome.stderr}", end="")
    sys.exit(outcome.returncode)
