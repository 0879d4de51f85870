"""Where does it go after contexts that differ in one thing? A second experiment on the heuristic.

One and the same walk is read as a history of different tasks: its only reward moves, or is gone.
Who follows the critique's heuristic goes to where the reward is now, whether it was seen once or
twice, early or late; without one it wanders over the cells of its own context as over those of
another one, which who learns from failures keeps away from.

Axes: K tasks, G seeds, S steps of an episode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from adfast.errors import InvalidArgument
from adfast.evaluation.statistics import bootstrap_interval
from adfast.probes.behavioural import BehaviouralProbe
from adfast.probes.contexts.edits import ALL, ILLEGAL, LEGAL, Contexts, contexts_of
from adfast.probes.contexts.rooms import require_one_goal
from adfast.probes.evidence import Verdict, evidence
from adfast.probes.finding import Finding, Quantity, quantity
from adfast.probes.rollouts import roll_out, streams_of
from adfast.probes.sections import Bars, BarSeries, Table, numbers
from adfast.probes.subject import Subject

Observed = Mapping[str, np.ndarray]


class Edit(NamedTuple):
    """What an edit is called, the cell that it is about, and another that one may go to."""

    label: str
    cell: str
    rival: str


EDITS = {
    "moved": Edit("the reward moved to another cell", "other", "goal"),
    "erased": Edit("the reward erased", "goal", "other"),
    "doubled": Edit("the rewarded episode doubled", "goal", "other"),
    "reversed": Edit("episodes reversed", "goal", "other"),
    "shuffled": Edit("episodes shuffled", "goal", "other"),
    "planted": Edit("another cell pays as well, later", "planted-cell", "goal"),
    "spliced-last": Edit("another task's success put last", "spliced-cell", "goal"),
    "spliced-first": Edit("another task's success put first", "spliced-cell", "goal"),
    "alone": Edit("all but the rewarded step hidden", "goal", "other"),
}
SHAMS = {**LEGAL, **ILLEGAL}
JUDGED = ("moved", "exchanged", "erased", "doubled", "search-doubled", "reversed", "search-shifted")
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

        Edits that decide nothing are tried with no more seeds than the probe has, and left out
        where they are no history of any task and the agent refuses to read them.
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
                    if name not in ILLEGAL:
                        raise
                    continue
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


def visits(seen: Observed, edit: str, cell: str) -> np.ndarray:
    """float64 `[K]`: the share of environments that visit a `cell` in the episode after `edit`."""
    entered = seen[edit]
    there = (entered == seen[cell][:, : entered.shape[1]]).any(axis=-1)
    return np.asarray(there.mean(axis=1))


def effect(seen: Observed, edit: str) -> np.ndarray:
    """float64 `[K]`: the visits of the cell that `edit` is about, less those after its sham."""
    cell = EDITS[edit].cell
    return np.asarray(visits(seen, edit, cell) - visits(seen, SHAMS[edit], cell))


def avoidance(seen: Observed) -> np.ndarray:
    """float64 `[K]`: the share in cells of the other context, of the steps in cells of just one.

    That is over all pairs of contexts of a task; a task is left out where there is no such step.
    """
    entered, cells = seen["entered"], seen["erased"].astype(np.int64)
    number = entered.sum(axis=1, keepdims=True)  # of contexts that enter a cell
    own = np.where(entered, entered.shape[1] - number, 0)
    theirs = np.where(entered, 0, number)
    counts = cells != seen["unseen"]
    mine, others = (
        (np.take_along_axis(pairs, cells, axis=-1) * counts).sum(axis=(1, 2)).astype(np.float64)
        for pairs in (own, theirs)
    )
    is_known = mine + others > 0
    if not is_known.any():
        return np.array([0.5])
    return np.asarray(others[is_known] / (mine + others)[is_known])


def known_of(observed: Sequence[Observed], edit: str) -> list[Observed]:
    """Of which subjects there is anything after `edit` and its sham."""
    return [
        seen
        for seen in observed
        if all(name in seen and seen[name].size for name in (edit, SHAMS[edit]))
    ]


def effects(observed: Sequence[Observed]) -> list[Quantity]:
    """Of each edit by how much it changes the visits of its cell."""
    return [
        quantity(f"visits changed by: {edit.label}", [effect(seen, name) for seen in known])
        for name, edit in EDITS.items()
        if (known := known_of(observed, name))
    ]


def edit_bars(observed: Sequence[Observed]) -> Bars:
    """The visits after each legal edit beside those after its sham."""
    names = [name for name in LEGAL if known_of(observed, name)]
    series = []
    for label, after in (("after the edit", dict(zip(names, names, strict=True))), ("sham", SHAMS)):
        shares = [
            np.concatenate([visits(seen, after[name], EDITS[name].cell) for seen in observed])
            for name in names
        ]
        low, high = np.array([bootstrap_interval(share) for share in shares]).T
        series.append(
            BarSeries(
                name=label,
                values=numbers([share.mean() for share in shares]),
                low=numbers(low),
                high=numbers(high),
            )
        )
    return Bars(
        title="Where it goes after an edit of its context",
        labels=tuple(EDITS[name].label for name in names),
        y_label="share of environments",
        series=tuple(series),
        caption=(
            "Visits, in the next episode, of the cell that the reward moved to, or else of the "
            f"goal. 95% intervals over {len(shares[0])} tasks."
        ),
    )


def edit_table(observed: Sequence[Observed]) -> Table:
    """All edits, those too that are no history of any task."""
    rows = []
    for name, edit in EDITS.items():
        if known := known_of(observed, name):
            shares = [
                float(np.mean([visits(seen, after, cell).mean() for seen in known]))
                for after, cell in (
                    (name, edit.cell),
                    (SHAMS[name], edit.cell),
                    (name, edit.rival),
                )
            ]
            steps = np.mean([steps_to(seen, name) for seen in known])
            of_a_task = "yes" if name in LEGAL else "no"
            rows.append((edit.label, of_a_task, *shares, float(steps)))
        else:
            rows.append((edit.label, "no", None, None, None, None))
    return Table(
        title="All edits",
        columns=(
            "edit",
            "a history of a task",
            "visits of its cell",
            "the same after the sham",
            "visits of the other cell",
            "steps to its cell",
        ),
        rows=tuple(rows),
        caption=(
            "Its cell is where the reward moved to, was planted or was spliced in from, else the "
            "goal; the other one is the goal, or else a cell that paid nothing. What is no history "
            "of a task decides nothing; it is empty where the agent refuses to read it."
        ),
    )


def steps_to(seen: Observed, edit: str) -> float:
    """The mean number of steps to the cell of `edit`, where it is visited; else all of them."""
    entered = seen[edit]
    there = entered == seen[EDITS[edit].cell][:, : entered.shape[1]]
    found = there.any(axis=-1)
    return float(1 + there.argmax(axis=-1)[found].mean()) if found.any() else there.shape[-1]
