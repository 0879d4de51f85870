"""What is drawn of competence after contexts: a chart by that of the contexts, and a table.

Axes: K tasks, G seeds, C contexts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adfast.evaluation.statistics import bootstrap_interval
from adfast.probes.contexts.sampling import Sampling
from adfast.probes.probe import Observed
from adfast.probes.sections import LineChart, Paragraph, Section, Series, Table, numbers

LINES = (
    ("one stage alone", "shown", "alone"),
    ("the same six episodes, a stage last", "shown", "last"),
    ("demonstrations", "demonstrated", "after-demonstrations"),
)
# Of a plateau of 16.9: contexts of 5, 25, 50, 75 and 95%-optimal policies.
OF_THE_PAPER = (
    "In the paper AD goes on to a return of 13.6, 15.9, 16.2, 16.5 and 16.5 after demonstrations "
    "of 5, 25, 50, 75 and 95%-optimal policies, within 25,000 steps, and ED stays at 1.7, 6.6, "
    "11.4, 13.9 and 16.6; here it is the next episode alone."
)


def competence_chart(observed: Sequence[Observed]) -> LineChart:
    """Competence after contexts over that of the contexts, mean over tasks, seeds and subjects."""
    series = [Series(name="as good as the context", x=(0.0, 1.0), y=(0.0, 1.0))]
    for name, x, y in LINES:
        known = [seen for seen in observed if y in seen and seen[y].size]
        if known:
            shown, after = (
                np.concatenate([seen[field].mean(axis=1) for seen in known]) for field in (x, y)
            )
            low, high = np.array([bootstrap_interval(column) for column in after.T]).T
            series.append(
                Series(
                    name=name,
                    x=tuple(shown.mean(axis=0).tolist()),
                    y=numbers(after.mean(axis=0)),
                    low=numbers(low),
                    high=numbers(high),
                )
            )
    return LineChart(
        title="How good it is after good and bad contexts",
        x_label="competence of the context",
        y_label="competence after it",
        series=tuple(series),
        caption=(
            "Competence is the return as a share of the optimum: of the last two episodes that are "
            "read, or of the demonstrations, and of the next episode. 95% intervals over "
            f"{sum(map(num_tasks, observed))} tasks. {OF_THE_PAPER}"
        ),
    )


def num_tasks(seen: Observed) -> int:
    """Tasks of a subject."""
    return len(seen["shown"])


def sampling_section(observed: Sequence[Observed], ways: Sequence[Sampling]) -> Section:
    """Competence and entropy by temperature and by top-p; words, where nobody is a model."""
    known = [seen for seen in observed if "sampled" in seen and seen["sampled"].size]
    if not known:
        return Paragraph(
            text="Whoever draws actions by rules of its own has no temperature: ways of sampling "
            "are compared for models alone."
        )
    by_task = [
        [sampled_slopes(seen, way), *(seen["sampled"][..., at, way].mean(axis=1) for at in (0, -1))]
        for seen in known
        for way in range(len(ways))
    ]
    rows = []
    for way, sampling in enumerate(ways):
        slope, early, late = (
            np.concatenate(parts) for parts in zip(*by_task[way :: len(ways)], strict=True)
        )
        label = (
            f"top-p {sampling.top_p:g}"
            if sampling.top_p < 1
            else f"temperature {sampling.temperature:g}"
        )
        disorder = np.mean([seen["entropy"][..., 0, way].mean() for seen in known])
        values = (early.mean(), late.mean(), slope.mean(), *bootstrap_interval(slope), disorder)
        rows.append((label, *map(float, values)))
    return Table(
        title="Is it the temperature?",
        columns=("sampling", "after early", "after late", "slope", "from", "to", "entropy"),
        rows=tuple(rows),
        caption=(
            "The return of the next episode, as a share of the optimum, after two early and after "
            "two late episodes; its slope over the competence of contexts of all stages, with the "
            f"95% interval over {len(slope)} tasks (1: as good as they are); and after early ones "
            "the mean entropy of its choices, as a share of that of uniformly random ones. Top-p "
            "is at temperature 1."
        ),
    )


def sampled_slopes(seen: Observed, way: int) -> np.ndarray:
    """float64 `[K]`: the slope over all stages."""
    sampled = seen["sampled"][..., way]
    return slopes(seen["shown"][:, : sampled.shape[1]], sampled)


def slopes(shown: np.ndarray, after: np.ndarray) -> np.ndarray:
    """float64 `[K]`: of the least-squares line of `after` over `shown` `[K, G, C]`, by task."""
    shown, after = (values.reshape(len(values), -1) for values in (shown, after))
    off = shown - shown.mean(axis=1, keepdims=True)
    return np.asarray((off * after).sum(axis=1) / (off * off).sum(axis=1))
