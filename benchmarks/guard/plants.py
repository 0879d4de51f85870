"""Slow-downs of a tenth to plant in kernels, to see whether they are found.

Each has a kernel do a tenth of its histories or sequences a second time; the results stay the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adfast.errors import RunError


@dataclass(frozen=True)
class Plant:
    """`edits` of `file`, each a text and what stands in its place; `workload` should show them."""

    kernel: str
    workload: str
    file: str
    edits: tuple[tuple[str, str], ...]

    @property
    def is_compiled_ahead(self) -> bool:
        """Whether the extension must be built again."""
        return self.file.startswith("csrc/")

    def put_into(self, tree: Path) -> None:
        """Edit `tree`; raises `RunError` where a text is not there exactly once."""
        path = tree / self.file
        source = path.read_text(encoding="utf-8")
        for text, slower in self.edits:
            if source.count(text) != 1:
                raise RunError(
                    f"{self.file} has no single line {text.strip()!r} to plant a slow-down at; "
                    "mend benchmarks/guard/plants.py"
                )
            source = source.replace(text, slower)
        path.write_text(source, encoding="utf-8")


FORWARD = "kernel.forward(problem, q_heads, k_heads, v_heads, out_heads, lse_to,"
BACKWARD = "            kernel.backward(problem, q_heads, k_heads, v_heads, out_heads, lse_from, "
AGAIN = (
    "            AttentionProblem again = problem;\n"
    "            again.batch = (problem.batch + 5) / 10;\n"
)

PLANTS = (
    Plant(
        "Q-learning (Numba)",
        "dark-room-q-learning",
        "adfast/source_algorithms/history_loop.py",
        (
            (
                "        for h in range(num_histories):\n",
                "        for turn in range(num_histories + num_histories // uint64(10)):\n"
                "            h = turn % num_histories\n",
            ),
        ),
    ),
    Plant(
        "attention (C++)",
        "attention-256-head-32",
        "csrc/attention_bindings.hpp",
        (
            (
                "            return " + FORWARD,
                AGAIN
                + f"            {FORWARD.replace('problem', 'again')} scratch.data);\n"
                + f"            return {FORWARD}",
            ),
            (
                BACKWARD,
                AGAIN
                + BACKWARD.replace("problem", "again")
                + "d_out_heads, dq_heads, dk_heads, dv_heads, scratch.data);\n"
                + BACKWARD,
            ),
        ),
    ),
)
