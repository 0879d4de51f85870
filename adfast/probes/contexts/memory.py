"""What it earns by how many episodes its context holds, where moves are certain and where not.

Axes: K tasks, S seeds, C conditions, M memories, E episodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from adfast.config import Count, CountOrNone
from adfast.errors import InvalidArgument
from adfast.probes.contexts.cut_contexts import cut_histories, first_rewarded
from adfast.probes.contexts.memory_sections import (
    CUT,
    LAST,
    SHOWN,
    after_bars,
    after_numbers,
    return_lines,
)
from adfast.probes.evidence import Verdict, evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.probe import BehaviouralProbe, Observed, require_subjects
from adfast.probes.rollouts import roll_out, streams_of
from adfast.probes.subject import Subject
from adfast.tasks.family import TaskFamily

MEMORIES = (*CUT, None)  # and all
ONE, ALL = 1, len(CUT)  # their places, of those that are compared
AFTER_STREAMS = 2**62  # more than those of the episodes before

Slip = Annotated[float, Field(ge=0, le=1)]
Slips = Annotated[
    tuple[Slip, ...],
    BeforeValidator(lambda slips: tuple(slips) if type(slips) is list else slips),
    Field(min_length=1),
]

# What is right of agents of known kind: a reward that was seen once, or nothing, is all that those
# use which are refuted. Who acts on nothing before it has seen two episodes needs two. The ideal
# learner must know where it has searched, but whether it suffers
# is a matter of the goals. The source algorithm learns too little in so few episodes to tell, and
# who takes the moves that it knows for certain has no action where they slip.
EXPECTED: Mapping[str, Verdict | None] = {
    "random": "refuted",
    "heuristic": "refuted",
    "late-heuristic": "supported",
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

    @property
    def judged(self) -> dict[int, float]:
        """The slips that are judged, by the places of their conditions."""
        return {0: self.slips[0], len(self.slips) - 1: self.slips[-1]}

    def observe(self, subject: Subject, seeds: np.ndarray) -> Observed:
        """Shares of the best return: those `judged` `[K, S, slips, one or all, E]`, `share`
        `[K, S, C, M, E]`, and `after` `[K, S, 3]`.

        The latter is that of one episode, after what is `SHOWN` of the first reward; NaN where
        there was none. The last two decide nothing, and are of no more seeds than the probe has.
        """
        require_subjects([subject], "family")
        own = subject.family
        assert own is not None, "required"
        held_out, few = subject.split.held_out, seeds[: self.seeds]
        conditions = list(self.conditions(own).values())
        shape = len(conditions), len(MEMORIES), self.episodes
        share = np.empty((len(held_out), len(few), *shape))
        judged: list[np.ndarray] = []
        first: dict[str, np.ndarray] = {}
        for condition, family in enumerate(conditions):
            for place, memory in enumerate(MEMORIES):
                decides = condition in self.judged and place in (ONE, ALL)
                history = self._histories(subject, family, seeds if decides else few, memory)
                reward = history["reward"]
                earned = reward.reshape(*reward.shape[:2], self.episodes, -1).sum(axis=-1)
                found = earned / family.optimal_return(held_out)[:, None, None]
                share[:, :, condition, place] = found[:, : len(few)]
                if decides:
                    judged.append(found)
                if condition == 0 and memory is None:
                    first = {name: values[:, : len(few)] for name, values in history.items()}
        by_slip = np.stack(judged, axis=2).reshape(*judged[0].shape[:2], -1, 2, self.episodes)
        return {"judged": by_slip, "share": share, "after": after_first(subject, few, first)}

    def _histories(
        self, subject: Subject, family: TaskFamily, seeds: np.ndarray, memory: int | None
    ) -> dict[str, np.ndarray]:
        """What is done there: fields `[K, S, T, ...]`."""
        assert subject.family is not None, "required"
        tasks, streams = streams_of(subject.family, subject.split.held_out, seeds)
        history = cut_histories(subject, family, tasks, streams, self.episodes, memory)
        return {
            name: values.reshape(-1, len(seeds), *values.shape[1:])
            for name, values in history.items()
        }

    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """By what each task's last episodes earn."""
        family = subjects[0].family
        assert family is not None, "observed"
        last = [arrays["judged"][..., -LAST:].mean(axis=(1, -1)) for arrays in observed]
        lost = [share[..., 1] - share[..., 0] for share in last]  # [K, slips]
        return self.finding(
            subjects,
            evidence=[
                evidence(
                    f"lost with one episode, slip {slip:g}",
                    [of_task[:, place] for of_task in lost],
                    above=self.margin,
                    unit="of the best return",
                )
                for place, slip in enumerate(self.judged.values())
            ],
            numbers=[
                quantity(
                    "what more is lost where moves slip",
                    [of_task[:, -1] - of_task[:, 0] for of_task in lost],
                    unit="of the best return",
                ),
                *after_numbers(observed),
            ],
            sections=[
                *return_lines(subjects, observed, list(self.conditions(family))),
                *after_bars(observed),
            ],
        )


def after_first(
    subject: Subject, seeds: np.ndarray, history: Mapping[str, np.ndarray]
) -> np.ndarray:
    """float64 `[K, S, 3]`: what the episode earns after what is `SHOWN` of the first reward.

    That is the first of a `history`, fields `[K, S, T, ...]`.
    """
    family = subject.family
    assert family is not None, "required"
    tasks, streams = streams_of(family, subject.split.held_out, seeds)
    flat = {name: values.reshape(len(tasks), *values.shape[2:]) for name, values in history.items()}
    found, contexts = first_rewarded(flat, family.episode_length)
    best = family.optimal_return(tasks)
    shares = [
        roll_out(
            subject, tasks, streams + AFTER_STREAMS, 1, context=shown, lengths=lengths
        ).returns[:, 0, 0]
        / best
        for shown, lengths in contexts
    ]
    after = np.stack(shares, axis=1)
    after[~found] = np.nan
    return after.reshape(len(subject.split.held_out), len(seeds), len(SHOWN))
