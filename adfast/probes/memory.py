"""What it earns by how many episodes its context holds, where moves are certain and where not.

Axes: S seeds, C conditions, M memories, E episodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from adfast.config import Count, CountOrNone
from adfast.errors import InvalidArgument
from adfast.evaluation.statistics import mean_over_seeds, seeds_and_tasks_interval
from adfast.probes.behavioural import BehaviouralProbe, Observed
from adfast.probes.cut_contexts import cut_histories, first_rewarded
from adfast.probes.evidence import Verdict, evidence
from adfast.probes.finding import Finding, Quantity, quantity
from adfast.probes.probe import require_subjects
from adfast.probes.rollouts import roll_out, streams_of
from adfast.probes.sections import Bars, BarSeries, LineChart, Series, numbers
from adfast.probes.subject import Subject
from adfast.tasks.family import TaskFamily

CUT = (0, 1, 2, 5)  # episodes that a context is cut to
MEMORIES = (*CUT, None)  # and all
ONE, ALL = 1, -1  # their places
LAST = 5  # episodes whose return counts
SHOWN = ("all so far", "its episode", "the rewarded step alone")
AFTER_STREAMS = 2**62  # more than those of the episodes before

Slip = Annotated[float, Field(ge=0, le=1)]
Slips = Annotated[
    tuple[Slip, ...],
    BeforeValidator(lambda slips: tuple(slips) if type(slips) is list else slips),
    Field(min_length=1),
]

# What is right of agents of known kind: a reward that was seen once, or nothing, is all that those
# use which are refuted. The ideal learner must know where it has searched, but whether it suffers
# is a matter of the goals. The source algorithm learns too little in so few episodes to tell, and
# who takes the moves that it knows for certain has no action where they slip.
EXPECTED: Mapping[str, Verdict | None] = {
    "random": "refuted",
    "heuristic": "refuted",
    "corrected-heuristic": None,
    "posterior-sampling": None,
    "ideal-learner": None,
    "source-algorithm": None,
    "memorised-goal": "refuted",
    "competence-mimic": "refuted",
}


class Memory(BehaviouralProbe):
    """How much does it lose when its context is cut to the last few episodes?"""

    title: ClassVar[str] = "What its context is worth"
    claim: ClassVar[str] = (
        "What it learns is bounded by how many episodes its context holds: one alone is too few, "
        "where moves are certain and where they slip."
    )
    answers: ClassVar[int | None] = 6
    expected: ClassVar[Mapping[str, Verdict | None]] = EXPECTED

    seeds: Count = 6
    """Environments of each task."""

    episodes: Count = 16
    """Episodes of each environment, of which the last five count."""

    slips: Slips = (0.0, 0.1, 0.3)
    """How probable it is that a move slips; the first and the last are judged."""

    goal_moves_every: CountOrNone = 5
    """After how many episodes goals move, in a condition of its own; 0: there is none."""

    margin: float = Field(0.2, ge=0, lt=1)
    """Share of the best return that must be lost."""

    @property
    def rule(self) -> str:
        """What is compared, and how much of it must be lost."""
        return (
            "Before each episode it has forgotten all but the last one, or nothing. Supported "
            f"where the return of the last {LAST} of {self.episodes} episodes is less by more than "
            f"{self.margin:g} of the best return, with slip {self.slips[0]:g} and with slip "
            f"{self.slips[-1]:g}; refuted where it is not, with either."
        )

    def conditions(self, family: TaskFamily) -> dict[str, TaskFamily]:
        """`family` with slips, and with goals that move; raises `InvalidArgument` without them."""
        options = type(family).model_fields
        if not {"slip", "goal_moves_every"} <= set(options):
            raise InvalidArgument(
                f"the probe needs a family whose moves may slip, and those of {family.name} may "
                "not; put it to a gridworld such as dark-room"
            )
        changes: dict[str, dict[str, float]] = {f"slip {s:g}": {"slip": s} for s in self.slips}
        if self.goal_moves_every:
            changes["goals that move"] = {"slip": 0.0, "goal_moves_every": self.goal_moves_every}
        return {name: type(family)(**family.model_dump() | own) for name, own in changes.items()}

    def observe(self, subject: Subject, seeds: np.ndarray) -> Observed:
        """`share` `[tasks, S, C, M, E]` of the best return, and `after` `[tasks, S, 3]`.

        The latter is that of one episode, after what is `SHOWN` of the first reward; NaN where
        there was none.
        """
        require_subjects([subject], "family")
        own = subject.family
        assert own is not None, "required"
        tasks, streams = streams_of(own, subject.split.held_out, seeds)
        length, shares, first = own.episode_length, [], None
        for family in self.conditions(own).values():
            best = family.optimal_return(subject.split.held_out).repeat(len(seeds))[:, None]
            for memory in MEMORIES:
                history = cut_histories(subject, family, tasks, streams, self.episodes, memory)
                earned = history["reward"].reshape(len(tasks), -1, length).sum(axis=2)
                shares.append(earned / best)
            first = history if first is None else first
        assert first is not None, "there is a condition"
        found, contexts = first_rewarded(first, length)
        best = own.optimal_return(tasks)
        after = [
            roll_out(subject, tasks, streams + AFTER_STREAMS, 1, context=shown, lengths=lengths)
            for shown, lengths in contexts
        ]
        next_share = np.stack([one.returns[:, 0, 0] / best for one in after], axis=1)
        next_share[~found] = np.nan
        shape = len(subject.split.held_out), len(seeds)
        by_condition = np.stack(shares, axis=1)
        return {
            "share": by_condition.reshape(*shape, -1, len(MEMORIES), self.episodes),
            "after": next_share.reshape(*shape, len(SHOWN)),
        }

    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """By what each task's last episodes earn."""
        last = [arrays["share"][..., -LAST:].mean(axis=(1, -1)) for arrays in observed]
        lost = [share[..., ALL] - share[..., ONE] for share in last]  # [tasks, C]
        judged = {0: self.slips[0], len(self.slips) - 1: self.slips[-1]}
        return self.finding(
            subjects,
            evidence=[
                evidence(
                    f"lost with one episode, slip {slip:g}",
                    [of_task[:, place] for of_task in lost],
                    above=self.margin,
                    unit="of the best return",
                )
                for place, slip in judged.items()
            ],
            numbers=[
                quantity(
                    "what more is lost where moves slip",
                    [of_task[:, len(self.slips) - 1] - of_task[:, 0] for of_task in lost],
                    unit="of the best return",
                ),
                *self.after_numbers(observed),
            ],
            sections=[self.lines(subjects, last), *self.after_bars(observed)],
        )

    def after_numbers(self, observed: Sequence[Observed]) -> list[Quantity]:
        """What the next episode earns after the first reward, with all of it and with less."""
        known = rewarded(observed)
        if not known:
            return []
        return [
            quantity(f"next episode, shown {shown}", [tasks[:, place] for tasks in known])
            for place, shown in enumerate(SHOWN)
        ]

    def lines(self, subjects: Sequence[Subject], last: Sequence[np.ndarray]) -> LineChart:
        """The return by what the context is cut to, for each condition."""
        family = subjects[0].family
        assert family is not None, "observed"
        mean = mean_over_seeds(last)
        low, high = seeds_and_tasks_interval(last)
        names = list(self.conditions(family))
        return LineChart(
            title="Return by length of the context",
            x_label="episodes that the context holds",
            y_label="share of the best return",
            series=tuple(
                Series(
                    name=name,
                    x=tuple(map(float, (*CUT, self.episodes))),
                    y=numbers(mean[place]),
                    low=numbers(low[place]),
                    high=numbers(high[place]),
                )
                for place, name in enumerate(names)
            ),
            caption=(
                f"The last {LAST} of {self.episodes} episodes, in shares of the best return, with "
                f"95% intervals over {'tasks' if len(subjects) == 1 else 'subjects and tasks'}; "
                f"n = {sum(map(len, last))}. On the right it is shown all{windows(subjects)}."
            ),
        )

    def after_bars(self, observed: Sequence[Observed]) -> list[Bars]:
        """The episode after the first reward, by what is shown of that."""
        known = rewarded(observed)
        if not known:
            return []
        low, high = seeds_and_tasks_interval(known)
        series = BarSeries(
            name="next episode",
            values=numbers(mean_over_seeds(known)),
            low=numbers(low),
            high=numbers(high),
        )
        return [
            Bars(
                title="The episode after the first reward, by what is shown of it",
                labels=SHOWN,
                y_label="share of the best return",
                series=(series,),
                caption=f"With 95% intervals; n = {sum(map(len, known))} tasks that were rewarded.",
            )
        ]


def rewarded(observed: Sequence[Observed]) -> list[np.ndarray]:
    """`after` `[tasks, 3]` of the tasks of each subject that were ever rewarded; without those of
    no such task."""
    found = []
    for arrays in observed:
        after = arrays["after"]
        known = np.asarray(np.isfinite(after).all(axis=2))
        tasks = np.asarray(known.any(axis=1))
        if tasks.any():
            sums = np.where(known[..., None], after, 0.0).sum(axis=1)
            found.append(sums[tasks] / known.sum(axis=1)[tasks, None])
    return found


def windows(subjects: Sequence[Subject]) -> str:
    """What a model's attention window holds of that, in words."""
    model, family = subjects[0].model, subjects[0].family
    if model is None or family is None:
        return ""
    sizes = np.atleast_1d(np.array(model.config.attention_window, object)).tolist()
    if None in sizes:
        return ""
    episodes = sorted({size / family.episode_length for size in sizes})
    return f"; the window of a layer holds {' or '.join(f'{n:g}' for n in episodes)} episodes"
