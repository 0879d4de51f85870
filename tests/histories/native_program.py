"""Builds the C++ programs of csrc/tests, plain or under a sanitizer, and runs them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CSRC = Path(__file__).parents[2] / "csrc"

# AddressSanitizer with UndefinedBehaviorSanitizer, and ThreadSanitizer. The latter warns that it
# knows no fences: what they order are relaxed atomics under it (csrc/shared_bytes.hpp).
FLAGS = {
    "plain": (),
    "address": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    "thread": ("-fsanitize=thread", "-Wno-tsan"),
}
# A child of fork may start threads, or not, as the programs themselves arrange.
ENVIRONMENT = {"TSAN_OPTIONS": "die_after_fork=0 halt_on_error=1"}

NEAR_32_BITS = 2**32 - 1000  # where the numbers of rows, episodes and histories begin in a race


@dataclass(frozen=True)
class Outcome:
    """How a program ended and what it printed."""

    status: int
    output: str
    report: str  # of a sanitizer, or of a check that failed

    @property
    def counts(self) -> dict[str, Any]:
        """What a race counted."""
        return json.loads(self.output)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return self.status == 0 and not self.report


def build(name: str, folder: Path, sanitizer: str = "plain", *defines: str) -> Path:
    """The program made of csrc/tests/`name`.cpp."""
    program = folder / "-".join((name, sanitizer, *defines))
    command = ["c++", "-std=c++17", "-O1", "-g1", "-pthread", *FLAGS[sanitizer], f"-I{CSRC}"]
    command += [f"-D{define}" for define in defines]
    subprocess.run([*command, str(CSRC / "tests" / f"{name}.cpp"), "-o", str(program)], check=True)
    return program


def run(program: Path, *arguments: float, timeout: float = 600) -> Outcome:
    """Run a program to its end; one that does not end in time is an error."""
    command = [str(program), *map(str, arguments)]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | ENVIRONMENT,
        check=False,
    )
    return Outcome(result.returncode, result.stdout, result.stderr)
