"""Does it act as badly as what it has read, where that tells as well where the goal is?

Whoever read one rewarded transition knows the goal. So contexts are cut from the training of the
source on one and the same task: episodes that entered the goal at first, half-way and at last tell
the same of it, and differ in how well they act. Two of a stage are read alone; and the same six
episodes in three orders, so that the contexts hold the same transitions and end differently.

Source: Laskin et al. 2022 (arXiv 2210.14215): contexts of policies between random and optimal.

Axes: K tasks, G seeds, C contexts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from adfast import source_algorithms
from adfast.config import Count
from adfast.evaluation.agents.demonstrations import demonstrations_of
from adfast.probes.contexts.competence_sections import competence_chart, sampling_section, slopes
from adfast.probes.contexts.sampling import Sampling, sampled_episode
from adfast.probes.contexts.source_episodes import OF_A_STAGE, STAGES, source_episodes
from adfast.probes.edited_contexts.rooms import in_a_row, require_one_goal
from adfast.probes.evidence import Verdict, evidence
from adfast.probes.finding import Finding, Quantity, quantity
from adfast.probes.probe import BehaviouralProbe, Observed, require_subjects
from adfast.probes.rollouts import agent_for, roll_out, streams_of
from adfast.probes.subject import Subject
from adfast.tasks.gridworlds.dark_room import DarkRoom

LAST_STAGES = ((1, 2, 0), (0, 2, 1), (0, 1, 2))  # the stages in orders that end with each of them
OPTIMAL_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the actions of demonstrations
DEMONSTRATIONS = 4  # episodes
OTHER_STREAMS = 2**40  # repetitions that nobody plays
SWEEP_SEEDS = 4
WAYS = (
    *(Sampling(temperature=value) for value in (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)),
    *(Sampling(top_p=value) for value in (0.5, 0.75, 0.9)),
)
# What the rule says of agents of a known kind. The source goes on exploring, and so does worse than
# what it read; nobody else acts well who neither knows nor learns the goal.
EXPECTED: Mapping[str, Verdict | None] = {
    "random": "refuted",
    "heuristic": "supported",
    "corrected-heuristic": "refuted",
    "competence-mimic": "refuted",
    "memorised-goal": "refuted",
    "posterior-sampling": "supported",
    "ideal-learner": "supported",
    "source-algorithm": "refuted",
}


class CompetenceMimicry(BehaviouralProbe):
    """Does it act as badly as a context that shows the goal?"""

    title: ClassVar[str] = "Contexts that show the goal and act badly"
    claim: ClassVar[str] = (
        "It does not act as incompetently as its context: what the context shows of the goal "
        "counts, not how well it was acted."
    )
    answers: ClassVar[int | None] = 9
    expected: ClassVar[Mapping[str, Verdict | None]] = EXPECTED

    seeds: Count = 8
    """Contexts of each kind and held-out task."""

    slope: float = Field(0.5, ge=0, le=1)
    """How much of the difference between contexts may be in what follows; who mimics has 1."""

    gain: float = Field(0.25, ge=0, le=1)
    """By which it must do better than a bad context, as a share of the optimum."""

    algorithm: str | None = None
    """Whose training contexts are cut from; none: that of the run's source."""

    algorithm_options: dict[str, Any] = Field(default_factory=dict)
    """Options of that algorithm."""

    @property
    def rule(self) -> str:
        """What is compared, and when it counts."""
        return (
            "Competence is the return as a share of the optimum: in a context that of its last two "
            "episodes, of the agent that of the next one. Supported where the intervals of all "
            "three lie there, refuted where one lies on the other side, at the temperature of its "
            "run: (1) over contexts of two "
            "rewarded episodes each, from early, middle and late training, its competence rises "
            f"by less than {self.slope:g} of theirs (the slope on each task); (2) so it does over "
            "contexts of the same six episodes in orders that end with each stage; (3) after the "
            f"early episodes alone it exceeds theirs by more than {self.gain:g}."
        )

    def observe(self, subject: Subject, seeds: np.ndarray) -> dict[str, np.ndarray]:
        """Competence `shown` by contexts, and of the next episode, float64 `[K, G, C]`.

        Those after demonstrations and, of models, by ways of sampling decide nothing, and are of no
        more seeds than the probe has.
        """
        require_subjects([subject], "family", "source", "collection")
        family, held_out = require_one_goal(subject.family), subject.split.held_out
        tasks, streams = streams_of(family, held_out, seeds)
        optimum = family.optimal_return(tasks)[:, None]
        episodes = self.episodes_of(subject, family, seeds)
        returns = episodes["reward"].sum(axis=2, dtype=np.float64)
        found = {
            "shown": returns.reshape(len(tasks), len(STAGES), OF_A_STAGE).mean(axis=2) / optimum
        }
        orders = {"alone": [(stage,) for stage in range(len(STAGES))], "last": LAST_STAGES}
        for name, of_each in orders.items():
            after = [
                roll_out(subject, tasks, streams, 1, context=chosen(episodes, stages)).returns
                for stages in of_each
            ]
            found[name] = np.concatenate([each[:, 0] for each in after], axis=1) / optimum
        few = np.arange(len(tasks)).reshape(len(held_out), -1)
        rows = few[:, : self.seeds].ravel()
        found |= after_demonstrations(subject, family, tasks[rows], streams[rows])
        if subject.model is not None:
            rows = few[:, :SWEEP_SEEDS].ravel()
            few_episodes = {name: values[rows] for name, values in episodes.items()}
            found |= by_sampling(subject, family, tasks[rows], streams[rows], few_episodes)
        return {
            name: values.reshape(len(held_out), -1, *values.shape[1:])
            for name, values in found.items()
        }

    def episodes_of(
        self, subject: Subject, family: DarkRoom, seeds: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Two episodes of each stage of a learner's training."""
        _, source, collection = subject.collected
        if self.algorithm is not None:
            source = source_algorithms.make(self.algorithm, **self.algorithm_options)
        held_out = subject.split.held_out
        return source_episodes(family, source, held_out, seeds, collection.episodes, subject.seed)

    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """By how competence follows that of contexts."""
        alone, last = (
            [slopes(seen["shown"], seen[name]) for seen in observed] for name in ("alone", "last")
        )
        gains = [(seen["alone"] - seen["shown"])[:, :, 0].mean(axis=1) for seen in observed]
        return self.finding(
            subjects,
            evidence=(
                evidence("slope over stages alone", alone, below=self.slope),
                evidence("slope over stages put last", last, below=self.slope),
                evidence("better than an early context by", gains, above=self.gain),
            ),
            numbers=competences(observed),
            sections=(competence_chart(observed), sampling_section(observed, WAYS)),
        )


def competences(observed: Sequence[Observed]) -> list[Quantity]:
    """That of contexts, and what follows, as shares of the optimum."""
    known = [seen for seen in observed if "sampled" in seen and seen["sampled"].size]
    found = [
        quantity(f"competence {when}", [seen[name][:, :, at].mean(axis=1) for seen in observed])
        for when, name, at in (
            ("of early contexts", "shown", 0),
            ("after early contexts", "alone", 0),
            ("after late contexts", "alone", 2),
            ("after all stages, the early one last", "last", 0),
        )
    ]
    if known:
        plain = WAYS.index(Sampling())
        after = [seen["sampled"][:, :, 0, plain].mean(axis=1) for seen in known]
        found.append(quantity("competence after early contexts, at temperature 1", after))
    return found


def chosen(episodes: Mapping[str, np.ndarray], stages: Sequence[int]) -> dict[str, np.ndarray]:
    """The episodes of these stages one after the other, fields `[N, T, ...]`."""
    places = [OF_A_STAGE * stage + at for stage in stages for at in range(OF_A_STAGE)]
    return in_a_row({name: values[:, places] for name, values in episodes.items()})


def after_demonstrations(
    subject: Subject, family: DarkRoom, tasks: np.ndarray, streams: np.ndarray
) -> dict[str, np.ndarray]:
    """Competence float64 `[N, C]` of demonstrations, and after them."""
    optimum = family.optimal_return(tasks)
    others = streams + OTHER_STREAMS * family.num_tasks
    demonstrated, after = [], []
    for share in OPTIMAL_SHARES:
        fields, lengths = demonstrations_of(
            family, tasks, others, DEMONSTRATIONS, 1.0 - share, subject.seed
        )
        done = roll_out(subject, tasks, streams, 1, context=fields, lengths=lengths)
        shown = fields["reward"].sum(axis=1, dtype=np.float64) / DEMONSTRATIONS
        demonstrated.append(shown / optimum)
        after.append(done.returns[:, 0, 0] / optimum)
    return {
        "demonstrated": np.stack(demonstrated, axis=1),
        "after-demonstrations": np.stack(after, axis=1),
    }


def by_sampling(
    subject: Subject,
    family: DarkRoom,
    tasks: np.ndarray,
    streams: np.ndarray,
    episodes: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Competence and entropy (as a share of the greatest) float64 `[N, C, V]` by ways of sampling,
    after each stage alone.
    """
    optimum = family.optimal_return(tasks)[:, None]
    earned, disorder = [], []
    for stage in range(len(STAGES)):
        agent = agent_for(subject, np.tile(streams, len(WAYS)), temperature=1.0)
        context = chosen(episodes, (stage,))
        found = sampled_episode(agent, family, tasks, streams, subject.seed, WAYS, context)
        earned.append(found[0] / optimum)
        disorder.append(found[1] / np.log(family.num_actions))
    return {"sampled": np.stack(earned, axis=1), "entropy": np.stack(disorder, axis=1)}
