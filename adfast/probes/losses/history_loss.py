"""How well a subject predicts the histories of held-out tasks, by how much history lies before.

The source algorithm learns the held-out tasks from scratch; the subject reads each history whole,
from its first transition on, and is scored at every position. Positions far back are hard to read
by themselves, because the source too changes along its history; at one position, subjects compare,
and so does the same subject with all but the present episode hidden from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from adfast.config import Count
from adfast.probes.evidence import evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.losses.position_losses import (
    HistoryLoss,
    see_all,
    see_episode,
    summed_losses,
)
from adfast.probes.probe import Probe, require_subjects
from adfast.probes.sections import Level, LineChart, Series, numbers
from adfast.probes.subject import Subject

HISTORIES_PER_TASK = 4


class HistoryLossProbe(Probe):
    """Does history from before the present episode help to predict the source?"""

    title: ClassVar[str] = "The loss by length of history"
    claim: ClassVar[str] = (
        "What happened before the present episode helps to predict what the source does on tasks "
        "that were held out."
    )

    histories_per_task: Count = HISTORIES_PER_TASK
    """Histories of each held-out task that are read."""

    margin: float = Field(0.01, ge=0.0)
    """Nats that the gain must exceed."""

    @property
    def rule(self) -> str:
        """What the gain is, and what must be true of it."""
        return (
            "The gain is the loss with the present episode alone less the loss with the whole "
            "history, over the second half of each history. Supported where its interval over "
            f"tasks lies above {self.margin:g} nats, refuted where it lies below, undecided where "
            "it holds that value."
        )

    def measure(self, subjects: Sequence[Subject]) -> Finding:
        """The loss at each position, with all of the history and with the present episode alone."""
        require_subjects(subjects, "family", "source", "collection")
        series, gains, lasts = [], [], []
        for subject in subjects:
            losses = summed_losses(subject, (see_all, see_episode), self.histories_per_task)
            middle = int(np.searchsorted(losses.edges[:-1], losses.edges[-1] / 2))
            middle = min(middle, len(losses.edges) - 2)
            whole, alone = (losses.mean_by_task(sight, middle) for sight in range(2))
            gains.append(alone - whole)
            lasts.append(losses.mean_by_task(0, len(losses.edges) - 2))
            whose = f"{subject.name}: " if len(subjects) > 1 else ""
            series += [
                line(f"{whose}whole history", losses.mean(0)),
                line(f"{whose}present episode alone", losses.mean(1)),
            ]
        gain = quantity("gain by earlier episodes", gains, unit="nats")
        last = quantity("loss at the end of the history", lasts, unit="nats")
        return self.finding(
            subjects,
            evidence=(evidence(gain.name, gains, above=self.margin, unit="nats"),),
            numbers=(gain, last),
            sections=(chart(series, max(each.collected[0].num_actions for each in subjects)),),
        )


def history_loss(subject: Subject, histories_per_task: int = HISTORIES_PER_TASK) -> HistoryLoss:
    """The next-action loss on histories as a collection on the held-out tasks would write them."""
    require_subjects([subject], "family", "source", "collection")
    return summed_losses(subject, (see_all,), histories_per_task).mean(0)


def line(name: str, losses: HistoryLoss) -> Series:
    """The losses at the middle of their bins."""
    middle = (losses.edges[:-1] + losses.edges[1:]) / 2
    return Series(name=name, x=tuple(middle.tolist()), y=numbers(losses.loss))


def chart(series: Sequence[Series], num_actions: int) -> LineChart:
    """The losses by position."""
    return LineChart(
        title="Next-action loss on held-out histories",
        x_label="transitions of history before",
        y_label="next-action loss, nats",
        series=tuple(series),
        levels=(Level(name="all actions alike", value=float(np.log(num_actions))),),
        has_log_x=True,
        caption=(
            "The source learns the held-out tasks from scratch, and the model reads along. Both "
            "lines score the same actions; for one of them everything before the present episode "
            "is hidden. The source changes along its history, so heights at different positions do "
            "not compare."
        ),
    )
