"""SweepPlan: the runs of a sweep, from a recipe and what varies in it.

A recipe may say in its table `[sweep]` what to vary; `run` passes over that table. The `sweep.toml`
of a sweep is such a recipe with every setting resolved.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import Field

from adfast.config import Config, Count, read_toml, with_none_names, write_toml
from adfast.errors import InvalidArgument
from adfast.runs.feasible import check_feasible
from adfast.runs.recipe import SWEEP_TABLE, Recipe, configure, lay_over
from adfast.runs.sweep.axes import (
    EXAMPLE,
    Axis,
    label_of,
    nested,
    parse_axes,
    short_names,
    spell_axis,
)

MAX_RUNS = 10_000  # of a sweep, each a folder
MAX_NAME_BYTES = 200  # of its name


class SweepConfig(Config):
    """The table `[sweep]`: the axes, as `--vary` takes them, and how many seeds each point has."""

    vary: list[str] = Field(default_factory=list)
    seeds: Count = 1


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep; `name` is that of its directory."""

    name: str
    config: Recipe


@dataclass(frozen=True)
class Point:
    """A combination of levels: the value of every setting that varies, and one run per seed."""

    settings: Mapping[str, Any]
    levels: tuple[int, ...]  # on each axis
    runs: tuple[PlannedRun, ...]


@dataclass(frozen=True)
class SweepPlan:
    """The product of `axes` over the run that `base` describes, with `seeds` seeds in a row."""

    base: Recipe
    axes: tuple[Axis, ...]
    seeds: int

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All combinations, the last axis fastest; raises `InvalidArgument` if one cannot be."""
        return tuple(
            self._point(levels)
            for levels in product(*(range(len(axis.levels)) for axis in self.axes))
        )

    @property
    def runs(self) -> list[PlannedRun]:
        """The runs of all points, in order."""
        return [run for point in self.points for run in point.runs]

    @property
    def names(self) -> dict[str, str]:
        """Setting that varies -> its short name."""
        return short_names([setting for axis in self.axes for setting in axis.settings])

    def check(self) -> None:
        """Raise `InvalidArgument` for a combination that no run could carry out."""
        count = self.seeds * math.prod(len(axis.levels) for axis in self.axes)
        if count > MAX_RUNS:
            raise InvalidArgument(
                f"a sweep has at most {MAX_RUNS} runs, got {count}; vary less, or lower --seeds"
            )
        names: set[str] = set()
        for run in self.runs:
            if len(run.name.encode()) > MAX_NAME_BYTES or run.name in names:
                raise InvalidArgument(
                    "every run of a sweep needs a folder of its own, with a name of at most "
                    f'{MAX_NAME_BYTES} bytes, got "{run.name[:80]}" twice or a longer one; give '
                    "the values that vary in fewer or other letters"
                )
            names.add(run.name)
        for run in self.runs:
            try:
                check_feasible(run.config)
            except InvalidArgument as error:
                raise InvalidArgument(f"{run.name}: {error}") from None

    def to_toml(self) -> str:
        """The plan as a recipe with a table `[sweep]`."""
        sweep = SweepConfig(vary=[spell_axis(axis) for axis in self.axes], seeds=self.seeds)
        return f"{write_toml(self.base)}\n[{SWEEP_TABLE}]\n{write_toml(sweep)}"

    def _point(self, levels: tuple[int, ...]) -> Point:
        settings: dict[str, Any] = {}
        for axis, level in zip(self.axes, levels, strict=True):
            settings |= axis.at(level)
        names = self.names
        name = ",".join(f"{names[key]}={plain(label_of(value))}" for key, value in settings.items())
        base = with_none_names(self.base.model_dump(mode="json", exclude_unset=True))
        runs = []
        for seed in range(self.base.seed, self.base.seed + self.seeds):
            values = lay_over(base, nested(settings)) | {"seed": seed}
            full = f"{name},seed={seed}" if self.seeds > 1 else name
            runs.append(PlannedRun(full, Recipe.from_mapping(values, source=full)))
        return Point(settings, levels, tuple(runs))


def load_sweep(
    path: Path, overrides: Iterable[str], vary: Sequence[str], seeds: int | None
) -> SweepPlan:
    """The sweep of a TOML file; `vary` and `seeds`, where given, replace what its table says.

    Raises `InvalidArgument` where nothing varies.
    """
    values = read_toml(path)
    sweep = SweepConfig.from_mapping(values.pop(SWEEP_TABLE, {}), source=f"{path.name}, [sweep]")
    base = configure(values, overrides, path.name)
    axes = parse_axes(list(vary) or sweep.vary)
    if not axes:
        raise InvalidArgument(
            f"{path.name} does not say what to vary; add --vary, {EXAMPLE}, or a table "
            f"[{SWEEP_TABLE}] with a list `vary`"
        )
    return SweepPlan(base, axes, seeds or sweep.seeds)


def plain(text: str) -> str:
    """`text` with nothing in it that a file's name should not have."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text).strip("_")
