"""How a model finds the goal again: heads that read what was paid, silenced and given another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from adfast.config import Count
from adfast.probes.attended.attention import spread
from adfast.probes.evidence import evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.inside.beliefs import bars_of
from adfast.probes.inside.patched_values import effect_of_patch
from adfast.probes.inside.reading_heads import (
    MAX_CHOICES,
    attention_over_time,
    by_rewarded_task,
    other_choices,
    reading_heads,
    returns_without,
    rewarded_runs,
)
from adfast.probes.inside.searches import known_room, require_dark_room
from adfast.probes.probe import Probe, require_subjects
from adfast.probes.sections import Bars, HeatMap, Section, numbers
from adfast.probes.subject import Subject

# Which verdict is right for models that were trained on histories of whom.
EXPECTED: Mapping[str, Literal["supported", "refuted"]] = {
    "posterior-sampling": "supported",
    "heuristic": "supported",  # it need do nothing else
    "shuffled rewards": "refuted",  # no reward said where the goal was
}
MAX_COLUMNS = 12  # of a heat map


@dataclass(frozen=True)
class Mechanism:
    """Of one subject: `chosen` bool `[L, H]` are the heads that read rewards.

    `excess` `[E, L, H]` is the attention on moments that show a reward beyond chance, by episode,
    NaN where there was none; `read` `[tasks]` that of the chosen heads. `lost` is the share of the
    return that is lost without them, `lost_without_others` that without as many others, `moved` by
    how much moves to another's goal become more probable: `[tasks]`.
    """

    chosen: np.ndarray
    excess: np.ndarray
    read: np.ndarray
    lost: np.ndarray
    lost_without_others: np.ndarray
    moved: np.ndarray


class MechanismProbe(Probe):
    """Does the model find the goal again by attending to what was paid?"""

    title: ClassVar[str] = "How it finds the goal again"
    claim: ClassVar[str] = (
        "It finds the goal again by attending to the rewarded transition: without the heads that "
        "read it the return is lost, more than without others, and it goes where a rewarded "
        "transition of another task says."
    )

    share: float = Field(0.5, ge=0.0, le=1.0)
    """Of the greatest excess of a head, from which on another one reads rewards, too."""

    episodes: Count = 10
    """Episodes of a run, after which heads are silenced."""

    further: Count = 5
    """Episodes without them."""

    seeds: Count = 8
    """Runs on each task."""

    attended: float = Field(0.02, ge=0.0)
    """By which the attention of these heads on rewards must exceed chance."""

    lost: float = Field(0.0, ge=0.0)
    """Share of the return that more of it must be lost without them than without others."""

    moved: float = Field(0.02, ge=0.0)
    """By which another's rewarded values must move probabilities of actions."""

    @property
    def rule(self) -> str:
        """Which heads are silenced, what is patched, and when it counts."""
        return (
            "A head's excess is its attention on moments that show a reward less their share of "
            "the moments in view. The heads that read rewards are those with at least "
            f"{self.share:g} of the greatest excess, at most half of all, chosen on validation "
            "tasks (training tasks where there are none). Supported where on held-out tasks three "
            "intervals lie above their thresholds: (1) the excess of these heads, "
            f"{self.attended:g}; (2) the share of the mean return that is lost when they are "
            "silenced while it reads a run of its own that was rewarded, and after it, less the "
            "same for as many of the other heads, averaged over their choices (at most "
            f"{MAX_CHOICES} of them, evenly spread), {self.lost:g}; (3) when its rewarded moments "
            "are read with the values of another task's, the probability of moves to that task's "
            "goal, less the same with the values of another run on its own task, "
            f"{self.moved:g}. Refuted where one of them lies below its threshold."
        )

    def measure(self, subjects: Sequence[Subject]) -> Finding:
        """What the reading heads do on held-out tasks."""
        require_subjects(subjects, "family", "model")
        found = [self._mechanism(subject) for subject in subjects]
        lost = [each.lost for each in found]
        others = [each.lost_without_others for each in found]
        more = [own - other for own, other in zip(lost, others, strict=True)]
        moved = [each.moved for each in found]
        read = [each.read for each in found]
        sections: list[Section] = [loss_bars(subjects, lost, others)]
        if len(found) == 1:
            sections.append(attention_map(found[0]))
        return self.finding(
            subjects,
            evidence=(
                evidence("attention on rewards beyond chance", read, above=self.attended),
                evidence("return lost, more than without others", more, above=self.lost),
                evidence("another's rewarded values, on moves", moved, above=self.moved),
            ),
            numbers=(
                quantity("share of the return lost without the reading heads", lost),
                quantity("share of the return lost without as many others", others),
            ),
            arrays={
                f"reading heads of {subject.name}": np.argwhere(each.chosen)
                for subject, each in zip(subjects, found, strict=True)
            },
            sections=sections,
        )

    def _mechanism(self, subject: Subject) -> Mechanism:
        """What the reading heads of one subject do."""
        family, split, model = require_dark_room(subject), subject.split, subject.model
        assert model is not None, "required"
        chosen_on = split.validation
        if not len(chosen_on):
            chosen_on = split.train[spread(len(split.train), len(split.held_out))]
        runs = rewarded_runs(subject, chosen_on, self.seeds, self.episodes)
        chosen = reading_heads(attention_over_time(subject, runs), self.share)
        runs = rewarded_runs(subject, split.held_out, self.seeds, self.episodes)
        excess = attention_over_time(subject, runs)
        silenced = np.concatenate([[chosen & False, chosen], other_choices(chosen)])
        by_run = returns_without(subject, runs, self.further, silenced)
        lost = share_lost(by_rewarded_task(runs, by_run))
        temperature = subject.settings.get("evaluation", {}).get("temperature", 1.0)
        known = ~np.isnan(excess[:, :, 0, 0])
        by_task = np.where(known, excess[..., chosen].mean(axis=-1), 0.0).sum(axis=1)
        read = (by_task / np.maximum(known.sum(axis=1), 1))[known.any(axis=1)]
        return Mechanism(
            chosen=chosen,
            excess=mean_known(excess),
            read=read if len(read) else np.zeros(1),
            lost=lost[0],
            lost_without_others=lost[1:].mean(axis=0),
            moved=effect_of_patch(known_room(family), model, runs, temperature),
        )


