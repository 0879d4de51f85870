"""What each candidate explains, by its noise and version that fit best on validation tasks.

Legend: K tasks, R seeds of a task, C versions, E noises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adfast.probes.followers.noise import NOISES

ITSELF = "itself"
Phases = slice  # of `PHASES`
ALL, SEARCHING, PAID = slice(0, 3), slice(0, 1), slice(1, 3)


@dataclass(frozen=True)
class Explained:
    """What a version of a candidate explains by the `noise` that fits best on validation tasks.

    `bits` float64 `[K, 3]` over who takes any action, in the phases of the held-out tasks, summed
    over seeds and the `steps` `[K, 3]` that were scored; `validation_bits` and `validation_steps`
    `[3]` are those of all validation tasks together.
    """

    version: str
    noise: float
    bits: np.ndarray
    steps: np.ndarray
    validation_bits: np.ndarray
    validation_steps: np.ndarray

    def per_step(self, phases: Phases = ALL) -> np.ndarray:
        """float64: bits per scored step in these phases, of each task that has such steps."""
        steps = self.steps[:, phases].sum(axis=1)
        return np.asarray(self.bits[:, phases].sum(axis=1)[steps > 0] / steps[steps > 0])

    def validated(self, phases: Phases = ALL) -> float:
        """Bits per scored step of validation tasks."""
        steps = self.validation_steps[phases].sum()
        return float(self.validation_bits[phases].sum() / max(steps, 1.0))


def versions_explained(observed: Mapping[str, np.ndarray]) -> dict[str, dict[str, Explained]]:
    """What each version explains, by candidate and version, and who acted `ITSELF`.

    `observed` has "steps" `[K, R, 3]` and "candidate/version" `[K, R, 3, E]`, and the same of
    validation tasks behind "validation/".
    """
    steps = observed["steps"].sum(axis=1)
    validation_steps = observed["validation/steps"].sum(axis=(0, 1))
    found: dict[str, dict[str, Explained]] = {}
    for name, bits in observed.items():
        candidate, _, version = name.partition("/")
        if name == "steps" or candidate == "validation":
            continue
        likelihood = observed[f"validation/{name}"].sum(axis=(0, 1))
        best = 0 if candidate == ITSELF else int(likelihood.sum(axis=0).argmax())
        found.setdefault(candidate, {})[version] = Explained(
            version,
            float(NOISES[best]),
            bits[..., best].sum(axis=1),
            steps,
            likelihood[:, best],
            validation_steps,
        )
    return found


def best_versions(found: Mapping[str, Mapping[str, Explained]]) -> dict[str, Explained]:
    """Of each candidate the version that explains most on validation tasks."""
    return {
        candidate: max(versions.values(), key=Explained.validated)
        for candidate, versions in found.items()
    }
