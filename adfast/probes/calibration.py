"""Calibration: a probe put to agents of which the right answer is known, many times over.

How often is it right, how often wrong, and what is the smallest effect that it sees? Effects are
made of mixtures: of so many environments what one agent did is taken, of the others what another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from adfast import random_streams
from adfast.config import Count
from adfast.errors import InvalidArgument
from adfast.probes.catalogue import PROBES
from adfast.probes.evidence import Verdict
from adfast.probes.finding import Finding
from adfast.probes.probe import BehaviouralProbe, Observed, Probe, require_subjects
from adfast.probes.sections import LineChart, Paragraph, Section, Series, Table
from adfast.probes.subject import Subject

DECIDING: tuple[Verdict, ...] = ("supported", "refuted")
VERDICTS: tuple[Verdict, ...] = (*DECIDING, "undecided")
RIGHT, WRONG = 0.9, 0.01  # shares of the repeats: at least, and at most
SEEN = 0.8  # of the repeats must be supported where an effect counts as seen
BATCH = 25  # repeats that are observed at once


class Calibration(Probe):
    """Does a probe tell agents of known kind apart?

    Subjects are agents by name, each on several splits; the repeats are shared among these.
    """

    title: ClassVar[str] = "Agents of known kind"
    claim: ClassVar[str] = "The probe is right of agents of which the answer is known."

    probe: str = "training-goal-habit"
    """Which probe, by name; it must be one of behaviour."""

    repeats: Count = 200
    """How often each agent is asked, each time in environments of its own."""

    shares: Annotated[tuple[float, ...], Field(min_length=1)] = tuple(
        round(0.1 * tenths, 1) for tenths in range(11)
    )
    """Shares of environments in which, of a mixture of two agents, the first one acts."""

    @property
    def rule(self) -> str:
        """How often it must be right."""
        return (
            f"Supported where at least {RIGHT:.0%} of the {self.repeats} repeats of each agent "
            f"give the verdict that was stated beforehand, and at most {WRONG:.0%} a wrong one; "
            "undecided is not wrong."
        )

    def measure(self, subjects: Sequence[Subject]) -> Finding:
        """The verdicts on each agent, and on mixtures of the two that are furthest apart."""
        require_subjects(subjects, "family", "agent")
        asked = PROBES.make(self.probe)
        if not isinstance(asked, BehaviouralProbe) or not asked.expected:
            raise InvalidArgument(
                f'probe must be one of behaviour that states what it expects, got "{self.probe}"'
            )
        observed = {
            name: [
                (subject, each)
                for subject, count in self._shared(of_agent)
                for each in repeats_of(asked, subject, count)
            ]
            for name, of_agent in by_agent(subjects).items()
        }
        verdicts = {
            name: counted(asked.judge([s], [o]).verdict for s, o in repeats)
            for name, repeats in observed.items()
        }
        pair = pair_of(asked.expected, list(observed))
        is_right = all(
            count[right] >= RIGHT * self.repeats
            and count_of_wrong(count, right) <= WRONG * self.repeats
            for name, count in verdicts.items()
            if (right := asked.expected.get(name)) is not None
        )
        sections: list[Section] = [table_of(asked.expected, verdicts)]
        if pair is not None:
            mixed = self._power(asked, *(observed[name] for name in pair))
            sections += power_sections(pair, self.shares, mixed, self.repeats)
        return self.finding(
            subjects,
            verdict="supported" if is_right else "refuted",
            arrays={name: np.array([c[v] for v in VERDICTS]) for name, c in verdicts.items()},
            sections=sections,
        )

    def _shared(self, subjects: Sequence[Subject]) -> Iterator[tuple[Subject, int]]:
        """The splits of an agent, each with its share of the repeats."""
        for number, subject in enumerate(subjects):
            more = number < self.repeats % len(subjects)
            yield subject, self.repeats // len(subjects) + more

    def _power(
        self,
        asked: BehaviouralProbe,
        one: Sequence[tuple[Subject, Observed]],
        other: Sequence[tuple[Subject, Observed]],
    ) -> list[tuple[dict[Verdict, int], list[float]]]:
        """By share: the verdicts on mixtures, and the mean of each piece of evidence."""
        found = []
        for share in self.shares:
            findings = [
                asked.judge([subject], [mixture(a, b, share, number)])
                for number, ((subject, a), (_, b)) in enumerate(zip(one, other, strict=True))
            ]
            means = mean_evidence(findings)
            found.append((counted(made.verdict for made in findings), means))
        return found


def by_agent(subjects: Sequence[Subject]) -> dict[str, list[Subject]]:
    """The subjects of each agent, by its name."""
    found: dict[str, list[Subject]] = {}
    for subject in subjects:
        name = subject.settings.get("evaluation", {}).get("agent", subject.name)
        found.setdefault(str(name), []).append(subject)
    return found


def repeats_of(asked: BehaviouralProbe, subject: Subject, count: int) -> Iterator[Observed]:
    """What is observed of a subject in so many repeats, each of seeds of its own."""
    for first in range(0, count, BATCH):
        batch = min(BATCH, count - first)
        seeds = np.arange(first * asked.seeds, (first + batch) * asked.seeds)
        observed = asked.observe(subject, seeds)
        for repeat in range(batch):
            own = slice(repeat * asked.seeds, (repeat + 1) * asked.seeds)
            yield {name: values[:, own] for name, values in observed.items()}


def mixture(one: Observed, other: Observed, share: float, number: int) -> dict[str, np.ndarray]:
    """Of each environment what one agent did, with probability `share`, else what the other."""
    mixed = {}
    for name, values in one.items():
        tasks, seeds = values.shape[:2]
        offset, mask = random_streams.stream_keys(number, random_streams.BOOTSTRAP, [0])
        keys = random_streams.step_keys(offset[0], mask[0], tasks * seeds)
        is_one = keys.reshape(tasks, seeds) < share * 2.0**32
        chosen = is_one.reshape(tasks, seeds, *[1] * (values.ndim - 2))
        mixed[name] = np.where(chosen, values, other[name])
    return mixed


def mean_evidence(findings: Sequence[Finding]) -> list[float]:
    """The mean of each piece of evidence, over the findings that have as many as any."""
    means = [[piece.mean for piece in made.evidence] for made in findings]
    most = max(map(len, means))
    return [
        float(np.mean(of_piece))
        for of_piece in zip(*(each for each in means if len(each) == most), strict=True)
    ]


def counted(verdicts: Iterator[Verdict | None]) -> dict[Verdict, int]:
    """How many of each verdict there are."""
    found = list(verdicts)
    return {verdict: found.count(verdict) for verdict in VERDICTS}


def count_of_wrong(counts: Mapping[Verdict, int], right: Verdict) -> int:
    """How many verdicts say what is not so; where undecided is right, all that decide."""
    return sum(counts[verdict] for verdict in DECIDING if verdict != right)


def pair_of(expected: Mapping[str, Verdict | None], names: Sequence[str]) -> tuple[str, str] | None:
    """An agent of which the claim is true and one of which it is not; None without one of each."""
    known = [[n for n in names if expected.get(n) == verdict] for verdict in DECIDING]
    return (known[0][0], known[1][-1]) if all(known) else None


def table_of(
    expected: Mapping[str, Verdict | None], verdicts: Mapping[str, Mapping[Verdict, int]]
) -> Table:
    """The verdicts on each agent beside what is right."""
    return Table(
        title="Verdicts on agents of known kind",
        columns=("agent", "right", *VERDICTS),
        rows=tuple(
            (name, expected.get(name) or "not asked", *(float(count[v]) for v in VERDICTS))
            for name, count in verdicts.items()
        ),
        caption="How often each verdict was given, in repeats with environments of their own.",
    )


def power_sections(
    pair: tuple[str, str],
    shares: Sequence[float],
    mixed: Sequence[tuple[Mapping[Verdict, int], Sequence[float]]],
    repeats: int,
) -> Iterator[LineChart | Paragraph]:
    """The verdicts by the share of the first agent in a mixture, and the smallest effect seen."""
    yield LineChart(
        title=f"Verdicts on mixtures of {pair[0]} and {pair[1]}",
        x_label=f"share of environments in which {pair[0]} acts, the others are {pair[1]}'s",
        y_label="share of the repeats",
        series=tuple(
            Series(
                name=verdict,
                x=tuple(shares),
                y=tuple(counts[verdict] / repeats for counts, _ in mixed),
            )
            for verdict in VERDICTS
        ),
    )
    seen = [n for n, (counts, _) in enumerate(mixed) if counts["supported"] >= SEEN * repeats]
    if not seen:
        yield Paragraph(text=f"No mixture is seen in {SEEN:.0%} of the repeats.")
        return
    means = ", ".join(f"{value:.3g}" for value in mixed[seen[0]][1])
    yield Paragraph(
        text=f"The smallest effect that is seen in {SEEN:.0%} of the repeats: {pair[0]} in "
        f"{shares[seen[0]]:.0%} of the environments; its evidence is then {means} on average."
    )
