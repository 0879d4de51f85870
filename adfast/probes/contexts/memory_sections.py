"""What is drawn of memory: the return by what a context is cut to, and after the first reward.

Axes: K tasks, S seeds, C conditions, M memories, E episodes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adfast.evaluation.statistics import mean_over_seeds, seeds_and_tasks_interval
from adfast.probes.finding import Quantity, quantity
from adfast.probes.probe import Observed
from adfast.probes.sections import Bars, BarSeries, LineChart, Series, numbers
from adfast.probes.subject import Subject

CUT = (0, 1, 2, 5)  # episodes that a context is cut to
LAST = 5  # episodes whose return counts
SHOWN = ("all so far", "its episode", "the rewarded step alone")


def after_numbers(observed: Sequence[Observed]) -> list[Quantity]:
    """What the next episode earns after the first reward, with all of it and with less."""
    known = rewarded(observed)
    if not known:
        return []
    return [
        quantity(f"next episode, shown {shown}", [tasks[:, place] for tasks in known])
        for place, shown in enumerate(SHOWN)
    ]


def return_lines(
    subjects: Sequence[Subject], observed: Sequence[Observed], conditions: Sequence[str]
) -> list[LineChart]:
    """The return by what the context is cut to, for each condition; none where all is judged."""
    shares = [arrays["share"] for arrays in observed]
    if not all(share.size for share in shares):
        return []
    last = [share[..., -LAST:].mean(axis=(1, -1)) for share in shares]  # [K, C, M]
    mean = mean_over_seeds(last)
    low, high = seeds_and_tasks_interval(last)
    episodes = shares[0].shape[-1]
    lines = LineChart(
        title="Return by length of the context",
        x_label="episodes that the context holds",
        y_label="share of the best return",
        series=tuple(
            Series(
                name=name,
                x=tuple(map(float, (*CUT, episodes))),
                y=numbers(mean[place]),
                low=numbers(low[place]),
                high=numbers(high[place]),
            )
            for place, name in enumerate(conditions)
        ),
        caption=(
            f"The last {LAST} of {episodes} episodes, in shares of the best return, with 95% "
            f"intervals over {'tasks' if len(subjects) == 1 else 'subjects and tasks'}; "
            f"n = {sum(map(len, last))}. On the right it is shown all{windows(subjects)}."
        ),
    )
    return [lines]


def after_bars(observed: Sequence[Observed]) -> list[Bars]:
    """The episode after the first reward, by what is shown of that."""
    known = rewarded(observed)
    if not known:
        return []
    low, high = seeds_and_tasks_interval(known)
    series = BarSeries(
        name="next episode",
        values=numbers(mean_over_seeds(known)),
        low=numbers(low),
        high=numbers(high),
    )
    return [
        Bars(
            title="The episode after the first reward, by what is shown of it",
            labels=SHOWN,
            y_label="share of the best return",
            series=(series,),
            caption=f"With 95% intervals; n = {sum(map(len, known))} tasks that were rewarded.",
        )
    ]


def rewarded(observed: Sequence[Observed]) -> list[np.ndarray]:
    """`after` `[tasks, 3]` of the tasks of each subject that were ever rewarded; without those of
    no such task."""
    found = []
    for arrays in observed:
        after = arrays["after"]
        known = np.asarray(np.isfinite(after).all(axis=2))
        tasks = np.asarray(known.any(axis=1))
        if tasks.any():
            sums = np.where(known[..., None], after, 0.0).sum(axis=1)
            found.append(sums[tasks] / known.sum(axis=1)[tasks, None])
    return found


def windows(subjects: Sequence[Subject]) -> str:
    """What a model's attention window holds of that, in words."""
    model, family = subjects[0].model, subjects[0].family
    if model is None or family is None:
        return ""
    sizes = np.atleast_1d(np.array(model.config.attention_window, object)).tolist()
    if None in sizes:
        return ""
    episodes = sorted({size / family.episode_length for size in sizes})
    return f"; the window of a layer holds {' or '.join(f'{n:g}' for n in episodes)} episodes"
