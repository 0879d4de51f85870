"""What a model attends to while it acts: moments that show a reward, or all alike.

A moment is a transition as the model sees it before it acts: the observation, and what the action
before it brought. So the reward of transition t shows in moment t + 1.

Axes: L layers, H heads, Q queries, T transitions, P numbers of moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from adfast.config import Count
from adfast.evaluation.statistics import bootstrap_interval
from adfast.probes.attended.weights import AttentionWeights
from adfast.probes.evidence import evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.probe import Probe, require_subjects
from adfast.probes.sections import Bars, BarSeries, LineChart, Series, numbers
from adfast.probes.subject import Subject

MAX_POINTS = 24  # of a line by age


@dataclass(frozen=True)
class Attended:
    """Of one subject, means over the choices of each task that was ever rewarded.

    `rewarded` float64 `[tasks, L, H]` is the share of the attention that goes to moments that show
    a reward, `chance` `[tasks, L]` their share of the moments that the layer sees, and `recent`
    `[tasks, L, P]` the share that goes to the latest `latest` `[P]` moments.
    """

    rewarded: np.ndarray
    chance: np.ndarray
    recent: np.ndarray
    latest: np.ndarray

    @property
    def excess(self) -> np.ndarray:
        """float64 `[tasks]`: how much the share exceeds that of chance, over layers and heads."""
        return np.asarray(self.rewarded.mean(axis=(1, 2)) - self.chance.mean(axis=1))


class AttentionProbe(Probe):
    """Does the model look at what brought a reward?"""

    title: ClassVar[str] = "What it attends to"
    claim: ClassVar[str] = (
        "While it acts, the model attends to moments that show a reward more than to others."
    )

    tasks: Count = 16
    """Held-out tasks that are looked at, spread over all."""

    queries: Count = 256
    """Choices of a task that are looked at."""

    margin: float = Field(0.02, ge=0.0)
    """By which the share of attention must exceed chance."""

    @property
    def rule(self) -> str:
        """What is compared, and when it counts."""
        return (
            "The excess is the share of attention on moments that show a reward less their share "
            "of the moments in view, over all layers and heads and all choices after a task's "
            f"first reward. Supported where its interval over tasks lies above {self.margin:g}, "
            "refuted where it lies below, undecided where it holds that value or nothing was ever "
            "rewarded."
        )

    def measure(self, subjects: Sequence[Subject]) -> Finding:
        """The exact attention in recorded runs of held-out tasks, each with its first seed."""
        require_subjects(subjects, "model", "trajectories")
        attended = [(subject, self._attended(subject)) for subject in subjects]
        found = [(subject, seen) for subject, seen in attended if seen is not None]
        if not found:
            return self.finding(subjects, verdict="undecided")
        by_subject = [seen.excess for _, seen in found]
        excess = quantity("attention on rewards beyond chance", by_subject)
        bars = head_bars(found[0][1]) if len(subjects) == 1 else subject_bars(found)
        return self.finding(
            subjects,
            evidence=(evidence(excess.name, by_subject, above=self.margin),),
            numbers=(excess,),
            sections=(bars, recent_lines(found)),
        )

    def _attended(self, subject: Subject) -> Attended | None:
        """What the subject attends to; None where no task was ever rewarded."""
        model, trajectories = subject.model, subject.trajectories
        assert model is not None
        assert trajectories is not None
        histories = [
            trajectories.history(task, 0) for task in spread(len(trajectories.action), self.tasks)
        ]
        length = max(len(history["reward"]) for history in histories)
        latest = np.unique(np.geomspace(1, length, MAX_POINTS).round().astype(np.int64))
        measured = []
        for history in histories:
            shows = np.concatenate([[False], history["reward"][:-1] > 0])
            if shows.any():
                first = int(shows.argmax())
                queries = first + spread(len(shows) - first, self.queries)
                weights = AttentionWeights(model, history)
                measured.append(attention_on(weights, queries, shows, latest))
        if not measured:
            return None
        rewarded, chance, recent = (np.stack(part) for part in zip(*measured, strict=True))
        return Attended(rewarded, chance, recent, latest)


def attention_on(
    weights: AttentionWeights, queries: np.ndarray, shows: np.ndarray, latest: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The entries of `Attended` for one task, of whose moments `shows` bool `[T]` show a reward."""
    rewarded: list[np.ndarray] = []
    chance: list[np.ndarray] = []
    recent: list[np.ndarray] = []
    for asked, given in weights.in_parts(queries):
        share = given.cpu().numpy().astype(np.float64)  # [L, H, Q, T]
        age = asked[:, None] - np.arange(len(shows))
        windows = np.array([window or len(shows) for window in weights.windows])
        in_view = (age >= 0) & (age < windows[:, None, None])  # [L, Q, T]
        rewarded.append(share[..., shows].sum(axis=-1))
        chance.append(in_view[..., shows].sum(axis=-1) / in_view.sum(axis=-1))
        mean = share.mean(axis=1)
        by_latest = [np.where((age >= 0) & (age < n), mean, 0.0).sum(axis=-1) for n in latest]
        recent.append(np.stack(by_latest, axis=1))
    return (
        np.concatenate(rewarded, axis=-1).mean(axis=-1),
        np.concatenate(chance, axis=-1).mean(axis=-1),
        np.concatenate(recent, axis=-1).mean(axis=-1),
    )


