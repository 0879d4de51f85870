"""A matrix: who was trained on what improves how much where, from parts of many tasks each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from adfast.errors import RunError
from adfast.evaluation.statistics import seeds_and_tasks_interval
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.reproduction import PartState
from adfast.runs.reproduction.study_claim import gain, last_episodes
from adfast.runs.reproduction.study_table import Panel, Row
from adfast.runs.reproduction.verdicts import done

States = Mapping[str, PartState]
LEAST_ROOM = 0.05  # of what is earned at random, in absolute value: less is no room to improve in


@dataclass(frozen=True)
class Source:
    """Where a field is read from: the tasks `first` to `end` (None: all) of a row's parts."""

    row: Row
    first: int = 0
    end: int | None = None

    def of(self, record: PartRecord) -> slice:
        """The rows of its returns."""
        if record.tasks_per_row != 1:
            raise RunError(f"part {record.name} must have each task's returns to be told apart")
        return slice(self.first, self.end)


@dataclass(frozen=True)
class Line:
    """A line of the matrix: its label, and where its fields are read from; the others are empty."""

    label: str
    fields: Mapping[str, Source]


@dataclass(frozen=True)
class Matrix(Panel):
    """Improvement, column by column: the last five episodes less the first one, as a share of what
    `own`, who was trained there alone, earns in the last five above `random`.
    """

    lines: tuple[Line, ...] = ()
    columns: tuple[str, ...] = ()
    own: Mapping[str, Source] = field(default_factory=dict)
    random: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """An improvement with its 95% interval, which resamples seeds and tasks; so many tasks."""

    value: float
    low: float
    high: float
    seeds: int
    tasks: int


@dataclass(frozen=True)
class FilledMatrix:
    """The fields `[line][column]`, None where a part lacks or nothing is defined; by column what an
    improvement of 1 is in returns, None where the target's own AD earns no more than random.
    """

    fields: tuple[tuple[Field | None, ...], ...]
    scales: Mapping[str, float | None]


def fill(matrix: Matrix, states: States) -> FilledMatrix:
    """All fields of which the parts are done."""
    scales = {column: scale_of(matrix, column, states) for column in matrix.columns}
    fields = tuple(
        tuple(field_of(line, column, scales[column], states) for column in matrix.columns)
        for line in matrix.lines
    )
    return FilledMatrix(fields, scales)


def scale_of(matrix: Matrix, column: str, states: States) -> float | None:
    """What the target's own AD earns in the end above random."""
    own, random = matrix.own[column], matrix.random[column]
    trained, wandered = done(own.row, states), done(random.row, states)
    if not trained or not wandered:
        return None
    earned = np.mean([last_episodes(one)[own.of(one)].mean() for one in trained])
    by_chance = np.mean([one.array[random.of(one)].mean() for one in wandered])
    scale = float(earned - by_chance)
    return scale if scale > LEAST_ROOM * abs(float(by_chance)) else None


def field_of(line: Line, column: str, scale: float | None, states: States) -> Field | None:
    """An improvement, from the parts of one row."""
    source = line.fields.get(column)
    records = [] if source is None else done(source.row, states)
    if source is None or scale is None or not records:
        return None
    shares = [gain(one)[source.of(one)] / scale for one in records]
    low, high = seeds_and_tasks_interval(shares)
    tasks = sum(map(len, shares))
    value = float(np.mean([share.mean() for share in shares]))
    return Field(value, float(low), float(high), len(shares), tasks)
