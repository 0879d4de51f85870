"""A random attack on values at every public face: `make values`.

A call has right arguments but for one or two that are hostile. It must be refused with a short
message of `adfast.errors`, and change nothing, or do what a plain reference does. `--seed` gives
other calls, `--face` those of some faces alone.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from adfast.errors import shown
from adfast.progress import progress_bar
from attacks import faces_of_acting, faces_of_histories, faces_of_runs, faces_of_settings
from attacks.face import Face, Finding, attacked, attempt

CALLS_AT_ONCE = 2_000  # what hypothesis remembers of the calls before would fill the memory
MEMORY_BYTES = 12 << 30  # beyond it a call meets a MemoryError, which is a finding
MOST_PARTS = 10_000  # of a campaign, so that seeds have calls of their own
MAX_KIND = 90  # characters by which findings are told apart
FACES: list[Face] = [
    *faces_of_histories.FACES,
    *faces_of_acting.FACES,
    *faces_of_settings.FACES,
    *faces_of_runs.FACES,
]


class Campaign:
    """Attacks on `faces`, counted by face and verdict; `findings` are one of each kind."""

    def __init__(self, faces: list[Face]) -> None:
        self.faces = faces
        self.counts: Counter[tuple[str, str]] = Counter()
        self.findings: dict[str, str] = {}
        self._subjects: dict[str, tuple[Any, int]] = {}

    def attack(self, calls: int, number: int = 0) -> None:
        """Carry out `calls` calls; which ones is a function of `number`."""
        weighted = [face for face in self.faces for _ in range(face.weight)]

        @seed(number)
        @settings(
            max_examples=calls,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.sampled_from(weighted), st.integers(0, 2**32), st.data())
        def attack(face: Face, rows: int, data: st.DataObject) -> None:
            subject = self._subject(face)
            arguments = face.arguments(subject, np.random.default_rng(rows))
            names = face.attacked or tuple(arguments)
            self._call(face, subject, data.draw(attacked(arguments, names)))

        attack()

    def _call(self, face: Face, subject: Any, arguments: dict[str, Any]) -> None:
        try:
            verdict = attempt(face, subject, arguments)
        except Finding as finding:
            verdict = "finding"
            self._subjects.pop(face.name, None)
            kind = str(finding)[:MAX_KIND]
            if kind not in self.findings:
                self.findings[kind] = f"{finding}\n    {shown(arguments)}"
                print(self.findings[kind], flush=True)
        self.counts[face.name, verdict] += 1

    def _subject(self, face: Face) -> Any:
        """What is attacked: the one from before for `fresh_every` calls, then a new one."""
        subject, uses = self._subjects.get(face.name, (None, face.fresh_every))
        if uses >= face.fresh_every:
            subject, uses = face.subject(), 0
        self._subjects[face.name] = subject, uses + 1
        return subject

    def table(self) -> str:
        """Calls by face and verdict."""
        lines = [f"{'face':44} {'accepted':>9} {'refused':>9} {'findings':>9}"]
        total: Counter[str] = Counter()
        for face in self.faces:
            row = {v: self.counts[face.name, v] for v in ("accepted", "refused", "finding")}
            total.update(row)
            lines.append(f"{face.name:44} " + " ".join(f"{n:9,}" for n in row.values()))
        lines.append(
            f"{'all':44} "
            + " ".join(f"{total[verdict]:9,}" for verdict in ("accepted", "refused", "finding"))
        )
        return "\n".join(lines)


def main() -> int:
    """Run a campaign; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--face", default="", help="only faces with this in their name")
    options = parser.parse_args()
    campaign = Campaign([face for face in FACES if options.face in face.name])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    begun = time.monotonic()
    with progress_bar("attack", options.calls, "calls") as bar, suppress(KeyboardInterrupt):
        for number, first in enumerate(range(0, options.calls, CALLS_AT_ONCE)):
            calls = min(CALLS_AT_ONCE, options.calls - first)
            campaign.attack(calls, options.seed * MOST_PARTS + number)
            bar.advance_to(first + calls, f"calls, {len(campaign.findings)} findings")
    print(campaign.table())
    print(f"{sum(campaign.counts.values()):,} calls in {time.monotonic() - begun:.0f} s")
    return 1 if campaign.findings else 0


if __name__ == "__main__":
    sys.exit(main())