def spread(size: int, count: int) -> np.ndarray:
    """At most `count` of 0 .. `size` - 1, evenly over the range and with both ends."""
    return np.unique(np.linspace(0, size - 1, min(size, count)).astype(np.int64))


def head_bars(seen: Attended) -> Bars:
    """Each head of one subject."""
    _, layers, heads = seen.rewarded.shape
    labels = [f"layer {layer + 1}, head {head + 1}" for layer, head in np.ndindex(layers, heads)]
    by_head = list(seen.rewarded.reshape(-1, layers * heads).T)
    chance = seen.chance.mean(axis=0).repeat(heads)
    return share_bars(labels, by_head, chance, "Mean over choices and tasks")


def subject_bars(found: Sequence[tuple[Subject, Attended]]) -> Bars:
    """All heads of each subject together."""
    labels = [subject.name for subject, _ in found]
    by_subject = [seen.rewarded.mean(axis=(1, 2)) for _, seen in found]
    chance = np.array([seen.chance.mean() for _, seen in found])
    return share_bars(labels, by_subject, chance, "Mean over layers, heads, choices and tasks")


def share_bars(
    labels: Sequence[str], shares: Sequence[np.ndarray], chance: np.ndarray, over: str
) -> Bars:
    """Of each label the share `[tasks]` of the attention, beside what chance would give."""
    low, high = np.array([bootstrap_interval(share) for share in shares]).T
    return Bars(
        title="Attention on moments that show a reward",
        labels=tuple(labels),
        y_label="share",
        series=(
            BarSeries(
                name="of the attention",
                values=numbers([share.mean() for share in shares]),
                low=numbers(low),
                high=numbers(high),
            ),
            BarSeries(name="of the moments in view", values=numbers(chance)),
        ),
        caption=(
            f"{over}, with a 95% interval over tasks. Who looks at all moments in view alike has "
            "two bars of the same height."
        ),
    )


def recent_lines(found: Sequence[tuple[Subject, Attended]]) -> LineChart:
    """How far back each layer looks."""
    series = []
    for subject, seen in found:
        whose = f"{subject.name}, " if len(found) > 1 else ""
        for layer, share in enumerate(seen.recent.mean(axis=0)):
            name = f"{whose}layer {layer + 1}"
            x = tuple(seen.latest.astype(float).tolist())
            series.append(Series(name=name, x=x, y=numbers(share)))
    return LineChart(
        title="How far back it looks",
        x_label="latest moments, the present one included",
        y_label="share of the attention",
        series=tuple(series),
        has_log_x=True,
        caption="The share of the attention that goes to the latest moments, mean over heads.",
    )