def share_lost(returns: np.ndarray) -> np.ndarray:
    """float64 `[C, tasks]`: of the mean of `returns[0]`, what of it is lost in `returns[1:]`.

    Where nothing is earned there is nothing to lose; without any task there is one 0.
    """
    if not returns.size or not returns[0].any():
        return np.zeros((len(returns) - 1, max(returns.shape[1], 1)))
    return np.asarray((returns[0] - returns[1:]) / returns[0].mean())


def mean_known(values: np.ndarray) -> np.ndarray:
    """The mean over axis 0 of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def loss_bars(
    subjects: Sequence[Subject], lost: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> Bars:
    """What is lost without the reading heads and without others, of each subject."""
    series = [
        bars_of(name, [quantity(name, [values]) for values in by_subject])
        for name, by_subject in (("the reading heads", lost), ("as many others", others))
    ]
    return Bars(
        title="The return that is lost without",
        labels=tuple(subject.name for subject in subjects),
        y_label="share of the return",
        series=tuple(series),
        caption="After runs that were rewarded, on held-out tasks, with 95% intervals over tasks.",
    )


def attention_map(found: Mechanism) -> HeatMap:
    """How much each head attends to rewards beyond chance, as episodes go by."""
    episodes, layers, heads = found.excess.shape
    shown = spread(episodes, MAX_COLUMNS)
    values = found.excess[shown].reshape(len(shown), -1).T
    marks = {bool(is_chosen): mark for is_chosen, mark in ((True, " (reads)"), (False, ""))}
    rows = [
        f"layer {layer + 1}, head {head + 1}{marks[bool(found.chosen[layer, head])]}"
        for layer, head in np.ndindex(layers, heads)
    ]
    return HeatMap(
        title="Attention on moments that show a reward",
        x_label="episode",
        value_label="share beyond chance",
        columns=tuple(str(episode + 1) for episode in shown),
        rows=tuple(rows),
        values=tuple(numbers(row) for row in values),
        least=-1.0,
        greatest=1.0,
        caption="Of the attention of each head, less the share of these moments among those seen.",
    )
