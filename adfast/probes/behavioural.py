"""BehaviouralProbe: a question to what somebody does, whoever it is, a model or not.

That is what makes it possible to put it to agents of which the answer is known, many times over:
what is observed of many seeds at once is judged in parts of a few seeds each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from adfast.config import Count
from adfast.probes.evidence import Verdict
from adfast.probes.finding import Finding
from adfast.probes.probe import Probe, require_subjects
from adfast.probes.subject import Subject

Observed = Mapping[str, np.ndarray]


class BehaviouralProbe(Probe, ABC):
    """A probe in two halves, of which the second needs nothing but the arrays of the first."""

    expected: ClassVar[Mapping[str, Verdict | None]] = {}  # of agents by name; None: not asked

    seeds: Count = 4
    """Environments of each task."""

    @abstractmethod
    def observe(self, subject: Subject, seeds: np.ndarray) -> Observed:
        """What the subject did: arrays `[tasks, len(seeds), ...]`, each of tasks of its own.

        `seeds` int64 number the environments of a task, and what happens in them. All act at once.
        """

    @abstractmethod
    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """The answer, from what was `observed` of each subject alone, of any number of seeds."""

    def measure(self, subjects: Sequence[Subject]) -> Finding:
        """The answer by the first seeds."""
        require_subjects(subjects, "family")
        seeds = np.arange(self.seeds)
        return self.judge(subjects, [self.observe(subject, seeds) for subject in subjects])
