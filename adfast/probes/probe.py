"""Probe: a question that can be put to subjects. Its fields are its options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from adfast.config import Config, Count
from adfast.errors import InvalidArgument
from adfast.probes.evidence import Evidence, Verdict
from adfast.probes.finding import Finding, Quantity, judged_findings
from adfast.probes.sections import Section
from adfast.probes.subject import Subject

Observed = Mapping[str, np.ndarray]

# What a run may lack -> how it gets it.
WAYS_OUT = {
    "trajectories": "evaluate its run, in which its own model must act on the tasks that it holds "
    "out, or "
}


class Probe(Config, ABC):
    """A question, its claim and the rule by which it is judged.

    It runs on one subject, of which its verdict then speaks, or on several, and speaks of how they
    were made. What it does is a function of its subjects and options alone.
    """

    title: ClassVar[str]
    claim: ClassVar[str] = ""
    answers: ClassVar[int | None] = None  # the number of the critique's claim that it speaks to

    @property
    def rule(self) -> str:
        """When the claim is supported, refuted or undecided: stated before anything is measured."""
        return ""

    @abstractmethod
    def measure(self, subjects: Sequence[Subject]) -> Finding:
        """The answer; raises `InvalidArgument` for a subject that lacks what the question needs."""

    def finding(
        self,
        subjects: Sequence[Subject],
        *,
        evidence: Sequence[Evidence] = (),
        verdict: Verdict | None = None,
        numbers: Sequence[Quantity] = (),
        arrays: Mapping[str, np.ndarray] | None = None,
        sections: Sequence[Section] = (),
    ) -> Finding:
        """A finding of this probe on `subjects`.

        Its verdict is made from the evidence; a `verdict` is for what needs none, such as a count.
        """
        found = self._finding(
            subjects,
            verdict=verdict,
            evidence=tuple(evidence),
            numbers=tuple(numbers),
            arrays={name: array.tolist() for name, array in (arrays or {}).items()},
            sections=tuple(sections),
        )
        return judged_findings({"": found})[""]

    def unanswered(self, subjects: Sequence[Subject], why: str) -> Finding:
        """The finding of a question that could not be put to `subjects`."""
        return self._finding(subjects, unanswered=why)

    def _finding(self, subjects: Sequence[Subject], **found: Any) -> Finding:
        return Finding(
            probe=f"{type(self).__module__}:{type(self).__qualname__}",
            title=self.title,
            options=self.model_dump(mode="json"),
            subjects=tuple(subject.name for subject in subjects),
            claim=self.claim,
            answers=self.answers,
            rule=self.rule,
            **found,
        )


def require_subjects(subjects: Sequence[Subject], *needed: str) -> None:
    """Raise `InvalidArgument` unless there are subjects and each has what is `needed`."""
    if not subjects:
        raise InvalidArgument("a probe must be given at least one subject, got none")
    for subject in subjects:
        for name in needed:
            if getattr(subject, name) is None:
                way_out = WAYS_OUT.get(name, "")
                raise InvalidArgument(
                    f'the probe needs the {name} of its subject "{subject.name}", which has none; '
                    f"{way_out}name the probes that do without"
                )


class BehaviouralProbe(Probe, ABC):
    """A probe in two halves, of which the second needs nothing but the arrays of the first.

    It asks what somebody does, whoever it is, a model or not. So it can be put to agents of which
    the answer is known, many times over: what is observed of many seeds at once is judged in parts
    of a few seeds each.
    """

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
