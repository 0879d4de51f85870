"""What a study of scaling is judged by: rules that were stated before any of its parts was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from adfast.runs.reproduction.study_claim import ClaimVerdict
from adfast.runs.reproduction.study_table import StudyTable
from adfast.runs.reproduction.verdicts import Standing
from adfast.runs.scaling.laws import Measure, Measured, MeasuredAxis, interval_of
from adfast.runs.scaling.recall import Recall, recall_of

NEAR = 1.25  # times theory's knee, or as much below
STRETCHES = np.geomspace(1 / 4, 4, 321)  # of theory's windows that are tried
MOST_GROWTH = 1.10  # from the cheapest level to the dearest
LEAST_SEEDS = 2  # that a verdict needs
LEAST_SHARE = 0.5  # of what theory says a long window is worth above a short one
COSTS: Mapping[Measure, str] = {"seconds": "time", "bytes": "peak memory"}

KNEE_RULE = (
    "Theory's curve is fitted to the returns by two numbers: how far it is stretched along the "
    "window, and its height. The measured knee is theory's times the stretch. Supported where the "
    f"95% interval of the stretch, over seeds and tasks, lies within {1 / NEAR:.2f} to {NEAR:.2f}; "
    "refuted where all of it lies outside."
)
GAIN_RULE = (
    "What the longest window earns more than the shortest, as a share of what theory says. "
    f"Supported where the 95% interval, over seeds and tasks, lies above {LEAST_SHARE}; refuted "
    "where it lies below."
)
FLAT_RULE = (
    f"Supported where the dearest level costs at most {MOST_GROWTH:.2f} times what the cheapest "
    "one does, a transition; refuted else."
)


@dataclass(frozen=True)
class Knee:
    """Where half of what a window is worth has been reached: theory's, and ours with interval."""

    theory: float
    measured: float
    stretch_interval: tuple[float, float]
    height: float  # of the fitted curve, as a share of theory's


def verdicts_of_scaling(
    table: StudyTable, axes: Mapping[str, MeasuredAxis]
) -> Iterator[ClaimVerdict]:
    """The verdict on each claim that an axis is about; `axes` by the titles of their panels."""
    for axis in axes.values():
        recall = recall_of_axis(axis)
        if recall is not None:
            yield judged_recall(axis, recall)
        if axis.panel.against == "context" and has_short_window(axis):
            yield from (judged_cost(axis, measure) for measure in COSTS)


def recall_of_axis(axis: MeasuredAxis) -> Recall | None:
    """The theory of an axis of windows; None where levels differ in their family, too."""
    from adfast.runs.recipe.from_recipe import make_family

    if axis.panel.against != "window":
        return None
    first, *others = [row.parts[0].trained for row in axis.panel.rows]
    if any(other.family != first.family for other in others):
        return None
    return recall_of(make_family(first))


def has_short_window(axis: MeasuredAxis) -> bool:
    """Whether every level is longer than what one layer sees."""
    recipes = [row.parts[0].trained for row in axis.panel.rows]
    windows = [recipe.model.attention_window for recipe in recipes]
    return all(
        isinstance(window, int) and window < recipe.training.context_length
        for window, recipe in zip(windows, recipes, strict=True)
    )


def judged_recall(axis: MeasuredAxis, recall: Recall) -> ClaimVerdict:
    """Whether a longer window is worth what theory says, where it says it."""
    has_curve = bool(np.isfinite(recall.share(np.array([recall.knee]))).all())
    title = axis.panel.title
    words = (
        f"{title}: the knee lies where theory puts it, at {recall.knee:.0f} transitions."
        if has_curve
        else f"{title}: a window of more than an episode is worth what theory says."
    )
    rule = KNEE_RULE if has_curve else GAIN_RULE
    if axis.missing:
        return not_judged(axis, words, rule)
    worth = recall.returns(axis.x[[0, -1]])
    promised = float(worth[-1] - worth[0])
    if not promised > 0:  # or unknown
        nothing = "theory says of these windows alone nothing that could be seen"
        return verdict(axis, words, rule, "undecided", nothing)
    if has_curve:
        knee = knee_of(axis.x, axis.returns(), recall)
        low, high = knee.stretch_interval
        told = (
            f"the knee at {knee.measured:.0f} transitions, {knee.measured / knee.theory:.2f} times "
            f"theory's ({low:.2f} to {high:.2f}); the height is {knee.height:.0%} of theory's"
        )
        return verdict(axis, words, rule, within(low, high, 1 / NEAR, NEAR), told)
    returns = axis.returns()
    shares = (returns.samples[:, -1] - returns.samples[:, 0]) / promised
    low, high = interval_of(shares)
    share = float((returns.mean[-1] - returns.mean[0]) / promised)
    told = f"{share:.2f} of the {promised:.2f} that theory says ({low:.2f} to {high:.2f})"
    return verdict(axis, words, rule, within(low, high, LEAST_SHARE, np.inf), told)


