"""What the parts of an axis come to, level by level, and the power laws through them.

Intervals resample training seeds and, within each, tasks, as everywhere; the same seeds and tasks
of all levels, so that an exponent's interval knows what levels have in common. Costs resample
seeds and timings.

Axes: L levels, S samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from adfast.evaluation.statistics import mean_over_seeds, percentiles, resampled_means
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.reproduction import PartState
from adfast.runs.reproduction.study_claim import last_episodes
from adfast.runs.reproduction.verdicts import done
from adfast.runs.scaling.measures import ScalingMeasures
from adfast.runs.scaling.power_law import (
    FLATTEST,
    LEAST_LEVELS,
    STEEPEST,
    Laws,
    asks_for_floor,
    fit_laws,
)
from adfast.runs.scaling.table import Against, ScalePanel

States = Mapping[str, PartState]
Measure = Literal["loss", "shortfall", "seconds", "bytes"]
MEASURES: Mapping[Measure, str] = {
    "loss": "loss, nats",
    "shortfall": "return short of the optimum, as a share of what that brings above random",
    "seconds": "time a transition, beside the recipe's own",
    "bytes": "peak memory a transition, bytes",
}
WITH_FLOOR: tuple[Measure, ...] = ("loss", "shortfall")  # costs are not asked for one


@dataclass(frozen=True)
class Law:
    """A fitted law, and 95% intervals `(low, high)` of its exponent and of its floor, if any.

    Levels of which most lie on the floor do not tell how steep the fall to it is: then an exponent
    of a law with a floor is the steepest or the flattest that is tried.
    """

    exponent: float
    exponent_interval: tuple[float, float]
    floor: float
    floor_interval: tuple[float, float] | None
    central: Laws  # of one sample

    def told(self, exponent: float, digits: int) -> str:
        """An exponent in words, of which the last that is tried stands for all beyond it."""
        if self.floor_interval is not None and exponent <= STEEPEST:
            return f"below {STEEPEST:g}"
        if self.floor_interval is not None and exponent >= FLATTEST:
            return f"above {FLATTEST:g}"
        return f"{exponent:z.{digits}f}"

    def at(self, x: np.ndarray) -> np.ndarray:
        """float64: what it says at `x`."""
        return np.asarray(self.central.at(x)[0])


@dataclass(frozen=True)
class Measured:
    """One measure of an axis by level: `mean` `[L]`, `samples` `[S, L]`, and the law through it.

    `law` is None of too few levels, and where a value is not positive.
    """

    mean: np.ndarray
    samples: np.ndarray
    law: Law | None

    @property
    def interval(self) -> np.ndarray:
        """float64 `[2, L]`: of each level, 95%."""
        return percentiles(self.samples, 0.95)


@dataclass(frozen=True)
class MeasuredAxis:
    """An axis by its levels of which parts are done, those of all `seeds` that all of them have.

    `x` float64 `[L]` is what it counts, the least first; `records[l]` are in the order of `seeds`.
    """

    panel: ScalePanel
    labels: tuple[str, ...] = ()
    x: np.ndarray = field(default_factory=lambda: np.zeros(0))
    records: tuple[tuple[PartRecord, ...], ...] = ()
    seeds: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()  # parts that are not done
    measured: Mapping[Measure, Measured] = field(default_factory=dict)

    def returns(self) -> Measured:
        """The mean of the last five episodes."""
        return measured_of(self.x, self.records, last_episodes, has_law=False)

    @property
    def optimum(self) -> float:
        """Mean over the parts."""
        return float(np.mean([one.optimal for of_level in self.records for one in of_level]))

    @property
    def random(self) -> float:
        """What a random policy earns, mean over the parts."""
        return float(np.mean([random_of(one) for of_level in self.records for one in of_level]))


def measured_axis(panel: ScalePanel, states: States) -> MeasuredAxis:
    """An axis, from the parts that are done."""
    by_row = {row.name: {one.seed: one for one in done(row, states)} for row in panel.rows}
    missing = tuple(
        part.name
        for row in panel.rows
        for part in row.parts
        if states[part.name].standing != "done"
    )
    rows = [row for row in panel.rows if by_row[row.name]]
    seeds = sorted(set.intersection(*(set(by_row[row.name]) for row in rows))) if rows else []
    if not seeds:
        return MeasuredAxis(panel, missing=missing)
    levels = [(row.label, tuple(by_row[row.name][seed] for seed in seeds)) for row in rows]
    levels.sort(key=lambda level: counted(panel.against, level[1][0]))
    labels, records = zip(*levels, strict=True)
    x = np.array([counted(panel.against, of_level[0]) for of_level in records])
    measured = {
        name: measured_of(x, records, READERS[name], may_have_floor=name in WITH_FLOOR)
        for name in MEASURES
    }
    return MeasuredAxis(panel, labels, x, records, tuple(seeds), missing, measured)


def measured_of(
    x: np.ndarray,
    records: Sequence[Sequence[PartRecord]],
    read: Callable[[PartRecord], np.ndarray],
    *,
    may_have_floor: bool = False,
    has_law: bool = True,
) -> Measured:
    """A measure over all levels; `read` gives it by task, or by timing."""
    values = [[read(record) for record in of_level] for of_level in records]
    mean = np.array([float(mean_over_seeds(of_level)) for of_level in values])
    samples = np.stack([resampled_means(of_level) for of_level in values], axis=1)
    if not has_law or len(np.unique(x)) < LEAST_LEVELS:
        return Measured(mean, samples, None)
    points = np.array([[of_seed.mean() for of_seed in of_level] for of_level in values])
    if min(points.min(), samples.min()) <= 0:
        return Measured(mean, samples, None)
    has_floor = (
        may_have_floor
        and len(np.unique(x)) > LEAST_LEVELS  # a law with a floor goes through three whatever
        and asks_for_floor(np.repeat(x, points.shape[1]), points.ravel())
    )
    return Measured(mean, samples, law_through(x, mean, samples, has_floor=has_floor))


def law_through(x: np.ndarray, mean: np.ndarray, samples: np.ndarray, *, has_floor: bool) -> Law:
    """The law through `mean` `[L]`, with the intervals of those through `samples` `[S, L]`."""
    central = fit_laws(x, mean[None], has_floor=has_floor)
    drawn = fit_laws(x, samples, has_floor=has_floor)
    return Law(
        float(central.exponent[0]),
        interval_of(drawn.exponent),
        float(central.floor[0]),
        interval_of(drawn.floor) if has_floor else None,
        central,
    )


def interval_of(samples: np.ndarray) -> tuple[float, float]:
    """The 95% interval of `samples` `[S]`."""
    low, high = percentiles(samples, 0.95).tolist()
    return low, high


def counted(against: Against, record: PartRecord) -> float:
    """What an axis counts of a part."""
    if against == "window":
        return float(record.settings["model.attention_window"])
    if against == "context":
        return float(record.settings["training.context_length"])
    if against == "tasks":
        assert record.data is not None, "parts of a scaling study are of trained models"
        return float(record.data.tasks)
    return float(scaling_of(record).parameters if against == "parameters" else histories(record))


def histories(record: PartRecord) -> int:
    """The histories that a part was trained on."""
    return scaling_of(record).histories


def scaling_of(record: PartRecord) -> ScalingMeasures:
    """The measures of a part."""
    assert record.scaling is not None, "parts of a scaling study have them"
    return record.scaling


def random_of(record: PartRecord) -> float:
    """What a random policy earns."""
    assert isinstance(record.references.random, float), "a family has one"
    return record.references.random


def shortfall(record: PartRecord) -> np.ndarray:
    """float64 `[rows]`: what the last five episodes lack, 0 at the optimum and 1 at random."""
    assert record.optimal is not None, "a family that is swept over knows its optimum"
    room = record.optimal - random_of(record)
    return np.asarray((record.optimal - last_episodes(record)) / room)


READERS: Mapping[Measure, Callable[[PartRecord], np.ndarray]] = {
    "loss": lambda record: np.array(scaling_of(record).loss_by_task),
    "shortfall": shortfall,
    "seconds": lambda record: scaling_of(record).relative_seconds,
    "bytes": lambda record: np.array([scaling_of(record).bytes_per_transition]),
}
