"""What edits of contexts change: where an agent goes, beside where it goes after a sham.

Axes: K tasks, G seeds, S steps of an episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from adfast.evaluation.statistics import bootstrap_interval
from adfast.probes.edited_contexts.edits import ILLEGAL, LEGAL
from adfast.probes.finding import Quantity, quantity
from adfast.probes.probe import Observed
from adfast.probes.sections import Bars, BarSeries, Table, numbers

NOWHERE = -1  # the cell that is entered where a context was refused


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
        if all(seen[name].size and (seen[name] != NOWHERE).all() for name in (edit, SHAMS[edit]))
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
        title="Where it goes after an edit",
        labels=tuple(names),
        y_label="share of environments",
        series=tuple(series),
        caption=(
            "Visits, in the next episode, of the cell that the reward moved to, or else of the "
            "goal, after its reward moved or was erased, or the episode that shows it was doubled "
            f"or put elsewhere. 95% intervals over {len(shares[0])} tasks."
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