def knee_of(windows: np.ndarray, returns: Measured, recall: Recall) -> Knee:
    """The knee in the returns of `windows` `[L]`, of a family whose theory is known everywhere."""
    room = recall.optimum - recall.random
    stretch, height = stretched(windows, (returns.mean[None] - recall.random) / room, recall)
    drawn, _ = stretched(windows, (returns.samples - recall.random) / room, recall)
    return Knee(recall.knee, recall.knee * float(stretch[0]), interval_of(drawn), float(height[0]))


def stretched(
    windows: np.ndarray, shares: np.ndarray, recall: Recall
) -> tuple[np.ndarray, np.ndarray]:
    """float64 `[S]` each: the stretch and the height of theory's curve that `shares` `[S, L]` fit.

    By least squares; to each stretch that is tried the best height is known. A height of nothing
    has no stretch: NaN, so that what is judged by it is undecided.
    """
    curves = recall.share(windows / STRETCHES[:, None])  # [stretches, L]
    heights = shares @ curves.T / (curves**2).sum(axis=1)  # [S, stretches]
    errors = ((shares[:, None] - heights[..., None] * curves) ** 2).sum(axis=-1)
    rows, best = np.arange(len(shares)), errors.argmin(axis=1)
    height = heights[rows, best]
    return np.where(height > 0, STRETCHES[best], np.nan), height


def judged_cost(axis: MeasuredAxis, measure: Measure) -> ClaimVerdict:
    """Whether a cost is flat over contexts that are longer than the window."""
    words = f"{axis.panel.title}: {COSTS[measure]} a transition does not grow with the context."
    if axis.missing:
        return not_judged(axis, words, FLAT_RULE)
    mean = axis.measured[measure].mean
    growth = float(mean.max() / mean.min())
    told = (
        f"the dearest of {len(mean)} levels from {axis.x[0]:,.0f} to {axis.x[-1]:,.0f} transitions "
        f"costs {growth:.3f} times the cheapest"
    )
    standing: Standing = "supported" if growth <= MOST_GROWTH else "refuted"
    if not np.isfinite(growth):
        standing = "undecided"
    return verdict(axis, words, FLAT_RULE, standing, told)


def within(low: float, high: float, least: float, most: float) -> Standing:
    """Whether an interval lies within bounds, outside, or across one of them."""
    if least <= low and high <= most:
        return "supported"
    return "refuted" if high < least or low > most else "undecided"


def not_judged(axis: MeasuredAxis, words: str, rule: str) -> ClaimVerdict:
    """While parts are missing."""
    all_parts = sum(len(row.parts) for row in axis.panel.rows)
    lacks = f"{len(axis.missing)} of {all_parts} parts are missing"
    return ClaimVerdict(None, words, rule, "not judged yet", lacks)


def verdict(
    axis: MeasuredAxis, words: str, rule: str, standing: Standing, told: str
) -> ClaimVerdict:
    """A verdict from all parts of an axis; of one training seed none is decided."""
    if len(axis.seeds) < LEAST_SEEDS and standing != "undecided":
        standing, told = "undecided", f"{told}; one training seed decides nothing"
    tasks = sum(len(record.task_ids) for record in axis.records[0])
    return ClaimVerdict(None, words, rule, standing, told, len(axis.seeds), tasks)
