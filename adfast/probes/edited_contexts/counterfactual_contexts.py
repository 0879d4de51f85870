"""Where does it go after contexts that differ in one thing? A second experiment on the heuristic.

One and the same walk is read as a history of different tasks: its only reward moves, or is gone.
Who follows the critique's heuristic goes to where the reward is now, whether it was seen once or
twice, early or late; without one it wanders over the cells of its own context as over those of
another one, which who learns from failures keeps away from.

Axes: K tasks, G seeds, S steps of an episode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from adfast.errors import InvalidArgument
from adfast.probes.edited_contexts.edit_effects import (
    NOWHERE,
    avoidance,
    edit_bars,
    edit_table,
    effect,
    effects,
)
from adfast.probes.edited_contexts.edits import ALL, ILLEGAL, Contexts, contexts_of
from adfast.probes.edited_contexts.rooms import require_one_goal
from adfast.probes.evidence import Verdict, evidence
from adfast.probes.finding import Finding
from adfast.probes.probe import BehaviouralProbe, Observed
from adfast.probes.rollouts import roll_out, streams_of
from adfast.probes.subject import Subject

JUDGED = ("moved", "exchanged", "erased", "doubled", "search-doubled", "reversed", "search-shifted")
REFUSABLE = {*ILLEGAL, *ILLEGAL.values()} - set(JUDGED)  # what is no history of any task
# What the rule says of agents of a known kind: whoever is not drawn to a single reward is not the
# heuristic, nor is who keeps away from where there was none.
EXPECTED: Mapping[str, Verdict | None] = {
    "random": "refuted",
    "heuristic": "supported",
    "corrected-heuristic": "refuted",
    "competence-mimic": "refuted",
    "memorised-goal": "refuted",
    "posterior-sampling": "refuted",
    "ideal-learner": "refuted",
    "source-algorithm": "refuted",
}


class CounterfactualContexts(BehaviouralProbe):
    """Does it go to the reward in its context, whatever else is in it, and wander without one?"""

    title: ClassVar[str] = "Contexts that were edited"
    claim: ClassVar[str] = (
        "It is the heuristic: it goes to where its context was rewarded, once or often, early or "
        "late, and without a reward it wanders, whatever its context has tried in vain."
    )
    answers: ClassVar[int | None] = 2
    expected: ClassVar[Mapping[str, Verdict | None]] = EXPECTED

    seeds: Annotated[int, Field(ge=2)] = 24
    """Contexts of each held-out task, which are compared with each other."""

    pull: float = Field(0.5, ge=0, le=1)
    """By which more environments must visit a cell when the reward moves there."""

    avoidance: float = Field(0.58, ge=0.5, le=1)
    """Share of the steps that may avoid the cells of the context; 0.5 disregards them."""

    sway: float = Field(0.1, ge=0, le=1)
    """By which more or less environments may visit the goal for the order or number of rewards."""

    @property
    def rule(self) -> str:
        """What is compared, and when it counts."""
        return (
            "A context is five episodes, of which one enters the goal, once. Visits are counted in "
            "the next episode, as shares of environments, and compared with those after a sham "
            "edit of equal size. Supported where the intervals of all four lie there, refuted "
            "where one lies on the other side: "
            f"(1) moving the reward to another cell adds more than {self.pull:g} to the visits "
            "there; (2) after the same walk without a reward, of the steps into cells that either "
            "the own context or another one of the task entered, less than "
            f"{self.avoidance:g} are into those of the other one; (3) putting the rewarded episode "
            f"first takes less than {self.sway:g} from the visits of the goal; (4) doubling it "
            f"adds less than {self.sway:g}."
        )

    def observe(self, subject: Subject, seeds: np.ndarray) -> dict[str, np.ndarray]:
        """The cells entered after each edit, int16 `[K, G, S]`, and those that mean something.

        Edits that decide nothing are tried with no more seeds than the probe has. Where they are
        no history of any task and the agent refuses to read them, it enters `NOWHERE`.
        """
        family = require_one_goal(subject.family)
        found: dict[str, np.ndarray] = {}
        for some, names in (
            (seeds, JUDGED),
            (seeds[: self.seeds], [name for name in ALL if name not in JUDGED]),
        ):
            tasks, streams = streams_of(family, subject.split.held_out, some)
            num_tasks = len(subject.split.held_out)
            contexts = contexts_of(family, tasks, streams, num_tasks, subject.seed)
            for name in names:
                fields, acts_in = contexts.edited(name)
                try:
                    done = roll_out(subject, acts_in, streams, 1, context=fields)
                except InvalidArgument:
                    if name not in REFUSABLE:
                        raise
                    found[name] = np.full((len(tasks), family.episode_length), NOWHERE, np.int16)
                else:
                    found[name] = contexts.cells(done.observation[:, 0, 0, 1:])
            found = {**roles(contexts), **found}
        shapes = {name: (num_tasks, len(values) // num_tasks) for name, values in found.items()}
        return {name: values.reshape(*shapes[name], -1) for name, values in found.items()}

    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """By how often cells are visited."""
        pull, lost, gained = (
            [effect(seen, name) for seen in observed] for name in ("moved", "reversed", "doubled")
        )
        return self.finding(
            subjects,
            evidence=(
                evidence("visits where the reward moved to", pull, above=self.pull),
                evidence(
                    "steps away from what failed",
                    [avoidance(seen) for seen in observed],
                    below=self.avoidance,
                ),
                evidence(
                    "visits lost by a reward put first", [-by for by in lost], below=self.sway
                ),
                evidence("visits gained by a reward shown twice", gained, below=self.sway),
            ),
            numbers=effects(observed),
            sections=(edit_bars(observed), edit_table(observed)),
        )


def roles(contexts: Contexts) -> dict[str, np.ndarray]:
    """The cells `[N]` that mean something, and which ones `[N, cells]` a context has entered."""
    return {
        "goal": contexts.goal,
        "other": contexts.other,
        "unseen": contexts.unseen,
        "planted-cell": contexts.planted[1],
        "spliced-cell": contexts.other[contexts.partner],
        "entered": contexts.entered,
    }
